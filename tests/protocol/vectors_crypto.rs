//! All vectors of `fixtures/vectors.json` about symmetric encryption and RSA: each test runs one complete group and
//! states its size.

use nanogram::base::entropy::{Entropy, EntropyFailed};
use nanogram::base::side::Side;
use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::ctr::Ctr;
use nanogram::crypto::rsa::{RsaKey, rsa_pad};
use nanogram::crypto::{ct, ige, kdf};
use nanogram::telegram::dcs::{Environment, keys};
use serde_json::Value;
use std::fmt::Write as _;

/// Vectors of `group`, whose number must be `count`.
fn group(group: &str, count: usize) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    let found: Vec<Value> =
        all["vectors"].as_array().unwrap().iter().filter(|v| v["group"] == group).cloned().collect();
    assert_eq!(found.len(), count, "vectors in {group}");
    assert_eq!(all["groups"][group], count, "vectors that {group} says it has");
    found
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn array<const N: usize>(text: &Value) -> [u8; N] {
    hex(text).try_into().unwrap()
}

fn print(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

fn auth_key(data: &Value) -> AuthKey {
    AuthKey::from_bytes(array(&data["auth_key"]))
}

/// Sender, from the spec's `x` or from the direction.
fn side(data: &Value) -> Side {
    match (data["x"].as_i64(), data["direction"].as_str()) {
        (Some(0), _) | (None, Some("client->server")) => Side::Client,
        (Some(8), _) | (None, Some("server->client")) => Side::Server,
        other => panic!("no direction: {other:?}"),
    }
}

/// Entropy that replays a recording, then fails.
struct Recorded(Vec<u8>);

impl Entropy for Recorded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        if self.0.len() < out.len() {
            return Err(EntropyFailed);
        }
        out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
        Ok(())
    }
}

#[test]
fn group_aes_ige() {
    let mut with_256 = 0;
    for vector in group("aes_ige", 4) {
        let data = &vector["data"];
        if data["aes"] == "128" {
            // MTProto has no such key; the unit tests of `ige` check the mode with this vector.
            assert_eq!(vector["id"], "ige128_openssl_0");
            continue;
        }
        let (key, iv) = (array(&data["key"]), array(&data["iv"]));
        let (plain, sealed) = (hex(&data["plaintext"]), hex(&data["ciphertext"]));
        let mut bytes = plain.clone();
        ige::encrypt(&key, &iv, bytes.as_chunks_mut().0);
        assert_eq!(bytes, sealed, "{}", vector["id"]);
        ige::decrypt(&key, &iv, bytes.as_chunks_mut().0);
        assert_eq!(bytes, plain, "{}", vector["id"]);
        with_256 += 1;
    }
    assert_eq!(with_256, 3);
}

#[test]
fn group_auth_key_hash() {
    for vector in group("auth_key_hash", 1) {
        let data = &vector["data"];
        let (key, new_nonce) = (auth_key(data), array(&data["new_nonce"]));
        assert_eq!(key.aux_hash()[..], hex(&data["aux_hash"]));
        assert_eq!(key.id()[..], hex(&data["auth_key_id"]));
        assert_eq!(key.id_i64().to_le_bytes(), key.id());
        for n in 1..=3 {
            assert_eq!(key.new_nonce_hash(n, &new_nonce)[..], hex(&data[format!("new_nonce_hash{n}")]), "hash {n}");
        }
    }
}

#[test]
fn group_tmp_aes_kdf() {
    for vector in group("tmp_aes_kdf", 1) {
        let data = &vector["data"];
        let pair = kdf::tmp_aes(&array(&data["new_nonce"]), &array(&data["server_nonce"]));
        assert_eq!(pair.key[..], hex(&data["tmp_aes_key"]));
        assert_eq!(pair.iv[..], hex(&data["tmp_aes_iv"]));
    }
}

#[test]
fn group_mtproto2_kdf() {
    for vector in group("mtproto2_kdf", 6) {
        let data = &vector["data"];
        let pair = kdf::aes(&auth_key(data), side(data), &array(&data["msg_key"]));
        assert_eq!(pair.key[..], hex(&data["aes_key"]), "{}", vector["id"]);
        assert_eq!(pair.iv[..], hex(&data["aes_iv"]), "{}", vector["id"]);
    }
}

