//! What outlives a run: a session as a line of text, and everything that is known as one small file.
//!
//! | | what | for |
//! | --- | --- | --- |
//! | [`string`] | [`SavedSession`]: one authorization key, the data centre it belongs to, the user | moving an account between programs |
//! | [`state`] | [`State`](state::State): the keys of all data centres, salts, clock, user, names, addresses | the next start |
//! | [`realm`] | [`Realm`]: the servers that know a key; a state is used at no others | |
//! | `file` (feature `client`) | the state on a disk: whole or not at all, one process at a time | |
//!
//! An authorization key is for one program at a time: when two use it at once, the server answers both with
//! `AUTH_KEY_DUPLICATED` and the key is dead. Moving a session means to stop using it here.

mod base64;
#[cfg(feature = "client")]
pub mod file;
mod formats;
mod layout;
mod names;
pub mod realm;
pub mod state;
pub mod string;

pub use base64::Base64Error;
pub use realm::{Realm, RealmError, Servers};
pub use string::{Format, MediaDc, SavedSession, StringError, WriteError};

/// `bytes` in the alphabet for links, without padding.
pub fn base64url(bytes: &[u8]) -> alloc::string::String {
    let mut out = alloc::string::String::new();
    base64::encode(bytes, base64::Style::Url, &mut out);
    out
}

/// The bytes that `text` is of, in either alphabet, with padding or without.
///
/// # Errors
/// It is not the text of bytes.
pub fn from_base64url(text: &str) -> Result<zeroize::Zeroizing<alloc::vec::Vec<u8>>, Base64Error> {
    base64::decode(text)
}
