//! TL, Telegram's type language, and the serialization of its values.
//!
//! A schema line names a *constructor* (or a function), gives it a 32-bit id and lists its fields:
//!
//! ```text
//! inputUser#f21158c6 user_id:long access_hash:long = InputUser;
//!
//! boxed:  c6 58 11 f2 | user_id: 8 bytes | access_hash: 8 bytes      the id first, little-endian
//! bare:                 user_id: 8 bytes | access_hash: 8 bytes      where the schema leaves no choice
//! ```
//!
//! There are no lengths, tags or field numbers. A reader that does not know a constructor cannot find the end of its
//! value, so it needs the schema of the *layer* that the peer uses.
//!
//! | schema | Rust type | encoding |
//! | --- | --- | --- |
//! | `int` `long` `double` | `i32` `i64` `f64` | 4, 8, 8 bytes, little-endian |
//! | `int128` `int256` | `[u8; 16]` `[u8; 32]` | 16, 32 bytes, unchanged |
//! | `string` `bytes` | [`String`](alloc::string::String), [`Blob`] | length (1, or `fe` and 3), data, zeros to 4 |
//! | `Bool` | `bool` | `997275b5` or `bc799737` |
//! | `Vector<T>` `vector<T>` | `Vec<T>`, [`BareVec`] | `1cb5c415`, count, elements; the bare form omits the id |
//! | `flags:#` | not stored | 4 bytes, one bit for each conditional field `flags.N?T` |
//! | `flags.N?T` `flags.N?true` | `Option<T>`, `bool` | the value if bit N is set; no bytes |
//! | a bare type | a `struct` of [`tl!`](crate::tl!) | the fields |
//! | a boxed type | an `enum` of [`tl_type!`](crate::tl_type!) | the id, then the fields |
//! | `!X`, `Object` | [`Raw`] | any value, up to the end of the input |
//!
//! Constructors are written by hand, each with its schema line, and the compiler checks each struct against its line:
//! see [`tl!`](crate::tl!). Spec: mtproto/TL, mtproto/serialize.

pub mod line;
#[macro_use]
mod macros;
mod primitives;
mod reader;
#[cfg(feature = "schema")]
pub mod schema;
pub mod table;

pub use primitives::{BareVec, Blob, Hidden, Raw, write_bytes};
pub use reader::{Reader, VECTOR};

#[doc(hidden)]
pub use alloc::vec::Vec as __Vec;
use alloc::vec::Vec;
use core::fmt;
use line::Shape;

/// A value that can be serialized in TL.
pub trait Tl: Sized {
    /// The type in the schema, checked against the schema line at compile time.
    const SHAPE: Shape;
    /// Minimum encoded size in bytes. Bounds the count that a vector can claim.
    const LEAST: usize;

    /// Appends the encoded value to `out`.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads a value from the front of `r`.
    ///
    /// # Errors
    /// The bytes end early or are not a valid value.
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Returns true if the value sets its flag, for a conditional field.
    fn is_present(&self) -> bool {
        true
    }
    /// Appends the value as a field. A `true` under a flag takes no bytes.
    fn write_field(&self, out: &mut Vec<u8>, _under_flag: bool) {
        self.write(out);
    }
    /// Reads a value like [`read`](Self::read), but leaves the error in the reader; used by the macros.
    #[doc(hidden)]
    fn try_read(r: &mut Reader<'_>) -> Option<Self> {
        Self::read(r).map_err(|why| r.note(why)).ok()
    }
    /// Reads a field like [`try_read`](Self::try_read). `_flag` is its flag, or `None` for an unconditional field.
    #[doc(hidden)]
    #[inline]
    fn try_read_field(r: &mut Reader<'_>, _flag: Option<bool>) -> Option<Self> {
        Self::try_read(r)
    }
    /// Decodes a value from `bytes`, which must contain nothing else.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or trailing bytes.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let value = Self::read(&mut r)?;
        r.end().map(|()| value)
    }
}

/// Initial capacity for an encoded call. Most calls fit, so they take one allocation.
const ROOM: usize = 64;

/// A constructor or function: one line of the schema.
pub trait Combinator: Tl {
    /// The constructor id: the CRC-32 of the line, or the id assigned in the schema.
    const ID: u32;
    /// The schema line.
    const LINE: &'static str;

    /// Appends the boxed form: the id, then the fields.
    fn write_boxed(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&Self::ID.to_le_bytes());
        self.write(out);
    }
    /// Encodes the boxed form.
    fn to_boxed(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ROOM);
        self.write_boxed(&mut out);
        out
    }
    /// Reads the boxed form from the front of `r`.
    ///
    /// # Errors
    /// The id differs, or an error of [`Tl::read`].
    fn read_boxed(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.expect(Self::ID)?;
        Self::read(r)
    }
    /// Decodes the boxed form from `bytes`, which must contain nothing else.
    ///
    /// # Errors
    /// The errors of [`read_boxed`](Self::read_boxed), or trailing bytes.
    fn from_boxed(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let value = Self::read_boxed(&mut r)?;
        r.end().map(|()| value)
    }
}

/// A function of the schema, with the type of its result.
pub trait Call: Combinator {
    /// The type of the server's result.
    type Reply: Tl;
}

/// Decoding error and its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// Position of the error, in bytes from the start of the input.
    pub at: usize,
    /// Kind of error.
    pub fault: Fault,
}

/// Kind of decoding error.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Unexpected end of the input.
    End,
    /// Unexpected constructor id.
    Id(u32),
    /// String that is not valid UTF-8.
    Utf8,
    /// Invalid length.
    Length,
    /// Vector that claims more elements than the remaining input can hold.
    Count,
    /// Vectors of more elements than the value may have.
    #[cfg(feature = "dc")]
    Elements,
    /// Values nested deeper than any real one.
    Depth,
    /// More values than a tree can hold.
    #[cfg(feature = "schema")]
    Nodes,
    /// Damaged compressed data.
    #[cfg(feature = "tools")]
    Gzip,
    /// Compressed data that decompress to more than the limit for a recording.
    #[cfg(feature = "tools")]
    Inflated,
    /// Trailing bytes after the value.
    Trailing,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::End => f.write_str("the value is cut short")?,
            Fault::Id(id) => write!(f, "unexpected constructor {id:08x}")?,
            Fault::Utf8 => f.write_str("a string is not UTF-8")?,
            Fault::Length => f.write_str("a length has a form that TL does not know")?,
            Fault::Count => f.write_str("a vector promises more elements than there are bytes for")?,
            #[cfg(feature = "dc")]
            Fault::Elements => f.write_str("its vectors have too many elements")?,
            Fault::Depth => f.write_str("values are nested too deep")?,
            #[cfg(feature = "schema")]
            Fault::Nodes => write!(f, "more than {} values", schema::MAX_NODES)?,
            #[cfg(feature = "tools")]
            Fault::Gzip => f.write_str("the compressed data are damaged")?,
            #[cfg(feature = "tools")]
            Fault::Inflated => f.write_str("it inflates to more than 8 MiB, or the recording to more than 64 MiB")?,
            Fault::Trailing => f.write_str("trailing bytes after the value")?,
        }
        write!(f, " (at byte {})", self.at)
    }
}
impl core::error::Error for DecodeError {}