#[test]
fn group_mtproto1_kdf() {
    for vector in group("mtproto1_kdf", 2) {
        let data = &vector["data"];
        if let Some(text) = data["data_ascii"].as_str() {
            assert_eq!(kdf::msg_key_v1(text.as_bytes())[..], hex(&data["msg_key"]));
            continue;
        }
        let pair = kdf::aes_v1(&auth_key(data), side(data), &array(&data["msg_key"]));
        assert_eq!(pair.key[..], hex(&data["aes_key"]));
        assert_eq!(pair.iv[..], hex(&data["aes_iv"]));
    }
}

/// Decrypts a packet `auth_key_id:8 | msg_key:16 | data` and verifies its `msg_key`.
fn open(key: &AuthKey, from: Side, packet: &[u8]) -> Vec<u8> {
    let (head, sealed) = packet.split_at(24);
    assert_eq!(head[..8], key.id());
    let msg_key: [u8; 16] = head[8..].try_into().unwrap();
    let pair = kdf::aes(key, from, &msg_key);
    let mut plain = sealed.to_vec();
    ige::decrypt(&pair.key, &pair.iv, plain.as_chunks_mut().0);
    assert!(ct::same(&kdf::msg_key(key, from, &plain), &msg_key), "msg_key");
    plain
}

fn seal(key: &AuthKey, from: Side, plain: &[u8]) -> Vec<u8> {
    let msg_key = kdf::msg_key(key, from, plain);
    let pair = kdf::aes(key, from, &msg_key);
    let mut sealed = plain.to_vec();
    ige::encrypt(&pair.key, &pair.iv, sealed.as_chunks_mut().0);
    [&key.id()[..], &msg_key, &sealed].concat()
}

#[test]
fn group_mtproto2_message() {
    for vector in group("mtproto2_message", 2) {
        let data = &vector["data"];
        let (key, from, packet) = (auth_key(data), side(data), hex(&data["packet"]));
        let plain = match data["plaintext_ascii"].as_str() {
            Some(text) => [text.as_bytes(), &hex(&data["padding"])].concat(),
            None => hex(&data["plaintext"]),
        };
        assert_eq!(print(&open(&key, from, &packet)), print(&plain), "{}", vector["id"]);
        assert_eq!(print(&seal(&key, from, &plain)), print(&packet), "{}", vector["id"]);
    }
}

#[test]
fn group_quick_ack() {
    for vector in group("quick_ack", 1) {
        let data = &vector["data"];
        let key = auth_key(data);
        let plain = open(&key, Side::Client, &hex(&data["client_packet"]));
        let token = kdf::msg_key_large(&key, Side::Client, &plain).quick_ack();
        assert_eq!(u64::from(token), data["token_u32le"].as_u64().unwrap());
        assert_eq!(token.to_le_bytes()[..], hex(&data["token_wire_intermediate"]));
    }
}

#[test]
fn group_rsa_pad() {
    for vector in group("rsa_pad", 2) {
        let data = &vector["data"];
        let [production] = keys(Environment::Production) else { panic!("one key") };
        let key = match data["n"].as_str() {
            Some(_) => RsaKey::from_parts(&hex(&data["n"]), &[1, 0, 1]).unwrap(),
            None => production.clone(),
        };
        // In the order of the spec: the padding, a temp_key with a block that is too large, the one that fits.
        let mut recorded = hex(&data["random_padding"]);
        if data["temp_key_rejected_ge_n"].is_string() {
            recorded.extend(hex(&data["temp_key_rejected_ge_n"]));
        }
        recorded.extend(hex(&data["temp_key"]));
        let mut entropy = Recorded(recorded);
        let sealed = rsa_pad(&hex(&data["data"]), &key, &mut entropy).unwrap();
        assert_eq!(print(&sealed), data["encrypted_data"], "{}", vector["id"]);
        assert!(entropy.0.is_empty(), "all that was recorded is used");
    }
}
#[test]
fn group_rsa_pad_opens_again() {
    use nanogram::lab::server::rsa::RsaPrivateKey;
    let mut opened = 0;
    for vector in group("rsa_pad", 2) {
        let data = &vector["data"];
        if data["d"].is_null() {
            continue; // only Telegram has the private key
        }
        let key = RsaPrivateKey::from_parts(&hex(&data["n"]), &[1, 0, 1], &hex(&data["d"])).unwrap();
        assert_eq!(key.public().fingerprint(), data["fingerprint_i64"].as_i64().unwrap());
        let block = key.open(&array(&data["encrypted_data"])).unwrap();
        let plain = hex(&data["data"]);
        assert!(!block.is_old() && block.proves(plain.len()));
        assert_eq!(print(block.bytes()), print(&[plain, hex(&data["random_padding"])].concat()));
        opened += 1;
    }
    assert_eq!(opened, 1);
}

