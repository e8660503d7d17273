//! Description of the traffic from the bytes alone. An observer on the network sees the same, so the description cannot
//! contain secrets.

use crate::story::hex;
use nanogram::base::side::Side;
use nanogram::protocol::handshake::plain;
use nanogram::tl::{Combinator, Reader, Tl};
use nanogram::wire::mt::auth::{
    DhGenOk, ReqDhParams, ReqPqMulti, ResPqBare, ServerDhParams, SetClientDhParams, SetClientDhParamsAnswer,
};
use nanogram::wire::transport::{Frame, Framer, Framing};

/// Observation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Constructor name, or the kind of frame.
    pub(crate) name: &'static str,
    /// Description.
    pub(crate) what: String,
}

/// Observer on the network.
#[derive(Debug)]
pub(crate) struct Witness {
    to_server: Framer,
    to_client: Framer,
    has_seen_preamble: bool,
}

impl Witness {
    pub(crate) fn new() -> Self {
        let framer = |side| Framer::new(Framing::ABRIDGED, side);
        Self { to_server: framer(Side::Server), to_client: framer(Side::Client), has_seen_preamble: false }
    }

    /// Takes bytes sent by `from` and describes the frames that they complete.
    pub(crate) fn see(&mut self, from: Side, bytes: &[u8]) -> Vec<Sight> {
        let mut sights = Vec::new();
        if from == Side::Client && !self.has_seen_preamble && !bytes.is_empty() {
            // `ef` is the preamble of the abridged transport. Spec: mtproto/mtproto-transports
            self.has_seen_preamble = true;
            sights.push(Sight { name: "ef", what: "from here on: abridged frames".into() });
        }
        let framer = if from == Side::Client { &mut self.to_server } else { &mut self.to_client };
        framer.push(bytes);
        while let Ok(Some(frame)) = framer.next() {
            sights.push(match frame {
                Frame::Packet(packet) | Frame::AckWanted(packet) => packet_sight(from, &packet),
                Frame::QuickAck(token) => Sight { name: "quick ack", what: format!("token {token:08x}") },
                Frame::Fault(fault) => Sight { name: "transport error", what: fault.to_string() },
            });
        }
        sights
    }
}

fn packet_sight(from: Side, packet: &[u8]) -> Sight {
    if let Ok(plain) = plain::open(packet, from) {
        return plain_sight(plain.body).unwrap_or(Sight { name: "?", what: format!("{} bytes", packet.len()) });
    }
    // auth_key_id:8 | msg_key:16 | encrypted
    let msg_key = packet.get(8..24).map(hex).unwrap_or_default();
    let what = format!("msg_key {msg_key}, {} bytes of AES-256-IGE", packet.len().saturating_sub(24));
    Sight { name: "encrypted packet", what }
}

/// Describes a message of the key exchange.
fn plain_sight(body: &[u8]) -> Option<Sight> {
    let r = &mut Reader::new(body);
    Some(match r.peek()? {
        ReqPqMulti::ID => {
            let m = ReqPqMulti::read_boxed(r).ok()?;
            Sight { name: "req_pq_multi", what: format!("nonce {}", hex(&m.nonce)) }
        }
        ReqDhParams::ID => {
            let m = ReqDhParams::read_boxed(r).ok()?;
            let (p, q, sealed) = (number(&m.p.0), number(&m.q.0), m.encrypted_data.0.len());
            let what = format!(
                "p {p} · q {q}\nRSA key {}\n{sealed} bytes of RSA, with new_nonce in them",
                fingerprint(m.public_key_fingerprint)
            );
            Sight { name: "req_DH_params", what }
        }
        SetClientDhParams::ID => {
            let m = SetClientDhParams::read_boxed(r).ok()?;
            let what = format!("{} bytes of AES-256-IGE, with g_b in them", m.encrypted_data.0.len());
            Sight { name: "set_client_DH_params", what }
        }
        ResPqBare::ID => {
            let m = ResPqBare::read_boxed(r).ok()?;
            let keys: Vec<_> = m.server_public_key_fingerprints.iter().map(|f| fingerprint(*f)).collect();
            let what =
                format!("server_nonce {}\npq {}\nRSA key {}", hex(&m.server_nonce), number(&m.pq.0), keys.join(", "));
            Sight { name: "resPQ", what }
        }
        DhGenOk::ID => {
            let SetClientDhParamsAnswer::Ok(m) = SetClientDhParamsAnswer::read(r).ok()? else { return None };
            Sight { name: "dh_gen_ok", what: format!("new_nonce_hash1 {}", hex(&m.new_nonce_hash1)) }
        }
        _ => {
            let ServerDhParams::Ok(m) = ServerDhParams::read(r).ok()? else { return None };
            let what = format!("{} bytes of AES-256-IGE, with g, p, g_a in them", m.encrypted_answer.0.len());
            Sight { name: "server_DH_params_ok", what }
        }
    })
}

/// Formats a fingerprint in its usual form: 16 hexadecimal digits.
pub(crate) fn fingerprint(fingerprint: i64) -> String {
    format!("{fingerprint:016x}")
}

/// Formats a big-endian number of at most 64 bits in decimal.
fn number(bytes: &[u8]) -> String {
    match bytes.len() {
        0..=8 => bytes.iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte)).to_string(),
        _ => hex(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_is_named_however_the_bytes_are_cut() {
        let mut client = Framer::new(Framing::ABRIDGED, Side::Client);
        let mut wire = bytes::BytesMut::new();
        client.encode(&plain::seal(4, &ReqPqMulti { nonce: [0xab; 16] }.to_boxed()), &mut wire).unwrap();
        client.encode(&[7; 24 + 48], &mut wire).unwrap();
        let mut witness = Witness::new();
        let seen: Vec<_> = wire.chunks(3).flat_map(|bytes| witness.see(Side::Client, bytes)).collect();
        let names: Vec<_> = seen.iter().map(|sight| sight.name).collect();
        assert_eq!(names, ["ef", "req_pq_multi", "encrypted packet"]);
        assert_eq!(seen[1].what, format!("nonce {}", "ab".repeat(16)));
        assert!(seen[2].what.ends_with("48 bytes of AES-256-IGE"));
    }
}
