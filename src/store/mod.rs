//! What outlives a run: a session as a line of text ([`string`]).
//!
//! An authorization key is for one program at a time: when two use it at once, the server answers both with
//! `AUTH_KEY_DUPLICATED` and the key is dead. Moving a session means to stop using it here.

mod base64;
mod formats;
pub mod string;

pub use base64::Base64Error;
pub use string::{Format, MediaDc, SavedSession, StringError, WriteError};
