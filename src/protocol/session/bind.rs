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
use super::outbox::State;
use super::rpc::CallId;
use crate::base::side::Side;
use crate::crypto::auth_key::AuthKey;
use crate::crypto::{ct, ige, kdf};
use crate::telegram::api::auth::BindTempAuthKey;
use crate::tl::{Blob, Combinator, Reader};
use crate::wire::mt::service::BindAuthKeyInner;
use alloc::vec::Vec;
use bytes::Bytes;
use zeroize::Zeroizing;

/// Bytes of `encrypted_message`.
pub const BIND_MESSAGE: usize = 24 + INSIDE;
const INSIDE: usize = 80;
/// Bytes in front of the inner value.
const HEAD: usize = 32;
/// Bytes of the inner value, id and all.
const INNER: usize = 40;

/// Randomness for one binding: nonce:8 | head:16 | padding:8.
pub(super) type BindRandom = [u8; 32];

/// What a session must know to bind its key.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) permanent: AuthKey,
    pub(super) expires_at: i32,
}

impl Binding {
    /// The call, for the message `msg_id` of the session `session_id` of the key `temporary`.
    pub(super) fn call(&self, temporary: &AuthKey, session_id: i64, msg_id: i64, random: &BindRandom) -> Bytes {
        let (nonce, random) = random.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let nonce = i64::from_le_bytes(*nonce);
        let inner = BindAuthKeyInner {
            nonce,
            temp_auth_key_id: temporary.id_i64(),
            perm_auth_key_id: self.permanent.id_i64(),
            temp_session_id: session_id,
            expires_at: self.expires_at,
        };
        let random = random.first_chunk().copied().unwrap_or([0; 24]);
        let encrypted_message = Blob(seal_bind(&self.permanent, &inner, msg_id, &random));
        let perm_auth_key_id = self.permanent.id_i64();
        let call = BindTempAuthKey { perm_auth_key_id, nonce, expires_at: self.expires_at, encrypted_message };
        call.to_boxed().into()
    }
}

impl Session {
    /// Binds this session's key, a temporary one, to the `permanent` one before anything else is sent; the answer comes
    /// as the reply to [`CallId::BIND`].
    pub fn bind(&mut self, permanent: AuthKey, expires_at: i32) {
        self.binding = Some(Binding { permanent, expires_at });
        self.outbox.call_as(CallId::BIND);
    }

    /// Takes over the unanswered calls of a session whose key is at its end; they keep their names.
    pub fn adopt(&mut self, mut other: Self) {
        self.outbox.adopt(&mut other.outbox);
    }

    /// Puts what `wrap` makes of it in place of the body of every call that waits to be sent; their names.
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

/// Opens `encrypted_message`: the value inside, and the `msg_id` of the message that must carry it.
///
/// `None`, whatever is wrong with it.
pub fn open_bind(permanent: &AuthKey, message: &[u8]) -> Option<(BindAuthKeyInner, i64)> {
    let (key_id, rest) = message.split_first_chunk::<8>()?;
    let (msg_key, inside) = rest.split_first_chunk::<16>()?;
    if *key_id != permanent.id() || inside.len() != INSIDE {
        return None;
    }
    let mut plain = Zeroizing::new(inside.to_vec());
    let pair = kdf::aes_v1(permanent, Side::Client, msg_key);
    ige::decrypt(&pair.key, &pair.iv, plain.as_chunks_mut().0);
    let signed = plain.get(..HEAD + INNER)?;
    if !ct::same(&kdf::msg_key_v1(signed), msg_key) {
        return None;
    }
    let mut r = Reader::new(signed.get(16..)?);
    let (msg_id, seqno, len) = (r.i64().ok()?, r.i32().ok()?, r.i32().ok()?);
    if (seqno, usize::try_from(len)) != (0, Ok(INNER)) {
        return None;
    }
    BindAuthKeyInner::from_boxed(r.rest()).ok().map(|inner| (inner, msg_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bound_opens_with_the_permanent_key_alone() {
        let key = |n: u8| AuthKey::from_bytes(core::array::from_fn(|i| n ^ i as u8));
        let inner = BindAuthKeyInner {
            nonce: 1,
            temp_auth_key_id: 2,
            perm_auth_key_id: key(0).id_i64(),
            temp_session_id: 4,
            expires_at: 5,
        };
        let sealed = seal_bind(&key(0), &inner, 4096, &[3; 24]);
        assert_eq!(sealed.len(), BIND_MESSAGE);
        assert_eq!(open_bind(&key(0), &sealed), Some((inner, 4096)));
        assert_eq!(open_bind(&key(1), &sealed), None);
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            // The last eight bytes are padding that MTProto 1.0 does not authenticate: with IGE a change there spoils
            // the block that holds them, whose first half is authenticated.
            assert_eq!(open_bind(&key(0), &bad), None, "byte {at}");
        }
        assert_eq!(open_bind(&key(0), &sealed[..BIND_MESSAGE - 16]), None);
    }
}
