//! The API: the calls and types of layer 229 that nanogram speaks, as client and as data centre.
//!
//! An API call is one TL value, its answer another. Between MTProto and the first call stand wrappers, from the outside
//! in, and they go with the first call of a connection:
//!
//! ```text
//! invokeWithLayer( 229, initConnection( who I am, messages.startBot( bot, peer, random_id, start_param )))
//! ```
//!
//! The lines are those of `tl/api.tl`, word for word. Structs have the constructor's name. A type has its own name where
//! no constructor claims it ([`peer::Peer`]), is [`Boxed<T>`] where it has one constructor, and `Any…` otherwise
//! ([`users::AnyUser`] is `user` or `userEmpty`).
//!
//! **What is left unread.** The types below `Updates` are half of the API: 172 types, 817 constructors. A client that
//! wants to know that a bot has started needs none of them, so that such replies are kept as they lie
//! ([`updates::Updates`], [`contacts::ResolvedPeerBody`]) and read by their heads. Types that we neither write nor read
//! are empty enums here: a field of such a type is always `None`, and bytes that hold one are refused with the id that
//! was met.
//!
//! Spec: api/invoking, api/layers

use crate::tl::line::{self, Shape};
use crate::tl::{Combinator, DecodeError, Raw, Reader, Tl};
use alloc::vec::Vec;

/// The layer whose lines these are; `invokeWithLayer` says it to the server.
pub const LAYER: i32 = 229;

/// Types of the schema that we neither write nor read.
macro_rules! unread {
    ($($tl:literal $name:ident;)*) => {$(
        #[doc = concat!("`", $tl, "`: never written, refused when met.")]
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {}
        impl $crate::tl::Tl for $name {
            const SHAPE: $crate::tl::line::Shape = $crate::tl::line::Shape::Named($tl);
            const LEAST: usize = 4;
            fn write(&self, _: &mut ::alloc::vec::Vec<u8>) {
                match *self {}
            }
            fn read(r: &mut $crate::tl::Reader<'_>) -> Result<Self, $crate::tl::DecodeError> {
                let id = r.u32()?;
                Err(r.fault_before($crate::tl::Fault::Id(id)))
            }
        }
    )*};
}

/// Types kept as they lie: the last field of what they stand in, and read, if at all, by their heads.
macro_rules! kept {
    ($($(#[$meta:meta])* $tl:literal $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(
            /// The boxed value.
            pub $crate::tl::Raw,
        );
        impl $crate::tl::Tl for $name {
            const SHAPE: $crate::tl::line::Shape = $crate::tl::line::Shape::Named($tl);
            const LEAST: usize = 4;
            fn write(&self, out: &mut ::alloc::vec::Vec<u8>) {
                self.0.write(out);
            }
            fn read(r: &mut $crate::tl::Reader<'_>) -> Result<Self, $crate::tl::DecodeError> {
                if r.peek().is_none() {
                    return Err(r.fault($crate::tl::Fault::End));
                }
                $crate::tl::Raw::read(r).map(Self)
            }
        }
    )*};
}

/// Types kept as they lie, whose end the table finds: they may stand anywhere.
macro_rules! measured {
    ($($(#[$meta:meta])* $tl:literal $root:ident $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(
            /// The boxed value.
            pub $crate::tl::Raw,
        );
        impl $crate::tl::Tl for $name {
            const SHAPE: $crate::tl::line::Shape = $crate::tl::line::Shape::Named($tl);
            const LEAST: usize = 4;
            fn write(&self, out: &mut ::alloc::vec::Vec<u8>) {
                self.0.write(out);
            }
            fn read(r: &mut $crate::tl::Reader<'_>) -> Result<Self, $crate::tl::DecodeError> {
                let start = r.clone();
                $crate::tl::table::API.skip(r, $crate::tl::table::TypeId::$root)?;
                let len = r.position() - start.position();
                Ok(Self($crate::tl::Raw(start.rest().get(..len).unwrap_or_default().to_vec())))
            }
        }
    )*};
}

pub mod account;
pub mod auth;
pub mod chats;
pub mod connect;
pub mod contacts;
pub mod messages;
pub mod peer;
pub mod updates;
pub mod users;

/// A boxed type that has one constructor: the id, then the fields.
///
/// ```
/// use nanogram::telegram::api::{Boxed, updates::State};
/// use nanogram::tl::Tl;
/// let mut wire = Vec::new();
/// Boxed(State { pts: 1, qts: 0, date: 2, seq: 3, unread_count: 0 }).write(&mut wire);
/// assert_eq!(wire[..8], [0x3e, 0x2a, 0x6c, 0xa5, 1, 0, 0, 0]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Boxed<T>(
    /// The fields.
    pub T,
);

impl<T: Combinator> Tl for Boxed<T> {
    const SHAPE: Shape = Shape::Named(line::result(T::LINE));
    const LEAST: usize = 4 + T::LEAST;
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write_boxed(out);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        T::read_boxed(r).map(Self)
    }
}

/// `value` as it lies: boxed for a type, the fields for a constructor.
fn raw<T: Tl>(value: &T) -> Raw {
    let mut out = Vec::new();
    value.write(&mut out);
    Raw(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_is_that_of_the_schema() {
        let schema = include_str!("../../../tl/api.tl");
        assert!(schema.contains(&alloc::format!("// LAYER {LAYER}")));
    }
}
