//! Counting allocator. While it does not count, it adds one load and one branch.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

pub struct Counting;

static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);

fn count(bytes: usize) {
    if ON.load(Relaxed) {
        CALLS.fetch_add(1, Relaxed);
        BYTES.fetch_add(bytes as u64, Relaxed);
        LIVE.fetch_add(bytes as i64, Relaxed);
    }
}

fn uncount(bytes: usize) {
    if ON.load(Relaxed) {
        LIVE.fetch_sub(bytes as i64, Relaxed);
    }
}

// SAFETY: every call is passed to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        uncount(layout.size());
        unsafe { System.realloc(place, layout, size) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        uncount(layout.size());
        unsafe { System.dealloc(place, layout) }
    }
}

/// Number of allocations, and the bytes requested.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allocations {
    pub calls: u64,
    pub bytes: u64,
}

/// Counts the allocations of `work`. The program has one thread.
pub fn allocations<R>(work: impl FnOnce() -> R) -> Allocations {
    CALLS.store(0, Relaxed);
    BYTES.store(0, Relaxed);
    ON.store(true, Relaxed);
    let kept = black_box(work());
    ON.store(false, Relaxed);
    drop(kept);
    Allocations { calls: CALLS.load(Relaxed), bytes: BYTES.load(Relaxed) }
}

/// Result of `work`, and the growth of the heap in bytes.
pub fn held<R>(work: impl FnOnce() -> R) -> (R, i64) {
    LIVE.store(0, Relaxed);
    ON.store(true, Relaxed);
    let result = black_box(work());
    ON.store(false, Relaxed);
    (result, LIVE.load(Relaxed))
}
