//! Faults of the key exchange: a server that gets one thing wrong on purpose, to see whether a client believes it.
//!
//! ```text
//! request ──▶ ServerHandshake ──▶ the values of an answer ──▶ written, encrypted ──▶ plain message
//!             honest                  ▲ one is changed            ▲ another hash        ▲ another id or length
//!                                     └────────────────────── FaultyHandshake ──────────┘
//! ```
//!
//! The honest server knows nothing of it. A lie changes one answer, or one thing in it; all before it is as it must be.
//!
//! Spec: mtproto/security_guidelines

use super::handshake::{Answer, DhParamsReply, Reply, RequestError, ServerConfig, ServerHandshake, Step, written};
use crate::base::entropy::{self, Entropy, EntropyFailed};
use crate::base::time::UnixTime;
use crate::crypto::dh::KNOWN_PRIME;
use crate::crypto::ige;
use crate::protocol::handshake::seal;
use crate::tl::{Blob, Combinator};
use crate::wire::mt::auth::{
    DhGenFail, DhGenRetry, ResPq, ResPqBare, ServerDhInnerData, ServerDhParams, ServerDhParamsFail,
    SetClientDhParamsAnswer,
};
use alloc::vec;
use alloc::vec::Vec;
use sha1::{Digest, Sha1};

/// The primes below 2^21 that a number of three factors is made of.
const THREE: [u64; 3] = [2_097_143, 2_097_133, 2_097_131];

/// Which of the server's three answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// `resPQ`
    ResPq,
    /// `server_DH_params_ok`
    DhParams,
    /// `dh_gen_ok`
    DhGen,
}

/// A number that is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// 0
    Zero,
    /// 1
    One,
    /// A prime below 2^63.
    Prime63,
    /// The square of a prime, below 2^63.
    Square,
    /// A product of three primes, below 2^63.
    ThreePrimes,
    /// 64 bytes.
    Bytes64,
    /// 2^2048 - 1, which is not prime.
    Composite,
    /// 2^2048 - 1557: a prime, and its half is none.
    NotSafe,
    /// 2^1024 - 1093337: a safe prime of 1024 bits.
    Safe1024,
    /// 2^2048 + 981: a prime of 2049 bits.
    Prime2049,
    /// p - 1, of the known prime.
    PMinusOne,
    /// The known prime itself.
    P,
    /// 2^1983: below what is allowed.
    Low,
    /// p - 2^1983: above what is allowed.
    High,
}

impl Number {
    /// Big-endian bytes of the number.
    pub fn bytes(self) -> Vec<u8> {
        let below = |len: usize, less: u32| {
            // 2^(8 len) - less: all ones but for the last four bytes.
            let mut bytes = vec![0xff; len - 4];
            bytes.extend_from_slice(&0_u32.wrapping_sub(less).to_be_bytes());
            bytes
        };
        match self {
            Self::Zero => vec![0],
            Self::One => vec![1],
            Self::Prime63 => 9_223_372_036_854_775_783_u64.to_be_bytes().to_vec(),
            Self::Square => 3_037_000_493_u64.pow(2).to_be_bytes().to_vec(),
            Self::ThreePrimes => THREE.iter().product::<u64>().to_be_bytes().to_vec(),
            Self::Bytes64 => vec![0xff; 64],
            Self::Composite => below(256, 1),
            Self::NotSafe => below(256, 1557),
            Self::Safe1024 => below(128, 1_093_337),
            Self::Prime2049 => {
                let mut bytes = vec![0; 257];
                bytes.splice(..1, [1]);
                bytes.splice(255.., 981_u16.to_be_bytes());
                bytes
            }
            Self::PMinusOne => {
                let mut bytes = KNOWN_PRIME.to_vec();
                bytes.iter_mut().rev().take(1).for_each(|last| *last -= 1); // p is odd
                bytes
            }
            Self::P => KNOWN_PRIME.to_vec(),
            Self::Low => {
                let mut bytes = vec![0; 248];
                bytes.splice(..1, [0x80]);
                bytes
            }
            Self::High => {
                // The eighth byte holds 2^1984 to 2^1991, the one after it 2^1983 as its highest bit.
                let mut bytes = KNOWN_PRIME.to_vec();
                let mut borrow = 0x80;
                for byte in bytes.iter_mut().take(9).rev() {
                    let (less, over) = byte.overflowing_sub(borrow);
                    (*byte, borrow) = (less, u8::from(over));
                }
                bytes
            }
        }
    }
}

