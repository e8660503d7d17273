//! Reads TL's few shapes from bytes. It takes; it never indexes, so it cannot panic.

use super::{DecodeError, Fault};

/// `vector#1cb5c415`: what a boxed `Vector<T>` starts with.
pub const VECTOR: u32 = 0x1cb5_c415;

/// Bytes not read yet, and how many were there at first.
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
    /// What [`note`](Self::note) was told last.
    noted: DecodeError,
}

impl<'a> Reader<'a> {
    /// Starts at the first of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, total: bytes.len(), noted: DecodeError { at: 0, fault: Fault::End } }
    }
    /// How many bytes were read so far.
    pub const fn position(&self) -> usize {
        self.total - self.rest.len()
    }
    /// What is not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
    /// An error at the place reached.
    pub const fn fault(&self, fault: Fault) -> DecodeError {
        DecodeError { at: self.position(), fault }
    }
    /// An error that blames the four bytes just read.
    pub const fn fault_before(&self, fault: Fault) -> DecodeError {
        DecodeError { at: self.position().saturating_sub(4), fault }
    }

    /// Keeps why there is no value: to hand on an `Option` takes half the code of a `Result`.
    #[doc(hidden)]
    pub const fn note(&mut self, why: DecodeError) {
        self.noted = why;
    }
    /// Why there was no value.
    #[doc(hidden)]
    pub const fn noted(&self) -> DecodeError {
        self.noted
    }
    #[cold]
    #[inline(never)]
    const fn note_end(&mut self) {
        self.noted = self.fault(Fault::End);
    }
    /// The next `N` bytes, or it is noted that there are fewer.
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
    /// The next `N` bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        self.try_array().ok_or(self.noted)
    }
    /// The next `len` bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(self.fault(Fault::End))?;
        self.rest = rest;
        Ok(head)
    }
    /// Everything that is left.
    pub fn take_rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }
    /// `#`: 4 bytes, little-endian. Constructor ids and flag words are such.
    ///
    /// # Errors
    /// Fewer bytes are left.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(*self.array()?))
    }
    /// `int`: 4 bytes, little-endian.
    ///
    /// # Errors
    /// Fewer bytes are left.
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_le_bytes(*self.array()?))
    }
    /// `long`: 8 bytes, little-endian.
    ///
    /// # Errors
    /// Fewer bytes are left.
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_le_bytes(*self.array()?))
    }
    /// The constructor id that comes next, without taking it.
    pub fn peek(&self) -> Option<u32> {
        self.rest.first_chunk().map(|id| u32::from_le_bytes(*id))
    }
    /// Takes a constructor id that must be `id`.
    ///
    /// # Errors
    /// It is another, or the bytes end.
    pub fn expect(&mut self, id: u32) -> Result<(), DecodeError> {
        let found = self.u32()?;
        if found == id { Ok(()) } else { Err(self.fault_before(Fault::Id(found))) }
    }
    /// `bytes` or `string`: `len:1 | data | 0..3 zeros`, or `fe | len:3 | data | 0..3 zeros`, little-endian.
    ///
    /// A long form for a short length is read as it stands, as servers have been seen to send it; `ff` is refused.
    ///
    /// Spec: mtproto/serialize#base-types
    ///
    /// # Errors
    /// The bytes end early, or the length has a form that TL does not know.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        self.try_bytes().ok_or(self.noted)
    }
    /// The same, or it is noted why not.
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
            255 => return Err(Fault::Length),
        };
        let (data, rest) = rest.split_at_checked(len).ok_or(Fault::End)?;
        let zeros = (head + len).next_multiple_of(4) - head - len;
        let (_, rest) = rest.split_at_checked(zeros).ok_or(Fault::End)?;
        Ok((data, rest))
    }
    /// The count of a vector whose elements take at least `least` bytes each: `int`, checked against what is left, so
    /// that memory may be reserved for it.
    ///
    /// # Errors
    /// It is negative or promises more than there is.
    pub fn count(&mut self, least: usize) -> Result<usize, DecodeError> {
        let count = self.u32()?;
        usize::try_from(count)
            .ok()
            .filter(|n| n.checked_mul(least.max(1)).is_some_and(|bytes| bytes <= self.rest.len()))
            .filter(|n| i32::try_from(*n).is_ok())
            .ok_or(self.fault_before(Fault::Count))
    }
    /// The head of a boxed vector: `1cb5c415 | count:4`.
    ///
    /// # Errors
    /// It is none, or promises more than there is.
    pub fn vector(&mut self, least: usize) -> Result<usize, DecodeError> {
        self.expect(VECTOR)?;
        self.count(least)
    }
    /// Says that nothing may follow.
    ///
    /// # Errors
    /// Something does.
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
