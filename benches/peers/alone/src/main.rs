//! Ciphers of grammers, driven over stdin: each command is a line, and each answer a line on stdout.
//!
//! ```text
//! encrypt BYTES N · decrypt BYTES N · seal BYTES N      nanoseconds of processor time for all N
//! packet HEX                                            sets the packet for the commands below
//! open N · reply N                                      like above: decrypts it; decodes a resolvedPeer by the session
//! call                                                  a packet of the session, in hex
//! ```

#[path = "../../src/cpu.rs"]
mod cpu;

use cpu::Instant;
use grammers_crypto::aes::{ige_decrypt, ige_encrypt};
use grammers_crypto::{AuthKey, DequeBuffer, decrypt_data_v2, encrypt_data_v2};
use grammers_mtproto::mtp::{Deserialization, Encrypted, Mtp};
use grammers_tl_types::{Deserializable, enums::contacts::ResolvedPeer};
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Duration;

const KEY: [u8; 32] = [0x5a; 32];
const IV: [u8; 32] = [0xc3; 32];

fn auth_key() -> [u8; 256] {
    std::array::from_fn(|i| (i * 7 % 251) as u8)
}

fn repeat<R>(n: usize, mut work: impl FnMut() -> R) -> Duration {
    let began = Instant::now();
    for _ in 0..n {
        black_box(work());
    }
    began.elapsed()
}

/// Runs `work` on copies of `packet`; copying is not timed.
fn copies<R>(packet: &[u8], n: usize, mut work: impl FnMut(Vec<u8>) -> R) -> Duration {
    let batch = (1 << 18) / packet.len().clamp(1 << 10, 1 << 18);
    let (mut spent, mut left) = (Duration::ZERO, n);
    while left > 0 {
        let items: Vec<_> = (0..batch.min(left)).map(|_| packet.to_vec()).collect();
        left -= items.len();
        let began = Instant::now();
        for item in items {
            black_box(work(item));
        }
        spent += began.elapsed();
    }
    spent
}

/// Seals a body like the sender of grammers: in one buffer, with room in front for the headers of packet and transport.
fn seal(key: &AuthKey, buffer: &mut DequeBuffer<u8>, body: &[u8]) -> usize {
    buffer.clear();
    buffer.extend(&[1; 32]);
    buffer.extend(body);
    encrypt_data_v2(buffer, key);
    buffer.len()
}

fn reply(session: &mut Encrypted, mut packet: Vec<u8>) -> ResolvedPeer {
    let got = session.deserialize(&mut packet).expect("an honest server");
    let Some(Deserialization::RpcResult(result)) = got.into_iter().next() else { panic!("no result") };
    ResolvedPeer::from_bytes(&result.body).expect("resolvedPeer")
}

fn call(session: &mut Encrypted) -> String {
    let mut buffer = DequeBuffer::with_capacity(4096, 64);
    session.push(&mut buffer, &[1, 0, 0, 0]).expect("room");
    session.finalize(&mut buffer).expect("a message");
    grammers_crypto::hex::to_hex(buffer.as_ref())
}

fn main() {
    let key = AuthKey::from_bytes(auth_key());
    let mut session = Encrypted::build().finish(auth_key());
    let mut packet = Vec::new();
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let words: Vec<&str> = line.split(' ').collect();
        let number = |i: usize| words[i].parse::<usize>().expect("a number");
        let aes = black_box(KEY);
        let spent = match words[0] {
            "encrypt" => {
                let mut data = vec![1; number(1)];
                repeat(number(2), || ige_encrypt(&mut data, &aes, &IV))
            }
            "decrypt" => {
                let mut data = vec![1; number(1)];
                repeat(number(2), || ige_decrypt(&mut data, &aes, &IV))
            }
            "seal" => {
                let body = vec![1; number(1)];
                let mut buffer = DequeBuffer::with_capacity(body.len() + 64, 64);
                repeat(number(2), || seal(&key, &mut buffer, black_box(&body)))
            }
            "packet" => {
                packet = grammers_crypto::hex::from_hex(words[1]);
                Duration::ZERO
            }
            "open" => copies(&packet, number(1), |mut packet| {
                let len = decrypt_data_v2(&mut packet, &key).expect("an honest server").len();
                (packet, len)
            }),
            "reply" => {
                let spent = copies(&packet, number(1), |packet| reply(&mut session, packet));
                call(&mut session); // sends the pending acknowledgements
                spent
            }
            "call" => {
                writeln!(out, "{}", call(&mut session)).expect("a reader");
                continue;
            }
            other => panic!("{other}?"),
        };
        writeln!(out, "{}", spent.as_nanos()).expect("a reader");
    }
}
