//! Settings, answers and errors of the server half.

use crate::crypto::auth_key::AuthKey;
use crate::lab::server::rsa::RsaPrivateKey;
use crate::protocol::handshake::HandshakeError;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use bytes::Bytes;
use core::fmt;

/// Keys and number of the data centre.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// RSA keys of the server.
    pub keys: Arc<[RsaPrivateKey]>,
    /// The number that `p_q_inner_data_dc` must hold; `None` takes any.
    pub dc: Option<i32>,
    /// Verdicts on the next keys instead of `dh_gen_ok`.
    pub script: VecDeque<DhGen>,
}

/// Verdict of a server that refuses a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DhGen {
    /// `dh_gen_retry`: one with this id is there already.
    Retry,
    /// `dh_gen_fail`: begin again.
    Fail,
}

/// An answer, and the key if it is made by now.
#[derive(Debug)]
pub struct Answer {
    /// A message for the client: one packet.
    pub send: Bytes,
    /// The key, with the answer that grants it; not with a repeated one.
    pub grant: Option<ServerGrant>,
}

/// Result of a finished key exchange for the server.
#[derive(Debug, Clone)]
pub struct ServerGrant {
    /// The key.
    pub auth_key: AuthKey,
    /// The first salt of its messages.
    pub server_salt: i64,
    /// When a temporary key ends, in our seconds; `None` if the key is permanent.
    pub expires_at: Option<i32>,
    /// The number by which the client called us, if it did.
    pub dc: Option<i32>,
    /// Deviations of an old client from today's spec.
    pub age: Age,
}

/// Deviations of a client from today's spec that are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Age {
    /// `req_pq` for `req_pq_multi`.
    pub older_request: bool,
    /// The RSA padding from before 2021.
    pub older_padding: bool,
    /// `p_q_inner_data` or `p_q_inner_data_temp`, which bind the exchange to no data centre.
    pub older_inner_data: bool,
}

/// Reason why a request is refused; the exchange is over.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestError {
    /// A reason that a client has too when it refuses an answer.
    Handshake(HandshakeError),
    /// `retry_id` does not name the key that was refused.
    RetryId,
    /// The exchange was meant for another data centre.
    Dc,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Handshake(e) => return e.fmt(f),
            Self::RetryId => "retry_id is wrong",
            Self::Dc => "meant for another data centre",
        };
        write!(f, "the peer did not prove itself: {what}")
    }
}

impl core::error::Error for RequestError {}

impl<E: Into<HandshakeError>> From<E> for RequestError {
    fn from(e: E) -> Self {
        Self::Handshake(e.into())
    }
}
