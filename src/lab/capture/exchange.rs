//! Verification of a recorded key exchange: every value that can be recomputed is compared with the recorded one.
//!
//! ```text
//! req_pq(_multi)         nonce
//! resPQ                  pq = p · q
//! req_DH_params          p · q again; RSA block ── private key, or a key log ──▶ new_nonce
//! server_DH_params_ok    new_nonce, server_nonce ──▶ tmp_aes ──▶ SHA-1, dh_prime, g, g_a
//! set_client_DH_params   the same tmp_aes ──▶ SHA-1, g_b
//! dh_gen_ok              auth_key, if it is known ──▶ new_nonce_hash1; first server_salt
//! ```
//!
//! A recording reveals neither `a` nor `b`, so nothing proves that `auth_key` equals `g_ab`. `new_nonce_hash1` does
//! prove that the server holds the auth key of the key log, as it is computed from that key.
//!
//! Spec: mtproto/auth_key

use super::Secrets;
use crate::crypto::dh::DhParams;
use crate::crypto::factor::factor;
use crate::crypto::{ct, ige, kdf, strip_zeros};
use crate::tl::schema::{Schema, Type, Value};
use crate::tl::{Combinator, DecodeError, Reader, Tl};
use crate::wire::mt::auth::{
    ClientDhInnerData, DhGenFail, DhGenOk, DhGenRetry, ReqDhParams, ReqPq, ReqPqMulti, ResPqBare, ServerDhInnerData,
    ServerDhParamsFail, ServerDhParamsOk, SetClientDhParams,
};
#[cfg(feature = "dc")]
use crate::{lab::server::rsa::RsaPrivateKey, wire::mt::auth::PqInnerData};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use sha1::{Digest, Sha1};

/// Finding about a packet of the key exchange.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Note<'s> {
    /// Check and its result.
    Checked(&'static str, Verdict),
    /// Computed value that is not on the wire.
    Computed(&'static str, Value<'s>),
    /// Decrypted value.
    Opened(&'static str, Value<'s>),
}

/// Result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Passed.
    Holds,
    /// Failed.
    Fails,
    /// Not checked, with the reason.
    Unknown(&'static str),
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

const NO_QUESTION: &str = "the question was not heard";
const NO_SECRET: &str = "new_nonce is not known";

/// Key exchanges of a recording, by `nonce`.
#[derive(Default)]
pub(super) struct Exchanges(BTreeMap<[u8; 16], Exchange>);

/// Values of one key exchange collected up to now.
#[derive(Default)]
struct Exchange {
    server_nonce: Option<[u8; 16]>,
    pq: Option<u64>,
    offered: Option<Vec<i64>>,
    new_nonce: Option<[u8; 32]>,
    dh: Option<DhParams>,
}

/// Findings about the current packet, with the inputs to the checks.
struct Look<'a, 's> {
    schema: &'s Schema<'static>,
    secrets: &'a Secrets,
    notes: Vec<Note<'s>>,
}

impl Exchanges {
    /// Takes one packet and returns the findings; a packet that is not part of a key exchange has none.
    pub(super) fn follow<'s>(&mut self, schema: &'s Schema<'static>, secrets: &Secrets, body: &[u8]) -> Vec<Note<'s>> {
        let mut look = Look { schema, secrets, notes: Vec::new() };
        let _ = self.take(&mut look, body);
        look.notes
    }

    fn take(&mut self, look: &mut Look<'_, '_>, body: &[u8]) -> Result<(), DecodeError> {
        let mut r = Reader::new(body);
        let (id, nonce) = (r.u32()?, *r.clone().array()?);
        if let ReqPq::ID | ReqPqMulti::ID = id {
            // A repeated request with the same nonce begins the exchange anew.
            self.0.insert(nonce, Exchange::default());
            return Ok(());
        }
        let known = self.0.contains_key(&nonce);
        look.check("nonce", if known { Verdict::Holds } else { Verdict::Unknown(NO_QUESTION) });
        let it = self.0.entry(nonce).or_default();
        match id {
            ResPqBare::ID => it.res_pq(look, ResPqBare::read(&mut r)?),
            ReqDhParams::ID => it.req_dh_params(look, &ReqDhParams::read(&mut r)?),
            ServerDhParamsOk::ID => it.server_dh_params(look, &ServerDhParamsOk::read(&mut r)?),
            ServerDhParamsFail::ID => it.server_dh_fail(look, &ServerDhParamsFail::read(&mut r)?),
            SetClientDhParams::ID => it.client_dh_params(look, &SetClientDhParams::read(&mut r)?),
            DhGenOk::ID => {
                let DhGenOk { server_nonce, new_nonce_hash1, .. } = DhGenOk::read(&mut r)?;
                it.dh_gen(look, 1, "new_nonce_hash1", &server_nonce, &new_nonce_hash1);
            }
            DhGenRetry::ID => {
                let DhGenRetry { server_nonce, new_nonce_hash2, .. } = DhGenRetry::read(&mut r)?;
                it.dh_gen(look, 2, "new_nonce_hash2", &server_nonce, &new_nonce_hash2);
            }
            DhGenFail::ID => {
                let DhGenFail { server_nonce, new_nonce_hash3, .. } = DhGenFail::read(&mut r)?;
                it.dh_gen(look, 3, "new_nonce_hash3", &server_nonce, &new_nonce_hash3);
            }
            _ => look.notes.clear(),
        }
        Ok(())
    }
}

impl<'s> Look<'_, 's> {
    fn check(&mut self, what: &'static str, verdict: impl Into<Verdict>) {
        self.notes.push(Note::Checked(what, verdict.into()));
    }
    fn check_known(&mut self, what: &'static str, why_not: &'static str, holds: Option<bool>) {
        self.check(what, holds.map_or(Verdict::Unknown(why_not), Verdict::from));
    }
    fn compute(&mut self, what: &'static str, bytes: &[u8]) {
        self.notes.push(Note::Computed(what, Value::Bytes(bytes.to_vec())));
    }
    /// Records a decrypted value in decoded form.
    fn open(&mut self, what: &'static str, bytes: &[u8]) {
        let value = self.schema.read(&mut Reader::new(bytes), &Type::Any);
        self.notes.extend(value.map(|value| Note::Opened(what, value)));
    }
}

