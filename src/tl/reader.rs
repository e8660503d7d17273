//! Reader of TL's basic types. It splits slices and never indexes them, so it cannot panic.

use super::{DecodeError, Fault};

/// The id `vector#1cb5c415` at the start of a boxed `Vector<T>`.
pub const VECTOR: u32 = 0x1cb5_c415;

/// A cursor over the bytes of a TL value, which also knows its position.
///
/// ```
/// use nanogram::tl::Reader;
/// let mut r = Reader::new(&[3, b'a', b'b', b'c', 42, 0, 0, 0]);
/// assert_eq!(r.bytes().unwrap(), b"abc");
/// assert_eq!(r.u32().unwrap(), 42);
/// assert_eq!(r.u32().unwrap_err().at, 8);
/// ```
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
    /// The last error passed to [`note`](Self::note).
    noted: DecodeError,
    /// Elements that all vectors together may still have.
    #[cfg(feature = "dc")]
    elements: usize,
}

impl<'a> Reader<'a> {
    /// Creates a reader at the start of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            total: bytes.len(),
            noted: DecodeError { at: 0, fault: Fault::End },
            #[cfg(feature = "dc")]
            elements: usize::MAX,
        }
    }
    /// Refuses with [`Fault::Elements`] what has more elements from here on, in all its vectors together, before it reads
    /// the first of those beyond.
    #[cfg(feature = "dc")]
    pub const fn limit_elements(&mut self, most: usize) {
        self.elements = most;
    }
    /// Returns the number of bytes read so far.
    pub const fn position(&self) -> usize {
        self.total - self.rest.len()
    }
    /// Returns the unread bytes without consuming them.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
    /// Returns true if all bytes have been read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
    /// Creates an error at the current position.
    pub const fn fault(&self, fault: Fault) -> DecodeError {
        DecodeError { at: self.position(), fault }
    }
    /// Creates an error at the position of the four bytes just read.
    pub const fn fault_before(&self, fault: Fault) -> DecodeError {
        DecodeError { at: self.position().saturating_sub(4), fault }
    }

    /// Stores an error. Passing on an `Option` instead of a `Result` takes half the code.
    #[doc(hidden)]
    pub const fn note(&mut self, why: DecodeError) {
        self.noted = why;
    }
    /// Returns the stored error.
    #[doc(hidden)]
    pub const fn noted(&self) -> DecodeError {
        self.noted
    }
    // Out of line, or every read would contain the error path.
    #[cold]
    #[inline(never)]
    const fn note_end(&mut self) {
        self.noted = self.fault(Fault::End);
    }
    /// Reads `N` bytes, or stores an error if fewer are left.
    #[doc(hidden)]
    pub const fn try_array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        match self.rest.split_first_chunk() {
            Some((head, rest)) => {
                self.rest = rest;
                Some(head)
            }
            None => {
                self.note_end();
                None
            }
        }
    }
    /// Reads `N` bytes.
    ///
    /// # Errors
    /// Fewer than `N` bytes are left.
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        self.try_array().ok_or(self.noted)
    }
    /// Reads `len` bytes.
    ///
    /// # Errors
    /// Fewer than `len` bytes are left.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(self.fault(Fault::End))?;
        self.rest = rest;
        Ok(head)
    }
    /// Reads all remaining bytes.
    pub fn take_rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }
    /// Reads a `#`: 4 bytes, little-endian. Used for constructor ids and flag words.
    ///
    /// # Errors
    /// Fewer than 4 bytes are left.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(*self.array()?))
    }
    /// Reads an `int`: 4 bytes, little-endian.
    ///
    /// # Errors
    /// Fewer than 4 bytes are left.
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_le_bytes(*self.array()?))
    }
    /// Reads a `long`: 8 bytes, little-endian.
    ///
    /// # Errors
    /// Fewer than 8 bytes are left.
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_le_bytes(*self.array()?))
    }
    /// Returns the next constructor id without consuming it.
    pub fn peek(&self) -> Option<u32> {
        self.rest.first_chunk().map(|id| u32::from_le_bytes(*id))
    }
    /// Reads a constructor id, which must be `id`.
    ///
    /// # Errors
    /// The id differs, or fewer than 4 bytes are left.
    pub fn expect(&mut self, id: u32) -> Result<(), DecodeError> {
        let found = self.u32()?;
        if found == id { Ok(()) } else { Err(self.fault_before(Fault::Id(found))) }
    }
    /// Reads `bytes` or a `string`: `len:1 | data | 0..3 zeros`, or `fe | len:3 | data | 0..3 zeros`, little-endian.
    ///
    /// The long form is accepted for short data too, because servers have been seen to send it. The prefix `ff` is
    /// refused.
    ///
    /// Spec: mtproto/serialize#base-types
    ///
    /// # Errors
    /// The bytes end early, or the length prefix is `ff`.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        self.try_bytes().ok_or(self.noted)
    }
    /// Reads a string like [`bytes`](Self::bytes), or stores the error.
    #[doc(hidden)]
    pub fn try_bytes(&mut self) -> Option<&'a [u8]> {
        match self.split_bytes() {
            Ok((data, rest)) => {
                self.rest = rest;
                Some(data)
            }
            Err(fault) => {
                self.note(self.fault(fault));
                None
            }
        }
    }
    fn split_bytes(&self) -> Result<(&'a [u8], &'a [u8]), Fault> {
        let (first, rest) = self.rest.split_first().ok_or(Fault::End)?;
        let (head, len, rest) = match *first {
            len @ 0..=253 => (1, usize::from(len), rest),
            254 => {
                let ([a, b, c], rest) = rest.split_first_chunk().ok_or(Fault::End)?;
                (4, usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16, rest)
            }
            // TDLib reads `ff` as the start of a 7-byte length, but servers do not send it.
            255 => return Err(Fault::Length),
        };
        let (data, rest) = rest.split_at_checked(len).ok_or(Fault::End)?;
        let zeros = (head + len).next_multiple_of(4) - head - len;
        let (_, rest) = rest.split_at_checked(zeros).ok_or(Fault::End)?;
        Ok((data, rest))
    }
    /// Reads the count of a vector whose elements take at least `least` bytes each.
    ///
    /// The count is an `int`, checked against the remaining bytes so that memory can be reserved for it.
    ///
    /// # Errors
    /// The count is negative or larger than the remaining bytes can hold.
    pub fn count(&mut self, least: usize) -> Result<usize, DecodeError> {
        let count = self.u32()?;
        let count = usize::try_from(count)
            .ok()
            // A count is untrusted. Without this bound it could reserve gigabytes or loop over elements without bytes.
            .filter(|n| n.checked_mul(least.max(1)).is_some_and(|bytes| bytes <= self.rest.len()))
            // TL's `int` is signed, so such a count is negative.
            .filter(|n| i32::try_from(*n).is_ok())
            .ok_or(self.fault_before(Fault::Count))?;
        #[cfg(feature = "dc")]
        {
            let left = self.elements.checked_sub(count);
            self.elements = left.ok_or(self.fault_before(Fault::Elements))?;
        }
        Ok(count)
    }
    /// Reads the head of a boxed vector: `1cb5c415 | count:4`.
    ///
    /// # Errors
    /// The id is not that of a vector, or the count is larger than the remaining bytes can hold.
    pub fn vector(&mut self, least: usize) -> Result<usize, DecodeError> {
        self.expect(VECTOR)?;
        self.count(least)
    }
    /// Checks that no bytes are left.
    ///
    /// # Errors
    /// Trailing bytes.
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.is_empty() { Ok(()) } else { Err(self.fault(Fault::Trailing)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_string_is_refused_where_it_starts() {
        for cut in [&[0xfe][..], &[0xfe, 1, 0], &[5, b'a', b'b', b'c'], &[2, b'a', b'b'], &[0xff; 16]] {
            assert_eq!(Reader::new(cut).bytes().unwrap_err().at, 0, "{cut:?}");
        }
    }

    #[test]
    fn a_count_is_never_trusted() {
        for count in [-1, i32::MIN, i32::MAX, 3] {
            let mut wire = VECTOR.to_le_bytes().to_vec();
            wire.extend(count.to_le_bytes());
            wire.extend([0; 8]);
            let e = Reader::new(&wire).vector(4).unwrap_err();
            assert_eq!((e.at, e.fault), (4, Fault::Count));
        }
    }
}
