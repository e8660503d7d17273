use super::*;
use crate::crypto::dh::KNOWN_PRIME;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use serde_json::Value;
use std::string::ToString;

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap().as_bytes();
    text.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
/// Parses a number given in hexadecimal or, if small, as a JSON number.
fn number(value: &Value) -> [u8; 256] {
    value.as_u64().map_or_else(|| padded(&hex(value)), |n| padded(&n.to_be_bytes())).unwrap()
}

#[test]
fn every_vector_gives_its_proof() {
    let file: Value = serde_json::from_str(include_str!("../../../tests/fixtures/vectors.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter().filter(|vector| vector["group"] == "srp");
    let proved = vectors.map(|vector| {
        let (id, data) = (vector["id"].to_string(), &vector["data"]);
        let p = if data["p"] == "dh_known_prime" { KNOWN_PRIME } else { number(&data["p"]) };
        // `check_group` skips the check of the size, for p = 47.
        let params = DhParams::check_group(data["g"].as_i64().unwrap() as i32, &p).unwrap();
        let kdf = Kdf { params, salt1: hex(&data["salt1"]), salt2: hex(&data["salt2"]) };
        let password = data["password"].as_str().map_or_else(|| hex(&data["password_hex"]), |text| text.into());
        let x = kdf.stretch(&password).finish();
        if data.get("x").is_some() {
            assert_eq!(x.0.as_slice(), hex(&data["x"]), "{id}");
        }

        let a = Zeroizing::new(number(&data["a"]));
        let proof = kdf.prove_with(&x, &number(&data["srp_B"]), &a, kdf.params.public(&a)).unwrap();
        assert_eq!(proof.a.as_slice(), hex(&data["A"]), "{id}");
        assert_eq!(proof.m1.as_slice(), hex(&data["M1"]), "{id}");

        if data.get("server_secret_b").is_some() {
            let verifier = Verifier::new(&kdf, &x);
            assert_eq!(*verifier.0, number(&data["verifier_v"]), "{id}");
            let b = Zeroizing::new(number(&data["server_secret_b"]));
            let g_b = kdf.params.public(&b);
            let challenge = verifier.challenge_with(&kdf, b, &g_b);
            assert_eq!(*challenge.srp_b(), number(&data["srp_B"]), "{id}");
            assert!(challenge.accepts(&proof.a, &proof.m1), "{id}");
        }
    });
    assert_eq!(proved.count(), 3);
}

#[test]
fn only_the_right_password_is_accepted_and_a_differs_each_time() {
    let mut entropy = ChaCha8Rng::seed_from_u64(1);
    let kdf = Kdf::check(3, &KNOWN_PRIME, b"salt 1", b"salt 2").unwrap();
    let (right, wrong) = (kdf.stretch(b"right").finish(), kdf.stretch(b"wrong").finish());
    let challenge = Verifier::new(&kdf, &right).challenge(&kdf, &mut entropy).unwrap();
    let mut prove = |x| kdf.prove(x, challenge.srp_b(), &mut entropy).unwrap();
    let (first, again, other) = (prove(&right), prove(&right), prove(&wrong));
    assert!(challenge.accepts(&first.a, &first.m1) && challenge.accepts(&again.a, &again.m1));
    assert_ne!(first.a, again.a);
    assert!(!challenge.accepts(&other.a, &other.m1));
    assert!(!challenge.accepts(&first.a, &again.m1));
    assert!(!challenge.accepts(&first.a, &first.m1[..31]));
    assert!(!challenge.accepts(&[0; 256], &first.m1));
    assert!(!challenge.accepts(&KNOWN_PRIME, &first.m1));
}

#[test]
fn a_stretch_may_be_cut_anywhere() {
    let kdf = Kdf::check(3, &KNOWN_PRIME, b"1", b"2").unwrap();
    let mut stretch = kdf.stretch(b"password");
    assert!(!stretch.step(0) && !stretch.step(1) && !stretch.step(99_997));
    assert_eq!(stretch.done(), 99_999);
    assert!(stretch.step(u32::MAX) && stretch.step(1));
    assert_eq!(stretch.finish().0, kdf.stretch(b"password").finish().0);
}

#[test]
fn exponents_add_up_and_one_of_more_than_2048_bits_is_refused() {
    use num_bigint::BigUint;
    let (u, x) = ([0xfe; 32], [0xfd; 32]);
    let mut a = Zeroizing::new([0xff; 256]);
    assert_eq!(exponent(&a, &u, &x), Err(EntropyFailed));
    a[0] = 0;
    let big = BigUint::from_bytes_be;
    assert_eq!(big(&*exponent(&a, &u, &x).unwrap()), big(&*a) + big(&u) * big(&x));
}
