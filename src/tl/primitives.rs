//! Built-in types: numbers, strings, vectors and options.

use super::line::Shape;
use super::reader::VECTOR;
use super::{DecodeError, Fault, Reader, Tl};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

macro_rules! plain {
    ($($(#[$doc:meta])* $t:ty, $name:literal, $size:literal;)*) => {$(
        impl Tl for $t {
            const SHAPE: Shape = Shape::Named($name);
            const LEAST: usize = $size;
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                r.array().map(|bytes| Self::from_le_bytes(*bytes))
            }
            fn try_read(r: &mut Reader<'_>) -> Option<Self> {
                // Overridden because the detour through `Result` takes more code.
                r.try_array().map(|bytes| Self::from_le_bytes(*bytes))
            }
        }
    )*};
}
plain! {
    u32, "#", 4;
    i32, "int", 4;
    i64, "long", 8;
    f64, "double", 8;
}

macro_rules! fixed {
    ($($size:literal, $name:literal;)*) => {$(
        impl Tl for [u8; $size] {
            const SHAPE: Shape = Shape::Named($name);
            const LEAST: usize = $size;
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(self);
            }
            fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                r.array().copied()
            }
            fn try_read(r: &mut Reader<'_>) -> Option<Self> {
                r.try_array().copied()
            }
        }
    )*};
}
fixed! {
    16, "int128";
    32, "int256";
}

/// Appends `data` as `bytes` or `string`.
///
/// A TL length holds at most 2^24 - 1 bytes. Longer data are truncated to that size, which no message can reach anyway.
pub fn write_bytes(data: &[u8], out: &mut Vec<u8>) {
    let data = data.get(..0xff_ffff).unwrap_or(data);
    let start = out.len();
    match u8::try_from(data.len()) {
        Ok(len @ 0..=253) => out.push(len),
        _ => {
            let [a, b, c, ..] = data.len().to_le_bytes();
            out.extend_from_slice(&[254, a, b, c]);
        }
    }
    out.extend_from_slice(data);
    // Spec: the padding is counted from the length prefix, not from the data.
    out.resize(start + (out.len() - start).next_multiple_of(4), 0);
}

impl Tl for String {
    const SHAPE: Shape = Shape::Named("string");
    const LEAST: usize = 4;
    fn write(&self, out: &mut Vec<u8>) {
        write_bytes(self.as_bytes(), out);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::try_read(r).ok_or_else(|| r.noted())
    }
    fn try_read(r: &mut Reader<'_>) -> Option<Self> {
        let at = r.position();
        let text = core::str::from_utf8(r.try_bytes()?);
        text.map(Self::from).map_err(|_| r.note(DecodeError { at, fault: Fault::Utf8 })).ok()
    }
}

/// A byte string (`bytes`) that need not be valid UTF-8.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Blob(pub Vec<u8>);

impl Tl for Blob {
    const SHAPE: Shape = Shape::Named("bytes");
    const LEAST: usize = 4;
    fn write(&self, out: &mut Vec<u8>) {
        write_bytes(&self.0, out);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::try_read(r).ok_or_else(|| r.noted())
    }
    fn try_read(r: &mut Reader<'_>) -> Option<Self> {
        r.try_bytes().map(|b| Self(b.to_vec()))
    }
}
impl fmt::Debug for Blob {
    /// Prints only the length, because some byte strings are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}
impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

/// An unparsed value that extends to the end of the input, such as the inner call of a wrapper or the result of a call.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Raw(pub Vec<u8>);

impl Tl for Raw {
    const SHAPE: Shape = Shape::Rest;
    const LEAST: usize = 0;
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(r.take_rest().to_vec()))
    }
}
impl Raw {
    /// Returns the constructor id at the start of the value, if it has at least 4 bytes.
    pub fn id(&self) -> Option<u32> {
        Reader::new(&self.0).peek()
    }
}
impl fmt::Debug for Raw {
    /// Prints only the id and the length, because the rest may contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({:08x}, {} bytes)", self.id().unwrap_or(0), self.0.len())
    }
}

const TRUE: u32 = 0x9972_75b5;
const FALSE: u32 = 0xbc79_9737;

impl Tl for bool {
    const SHAPE: Shape = Shape::Bool;
    const LEAST: usize = 4;
    fn write(&self, out: &mut Vec<u8>) {
        (if *self { TRUE } else { FALSE }).write(out);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u32()? {
            TRUE => Ok(true),
            FALSE => Ok(false),
            id => Err(r.fault_before(Fault::Id(id))),
        }
    }
    fn is_present(&self) -> bool {
        *self
    }
    fn write_field(&self, out: &mut Vec<u8>, under_flag: bool) {
        if !under_flag {
            self.write(out);
        }
    }
    fn try_read_field(r: &mut Reader<'_>, flag: Option<bool>) -> Option<Self> {
        // A `true` under a flag has no bytes: the flag is its value.
        flag.or_else(|| Self::try_read(r))
    }
}

