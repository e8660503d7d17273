//! Perfect forward secrecy: a temporary key is bound to the permanent one, which then encrypts nothing else.
//!
//! ```text
//! auth.bindTempAuthKey( perm_auth_key_id nonce expires_at encrypted_message )
//!
//! encrypted_message = perm_auth_key_id:8 | msg_key:16 |
//!     AES-IGE( random:16 | msg_id:8 | seqno:4 = 0 | len:4 = 40 | bind_auth_key_inner:40 | padding:8 )
//! ```
//!
//! The keys of this one message are derived as in MTProto 1.0, from the permanent key; `msg_id` is that of the message
//! that carries the call. Spec: api/pfs, method/auth.bindTempAuthKey

use super::Session;
use super::endpoint::Endpoint;
use super::outbox::{Outbox, Pending, State};
use super::rpc::CallId;
use crate::base::entropy::{self, Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::crypto::auth_key::AuthKey;
use crate::crypto::{ige, kdf};
use crate::telegram::api::auth::BindTempAuthKey;
use crate::tl::{Blob, Combinator};
use crate::wire::mt::service::BindAuthKeyInner;
use alloc::vec::Vec;
use bytes::Bytes;
use zeroize::Zeroizing;

/// Bytes of `encrypted_message`.
pub const BIND_MESSAGE: usize = 24 + INSIDE;
const INSIDE: usize = 80;

/// Randomness for one binding: nonce:8 | head:16 | padding:8.
pub(super) type BindRandom = [u8; 32];

/// Binding of the session's key, if that is temporary and not bound yet: no other call goes out before it is done.
#[derive(Debug, Default)]
pub(super) struct Binding(Option<Pair>);

#[derive(Debug)]
struct Pair {
    permanent: AuthKey,
    expires_at: i32,
}

impl Binding {
    /// Returns true if the binding is not done.
    pub(super) const fn is_pending(&self) -> bool {
        self.0.is_some()
    }
    /// The key is bound.
    pub(super) fn settle(&mut self) {
        self.0 = None;
    }
    /// Draws the randomness of the binding, if one is pending.
    pub(super) fn draw(&self, random: &mut dyn Entropy) -> Result<BindRandom, EntropyFailed> {
        if self.is_pending() { entropy::bytes(random) } else { Ok([0; _]) }
    }
    /// Body of the call that goes out as message `msg_id`: the binding while it is pending, or else `call`.
    pub(super) fn body(&self, end: &Endpoint, msg_id: i64, random: &BindRandom, call: Bytes) -> Bytes {
        let Some(Pair { permanent, expires_at }) = &self.0 else { return call };
        let (nonce, random) = random.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let nonce = i64::from_le_bytes(*nonce);
        let inner = BindAuthKeyInner {
            nonce,
            temp_auth_key_id: end.key.id_i64(),
            perm_auth_key_id: permanent.id_i64(),
            temp_session_id: end.session_id,
            expires_at: *expires_at,
        };
        let random = random.first_chunk().copied().unwrap_or([0; 24]);
        let encrypted_message = Blob(seal_bind(permanent, &inner, msg_id, &random));
        let perm_auth_key_id = permanent.id_i64();
        BindTempAuthKey { perm_auth_key_id, nonce, expires_at: *expires_at, encrypted_message }.to_boxed().into()
    }
}

impl Session {
    /// Binds the key of this session, a temporary one, to the `permanent` one before anything else is sent. The answer
    /// is the reply to [`CallId::BIND`].
    pub fn bind(&mut self, permanent: AuthKey, expires_at: i32) {
        self.binding = Binding(Some(Pair { permanent, expires_at }));
        self.outbox.call_as(CallId::BIND);
    }

    /// Takes over the unanswered calls of a session whose key expires; they keep their ids.
    pub fn adopt(&mut self, mut other: Self) {
        self.outbox.adopt(&mut other.outbox);
    }

    /// Replaces the body of each call that waits to be sent by the result of `wrap`, and returns the ids of these calls.
    pub fn wrap_calls(&mut self, wrap: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Vec<CallId> {
        let mut waiting = Vec::new();
        for (id, call) in self.outbox.calls.iter_mut() {
            if id != CallId::BIND && call.state == State::Waiting {
                if let Some(wrapped) = wrap(&call.body) {
                    call.body = wrapped.into();
                }
                waiting.push(id);
            }
        }
        waiting
    }
}

impl Outbox {
    /// Adds a call of the session itself, before all others; its body is made when it is sent.
    fn call_as(&mut self, id: CallId) {
        if !self.calls.insert(id, Pending::new(Bytes::new(), None)) {
            self.waiting.push_front(id);
        }
    }
    /// Takes over the unanswered calls of another session with their ids.
    fn adopt(&mut self, other: &mut Self) {
        other.finish(CallId::BIND);
        other.start_over();
        self.next_call = self.next_call.max(other.next_call);
        for (id, call) in core::mem::take(&mut other.calls) {
            self.calls.insert(id, call);
        }
        self.waiting.append(&mut other.waiting);
    }
}

/// Makes `encrypted_message`; `random` is 16 bytes for its head and 8 for its padding.
pub fn seal_bind(permanent: &AuthKey, inner: &BindAuthKeyInner, msg_id: i64, random: &[u8; 24]) -> Vec<u8> {
    let (head, padding) = random.split_at(16);
    let mut plain = Zeroizing::new(Vec::with_capacity(INSIDE));
    plain.extend_from_slice(head);
    plain.extend_from_slice(&msg_id.to_le_bytes());
    plain.extend_from_slice(&[0, 0, 0, 0, 40, 0, 0, 0]);
    inner.write_boxed(&mut plain);
    let msg_key = kdf::msg_key_v1(&plain);
    plain.extend_from_slice(padding);
    let pair = kdf::aes_v1(permanent, Side::Client, &msg_key);
    ige::encrypt(&pair.key, &pair.iv, plain.as_chunks_mut().0);
    let mut out = Vec::with_capacity(BIND_MESSAGE);
    out.extend_from_slice(&permanent.id());
    out.extend_from_slice(&msg_key);
    out.extend_from_slice(&plain);
    out
}
