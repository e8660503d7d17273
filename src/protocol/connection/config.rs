//! Settings of a connection, and the data to save from it.

use super::pfs::TemporaryKeys;
use crate::crypto::auth_key::AuthKey;
use crate::crypto::rsa::RsaKey;
use crate::telegram::api::LAYER;
use crate::telegram::api::connect::{InitConnection, InvokeWithLayer};
use crate::tl::{Combinator, Raw};
use crate::wire::mt::service::FutureSalt;
use crate::wire::transport::Framing;
use alloc::string::String;
use alloc::vec::Vec;

/// Settings of a connection.
#[derive(Debug, Clone)]
pub struct Config {
    /// Framing of packets.
    pub framing: Framing,
    /// The data centre, as the key exchange names it: + 10000 in the test environment, negative for media.
    pub dc: i32,
    /// The public keys that a data centre of this environment may show.
    pub keys: Vec<RsaKey>,
    /// A key made before; without one the connection begins with the key exchange.
    pub saved: Option<SavedKey>,
    /// Perfect forward secrecy; off by default.
    pub temporary: TemporaryKeys,
    /// Salts of the saved key that messages go under, the temporary one if there is one, with their times.
    pub salts: Vec<FutureSalt>,
    /// Asks for the salts of the hours to come along with the first call, if there are none.
    pub ask_salts: bool,
    /// Description of the client for `initConnection`; `None` sends calls unwrapped.
    pub init: Option<Init>,
}

impl Config {
    /// Abridged framing, no saved key.
    pub fn new(dc: i32, keys: Vec<RsaKey>) -> Self {
        Self {
            framing: Framing::ABRIDGED,
            dc,
            keys,
            saved: None,
            temporary: TemporaryKeys::default(),
            salts: Vec::new(),
            ask_salts: false,
            init: None,
        }
    }
}

/// A key and what is worth keeping with it.
#[derive(Debug, Clone)]
pub struct SavedKey {
    /// The key.
    pub key: AuthKey,
    /// The salt last in use; a wrong one costs a round trip, no more.
    pub salt: i64,
    /// Server time minus local time, in seconds, if it is known.
    pub time_offset: Option<i64>,
}

/// Temporary key and its end.
#[derive(Debug, Clone)]
pub struct TemporaryKey {
    /// The key.
    pub key: AuthKey,
    /// The salt last in use.
    pub salt: i64,
    /// End of its life, in the server's seconds since 1970.
    pub expires_at: i32,
}

/// `initConnection`: what a client tells of itself, with its first call.
///
/// Spec: api/invoking#saving-client-info
#[derive(Debug, Clone)]
pub struct Init {
    /// The application's id, from my.telegram.org.
    pub api_id: i32,
    /// The device, as the user will see it in the list of his sessions.
    pub device_model: String,
    /// Operating system and its version.
    pub system_version: String,
    /// The application's version.
    pub app_version: String,
    /// Language of the system, such as `en`.
    pub lang_code: String,
}

impl Init {
    /// An application of this version on this device, whose system is not told, in English.
    pub fn new(api_id: i32, device_model: &str) -> Self {
        Self {
            api_id,
            device_model: device_model.into(),
            system_version: "unknown".into(),
            app_version: env!("CARGO_PKG_VERSION").into(),
            lang_code: "en".into(),
        }
    }
    pub(super) fn wrap(&self, call: Vec<u8>) -> Vec<u8> {
        let query = InitConnection {
            api_id: self.api_id,
            device_model: self.device_model.clone(),
            system_version: self.system_version.clone(),
            app_version: self.app_version.clone(),
            system_lang_code: self.lang_code.clone(),
            lang_pack: String::new(),
            lang_code: self.lang_code.clone(),
            proxy: None,
            params: None,
            query: Raw(call),
        };
        InvokeWithLayer { layer: LAYER, query: Raw(query.to_boxed()) }.to_boxed()
    }
}
