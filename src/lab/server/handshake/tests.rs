use super::*;
use crate::base::time::{Instant, ServerClock};
use crate::protocol::handshake::client::{self, ClientHandshake, HandshakeConfig};
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use std::vec;

const NOW: Instant = Instant::ZERO;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// The answers of an honest run, and what it needs to be run again.
struct Honest {
    config: HandshakeConfig,
    answers: Vec<Bytes>,
}

impl Honest {
    fn run() -> Self {
        let capture = include_str!("../../../../tests/fixtures/captures/telethon139_abridged.json");
        let capture: serde_json::Value = serde_json::from_str(capture).unwrap();
        let rsa = RsaPrivateKey::from_pem(capture["rsa_private_pem"].as_str().unwrap()).unwrap();
        let config = HandshakeConfig { keys: vec![rsa.public().clone()], dc: 2, expires_in: None };
        let mut server = ServerHandshake::new(ServerConfig { keys: [rsa].into(), dc: None, script: [].into() });
        let mut this = Self { config, answers: Vec::new() };
        let (mut ours, mut theirs) = (rng(1), rng(2));
        let (mut client, mut packet) = this.start(&mut ours);
        loop {
            let answer = server.handle(UnixTime::from_secs(1_707_425_104), &packet, &mut theirs).unwrap().send;
            this.answers.push(answer.clone());
            match client.handle(NOW, &answer, &mut ours).unwrap() {
                client::Step::Send(next) => packet = next,
                client::Step::Done(_) => return this,
            }
        }
    }

    fn start(&self, entropy: &mut ChaCha20Rng) -> (ClientHandshake, Bytes) {
        let clock = ServerClock::guess(NOW, UnixTime::from_secs(1_707_425_104));
        ClientHandshake::start(self.config.clone(), clock, NOW, entropy).unwrap()
    }

    /// The client as it is before answer `at`.
    fn client(&self, at: usize) -> ClientHandshake {
        let mut entropy = rng(1);
        let (mut client, _) = self.start(&mut entropy);
        for answer in &self.answers[..at] {
            client.handle(NOW, answer, &mut entropy).unwrap();
        }
        client
    }

    /// Returns true if the client accepts `packet` in place of answer `at`.
    fn takes(&self, at: usize, packet: &[u8]) -> bool {
        self.client(at).handle(NOW, packet, &mut rng(3)).is_ok()
    }

    /// The bits of answer `at` that may be turned, and the client takes it all the same.
    fn free_bits(&self, at: usize) -> Vec<usize> {
        let turned = (0..self.answers[at].len() * 8).filter(|bit| {
            let mut packet = self.answers[at].to_vec();
            packet[bit / 8] ^= 1 << (bit % 8);
            self.takes(at, &packet)
        });
        turned.collect()
    }
}

#[test]
fn every_truncation_of_every_answer_is_refused() {
    let honest = Honest::run();
    for (at, answer) in honest.answers.iter().enumerate() {
        for cut in 0..answer.len() {
            assert!(!honest.takes(at, &answer[..cut]), "{at} {cut}");
            // Cut, and the length set right.
            let body = answer.get(20..cut).unwrap_or_default();
            assert!(!honest.takes(at, &plain::seal(5, body)), "{at} {cut}");
        }
    }
}

#[test]
fn of_a_proved_answer_no_bit_but_those_of_the_time_may_change() {
    let honest = Honest::run();
    assert_eq!(honest.answers.len(), 3);
    let time: Vec<usize> = (66..128).collect(); // msg_id without its two low bits, which nobody proves
    assert_eq!(honest.free_bits(1), time);
    assert_eq!(honest.free_bits(2), time);
}

#[test]
fn no_bit_of_a_res_pq_makes_a_panic_or_a_key() {
    let free = Honest::run().free_bits(0);
    assert!(!free.iter().any(|bit| (20 * 8..40 * 8).contains(bit)), "constructor and nonce");
    assert!((40 * 8..56 * 8).all(|bit| free.contains(&bit)), "server_nonce is whatever it is");
}

#[test]
fn random_bytes_in_any_state_are_refused() {
    let (honest, mut entropy) = (Honest::run(), rng(4));
    for (at, answer) in honest.answers.iter().enumerate() {
        for len in 0..200 {
            let mut junk = vec![0; len];
            entropy.fill(&mut junk).unwrap();
            assert!(!honest.takes(at, &junk));
            // And behind a good head.
            let mut packet = answer[..24].to_vec();
            packet.extend(&junk);
            packet[16..20].copy_from_slice(&(4 + len as u32).to_le_bytes());
            assert!(!honest.takes(at, &packet));
        }
    }
}
