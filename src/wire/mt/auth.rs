//! TL constructors of the auth key exchange, in the order in which they are sent.
//!
//! ```text
//! client                                     server
//! req_pq_multi ──────────────────────────▶
//!              ◀────────────────────────── resPQ
//! req_DH_params( RSA( p_q_inner_data_dc ) ) ▶
//!              ◀── server_DH_params_ok( AES( server_DH_inner_data ) )
//! set_client_DH_params( AES( client_DH_inner_data ) ) ▶
//!              ◀────────────────────────── dh_gen_ok | dh_gen_retry | dh_gen_fail
//! ```
//!
//! Byte strings that are numbers (`pq`, `p`, `q`, `dh_prime`, `g_a`, `g_b`) are big-endian without leading zeros.
//! Spec: mtproto/auth_key

use crate::tl::line::Shape;
use crate::tl::{Blob, DecodeError, Reader, Tl};
use crate::{tl, tl_type};
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroize;

/// The client's 32-byte secret for one key exchange. Anyone who knows it can decrypt the exchange. Wiped on drop.
#[derive(Clone, PartialEq)]
pub struct NewNonce(pub [u8; 32]);

impl Tl for NewNonce {
    const SHAPE: Shape = Shape::Named("int256");
    const LEAST: usize = 32;
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array().copied().map(Self)
    }
}
impl Drop for NewNonce {
    fn drop(&mut self) {
        // Together with recorded traffic, the nonce reveals the temporary AES key and so `g_a` and `g_b`.
        self.0.zeroize();
    }
}
impl fmt::Debug for NewNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewNonce(..)")
    }
}

