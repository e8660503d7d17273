use super::*;
use crate::crypto::dh::KNOWN_PRIME;
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
            assert_eq!(*kdf.verifier(&x), number(&data["verifier_v"]), "{id}");
        }
    });
    assert_eq!(proved.count(), 3);
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