/// One thing that a server gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lie {
    /// Another `nonce` in this answer.
    Nonce(At),
    /// Another `server_nonce` in this answer, the second or third.
    ServerNonce(At),
    /// Another `nonce` in what is encrypted.
    InnerNonce,
    /// Another `server_nonce` in what is encrypted.
    InnerServerNonce,
    /// Only a fingerprint that nobody knows.
    Fingerprint,
    /// This for `pq`.
    Pq(Number),
    /// This for `g`.
    Generator(i32),
    /// This for `dh_prime`.
    Prime(Number),
    /// This for `g_a`.
    Public(Number),
    /// The hash of the encrypted answer is of something else.
    AnswerHash,
    /// The hash of the encrypted answer covers the padding, too.
    HashOverPadding,
    /// 16 to 31 bytes of padding behind the encrypted answer.
    LongPadding,
    /// So many zeros as the encrypted answer.
    AnswerLen(usize),
    /// `server_DH_params_fail` with a hash made of nothing, or with the right one.
    ParamsFail {
        /// The hash is right.
        proved: bool,
    },
    /// `new_nonce_hash1` with a flipped bit.
    NewNonceHash,
    /// `new_nonce_hash2` in `dh_gen_ok`.
    HashOfRetry,
    /// `dh_gen_retry` with a hash made of nothing.
    ForgedRetry,
    /// `dh_gen_fail` with a hash made of nothing.
    ForgedFail,
    /// An id that only clients use, for the plain message.
    MsgId(At),
    /// This as the length of the plain message's body.
    Len(At, i32),
    /// So many bytes after the value, which every client must leave alone.
    Junk(At, usize),
    /// An encrypted packet in place of the answer.
    Encrypted(At),
    /// No answer.
    Stall(At),
}

/// A server that tells a lie, or none.
#[derive(Debug)]
pub struct FaultyHandshake {
    server: ServerHandshake,
    lie: Option<Lie>,
}

impl FaultyHandshake {
    /// Waits for a client, to tell it this lie.
    #[must_use]
    pub fn new(config: ServerConfig, lie: Option<Lie>) -> Self {
        Self { server: ServerHandshake::new(config), lie }
    }

    /// Handles a request like [`ServerHandshake::handle`], with the fault. No answer is empty.
    ///
    /// # Errors
    /// Those of [`ServerHandshake::handle`].
    pub fn handle(&mut self, now: UnixTime, request: &[u8], entropy: &mut dyn Entropy) -> Result<Answer, RequestError> {
        let Some(lie) = self.lie else { return self.server.handle(now, request, entropy) };
        match self.server.step(now, request, entropy)? {
            Step::Again(send) => Ok(Answer { send, grant: None }),
            Step::Reply(reply, next, grant) => {
                let (at, body) = lie.write(reply, entropy)?;
                let mut packet = self.server.envelope(now, &body);
                lie.envelope(at, &mut packet, entropy)?;
                Ok(Answer { send: self.server.sent(request, packet, next), grant })
            }
        }
    }
}

const FORGED: [u8; 16] = [0x5a; 16];

fn flip(bytes: &mut [u8; 16]) {
    let [first, ..] = bytes;
    *first ^= 1;
}

impl Lie {
    /// The answer and its body, with the lie in it if it is the one.
    fn write(self, reply: Reply, entropy: &mut dyn Entropy) -> Result<(At, Vec<u8>), EntropyFailed> {
        Ok(match reply {
            Reply::ResPq(mut answer) => {
                self.res_pq(&mut answer);
                (At::ResPq, written(&ResPq::Only(answer)))
            }
            Reply::DhParams(mut reply) => {
                self.inner(&mut reply.data);
                let mut answer = reply.answer(self.sealed(&reply, entropy)?);
                self.params(&mut answer, reply.nonces.params_hash());
                (At::DhParams, written(&answer))
            }
            Reply::DhGen(reply) => {
                let mut answer = reply.answer();
                self.dh_gen(&mut answer, reply.hash(2));
                (At::DhGen, written(&answer))
            }
        })
    }

    fn res_pq(self, answer: &mut ResPqBare) {
        match self {
            Self::Nonce(At::ResPq) => flip(&mut answer.nonce),
            Self::Fingerprint => answer.server_public_key_fingerprints = vec![0x7e57_7e57_7e57_7e57],
            Self::Pq(number) => answer.pq = Blob(number.bytes()),
            _ => {}
        }
    }

    fn inner(self, data: &mut ServerDhInnerData) {
        match self {
            Self::InnerNonce => flip(&mut data.nonce),
            Self::InnerServerNonce => flip(&mut data.server_nonce),
            Self::Generator(g) => data.g = g,
            Self::Prime(number) => data.dh_prime = Blob(number.bytes()),
            Self::Public(number) => data.g_a = Blob(number.bytes()),
            _ => {}
        }
    }

