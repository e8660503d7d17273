//! `libnanogram.a`: the functions of `nanogram::ffi`, and what a library without Rust around it needs besides.
//!
//! With the feature `std` (the default) memory comes from the system. Without it the program that links the library
//! brings three functions, declared in `include/nanogram.h` under `NANOGRAM_CALLER_ALLOCATES`:
//!
//! ```c
//! void *nanogram_alloc(size_t size, size_t align);
//! void nanogram_dealloc(void *memory, size_t size, size_t align);
//! void nanogram_panicked(void);   // never returns
//! ```
#![no_std]

pub use protocol::ffi::*;

#[cfg(feature = "std")]
extern crate std;

#[cfg(not(feature = "std"))]
mod bare {
    use core::alloc::{GlobalAlloc, Layout};
    use core::panic::PanicInfo;

    unsafe extern "C" {
        fn nanogram_alloc(size: usize, align: usize) -> *mut u8;
        fn nanogram_dealloc(memory: *mut u8, size: usize, align: usize);
        safe fn nanogram_panicked() -> !;
    }

    /// The prebuilt `core` names what unwinding would call; panics end the program here, and nothing calls it.
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() {}

    struct Caller;

    // SAFETY: C promises that `nanogram_alloc` gives memory of that size and alignment, or null, and that nothing else
    // uses it until `nanogram_dealloc` has it back; neither unwinds.
    unsafe impl GlobalAlloc for Caller {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: it takes any size that is not 0, which the caller of `alloc` promises.
            unsafe { nanogram_alloc(layout.size(), layout.align()) }
        }
        unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
            // SAFETY: the memory comes from `alloc` with this layout, as the caller promises.
            unsafe { nanogram_dealloc(memory, layout.size(), layout.align()) }
        }
    }

    #[global_allocator]
    static MEMORY: Caller = Caller;

    #[panic_handler]
    fn panicked(_: &PanicInfo<'_>) -> ! {
        nanogram_panicked()
    }
}
