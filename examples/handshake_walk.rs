//! Walks through the creation of an auth key, byte by byte: the official worked example, with every value explained and
//! every computable value recomputed by nanogram's own functions.
//!
//! ```text
//! cargo run --example handshake_walk | less
//! ```
//!
//! Source of the example: core.telegram.org/mtproto/samples-auth_key. Read it next to mtproto/auth_key.

use nanogram::base::side::Side;
use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::dh::{DhParams, KNOWN_PRIME};
use nanogram::crypto::factor::factor;
use nanogram::crypto::{ige, kdf};
use nanogram::protocol::handshake::plain;
use nanogram::telegram::dcs::{Environment, keys};
use nanogram::tl::schema::{Schema, Type};
use nanogram::tl::{Blob, Combinator, Reader, VECTOR};
use nanogram::wire::mt::auth::{ClientDhInnerData, NewNonce, PqInnerDataDc};
use serde_json::Value as Json;
use sha1::{Digest, Sha1};
use std::process::ExitCode;

const INTRODUCTION: &str = "\
THE CREATION OF AN AUTH KEY

A client and a server without a common secret agree on a key of 256 bytes over an open network, in six packets:

  client                                                            server
    1 ── req_pq_multi ──────────────────────────────────────────────▶
      ◀── resPQ ─────────────────────────────────────────────────── 2
    3 ── req_DH_params, with a secret under the server's RSA key ───▶
      ◀── server_DH_params_ok, with g, p and g^a under that secret ── 4
    5 ── set_client_DH_params, with g^b under that secret ──────────▶
      ◀── dh_gen_ok, with a proof ───────────────────────────────── 6

How to read what follows:

  · Each row is an offset in the packet, the bytes there, and what they are.
  · TL's own numbers (int, long, ids of constructors) are little-endian: 14000000 is 20.
  · Numbers too large for a long (pq, p, q, g_a, g_b, the prime) are byte strings, big-endian: 5a300d4b is 1513098571.
  · A byte string is its length (1 byte; or fe and 3 bytes), the bytes, and zeros up to a multiple of 4.
  · ✓ marks a value that this program computed itself and that agrees with the example.
";

