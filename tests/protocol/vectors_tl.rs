//! TL's primitive types against vectors of other implementations: groups `tl_primitive`, `tl_string`, `tl_reject` of
//! `fixtures/vectors.json`.

use nanogram::tl::{BareVec, Blob, DecodeError, Fault, Reader, Tl};
use serde_json::Value as Json;
use std::collections::BTreeSet;

fn hex(text: &Json) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// Vectors of a group, as id and data; their number must be `count`.
fn group(name: &str, count: usize) -> Vec<(String, Json)> {
    let all: Json = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    let all = all["vectors"].as_array().unwrap();
    let group = all.iter().filter(|v| v["group"] == name);
    let group = group.map(|v| (v["id"].as_str().unwrap().to_owned(), v["data"].clone())).collect::<Vec<_>>();
    assert_eq!(group.len(), count, "{name}");
    group
}

/// Asserts that the value is encoded as these bytes, and decoded from them.
fn both_ways<T: Tl + PartialEq + std::fmt::Debug>(value: &T, wire: &[u8]) {
    let mut out = Vec::new();
    value.write(&mut out);
    assert_eq!(out, wire, "{value:?}");
    assert_eq!(&T::from_bytes(wire).unwrap(), value);
    for cut in 0..wire.len() {
        assert!(T::from_bytes(&wire[..cut]).is_err(), "{value:?} cut at {cut}");
    }
    let longer = [wire, &[0; 4]].concat();
    let trailing = DecodeError { at: wire.len(), fault: Fault::Trailing };
    assert_eq!(T::from_bytes(&longer).unwrap_err(), trailing);
}

#[test]
fn primitives_lie_as_elsewhere() {
    let mut seen = BTreeSet::new();
    for (id, data) in group("tl_primitive", 3) {
        match id.as_str() {
            "tl_bool" => {
                both_ways(&true, &hex(&data["boolTrue"]));
                both_ways(&false, &hex(&data["boolFalse"]));
            }
            "tl_ints" => {
                let (ints, longs) = (data["int"].as_object().unwrap(), data["long"].as_object().unwrap());
                assert_eq!((ints.len(), longs.len()), (5, 5));
                ints.iter().for_each(|(n, wire)| both_ways(&n.parse::<i32>().unwrap(), &hex(wire)));
                longs.iter().for_each(|(n, wire)| both_ways(&n.parse::<i64>().unwrap(), &hex(wire)));
            }
            "tl_vectors" => {
                let (boxed, bare) = (&data["boxed_vector_int"], &data["bare_vector_int"]);
                for (text, items) in [("[]", vec![]), ("[127]", vec![127])] {
                    both_ways(&items, &hex(&boxed[text]));
                    both_ways(&BareVec(items), &hex(&bare[text]));
                }
            }
            other => panic!("a vector that nobody reads: {other}"),
        }
        seen.insert(id);
    }
    assert_eq!(seen.len(), 3);
}

#[test]
fn strings_lie_as_elsewhere() {
    let (mut texts, mut lengths) = (0, 0);
    for (id, data) in group("tl_string", 14) {
        if let Some(text) = data["utf8"].as_str() {
            let wire = hex(&data["encoded"]);
            both_ways(&text.to_owned(), &wire);
            both_ways(&Blob::from(text.as_bytes()), &wire);
            texts += 1;
        } else {
            let number = |name: &str| usize::try_from(data[name].as_u64().unwrap()).unwrap();
            let body = hex(&data["byte"]).repeat(number("length"));
            let wire = [hex(&data["header"]), body.clone(), vec![0; number("padding_zero_bytes")]].concat();
            assert_eq!(wire.len(), number("total"), "{id}");
            let mut out = Vec::new();
            Blob(body.clone()).write(&mut out);
            assert!(out == wire, "{id}");
            assert!(Blob::from_bytes(&wire).unwrap().0 == body, "{id}");
            for cut in [0, 1, 3, 4, wire.len() / 2, wire.len() - 1].into_iter().filter(|cut| *cut < wire.len()) {
                let error = Reader::new(&wire[..cut]).bytes().unwrap_err();
                assert_eq!(error, DecodeError { at: 0, fault: Fault::End }, "{id} cut at {cut}");
            }
            lengths += 1;
        }
    }
    assert_eq!((texts, lengths), (7, 7));
}

#[test]
fn what_is_no_value_is_refused_where_it_shows() {
    let mut refused = 0;
    for (id, data) in group("tl_reject", 6) {
        let wire = hex(&data["hex"]);
        let string = || Blob::from_bytes(&wire).map(|blob| blob.0);
        let (error, at, fault) = match id.as_str() {
            "tl_bad_empty_input" | "tl_bad_fe_only" | "tl_bad_short_cut" => (string().unwrap_err(), 0, Fault::End),
            "tl_bad_ff" => (string().unwrap_err(), 0, Fault::Length),
            "tl_bad_vector_huge" => (Vec::<i32>::from_bytes(&wire).unwrap_err(), 4, Fault::Count),
            // The long form for a short string is accepted, by design.
            "tl_bad_nonminimal" => {
                assert_eq!(string().unwrap(), b"a");
                continue;
            }
            other => panic!("a vector that nobody reads: {other}"),
        };
        assert_eq!(error, DecodeError { at, fault }, "{id}");
        assert!(error.to_string().ends_with(&format!("(at byte {at})")), "{error}");
        refused += 1;
    }
    assert_eq!(refused, 5);
}
