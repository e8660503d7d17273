//! MTProto's own constructors: the key exchange, the messages that carry others, the service messages.
//!
//! None of them belongs to an API layer: they have been the same for years and are few. Whatever travels inside them is
//! the business of [`api`](crate::telegram::api).

pub mod auth;
#[cfg(feature = "gzip")]
pub mod gzip;
pub mod message;
pub mod service;
