//! Heap of the device, and the peak use of heap and stack.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::RefCell;
use core::ptr::{self, NonNull};
use cortex_m::interrupt::{self, Mutex};
use linked_list_allocator::Heap;

/// Size of the heap in bytes.
pub const HEAP: usize = 14 * 1024;

struct Counted {
    heap: Mutex<RefCell<(Heap, usize)>>,
}

#[global_allocator]
static MEMORY: Counted = Counted { heap: Mutex::new(RefCell::new((Heap::empty(), 0))) };

/// Memory of the heap.
#[repr(align(8))]
struct Room(#[allow(dead_code)] [u8; HEAP]);
static mut ROOM: Room = Room([0; HEAP]);

/// Initializes the heap; called once, before the first allocation.
pub fn init() {
    interrupt::free(|cs| {
        let heap = &mut MEMORY.heap.borrow(cs).borrow_mut().0;
        // SAFETY: no other code refers to `ROOM`, and this is called once.
        unsafe { heap.init((&raw mut ROOM).cast(), HEAP) };
    });
}

/// Peak use of the heap in bytes.
pub fn heap_most() -> usize {
    interrupt::free(|cs| MEMORY.heap.borrow(cs).borrow().1)
}

// SAFETY: the heap gives memory as `linked_list_allocator` does, one caller at a time.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        interrupt::free(|cs| {
            let (heap, most) = &mut *self.heap.borrow(cs).borrow_mut();
            let memory = heap.allocate_first_fit(layout).map_or(ptr::null_mut(), NonNull::as_ptr);
            *most = (*most).max(heap.used());
            memory
        })
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        interrupt::free(|cs| {
            let heap = &mut self.heap.borrow(cs).borrow_mut().0;
            // SAFETY: the memory comes from `alloc` with this layout, as the caller promises.
            unsafe { heap.deallocate(NonNull::new_unchecked(memory), layout) };
        });
    }
}

/// Pattern of stack memory that was never used.
const UNUSED: u32 = 0x6e61_6e6f;

unsafe extern "C" {
    /// End of the static data, from the linker; the stack grows down to it.
    static mut __euninit: u32;
    static mut _stack_start: u32;
}

fn stack_end() -> *mut u32 {
    &raw mut __euninit
}

/// Fills the unused stack, from the end of the static data up to this frame, with a pattern.
#[inline(never)]
pub fn paint() {
    let here = 0_u32;
    let mut at = stack_end();
    // Below this frame the stack is unused; 64 bytes are left for this loop.
    let end = ptr::from_ref(&here).wrapping_sub(64).cast_mut();
    while at < end {
        // SAFETY: between what is static and this frame lies unused stack.
        unsafe {
            at.write_volatile(UNUSED);
            at = at.add(1);
        }
    }
}

/// Peak use of the stack in bytes since [`paint`].
pub fn stack_most() -> usize {
    let top = &raw const _stack_start;
    let mut at = stack_end().cast_const();
    // SAFETY: the whole range is stack memory.
    while at < top && unsafe { at.read_volatile() } == UNUSED {
        at = at.wrapping_add(1);
    }
    (top as usize).saturating_sub(at as usize)
}

/// Size of all static data in bytes, including the heap.
pub fn static_bytes() -> usize {
    (stack_end() as usize).saturating_sub(0x2000_0000)
}

/// Memory functions that the compiler calls (ARM run-time ABI, 4.3.4): one byte at a time, in a tenth of the flash that
/// the fast versions take. The accesses are volatile, as the compiler would otherwise replace the loops by calls to
/// these same functions.
mod bytes {
    /// # Safety
    /// For all: `len` bytes at each pointer are the caller's to read or write.
    unsafe fn set(to: *mut u8, len: usize, byte: u8) {
        for at in 0..len {
            unsafe { to.add(at).write_volatile(byte) };
        }
    }
    unsafe fn copy(to: *mut u8, from: *const u8, len: usize) {
        // Overlapping ranges: bytes that would be overwritten are read first.
        let is_upwards = to.cast_const() <= from;
        for n in 0..len {
            let at = if is_upwards { n } else { len - 1 - n };
            unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
        }
    }
    macro_rules! called {
        ($($name:ident($($arg:ident: $t:ty),*) $body:expr;)*) => {$(
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name($($arg: $t),*) {
                unsafe { $body }
            }
        )*};
    }
    called! {
        __aeabi_memcpy(to: *mut u8, from: *const u8, len: usize) copy(to, from, len);
        __aeabi_memcpy4(to: *mut u8, from: *const u8, len: usize) copy(to, from, len);
        __aeabi_memcpy8(to: *mut u8, from: *const u8, len: usize) copy(to, from, len);
        __aeabi_memmove(to: *mut u8, from: *const u8, len: usize) copy(to, from, len);
        __aeabi_memmove4(to: *mut u8, from: *const u8, len: usize) copy(to, from, len);
        __aeabi_memmove8(to: *mut u8, from: *const u8, len: usize) copy(to, from, len);
        __aeabi_memset(to: *mut u8, len: usize, byte: i32) set(to, len, byte as u8);
        __aeabi_memset4(to: *mut u8, len: usize, byte: i32) set(to, len, byte as u8);
        __aeabi_memset8(to: *mut u8, len: usize, byte: i32) set(to, len, byte as u8);
        __aeabi_memclr(to: *mut u8, len: usize) set(to, len, 0);
        __aeabi_memclr4(to: *mut u8, len: usize) set(to, len, 0);
        __aeabi_memclr8(to: *mut u8, len: usize) set(to, len, 0);
    }
}