fn main() -> ExitCode {
    let mut walk = Walk::new();
    println!("{INTRODUCTION}");
    walk.ask();
    walk.factor();
    let new_nonce = walk.hide_the_secret();
    let tmp = walk.temporary_key(&new_nonce);
    let (dh, g_a) = walk.open_the_answer(&tmp);
    let b = walk.answer_with_g_b(&tmp, &dh);
    walk.make_the_key(&new_nonce, &dh, &g_a, &b);
    println!("\n{} of {} computed values agree with the example.", walk.agreed, walk.checked);
    if walk.agreed == walk.checked { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Worked example, and counters of the values compared.
struct Walk {
    schema: Schema<'static>,
    example: Json,
    checked: usize,
    agreed: usize,
}

// The six packets.

impl Walk {
    fn new() -> Self {
        let example = serde_json::from_str(include_str!("../tests/fixtures/samples_auth_key.json")).unwrap();
        Self { schema: Schema::telegram().unwrap(), example, checked: 0, agreed: 0 }
    }

    fn ask(&mut self) {
        title("1", "client → server", "req_pq_multi", "The client opens the exchange with 16 random bytes.");
        self.packet(0, &[("nonce", "random, new for each exchange; every later packet repeats it")]);
    }

    fn factor(&mut self) {
        title("2", "server → client", "resPQ", "The server answers with 16 random bytes and a number to factor.");
        self.packet(
            1,
            &[
                ("nonce", "the client's: ties the answer to this exchange"),
                ("server_nonce", "random, the server's; every later packet has both nonces"),
                ("pq", "the number to factor: a product of two primes, at most 2^63 - 1"),
                ("server_public_key_fingerprints", "its RSA keys"),
            ],
        );
        let pq = u64::from_be_bytes(self.array("pq_bytes"));
        let (p, q) = factor(pq).unwrap();
        explain(
            "Factoring takes some ten thousand steps: cheap for one client, costly for a flood of them. p is the smaller factor:",
        );
        self.check(
            &format!("pq = {pq} = {p} · {q}"),
            self.example["values"]["p"] == p && self.example["values"]["q"] == q,
        );
        explain(
            "A fingerprint is the last 8 bytes of SHA1( n:string e:string ), read little-endian. The client looks for one\n\
             of its own keys among them; those are built into the client and never come over the network:",
        );
        let [key, ..] = keys(Environment::Production) else { unreachable!() };
        let wire = key.fingerprint().to_le_bytes();
        self.check_value(
            &format!("fingerprint of Telegram's key = {:016x}", key.fingerprint()),
            &wire,
            "chosen_fingerprint_wire",
        );
    }

    fn hide_the_secret(&mut self) -> [u8; 32] {
        let why = "The client proves its work, and sends a secret that only the server can decrypt.";
        title("3", "client → server", "req_DH_params", why);
        let new_nonce: [u8; 32] = self.array("new_nonce");
        explain("First, what will be hidden:");
        let blob = |name: &str| Blob(self.bytes(name));
        let inner = PqInnerDataDc {
            pq: blob("pq_bytes"),
            p: blob("p_bytes"),
            q: blob("q_bytes"),
            nonce: self.array("nonce"),
            server_nonce: self.array("server_nonce"),
            new_nonce: NewNonce(new_nonce),
            dc: 2,
        };
        let data = inner.to_boxed();
        self.value(
            &data,
            0,
            &[
                ("pq", "again, with its factors: the proof of work"),
                ("new_nonce", "THE SECRET: 32 random bytes that protect the rest of the exchange"),
                ("dc", "the data centre (test ones: +10000; media ones: negative)"),
            ],
        );
        self.check_value("p_q_inner_data_dc, written by nanogram", &data, "p_q_inner_data_dc");
        explain(
            "RSA_PAD turns these 100 bytes into 256, so that equal data never looks equal and no part can be changed:",
        );
        let padding = self.bytes("random_padding_bytes");
        let padded = [&data[..], &padding].concat();
        println!("{:>8}padded:192    the {} bytes above and random ones, which the page shows:", "", data.len());
        block(&padding);
        println!("{:>8}temp_key:32   random; the page does not show it, so the next four lines remain formulas", "");
        println!("{:>8}hashed:224    reverse(padded) | SHA256( temp_key | padded )", "");
        println!("{:>8}aes:224       AES256-IGE( hashed, key = temp_key, iv = 0 )", "");
        println!(
            "{:>8}block:256     ( temp_key xor SHA256(aes) ) | aes     again with another temp_key if not below n",
            ""
        );
        println!("{:>8}encrypted     block^e mod n, big-endian", "");
        self.check("data and padding are 192 bytes", padded.len() == 192);
        let [key, ..] = keys(Environment::Production) else { unreachable!() };
        self.check(
            "encrypted_data is a number below the key's n",
            *self.bytes("encrypted_data_rsa_pad") < key.modulus()[..],
        );
        self.packet(
            2,
            &[
                ("p", "the smaller factor"),
                ("q", "the larger one"),
                ("public_key_fingerprint", "the key that the client chose"),
                ("encrypted_data", "the secret, under RSA"),
            ],
        );
        new_nonce
    }

    fn temporary_key(&mut self, new_nonce: &[u8; 32]) -> kdf::AesPair {
        let why = "The server proves that it could decrypt the secret by using it as a key.";
        title("4", "server → client", "server_DH_params_ok", why);
        self.packet(3, &[("encrypted_answer", "g, p and g_a under AES-256-IGE")]);
        explain("The AES key of this exchange is derived from the secret and the server's public nonce:");
        let server_nonce: [u8; 16] = self.array("server_nonce");
        let sha1 = |a: &[u8], b: &[u8]| -> [u8; 20] { Sha1::new().chain_update(a).chain_update(b).finalize().into() };
        let (ns, sn) = (sha1(new_nonce, &server_nonce), sha1(&server_nonce, new_nonce));
        value("SHA1( new_nonce | server_nonce )", &ns);
        value("SHA1( server_nonce | new_nonce )", &sn);
        value("SHA1( new_nonce | new_nonce )", &sha1(new_nonce, new_nonce));
        println!("{:>8}tmp_aes_key = the first:20 | the second[0..12]", "");
        println!("{:>8}tmp_aes_iv  = the second[12..20] | the third:20 | new_nonce[0..4]", "");
        let tmp = kdf::tmp_aes(new_nonce, &server_nonce);
        self.check_value("tmp_aes_key", &tmp.key, "tmp_aes_key");
        self.check_value("tmp_aes_iv", &tmp.iv, "tmp_aes_iv");
        tmp
    }

    /// Decrypts the answer; returns the Diffie-Hellman group and the server's public value `g_a`.
    fn open_the_answer(&mut self, tmp: &kdf::AesPair) -> (DhParams, [u8; 256]) {
        explain("The decrypted answer is SHA1(answer):20 | answer | 0 to 15 random bytes up to a block of 16:");
        let mut plain = self.bytes("encrypted_answer");
        ige::decrypt(&tmp.key, &tmp.iv, plain.as_chunks_mut().0);
        let (hash, padded) = plain.split_at(20);
        row(0, hash, "answer_hash");
        let answer = self.bytes("server_DH_inner_data");
        let len = self.value(
            padded,
            20,
            &[
                ("nonce", "both nonces again, here encrypted: no third party can have put them there"),
                ("g", "the generator"),
                ("dh_prime", "p: a prime of 2048 bits, and (p-1)/2 is prime too"),
                ("g_a", "g^a mod p; a is the server's secret"),
                ("server_time", "seconds since 1970; sets the client's clock"),
            ],
        );
        row(20 + len, &padded[len..], "random, not covered by the hash");
        self.check_value("server_DH_inner_data", &padded[..len], "server_DH_inner_data");
        self.check("SHA1(answer) = answer_hash: the answer is intact, and its sender knows new_nonce", {
            Sha1::digest(&answer)[..] == *hash
        });
        explain(
            "A malicious server could choose numbers that make the key easy to guess. So the client first checks that p has\n\
             2048 bits, p and (p-1)/2 are prime, g generates the right subgroup, and g_a is far from both ends of the range\n\
             (by at least 2^1984). This p is the one that Telegram has always used, so comparing it is enough:",
        );
        let prime = self.bytes("dh_prime");
        self.check("dh_prime is the known safe prime", prime == KNOWN_PRIME);
        let dh = DhParams::check(3, &prime).unwrap();
        self.check(
            "g = 3 fits: p mod 3 = 2",
            prime.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % 3) == 2,
        );
        let g_a = dh.check_public(&self.bytes("g_a"));
        self.check("2^1984 ≤ g_a ≤ p - 2^1984", g_a.is_ok());
        (dh, g_a.unwrap())
    }

    /// Chooses the client's secret exponent and returns it.
    fn answer_with_g_b(&mut self, tmp: &kdf::AesPair, dh: &DhParams) -> [u8; 256] {
        let why = "The client draws its own secret exponent and sends its public value.";
        title("5", "client → server", "set_client_DH_params", why);
        let b: [u8; 256] = self.array("b");
        explain("b, 256 random bytes; the page shows them, a client keeps them secret:");
        block(&b);
        let g_b = dh.public(&b);
        self.check_value("g_b = g^b mod p", &g_b, "g_b");
        explain("It travels like the answer: with its hash in front and random bytes behind, under the same AES key:");
        let inner = ClientDhInnerData {
            nonce: self.array("nonce"),
            server_nonce: self.array("server_nonce"),
            retry_id: 0,
            g_b: Blob(g_b.to_vec()),
        };
        let data = inner.to_boxed();
        let hash = Sha1::digest(&data);
        row(0, &hash, "SHA1(data)");
        self.value(
            &data,
            20,
            &[("retry_id", "0 at first; else the refused key's aux_hash"), ("g_b", "the client's half")],
        );
        let padding = self.bytes("client_DH_padding");
        row(20 + data.len(), &padding, "random, up to a block of 16");
        self.check_value("client_DH_inner_data, written by nanogram", &data, "client_DH_inner_data");
        let mut sealed = [&hash[..], &data, &padding].concat();
        ige::encrypt(&tmp.key, &tmp.iv, sealed.as_chunks_mut().0);
        self.check_value("AES256-IGE of these 336 bytes", &sealed, "client_DH_encrypted_data");
        self.packet(4, &[("encrypted_data", "those 336 bytes")]);
        b
    }

    fn make_the_key(&mut self, new_nonce: &[u8; 32], dh: &DhParams, g_a: &[u8; 256], b: &[u8; 256]) {
        let why = "Both sides now have the key. The server proves that it has the same one.";
        title("6", "server → client", "dh_gen_ok", why);
        self.packet(5, &[("new_nonce_hash1", "the proof, see below")]);
        explain(
            "The client computes g_a^b, the server g_b^a: both are g^(ab) mod p. An observer who has only\n\
             seen g_a and g_b cannot compute it.\n\
             auth_key = g_a^b mod p, 256 bytes, big-endian, leading zeros kept:",
        );
        let power = dh.power(g_a, b);
        block(&power[..]);
        self.check_value("auth_key", &power[..], "auth_key");
        let key = AuthKey::from_bytes(*power);
        explain("Two parts of its SHA1 identify it: one inside the exchange, one at the start of every later packet:");
        let hash = Sha1::digest(key.as_bytes());
        row(0, &hash[..8], "auth_key_aux_hash");
        row(8, &hash[8..12], "(not used)");
        row(12, &hash[12..], "auth_key_id");
        self.check_value("aux_hash", &key.aux_hash(), "auth_key_aux_hash");
        self.check_value("auth_key_id", &key.id(), "auth_key_id_wire");
        explain(
            "The proof is SHA1( new_nonce | 1 | aux_hash ) without its first 4 bytes; 2 and 3 stand for dh_gen_retry and\n\
             dh_gen_fail. Only a peer with both the secret of packet 3 and the key can compute it:",
        );
        self.check_value("new_nonce_hash1", &key.new_nonce_hash(1, new_nonce), "new_nonce_hash1");
        let server_nonce: [u8; 16] = self.array("server_nonce");
        let salt: Vec<u8> = new_nonce.iter().zip(server_nonce).take(8).map(|(a, b)| a ^ b).collect();
        explain("The first salt costs no packet: it is new_nonce[0..8] xor server_nonce[0..8]");
        self.check_value("server_salt", &salt, "server_salt_wire_derived");
        explain("new_nonce, b and the AES key are wiped. The key, its id, the salt and the server's time remain.");
    }
}

// Output.

impl Walk {
    fn bytes(&self, name: &str) -> Vec<u8> {
        unhex(self.example["values"][name].as_str().unwrap())
    }
    fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        self.bytes(name).try_into().unwrap()
    }

    fn check(&mut self, what: &str, holds: bool) {
        self.checked += 1;
        self.agreed += usize::from(holds);
        println!("  {} {what}", if holds { '✓' } else { '✗' });
    }
    fn check_value(&mut self, what: &str, computed: &[u8], name: &str) {
        let holds = computed == self.bytes(name);
        let shown = if computed.len() > 32 {
            format!("{}… ({} bytes)", hex(&computed[..16]), computed.len())
        } else {
            hex(computed)
        };
        self.check(&format!("{what} = {shown}"), holds);
    }

    /// Prints a packet of the example: its envelope, and its value field by field.
    fn packet(&mut self, at: usize, notes: &[(&str, &str)]) {
        let packet = unhex(self.example["packets"][at]["hex"].as_str().unwrap());
        let from = if at.is_multiple_of(2) { Side::Client } else { Side::Server };
        explain("The packet:");
        row(0, &packet[..8], "auth_key_id = 0: this packet is not encrypted");
        let msg_id = i64::from_le_bytes(packet[8..16].try_into().unwrap());
        let fraction = (msg_id & 0xffff_ffff) as f64 / 4_294_967_296.0;
        let who = if from == Side::Client { "divisible by 4: a client's" } else { "1 modulo 4: a server's answer" };
        row(8, &packet[8..16], &format!("msg_id = 2^32 · {:.6} s since 1970; {who}", (msg_id >> 32) as f64 + fraction));
        let declared = i32::from_le_bytes(packet[16..20].try_into().unwrap());
        let body = &packet[20..];
        let extra = usize::try_from(declared).unwrap() - body.len();
        row(16, &packet[16..20], &format!("message_data_length = {declared}"));
        self.value(body, 20, notes);
        if extra > 0 {
            println!(
                "{:>8}the page leaves out {extra} bytes more, which servers add behind the value: clients ignore them",
                ""
            );
        }
        if extra == 0 {
            let opened = plain::open(&packet, from).map(|plain| (plain.msg_id, plain.body == body));
            self.check("the packet decodes, and its length is right", opened == Ok((msg_id, true)));
        }
    }

    /// Prints a value field by field, in the order of its schema line; returns its length in bytes.
    fn value(&self, bytes: &[u8], offset: usize, notes: &[(&str, &str)]) -> usize {
        let mut r = Reader::new(bytes);
        let (_, line) = self.schema.find(r.u32().unwrap()).unwrap();
        row(offset, &bytes[..4], &format!("{}#{:08x}, the constructor", line.name, line.id));
        for field in &line.fields {
            let start = r.position();
            self.schema.read(&mut r, &field.ty).unwrap();
            let note = notes.iter().find(|note| note.0 == field.name).map_or("", |note| note.1);
            let dash = if note.is_empty() { "" } else { " — " };
            let text = format!("{}:{}{dash}{note}", field.name, field.ty);
            field_rows(&bytes[start..r.position()], offset + start, &field.ty, &text);
        }
        r.position()
    }
}

