//! Sealing of a whole MTProto 2.0 message: header, padding, SHA-256, key derivation, IGE.

use crate::counting::allocations;
use crate::ige::limit;
use crate::measure::{Contender, Effort, Samples, measure};
use crate::other::Alone;
use crate::row::Row;
use bytes::BytesMut;
use grammers_crypto::{AuthKey as TheirKey, decrypt_data_v2};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::protocol::session::packet::{self, Header, Padding};
use nanogram::base::side::Side;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};
use std::hint::black_box;

pub const KEY: [u8; 256] = {
    let mut key = [0; 256];
    let mut i = 0;
    while i < 256 {
        key[i] = (i * 7 % 251) as u8;
        i += 1;
    }
    key
};
pub const HEADER: Header = Header { salt: 1, session_id: 2, msg_id: 3 << 32 | 1, seqno: 1 };

/// Name of the bare hashes and chain of blocks.
pub const FLOOR: &str = "hashes and AES";

/// Unavoidable work: SHA-256 over the plaintext, two over 52 bytes for the key, and a chain of AES blocks.
fn floor(encrypt: bool, plain: &[u8]) -> [u8; 16] {
    let large = Sha256::new().chain_update(&KEY[88..120]).chain_update(plain).finalize();
    let a = Sha256::new().chain_update(&large[8..24]).chain_update(&KEY[..36]).finalize();
    let b = Sha256::new().chain_update(&KEY[40..76]).chain_update(&large[8..24]).finalize();
    let key = std::array::from_fn(|i| if (8..24).contains(&i) { b[i] } else { a[i] });
    limit(encrypt, &key, plain.len() / 16)
}

/// Plaintext with minimal padding.
fn plain_of(body: usize) -> Vec<u8> {
    vec![1; (32 + body + 12).next_multiple_of(16)]
}

/// Seals like a session, which reuses one padding generator for all packets.
fn seal_ours(key: &AuthKey, body: &[u8], padding: &mut Padding) -> bytes::Bytes {
    packet::seal_with(key, Side::Client, &HEADER, body, padding, &mut SysRng).expect("entropy").0
}

/// Packet with minimal padding.
fn sealed(key: &AuthKey, body: &[u8]) -> bytes::Bytes {
    let packets = || packet::seal(key, Side::Server, &HEADER, body, &mut SysRng).expect("entropy").0;
    std::iter::repeat_with(packets).find(|packet| packet.len() == 24 + plain_of(body.len()).len()).expect("one in 16")
}

pub fn sealing(effort: Effort, alone: &Alone, bytes: usize) -> Vec<Samples> {
    let (ours, mut padding) = (AuthKey::from_bytes(KEY), Padding::default());
    let (body, plain) = (vec![1_u8; bytes], plain_of(bytes));
    let contenders = vec![
        Contender::new("nanogram", || seal_ours(&ours, black_box(&body), &mut padding)),
        alone.contender(format!("seal {bytes}")),
        Contender::new(FLOOR, || floor(true, black_box(&plain))),
    ];
    measure(effort, contenders)
}

pub fn opening(effort: Effort, alone: &Alone, bytes: usize) -> Vec<Samples> {
    let (ours, theirs) = (AuthKey::from_bytes(KEY), TheirKey::from_bytes(KEY));
    let (body, plain) = (vec![1_u8; bytes], plain_of(bytes));
    let sealed = sealed(&ours, &body);
    let opened = packet::open(&ours, Side::Server, BytesMut::from(&sealed[..])).expect("ours");
    let mut copy = sealed.to_vec();
    let read = decrypt_data_v2(&mut copy, &theirs).expect("theirs");
    assert_eq!(&opened.body[..], &read[32..32 + bytes]);
    alone.give(&sealed);
    let batch = (1 << 18) / sealed.len().clamp(1 << 10, 1 << 18);
    let contenders = vec![
        Contender::using(
            "nanogram",
            batch,
            |n| (0..n).map(|_| BytesMut::from(&sealed[..])).collect(),
            |packet| packet::open(&ours, Side::Server, packet),
        ),
        alone.contender("open".into()),
        Contender::new(FLOOR, || floor(false, black_box(&plain))),
    ];
    measure(effort, contenders)
}

pub fn rows(effort: Effort, alone: &Alone) -> Vec<Row> {
    const WHY: &str = "required for a whole message; SHA-256 and AES alone: 1.72 at 1 KiB, 1.65 at 16 KiB";
    let key = AuthKey::from_bytes(KEY);
    let mut rows = Vec::new();
    for (bytes, name, goal) in [(64, "64 B", None), (1 << 10, "1 KiB", Some(1.4)), (16 << 10, "16 KiB", Some(1.4))] {
        let body = vec![1_u8; bytes];
        let mut padding = Padding::default();
        seal_ours(&key, &body, &mut padding);
        let mut row = Row::new("sealed message", format!("seal {name}"), sealing(effort, alone, bytes))
            .allocating("nanogram", allocations(|| seal_ours(&key, &body, &mut padding)))
            .note("nanogram adds 12 to 267 random bytes of padding, so that lengths reveal less; grammers adds 17 to 32");
        row = match goal {
            Some(ratio) => row.goal("grammers", ratio, WHY),
            None => row.goal("grammers", 1.0, "not slower than grammers"),
        };
        rows.push(row);
        let packet = BytesMut::from(&sealed(&key, &body)[..]);
        let row = Row::new("sealed message", format!("open {name}"), opening(effort, alone, bytes))
            .allocating("nanogram", allocations(|| packet::open(&key, Side::Server, packet)))
            .goal("grammers", goal.unwrap_or(1.0), if goal.is_some() { WHY } else { "not slower than grammers" });
        rows.push(row);
    }
    rows
}