impl Exchange {
    fn check_server_nonce(&self, look: &mut Look<'_, '_>, server_nonce: &[u8; 16]) {
        look.check_known("server_nonce", NO_QUESTION, self.server_nonce.map(|known| known == *server_nonce));
    }

    fn res_pq(&mut self, look: &mut Look<'_, '_>, said: ResPqBare) {
        self.server_nonce = Some(said.server_nonce);
        self.offered = Some(said.server_public_key_fingerprints);
        self.pq = number(&said.pq.0);
        match self.pq.and_then(factor) {
            Some((p, q)) => {
                look.check("pq is a product of two primes", true);
                look.compute("p", strip_zeros(&p.to_be_bytes()));
                look.compute("q", strip_zeros(&q.to_be_bytes()));
            }
            None => look.check("pq is a product of two primes", false),
        }
    }

    fn req_dh_params(&mut self, look: &mut Look<'_, '_>, said: &ReqDhParams) {
        self.check_server_nonce(look, &said.server_nonce);
        let (p, q) = (number(&said.p.0), number(&said.q.0));
        let product = p.zip(q).and_then(|(p, q)| p.checked_mul(q));
        look.check_known("p · q = pq", NO_QUESTION, self.pq.map(|pq| product == Some(pq)));
        // The spec asks for p < q. Spec: mtproto/auth_key
        look.check("p < q", p < q);
        let fingerprint = said.public_key_fingerprint;
        let offered = self.offered.as_ref().map(|offered| offered.contains(&fingerprint));
        look.check_known("fingerprint was offered", NO_QUESTION, offered);
        self.new_nonce = look.secrets.new_nonces.get(&said.nonce).copied();
        self.open_rsa(look, said);
        if let Some(new_nonce) = &self.new_nonce {
            let tmp = kdf::tmp_aes(new_nonce, &said.server_nonce);
            look.compute("tmp_aes_key", &tmp.key);
            look.compute("tmp_aes_iv", &tmp.iv);
        }
    }

    #[cfg(not(feature = "dc"))]
    fn open_rsa(&mut self, look: &mut Look<'_, '_>, _: &ReqDhParams) {
        look.check("RSA block", Verdict::Unknown("private keys need the feature `dc`"));
    }

    #[cfg(feature = "dc")]
    fn open_rsa(&mut self, look: &mut Look<'_, '_>, said: &ReqDhParams) {
        let fits = |key: &&RsaPrivateKey| key.public().fingerprint() == said.public_key_fingerprint;
        let Some(key) = look.secrets.rsa.iter().find(fits) else {
            return look.check("RSA block", Verdict::Unknown("the private key is not known"));
            // Another server's key cannot open the block: nothing is known, which is not a failed check.
        };
        let block = said.encrypted_data.0.as_slice().try_into().ok();
        let Some(opened) = block.and_then(|block| key.open(block)) else { return look.check("RSA block", false) };
        let mut r = Reader::new(opened.bytes());
        let Ok(inner) = PqInnerData::read(&mut r) else { return look.check("RSA block", false) };
        let len = r.position();
        let form = if opened.is_old() { "RSA block (SHA-1, before 2021)" } else { "RSA block (RSA_PAD)" };
        look.check(form, opened.proves(len));
        look.open("inner data", opened.bytes().get(..len).unwrap_or_default());
        let (pq, p, q, nonce, server_nonce, new_nonce) = match &inner {
            PqInnerData::Old(d) => (&d.pq, &d.p, &d.q, d.nonce, d.server_nonce, d.new_nonce.0),
            PqInnerData::Dc(d) => (&d.pq, &d.p, &d.q, d.nonce, d.server_nonce, d.new_nonce.0),
            PqInnerData::Temp(d) => (&d.pq, &d.p, &d.q, d.nonce, d.server_nonce, d.new_nonce.0),
            PqInnerData::TempDc(d) => (&d.pq, &d.p, &d.q, d.nonce, d.server_nonce, d.new_nonce.0),
        };
        look.check("inner nonces", nonce == said.nonce && server_nonce == said.server_nonce);
        let inner_pq = number(&pq.0);
        look.check_known("inner pq", NO_QUESTION, self.pq.map(|pq| inner_pq == Some(pq)));
        look.check("inner p and q", *p == said.p && *q == said.q);
        if let Some(logged) = self.new_nonce {
            look.check("new_nonce of the key log", ct::same(&logged, &new_nonce));
        }
        self.new_nonce = Some(new_nonce);
    }

