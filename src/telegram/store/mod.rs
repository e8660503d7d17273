//! Persistent data: session strings, and a state file with everything else worth keeping between runs.
//!
//! | module | contents | purpose |
//! | --- | --- | --- |
//! | [`string`] | [`SavedSession`]: one auth key, its data centre, the user | moving an account between programs |
//! | [`state`] | [`State`](state::State): all keys, salts, clock, user, names, addresses | a faster next start |
//! | [`realm`] | [`Realm`]: the servers that know a key | keeping keys away from other servers |
//! | `file` (feature `client`) | the state on disk | atomic replacement, one process at a time |
//!
//! An authorization key must not be used by two programs at the same time: the server answers both with
//! `AUTH_KEY_DUPLICATED` and invalidates the key. After moving a session to another program, stop using it here.

mod base64;
#[cfg(feature = "client")]
pub mod file;
mod formats;
mod layout;
mod names;
pub mod realm;
mod saved;
pub mod state;
pub mod string;

pub use base64::Base64Error;
pub use realm::{Realm, RealmError, Servers};
pub use string::{Format, MediaDc, SavedSession, StringError, WriteError};

/// Encodes `bytes` in the URL-safe alphabet without padding.
pub fn base64url(bytes: &[u8]) -> alloc::string::String {
    let mut out = alloc::string::String::new();
    base64::encode(bytes, base64::Style::Url, &mut out);
    out
}

/// Decodes `text` in either alphabet, with or without padding.
///
/// # Errors
/// The text is not base64.
pub fn from_base64url(text: &str) -> Result<zeroize::Zeroizing<alloc::vec::Vec<u8>>, Base64Error> {
    base64::decode(text)
}