#[test]
fn group_rsa_fingerprint() {
    let pinned = [Environment::Production, Environment::Test].map(|env| keys(env).to_vec()).concat();
    let vectors = group("rsa_fingerprint", 2);
    assert_eq!(pinned.len(), vectors.len(), "no key is pinned without a vector");
    for (vector, pinned) in vectors.iter().zip(&pinned) {
        let data = &vector["data"];
        assert_eq!(data["e"], 65537);
        let key = RsaKey::from_parts(&hex(&data["n_hex"]), &[0, 1, 0, 1]).unwrap();
        assert_eq!(&key, pinned, "{}", vector["id"]);
        assert_eq!(key.fingerprint(), data["fingerprint_i64"].as_i64().unwrap());
        assert_eq!(key.fingerprint().to_le_bytes()[..], hex(&data["fingerprint_wire"]));
    }
}

#[test]
fn group_bind_temp_key() {
    for vector in group("bind_temp_key", 1) {
        let data = &vector["data"];
        let perm = AuthKey::from_bytes(array(&data["perm_auth_key"]));
        let inner = hex(&data["bind_auth_key_inner"]);
        // random:16 | msg_id:8 | seqno:4 | len:4 | inner:40, and padding that MTProto 1.0 does not authenticate.
        let mut plain = hex(&data["random16"]);
        plain.extend(data["msg_id"].as_i64().unwrap().to_le_bytes());
        plain.extend(0_i32.to_le_bytes());
        plain.extend(i32::try_from(inner.len()).unwrap().to_le_bytes());
        plain.extend(&inner);
        let msg_key = kdf::msg_key_v1(&plain);
        assert_eq!(msg_key[..], hex(&data["msg_key_v1"]));
        plain.extend(hex(&data["padding8"]));
        let pair = kdf::aes_v1(&perm, Side::Client, &msg_key);
        ige::encrypt(&pair.key, &pair.iv, plain.as_chunks_mut().0);
        assert_eq!(print(&[&perm.id()[..], &msg_key, &plain].concat()), data["encrypted_message"]);
    }
}

#[test]
fn group_obfuscated2_streams() {
    for vector in group("obfuscated2", 2) {
        let data = &vector["data"];
        let stream =
            |which: &str| Ctr::new(&array(&data[format!("{which}_key")]), &array(&data[format!("{which}_iv")]));
        let (mut out, mut back) = (stream("encrypt"), stream("decrypt"));
        // The first 64 bytes are random except for the protocol tag (and data centre); only the last 8 are sent
        // encrypted.
        let mut init = hex(&data["random64"]);
        init.splice(56..60, hex(&data["protocol"]));
        if let Some(dc) = data["dc"].as_i64() {
            init.splice(60..62, i16::try_from(dc).unwrap().to_le_bytes());
        }
        let mut header = init.clone();
        out.apply(&mut header);
        header.splice(..56, init[..56].iter().copied());
        assert_eq!(print(&header), data["header"], "{}", vector["id"]);

        let apply = |ctr: &mut Ctr, mut bytes: Vec<u8>| {
            bytes.chunks_mut(3).for_each(|part| ctr.apply(part)); // the key stream continues across calls
            print(&bytes)
        };
        match data["plain_frame"].as_str() {
            Some(_) => {
                assert_eq!(apply(&mut out, hex(&data["plain_frame"])), data["obfuscated_frame"]);
                let error = hex(&data["server_error_minus404_obfuscated"]);
                assert_eq!(apply(&mut back, error), data["server_error_minus404_plain"]);
            }
            None => {
                assert_eq!(apply(&mut out, b"abcd".to_vec()), data["then_encrypt_abcd"]);
                assert_eq!(apply(&mut back, b"abcd".to_vec()), data["decrypt_stream_first4_xor_abcd"]);
            }
        }
    }
}