    fn server_dh_params(&mut self, look: &mut Look<'_, '_>, said: &ServerDhParamsOk) {
        self.check_server_nonce(look, &said.server_nonce);
        let Some(answer) = self.hidden(look, "answer_hash", &said.encrypted_answer.0, &said.server_nonce) else {
            return;
        };
        let Ok(inner) = ServerDhInnerData::read_boxed(&mut Reader::new(&answer)) else { return };
        look.open("answer", &answer);
        look.check("inner nonces", inner.nonce == said.nonce && inner.server_nonce == said.server_nonce);
        let dh = DhParams::check(inner.g, &inner.dh_prime.0);
        look.check("dh_prime is safe and g generates", dh.is_ok());
        self.dh = dh.ok();
        if let Some(dh) = &self.dh {
            look.check("g_a in range", dh.check_public(&inner.g_a.0).is_ok());
        }
    }

    fn server_dh_fail(&self, look: &mut Look<'_, '_>, said: &ServerDhParamsFail) {
        self.check_server_nonce(look, &said.server_nonce);
        let hash = self.new_nonce.map(|new_nonce| Sha1::digest(new_nonce).get(4..) == Some(&said.new_nonce_hash));
        look.check_known("new_nonce_hash", NO_SECRET, hash);
    }

    fn client_dh_params(&self, look: &mut Look<'_, '_>, said: &SetClientDhParams) {
        self.check_server_nonce(look, &said.server_nonce);
        let Some(data) = self.hidden(look, "data_hash", &said.encrypted_data.0, &said.server_nonce) else { return };
        let Ok(inner) = ClientDhInnerData::read_boxed(&mut Reader::new(&data)) else { return };
        look.open("data", &data);
        look.check("inner nonces", inner.nonce == said.nonce && inner.server_nonce == said.server_nonce);
        if let Some(dh) = &self.dh {
            look.check("g_b in range", dh.check_public(&inner.g_b.0).is_ok());
        }
    }

    /// `AES-IGE( SHA1(value):20 | value | padding:0..15 )`: decrypts it, checks the hash and returns the value.
    fn hidden(
        &self,
        look: &mut Look<'_, '_>,
        what: &'static str,
        sealed: &[u8],
        server_nonce: &[u8; 16],
    ) -> Option<Vec<u8>> {
        let Some(new_nonce) = &self.new_nonce else {
            look.check(what, Verdict::Unknown(NO_SECRET));
            return None;
        };
        let pair = kdf::tmp_aes(new_nonce, server_nonce);
        let mut plain = sealed.to_vec();
        let (blocks, rest) = plain.as_chunks_mut();
        ige::decrypt(&pair.key, &pair.iv, blocks);
        let is_whole = rest.is_empty();
        let value = plain.split_first_chunk::<20>().and_then(|(hash, padded)| {
            let mut r = Reader::new(padded);
            look.schema.read(&mut r, &Type::Any).ok()?;
            let value = padded.get(..r.position())?;
            // Row A7 of docs/security.md: at most 15 bytes of padding.
            let good = is_whole && r.rest().len() < 16 && ct::same(hash, &Sha1::digest(value));
            good.then(|| value.to_vec())
        });
        look.check(what, value.is_some());
        value
    }

    fn dh_gen(&self, look: &mut Look<'_, '_>, n: u8, what: &'static str, server_nonce: &[u8; 16], hash: &[u8; 16]) {
        self.check_server_nonce(look, server_nonce);
        let Some(new_nonce) = &self.new_nonce else { return look.check(what, Verdict::Unknown(NO_SECRET)) };
        let key = look.secrets.keys().find(|key| ct::same(&key.new_nonce_hash(n, new_nonce), hash));
        let Some(key) = key else { return look.check(what, Verdict::Unknown("the auth key is not known")) };
        let id = key.id();
        look.check(what, true);
        look.compute("auth_key_id", &id);
        if n == 1 {
            // server_salt = new_nonce[0..8] xor server_nonce[0..8]. Spec: mtproto/auth_key
            let half = |nonce: &[u8]| nonce.first_chunk().copied().map_or(0, i64::from_le_bytes);
            look.notes.push(Note::Computed("server_salt", Value::Long(half(new_nonce) ^ half(server_nonce))));
        }
    }
}

/// Reads a big-endian number of at most 8 bytes.
fn number(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