/// Prints the bytes of one field, with its TL length, count and padding in separate rows.
fn field_rows(bytes: &[u8], offset: usize, ty: &Type<'_>, text: &str) {
    let mut r = Reader::new(bytes);
    match ty {
        Type::Bytes | Type::Text => {
            let data = r.bytes().unwrap();
            let head = if bytes[0] == 254 { 4 } else { 1 };
            row(offset, &bytes[..head], &format!("length = {}", data.len()));
            row(offset + head, data, text);
            if head + data.len() < bytes.len() {
                row(offset + head + data.len(), &bytes[head + data.len()..], "zeros, to a multiple of 4");
            }
        }
        Type::Vector(_) => {
            r.expect(VECTOR).unwrap();
            row(offset, &bytes[..4], &format!("vector#{VECTOR:08x}: {text}"));
            row(offset + 4, &bytes[4..8], &format!("count = {}", r.u32().unwrap()));
            for at in (8..bytes.len()).step_by(8) {
                let long = i64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
                row(offset + at, &bytes[at..at + 8], &format!("{long:016x}"));
            }
        }
        Type::Int => row(offset, bytes, &text.replacen(":int", &format!(":int = {}", r.i32().unwrap()), 1)),
        Type::Long => row(offset, bytes, &text.replacen(":long", &format!(":long = {:016x}", r.i64().unwrap()), 1)),
        _ => row(offset, bytes, text),
    }
}

fn title(number: &str, way: &str, name: &str, why: &str) {
    println!("\n\n━━ {number} ━━ {way} ━━ {name} ━━\n{why}");
}
/// Prints a paragraph.
fn explain(text: &str) {
    println!();
    text.lines().for_each(|line| println!("  {line}"));
}
fn value(name: &str, bytes: &[u8]) {
    println!("{:>8}{name} = {}", "", hex(bytes));
}

/// Prints an offset, the bytes there, and their meaning; long byte strings follow below.
fn row(offset: usize, bytes: &[u8], text: &str) {
    match bytes.len() {
        0..=16 => println!("{offset:>6}  {:<32}  {text}", hex(bytes)),
        len => {
            println!("{offset:>6}  {:<32}  {text}", format!("{len} bytes:"));
            block(bytes);
        }
    }
}
fn block(bytes: &[u8]) {
    bytes.chunks(32).for_each(|line| println!("{:>8}{}", "", hex(line)));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