tl! {
    /// Request for `pq`, old form: the server offers a single RSA key.
    "req_pq#60469778 nonce:int128 = ResPQ;"
    struct ReqPq { nonce: [u8; 16] } -> ResPq

    /// Request for `pq`: the server offers all its RSA keys.
    "req_pq_multi#be7e8ef1 nonce:int128 = ResPQ;"
    struct ReqPqMulti { nonce: [u8; 16] } -> ResPq

    /// The number to factor and the fingerprints of the server's RSA keys.
    "resPQ#05162463 nonce:int128 server_nonce:int128 pq:bytes server_public_key_fingerprints:Vector<long> = ResPQ;"
    struct ResPqBare { nonce: [u8; 16], server_nonce: [u8; 16], pq: Blob, server_public_key_fingerprints: Vec<i64> }

    /// RSA-encrypted data without a data centre: the factors of `pq` and the secret `new_nonce`. Only old clients send
    /// it.
    "p_q_inner_data#83c95aec pq:bytes p:bytes q:bytes nonce:int128 server_nonce:int128 new_nonce:int256 = P_Q_inner_data;"
    struct PqInnerDataOld { pq: Blob, p: Blob, q: Blob, nonce: [u8; 16], server_nonce: [u8; 16], new_nonce: NewNonce }

    /// RSA-encrypted data that bind the exchange to a data centre: `dc` is its number, plus 10000 in the test
    /// environment, and negative for a media-only data centre.
    "p_q_inner_data_dc#a9f55f95 pq:bytes p:bytes q:bytes nonce:int128 server_nonce:int128 new_nonce:int256 dc:int = P_Q_inner_data;"
    struct PqInnerDataDc { pq: Blob, p: Blob, q: Blob, nonce: [u8; 16], server_nonce: [u8; 16], new_nonce: NewNonce, dc: i32 }

    /// RSA-encrypted data for a temporary key valid for `expires_in` seconds, old form without a data centre.
    "p_q_inner_data_temp#3c6a84d4 pq:bytes p:bytes q:bytes nonce:int128 server_nonce:int128 new_nonce:int256 expires_in:int = P_Q_inner_data;"
    struct PqInnerDataTemp { pq: Blob, p: Blob, q: Blob, nonce: [u8; 16], server_nonce: [u8; 16], new_nonce: NewNonce, expires_in: i32 }

    /// RSA-encrypted data for a temporary key valid for `expires_in` seconds.
    "p_q_inner_data_temp_dc#56fddf88 pq:bytes p:bytes q:bytes nonce:int128 server_nonce:int128 new_nonce:int256 dc:int expires_in:int = P_Q_inner_data;"
    struct PqInnerDataTempDc { pq: Blob, p: Blob, q: Blob, nonce: [u8; 16], server_nonce: [u8; 16], new_nonce: NewNonce, dc: i32, expires_in: i32 }

    /// Request for the Diffie-Hellman parameters, with the factors of `pq` and the RSA block of 256 bytes.
    "req_DH_params#d712e4be nonce:int128 server_nonce:int128 p:bytes q:bytes public_key_fingerprint:long encrypted_data:bytes = Server_DH_Params;"
    struct ReqDhParams { nonce: [u8; 16], server_nonce: [u8; 16], p: Blob, q: Blob, public_key_fingerprint: i64, encrypted_data: Blob } -> ServerDhParams

    /// Rejection of the request. `new_nonce_hash` is bytes 4..20 of SHA-1(`new_nonce`). Current servers send the
    /// transport error -404 instead.
    "server_DH_params_fail#79cb045d nonce:int128 server_nonce:int128 new_nonce_hash:int128 = Server_DH_Params;"
    struct ServerDhParamsFail { nonce: [u8; 16], server_nonce: [u8; 16], new_nonce_hash: [u8; 16] }

    /// The server's half of the Diffie-Hellman exchange: `AES-IGE( SHA-1(answer):20 | answer | 0..15 random )`.
    "server_DH_params_ok#d0e8075c nonce:int128 server_nonce:int128 encrypted_answer:bytes = Server_DH_Params;"
    struct ServerDhParamsOk { nonce: [u8; 16], server_nonce: [u8; 16], encrypted_answer: Blob }

    /// Plaintext of the server's half: generator, prime, `g^a` and the server's time in seconds since 1970.
    "server_DH_inner_data#b5890dba nonce:int128 server_nonce:int128 g:int dh_prime:bytes g_a:bytes server_time:int = Server_DH_inner_data;"
    struct ServerDhInnerData { nonce: [u8; 16], server_nonce: [u8; 16], g: i32, dh_prime: Blob, g_a: Blob, server_time: i32 }

    /// Plaintext of the client's half. `retry_id` is 0 in the first attempt, then the auxiliary hash of the rejected
    /// key.
    "client_DH_inner_data#6643b654 nonce:int128 server_nonce:int128 retry_id:long g_b:bytes = Client_DH_Inner_Data;"
    struct ClientDhInnerData { nonce: [u8; 16], server_nonce: [u8; 16], retry_id: i64, g_b: Blob }

    /// The client's half of the Diffie-Hellman exchange: `AES-IGE( SHA-1(data):20 | data | 0..15 random )`.
    "set_client_DH_params#f5045f1f nonce:int128 server_nonce:int128 encrypted_data:bytes = Set_client_DH_params_answer;"
    struct SetClientDhParams { nonce: [u8; 16], server_nonce: [u8; 16], encrypted_data: Blob } -> SetClientDhParamsAnswer

    /// Confirmation: the auth key has been created.
    "dh_gen_ok#3bcbf734 nonce:int128 server_nonce:int128 new_nonce_hash1:int128 = Set_client_DH_params_answer;"
    struct DhGenOk { nonce: [u8; 16], server_nonce: [u8; 16], new_nonce_hash1: [u8; 16] }

    /// Request for another attempt with a new `b`: the server already has a key with this id.
    "dh_gen_retry#46dc1fb9 nonce:int128 server_nonce:int128 new_nonce_hash2:int128 = Set_client_DH_params_answer;"
    struct DhGenRetry { nonce: [u8; 16], server_nonce: [u8; 16], new_nonce_hash2: [u8; 16] }

    /// Failure of the key exchange, which must be restarted.
    "dh_gen_fail#a69dae02 nonce:int128 server_nonce:int128 new_nonce_hash3:int128 = Set_client_DH_params_answer;"
    struct DhGenFail { nonce: [u8; 16], server_nonce: [u8; 16], new_nonce_hash3: [u8; 16] }
}

tl_type! {
    /// The server's answer to `req_pq_multi`.
    "ResPQ" enum ResPq { Only(ResPqBare) }
    /// RSA-encrypted data of the client, in one of four forms.
    "P_Q_inner_data" enum PqInnerData { Old(PqInnerDataOld), Dc(PqInnerDataDc), Temp(PqInnerDataTemp), TempDc(PqInnerDataTempDc) }
    /// The server's answer to `req_DH_params`.
    "Server_DH_Params" enum ServerDhParams { Fail(ServerDhParamsFail), Ok(ServerDhParamsOk) }
    /// The server's answer to `set_client_DH_params`.
    "Set_client_DH_params_answer" enum SetClientDhParamsAnswer { Ok(DhGenOk), Retry(DhGenRetry), Fail(DhGenFail) }
}
