//! API types of layer 229: the calls that nanogram makes as a client or answers as a data centre.
//!
//! An API call is one TL value, and its result another. The first call of a connection is wrapped, from the outside in:
//!
//! ```text
//! invokeWithLayer( 229, initConnection( the application, messages.startBot( bot, peer, random_id, start_param )))
//! ```
//!
//! The schema lines are copied from `tl/api.tl`. A struct has the name of its constructor. An enum has the name of its
//! type if no constructor has the same name ([`peer::Peer`]), and is prefixed with `Any` otherwise ([`users::AnyUser`]
//! is `user` or `userEmpty`). A type with only one constructor is written [`Boxed<T>`].
//!
//! **Unparsed types.** The types reachable from `Updates` are half of the API: 172 types with 817 constructors. A
//! client that only needs to know whether a bot was started needs none of them. So such replies are kept unparsed
//! ([`updates::Updates`], [`contacts::ResolvedPeerBody`]), and only their first fields are read. Types that are neither
//! written nor read are empty enums: a field of such a type is always `None`, and decoding a value of it fails with the
//! id that was found.
//!
//! Spec: api/invoking, api/layers

use crate::tl::line::{self, Shape};
use crate::tl::{Combinator, DecodeError, Raw, Reader, Tl};
use alloc::vec::Vec;

/// The API layer of all schema lines, sent to the server in `invokeWithLayer`.
pub const LAYER: i32 = 229;

/// Declares types of the schema that are neither written nor read.
macro_rules! unread {
    ($($tl:literal $name:ident;)*) => {$(
        #[doc = concat!("`", $tl, "`: not supported. It is never encoded, and decoding it fails.")]
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

/// Declares types that are kept unparsed and must be the last field of a value.
macro_rules! kept {
    ($($(#[$meta:meta])* $tl:literal $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(
            /// The encoded value, with its id.
            pub $crate::tl::Raw,
        );
        impl $crate::tl::Tl for $name {
            const SHAPE: $crate::tl::line::Shape = $crate::tl::line::Shape::Named($tl);
            const LEAST: usize = 4;
            fn write(&self, out: &mut ::alloc::vec::Vec<u8>) {
                self.0.write(out);
            }
            fn read(r: &mut $crate::tl::Reader<'_>) -> Result<Self, $crate::tl::DecodeError> {
                // A boxed value has at least its id.
                if r.peek().is_none() {
                    return Err(r.fault($crate::tl::Fault::End));
                }
                $crate::tl::Raw::read(r).map(Self)
            }
        }
    )*};
}

/// Declares types that are kept unparsed at any position; the table finds their end.
macro_rules! measured {
    ($($(#[$meta:meta])* $tl:literal $root:ident $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(
            /// The encoded value, with its id.
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

/// A boxed type with one constructor: the id, then the fields.
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
    /// The constructor's fields.
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

/// Encodes `value`: boxed for a type, only the fields for a constructor.
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