    fn sealed(self, reply: &DhParamsReply, entropy: &mut dyn Entropy) -> Result<Vec<u8>, EntropyFailed> {
        let DhParamsReply { data, tmp_aes: aes, .. } = reply;
        let value = data.to_boxed();
        let pad = |len: usize| len.next_multiple_of(16) - len;
        let (hash, padding): ([u8; 20], usize) = match self {
            Self::AnswerLen(len) => return Ok(vec![0; len]),
            Self::AnswerHash => ([0x5a; 20], pad(20 + value.len())),
            Self::LongPadding => (Sha1::digest(&value).into(), 16 + pad(20 + value.len())),
            Self::HashOverPadding => {
                // At least one byte, or there would be nothing wrong.
                let padding = (20 + value.len() + 1).next_multiple_of(16) - (20 + value.len());
                let covered = [&value[..], &vec![0; padding]].concat();
                (Sha1::digest(&covered).into(), padding)
            }
            _ => return seal(data, aes, entropy),
        };
        let mut out = [&hash[..], &value, &vec![0; padding]].concat();
        ige::encrypt(&aes.key, &aes.iv, out.as_chunks_mut().0);
        Ok(out)
    }

    /// `params_hash` proves a failure.
    fn params(self, answer: &mut ServerDhParams, params_hash: [u8; 16]) {
        let ServerDhParams::Ok(ok) = answer else { return };
        match self {
            Self::Nonce(At::DhParams) => flip(&mut ok.nonce),
            Self::ServerNonce(At::DhParams) => flip(&mut ok.server_nonce),
            Self::ParamsFail { proved } => {
                let (nonce, server_nonce) = (ok.nonce, ok.server_nonce);
                let new_nonce_hash = if proved { params_hash } else { FORGED };
                *answer = ServerDhParams::Fail(ServerDhParamsFail { nonce, server_nonce, new_nonce_hash });
            }
            _ => {}
        }
    }

    /// `hash2` proves a retry.
    fn dh_gen(self, answer: &mut SetClientDhParamsAnswer, hash2: [u8; 16]) {
        let SetClientDhParamsAnswer::Ok(ok) = answer else { return };
        let (nonce, server_nonce) = (ok.nonce, ok.server_nonce);
        match self {
            Self::Nonce(At::DhGen) => flip(&mut ok.nonce),
            Self::ServerNonce(At::DhGen) => flip(&mut ok.server_nonce),
            Self::NewNonceHash => flip(&mut ok.new_nonce_hash1),
            Self::HashOfRetry => ok.new_nonce_hash1 = hash2,
            Self::ForgedRetry => *answer = DhGenRetry { nonce, server_nonce, new_nonce_hash2: FORGED }.into(),
            Self::ForgedFail => *answer = DhGenFail { nonce, server_nonce, new_nonce_hash3: FORGED }.into(),
            _ => {}
        }
    }

    /// Changes the plain message of the answer `here`, if the fault concerns it.
    fn envelope(self, here: At, packet: &mut Vec<u8>, entropy: &mut dyn Entropy) -> Result<(), EntropyFailed> {
        match self {
            Self::MsgId(at) if at == here => packet.iter_mut().skip(8).take(1).for_each(|low| *low &= !3),
            Self::Len(at, len) if at == here => {
                packet.splice(16..20, len.to_le_bytes());
            }
            Self::Junk(at, more) if at == here => {
                let len = u32::try_from(packet.len() + more - 20).unwrap_or(u32::MAX);
                packet.splice(16..20, len.to_le_bytes());
                packet.extend((0..more).map(|_| 0xa5));
            }
            Self::Encrypted(at) if at == here => *packet = entropy::bytes::<120>(entropy)?.to_vec(),
            Self::Stall(at) if at == here => packet.clear(),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::dh::DhParams;
    use crate::crypto::factor::factor;

    #[test]
    fn every_number_is_as_wrong_as_it_says() {
        for number in [Number::Composite, Number::NotSafe, Number::Safe1024, Number::Prime2049] {
            assert!(DhParams::check(4, &number.bytes()).is_err(), "{number:?}");
        }
        let params = DhParams::check(3, &KNOWN_PRIME).unwrap();
        for number in [Number::Zero, Number::One, Number::PMinusOne, Number::P, Number::Low, Number::High] {
            assert!(params.check_public(&number.bytes()).is_err(), "{number:?}");
        }
        // One more, or one less, and they are allowed: they stand right at the border.
        let (mut low, mut high) = (Number::Low.bytes(), Number::High.bytes());
        low.insert(0, 1);
        assert!(params.check_public(&low).is_ok());
        high[8] = high[8].wrapping_sub(0x80);
        high[7] -= u8::from(high[8] >= 0x80);
        assert!(params.check_public(&high).is_ok());
        for number in [Number::Prime63, Number::Square, Number::ThreePrimes] {
            let number = u64::from_be_bytes(number.bytes().try_into().unwrap());
            assert!(number >> 62 == 1 && factor(number).is_none(), "{number}");
        }
    }
}
