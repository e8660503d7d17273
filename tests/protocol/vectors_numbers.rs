//! Arithmetic of the key exchange and of passwords (SRP), compared with `fixtures/vectors.json`.
//!
//! The public interface accepts only 2048-bit groups, so toy groups (p = 47) must fail here; the unit tests of
//! `crypto/dh.rs` and `crypto/srp.rs` compute with them.

use nanogram::crypto::dh::{DhError, DhParams, KNOWN_PRIME};
use nanogram::crypto::factor::factor;
use serde_json::Value;

/// Runs `check` on the id and the data of each vector of `group`, whose number must be `count`.
fn each(group: &str, count: usize, mut check: impl FnMut(&str, &Value)) {
    let file: Value = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter().filter(|vector| vector["group"] == group);
    let run = vectors.map(|vector| check(vector["id"].as_str().unwrap(), &vector["data"]));
    assert_eq!(run.count(), count, "vectors of {group}");
}

/// Bytes of a hexadecimal number of any length.
fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    let even = if text.len().is_multiple_of(2) { text.to_owned() } else { format!("0{text}") };
    let digits: Vec<u8> = even.chars().map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn factorise() {
    each("factorise", 14, |id, data| {
        let (p, q) = (data["p"].as_u64().unwrap(), data["q"].as_u64().unwrap());
        assert_eq!(factor(data["pq"].as_u64().unwrap()), Some((p, q)), "{id}");
    });
}

#[test]
fn factorise_reject() {
    each("factorise_reject", 4, |id, data| {
        assert_eq!(factor(data["pq"].as_u64().unwrap()), None, "{id}");
    });
}

#[test]
fn dh_params() {
    each("dh_params", 13, |id, data| match data["g_ok"].as_object() {
        Some(g_ok) => {
            let p = hex(&data["dh_prime"]);
            assert_eq!(p, KNOWN_PRIME, "{id}");
            for (g, ok) in g_ok {
                let checked = DhParams::check(g.parse().unwrap(), &p);
                assert_eq!(Some(checked.is_ok()), ok.as_bool(), "{id}, g = {g}");
            }
        }
        None => {
            let p = data["p"].as_u64().unwrap().to_be_bytes();
            let g = data["g"].as_i64().unwrap().try_into().unwrap();
            assert_eq!(DhParams::check(g, &p).unwrap_err(), DhError::Size, "{id}");
            let padded = [[0; 248].as_slice(), &p].concat();
            assert_eq!(DhParams::check(g, &padded).unwrap_err(), DhError::Size, "{id}");
        }
    });
}

#[test]
fn dh_params_reject() {
    each("dh_params_reject", 6, |id, data| {
        let g = data["g"].as_i64().unwrap().try_into().unwrap();
        let error = DhParams::check(g, &hex(&data["p"])).unwrap_err();
        let expected = match id {
            "dh_bad_not_prime" | "dh_bad_prime_not_safe" => DhError::Prime,
            "dh_bad_2049_bit" => DhError::Size,
            _ => DhError::Generator,
        };
        assert!(error == expected || id == "dh_bad_not_prime" && error == DhError::Generator, "{id}: {error}");
    });
}

#[test]
fn dh_ga_range() {
    let params = DhParams::check(3, &KNOWN_PRIME).unwrap();
    each("dh_ga_range", 6, |id, data| {
        let checked = params.check_public(&hex(&data["g_a"]));
        match data["expect"].as_str().unwrap() {
            "reject" => assert_eq!(checked, Err(DhError::Range), "{id}"),
            // The bound itself is allowed by the rules.
            "either" => assert!(checked.is_ok(), "{id}"),
            other => panic!("{id}: {other}"),
        }
    });
}

#[test]
fn a_public_number_may_come_with_or_without_its_leading_zeros() {
    let params = DhParams::check(3, &KNOWN_PRIME).unwrap();
    // 2^1984, the least value allowed.
    let mut least = [0; 256];
    least[7] = 1;
    assert_eq!(params.check_public(&least[7..]), Ok(least));
    assert_eq!(params.check_public(&least), Ok(least));
    assert_eq!(params.check_public(&[[0; 1].as_slice(), &least].concat()), Err(DhError::Range));
    assert_eq!(params.check_public(&[]), Err(DhError::Range));
}
#[test]
fn srp_reject() {
    use nanogram::crypto::srp::{Kdf, SrpError};
    use rand::SeedableRng;

    let mut entropy = rand::rngs::ChaCha8Rng::seed_from_u64(1);
    let kdf = Kdf::check(3, &KNOWN_PRIME, b"salt 1", b"salt 2").unwrap();
    let x = kdf.stretch(b"password").finish();
    each("srp_reject", 1, |id, data| {
        let bad: Vec<Vec<u8>> = data["bad_B"].as_array().unwrap().iter().map(hex).collect();
        assert_eq!(bad.len(), 3, "{id}");
        for srp_b in &bad {
            assert_eq!(kdf.prove(&x, srp_b, &mut entropy), Err(SrpError::Public), "{id}");
        }
    });
    for (length, fits) in [(0, false), (247, false), (248, true), (255, true), (257, false)] {
        assert_eq!(kdf.prove(&x, &vec![1; length], &mut entropy).is_ok(), fits, "{length}");
    }
}
#[test]
fn a_password_is_hashed_only_for_a_safe_group() {
    use nanogram::crypto::srp::Kdf;

    each("dh_params_reject", 6, |id, data| {
        let g = data["g"].as_i64().unwrap().try_into().unwrap();
        assert!(Kdf::check(g, &hex(&data["p"]), b"1", b"2").is_err(), "{id}");
    });
}
