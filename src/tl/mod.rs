//! TL, the language of the protocol's types: how a value lies in bytes.
//!
//! A schema line names a *constructor* (or a function), gives it a 32-bit id, and lists its fields:
//!
//! ```text
//! inputUser#f21158c6 user_id:long access_hash:long = InputUser;
//!
//! boxed:  c6 58 11 f2 | user_id: 8 bytes | access_hash: 8 bytes      the id first, little-endian
//! bare:                 user_id: 8 bytes | access_hash: 8 bytes      where the schema leaves no choice
//! ```
//!
//! Nothing else is on the wire: no lengths, no tags, no field numbers. Whoever does not know a constructor cannot find
//! the end of it, which is why a reader needs the schema of the *layer* that the other side speaks.
//!
//! | in the schema | in memory | on the wire |
//! | --- | --- | --- |
//! | `int` `long` `double` | `i32` `i64` `f64` | 4, 8, 8 bytes, little-endian |
//! | `int128` `int256` | `[u8; 16]` `[u8; 32]` | the bytes as they are |
//! | `string` `bytes` | [`String`](alloc::string::String), [`Blob`] | length (1 byte, or `fe` and 3 bytes), data, zeros to a multiple of 4 |
//! | `Bool` | `bool` | `997275b5` or `bc799737` |
//! | `Vector<T>` `vector<T>` | `Vec<T>`, [`BareVec`] | `1cb5c415`, count, elements; the bare one without the id |
//! | `flags:#` | not stored | 4 bytes that say which `flags.N?T` are there |
//! | `flags.N?T` `flags.N?true` | `Option<T>`, `bool` | the value if bit N is set; nothing at all |
//! | a bare type | a `struct` of [`tl!`](crate::tl!) | the fields |
//! | a boxed type | an `enum` of [`tl_type!`](crate::tl_type!) | the id, the fields |
//! | `!X`, `Object` | [`Raw`] | whatever it is, to the end |
//!
//! Constructors are written by hand, each with its schema line, and the compiler holds the struct against the line:
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

/// A value that TL can write down.
pub trait Tl: Sized {
    /// What the schema calls it; held against the schema line by the compiler.
    const SHAPE: Shape;
    /// The fewest bytes that a value takes; bounds what a vector's count may promise.
    const LEAST: usize;

    /// Appends the value to `out`.
    fn write(&self, out: &mut Vec<u8>);

    /// Takes the value from the front of `r`.
    ///
    /// # Errors
    /// The bytes end early, or are no such value.
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Whether the value's flag is set, where it stands under one.
    fn is_present(&self) -> bool {
        true
    }
    /// Appends the value as a field; a `true` under a flag takes no bytes.
    fn write_field(&self, out: &mut Vec<u8>, _under_flag: bool) {
        self.write(out);
    }
    /// As [`read`](Self::read), but the reader keeps the error: what the macros are made of.
    #[doc(hidden)]
    fn try_read(r: &mut Reader<'_>) -> Option<Self> {
        Self::read(r).map_err(|why| r.note(why)).ok()
    }
    /// As [`try_read`](Self::try_read), as a field under a flag that is set, not set, or none.
    #[doc(hidden)]
    #[inline]
    fn try_read_field(r: &mut Reader<'_>, _flag: Option<bool>) -> Option<Self> {
        Self::try_read(r)
    }
    /// The value alone in `bytes`, nothing before, nothing after.
    ///
    /// # Errors
    /// As [`read`](Self::read), or something follows.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let value = Self::read(&mut r)?;
        r.end().map(|()| value)
    }
}

/// Bytes that most calls fit into: reserved at once, they take one allocation.
const ROOM: usize = 64;

/// One line of the schema.
pub trait Combinator: Tl {
    /// The constructor id: the CRC-32 of the line, or what the schema decrees.
    const ID: u32;
    /// The line itself.
    const LINE: &'static str;

    /// Appends the boxed form: the id, then the fields.
    fn write_boxed(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&Self::ID.to_le_bytes());
        self.write(out);
    }
    /// The boxed form.
    fn to_boxed(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ROOM);
        self.write_boxed(&mut out);
        out
    }
    /// Takes the boxed form from the front of `r`.
    ///
    /// # Errors
    /// Another id, or as [`Tl::read`].
    fn read_boxed(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.expect(Self::ID)?;
        Self::read(r)
    }
    /// The boxed form alone in `bytes`.
    ///
    /// # Errors
    /// As [`read_boxed`](Self::read_boxed), or something follows.
    fn from_boxed(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let value = Self::read_boxed(&mut r)?;
        r.end().map(|()| value)
    }
}

/// A function of the schema, and the type of what comes back.
pub trait Call: Combinator {
    /// What the server answers.
    type Reply: Tl;
}

/// Why bytes are not the value they should be, and where that showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// Bytes from the start of what was read.
    pub at: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What can be wrong with bytes.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// They end early.
    End,
    /// A constructor id that does not belong here.
    Id(u32),
    /// A string that is not UTF-8.
    Utf8,
    /// A length of a form that TL does not have.
    Length,
    /// A vector that promises more elements than there can be.
    Count,
    /// Values nested deeper than any real one.
    Depth,
    /// More values than a tree may hold.
    #[cfg(feature = "schema")]
    Nodes,
    /// Compressed data that are damaged.
    #[cfg(feature = "tools")]
    Gzip,
    /// Compressed data that open to more bytes than a recording may.
    #[cfg(feature = "tools")]
    Inflated,
    /// Something follows the value.
    Trailing,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::End => f.write_str("the value is cut short")?,
            Fault::Id(id) => write!(f, "constructor {id:08x} does not belong here")?,
            Fault::Utf8 => f.write_str("a string is not UTF-8")?,
            Fault::Length => f.write_str("a length has a form that TL does not know")?,
            Fault::Count => f.write_str("a vector promises more elements than there are bytes for")?,
            Fault::Depth => f.write_str("values are nested too deep")?,
            #[cfg(feature = "schema")]
            Fault::Nodes => write!(f, "more than {} values", schema::MAX_NODES)?,
            #[cfg(feature = "tools")]
            Fault::Gzip => f.write_str("the compressed data are damaged")?,
            #[cfg(feature = "tools")]
            Fault::Inflated => f.write_str("it opens to more than 8 MiB, or the recording to more than 64 MiB")?,
            Fault::Trailing => f.write_str("something follows the value")?,
        }
        write!(f, " (at byte {})", self.at)
    }
}
impl core::error::Error for DecodeError {}
