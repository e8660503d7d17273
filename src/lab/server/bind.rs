//! Opening of `auth.bindTempAuthKey`'s `encrypted_message`: the server's half of [`seal_bind`].
//!
//! [`seal_bind`]: crate::protocol::session::bind::seal_bind

use crate::base::side::Side;
use crate::crypto::auth_key::AuthKey;
use crate::crypto::{ct, ige, kdf};
use crate::protocol::session::bind::BIND_MESSAGE;
use crate::tl::{Combinator, Reader};
use crate::wire::mt::service::BindAuthKeyInner;
use zeroize::Zeroizing;

/// Bytes of plaintext: head:32 | inner:40 | padding:8.
const INSIDE: usize = BIND_MESSAGE - 24;
/// Bytes in front of the inner value.
const HEAD: usize = 32;
/// Bytes of the inner value with its constructor id.
const INNER: usize = 40;

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
    use crate::protocol::session::bind::seal_bind;

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
