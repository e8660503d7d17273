//! Checked access to pointers and texts of the C caller.

use super::Status;
use core::ffi::{CStr, c_char};
use core::ptr;

/// Borrows the value behind a pointer.
///
/// # Safety
/// `pointer` is null or valid for reading.
pub(super) unsafe fn seen<'a, T>(pointer: *const T) -> Result<&'a T, Status> {
    // SAFETY: as the caller promises.
    unsafe { pointer.as_ref() }.ok_or(Status::BadArgument)
}

/// Borrows a byte slice; a null pointer is allowed only for length 0.
///
/// # Safety
/// `pointer` is null or valid for reading `len` bytes.
pub(super) unsafe fn bytes<'a>(pointer: *const u8, len: usize) -> Result<&'a [u8], Status> {
    match (pointer.is_null(), len) {
        (true, 0) => Ok(&[]),
        (true, _) => Err(Status::BadArgument),
        // SAFETY: as the caller promises.
        (false, _) => Ok(unsafe { core::slice::from_raw_parts(pointer, len) }),
    }
}

/// Borrows zero-terminated text and checks that it is UTF-8.
///
/// # Safety
/// `pointer` is null or text that ends with a zero byte.
pub(super) unsafe fn text<'a>(pointer: *const c_char) -> Result<&'a str, Status> {
    if pointer.is_null() {
        return Err(Status::BadArgument);
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(pointer) }.to_str().map_err(|_| Status::BadText)
}

/// Writes a value through a pointer.
///
/// # Safety
/// `out` is null or valid for writing.
pub(super) unsafe fn give<T>(out: *mut T, value: T) -> Result<(), Status> {
    if out.is_null() {
        return Err(Status::BadArgument);
    }
    // SAFETY: as the caller promises; what was there before is C's, and is not dropped.
    unsafe { out.write(value) };
    Ok(())
}

/// Writes text and a terminating zero byte; truncates at a character boundary if it does not fit.
///
/// # Safety
/// `out` is null or valid for writing `space` bytes.
pub(super) unsafe fn give_text(text: &str, out: *mut c_char, space: usize) -> Result<(), Status> {
    let Some(room) = space.checked_sub(1).filter(|_| !out.is_null()) else { return Err(Status::BadArgument) };
    let mut fits = text.len().min(room);
    while !text.is_char_boundary(fits) {
        fits -= 1;
    }
    // SAFETY: `fits` is less than `space`, and `text` does not overlap memory that C can write to.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr(), out.cast(), fits);
        out.add(fits).write(0);
    }
    if fits == text.len() { Ok(()) } else { Err(Status::NoSpace) }
}

/// Copies text into a zero-terminated array; `None` if it does not fit.
pub(super) fn array<const N: usize>(text: &str) -> Option<[c_char; N]> {
    let mut out = [0; N];
    let room = out.get_mut(..N.checked_sub(1)?)?.get_mut(..text.len())?;
    for (out, byte) in room.iter_mut().zip(text.bytes()) {
        *out = c_char::from_ne_bytes([byte]);
    }
    Some(out)
}

pub(super) fn status(result: Result<(), Status>) -> Status {
    result.err().unwrap_or(Status::Ok)
}
