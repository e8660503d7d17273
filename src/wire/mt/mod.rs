//! MTProto's own TL constructors: the key exchange, containers and service messages.
//!
//! They do not depend on an API layer and rarely change. The API calls and updates inside them are defined in
//! [`api`](crate::telegram::api).

pub mod auth;
#[cfg(feature = "gzip")]
pub mod gzip;
pub mod message;
pub mod service;