/// Conditional field `flags.N?T`: an absent value takes no bytes.
impl<T: Tl> Tl for Option<T> {
    const SHAPE: Shape = Shape::Optional(&T::SHAPE);
    const LEAST: usize = 0;
    fn write(&self, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.write(out);
        }
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        T::read(r).map(Some)
    }
    fn is_present(&self) -> bool {
        self.is_some()
    }
    fn try_read_field(r: &mut Reader<'_>, flag: Option<bool>) -> Option<Self> {
        if flag == Some(true) { T::try_read(r).map(Some) } else { Some(None) }
    }
}

/// Reads `count` elements. Memory grows with the elements actually present.
fn elements<T: Tl>(count: usize, r: &mut Reader<'_>) -> Option<Vec<T>> {
    // `count` is safe because `LEAST` is at least 1 in its check: otherwise elements of zero bytes would allow 2^31
    // iterations. The capacity here is bounded for elements that are much larger in memory than on the wire.
    let mut out = Vec::with_capacity(count.min(1 + r.rest().len() / size_of::<T>().max(1)));
    for _ in 0..count {
        out.push(T::try_read(r)?);
    }
    Some(out)
}

impl<T: Tl> Tl for Vec<T> {
    const SHAPE: Shape = Shape::Vector(&T::SHAPE);
    const LEAST: usize = 8;
    fn write(&self, out: &mut Vec<u8>) {
        VECTOR.write(out);
        write_elements(self, out);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::try_read(r).ok_or_else(|| r.noted())
    }
    fn try_read(r: &mut Reader<'_>) -> Option<Self> {
        let count = r.vector(T::LEAST).map_err(|why| r.note(why)).ok()?;
        elements(count, r)
    }
}

/// Bare vector `vector<T>`, used by MTProto's service types, without the prefix `1cb5c415`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BareVec<T>(pub Vec<T>);

impl<T: Tl> Tl for BareVec<T> {
    const SHAPE: Shape = Shape::BareVector(&T::SHAPE);
    const LEAST: usize = 4;
    fn write(&self, out: &mut Vec<u8>) {
        write_elements(&self.0, out);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::try_read(r).ok_or_else(|| r.noted())
    }
    fn try_read(r: &mut Reader<'_>) -> Option<Self> {
        let count = r.count(T::LEAST).map_err(|why| r.note(why)).ok()?;
        elements(count, r).map(Self)
    }
}

fn write_elements<T: Tl>(items: &[T], out: &mut Vec<u8>) {
    u32::try_from(items.len()).unwrap_or(u32::MAX).write(out);
    for item in items {
        item.write(out);
    }
}

/// A box is encoded like its contents. Recursive types need one.
impl<T: Tl> Tl for alloc::boxed::Box<T> {
    const SHAPE: Shape = T::SHAPE;
    // Not `T::LEAST`: for a recursive type that constant would depend on itself.
    const LEAST: usize = 4;
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        T::read(r).map(Self::new)
    }
    fn try_read(r: &mut Reader<'_>) -> Option<Self> {
        T::try_read(r).map(Self::new)
    }
}

macro_rules! together {
    ($($name:ident)*) => {
        /// Adjacent fields under one flag.
        impl<$($name: Tl),*> Tl for ($($name,)*) {
            const SHAPE: Shape = Shape::Together(&[$($name::SHAPE),*]);
            const LEAST: usize = 0 $(+ $name::LEAST)*;
            #[expect(non_snake_case, reason = "one name for a type and its value")]
            fn write(&self, out: &mut Vec<u8>) {
                let ($($name,)*) = self;
                $($name.write(out);)*
            }
            fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Self::try_read(r).ok_or_else(|| r.noted())
            }
            fn try_read(r: &mut Reader<'_>) -> Option<Self> {
                Some(($($name::try_read(r)?,)*))
            }
        }
    };
}
together!(A B);
together!(A B C);

/// A `string` with private contents, such as a phone number or a login code. Wiped on drop.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Hidden(pub String);

impl Tl for Hidden {
    const SHAPE: Shape = Shape::Named("string");
    const LEAST: usize = 4;
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        String::read(r).map(Self)
    }
}
impl fmt::Debug for Hidden {
    /// Prints nothing of the contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(..)")
    }
}
impl Drop for Hidden {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<T: Tl>(value: &T) -> Vec<u8> {
        let mut out = Vec::new();
        value.write(&mut out);
        out
    }

    #[test]
    fn lengths_around_the_long_form_round_trip() {
        for len in [0, 1, 2, 3, 4, 252, 253, 254, 255, 256, 257, 70_000] {
            let blob = Blob(alloc::vec![7; len]);
            let wire = written(&blob);
            assert_eq!(wire.len() % 4, 0);
            assert_eq!(Blob::from_bytes(&wire).unwrap(), blob);
            for cut in [0, 1, 3, 4, wire.len() - 1] {
                if cut < wire.len() {
                    assert!(Blob::from_bytes(&wire[..cut]).is_err());
                }
            }
        }
    }

    #[test]
    fn text_must_be_utf8() {
        assert_eq!(String::from_bytes(&[1, 0xff, 0, 0]).unwrap_err(), DecodeError { at: 0, fault: Fault::Utf8 });
    }

    #[test]
    fn a_secret_blob_prints_its_length_alone() {
        assert_eq!(alloc::format!("{:?}", Blob(alloc::vec![1, 2, 3])), "Blob(3 bytes)");
    }
}
