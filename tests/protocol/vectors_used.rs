//! Use of all 201 vectors of `fixtures/vectors.json` by the tests.
//!
//! The table below is compared with the vectors (every group is listed with its size) and with the sources: each listed
//! test exists, is active, names its group and states the group's size. The four API requests are tested here.

use nanogram::telegram::api::connect::{GetConfig, InitConnection, InvokeWithLayer};
use nanogram::telegram::api::contacts::ResolveUsername;
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::api::peer::{InputPeerChat, InputPeerUser, InputUserById};
use nanogram::tl::{Combinator, Raw};
use serde_json::Value;
use std::fmt::Debug;
use std::path::Path;

/// Group, number of vectors, and the tests that run all of them, as `file::test`.
type Row = (&'static str, usize, &'static [&'static str]);

const TABLE: &[Row] = &[
    ("aes_ige", 4, &["tests/protocol/vectors_crypto.rs::group_aes_ige"]),
    ("auth_key_hash", 1, &["tests/protocol/vectors_crypto.rs::group_auth_key_hash"]),
    ("tmp_aes_kdf", 1, &["tests/protocol/vectors_crypto.rs::group_tmp_aes_kdf"]),
    ("mtproto2_kdf", 6, &["tests/protocol/vectors_crypto.rs::group_mtproto2_kdf"]),
    ("mtproto1_kdf", 2, &["tests/protocol/vectors_crypto.rs::group_mtproto1_kdf"]),
    ("mtproto2_message", 2, &["tests/protocol/vectors_crypto.rs::group_mtproto2_message"]),
    (
        "forged_server_packets",
        37,
        &["tests/protocol/session_vectors.rs::forged_server_packets_are_classified_as_labelled"],
    ),
    (
        "quick_ack",
        1,
        &[
            "tests/protocol/vectors_crypto.rs::group_quick_ack",
            "tests/security/d_transport.rs::a_quick_ack_is_asked_and_given",
        ],
    ),
    (
        "rsa_pad",
        2,
        &[
            "tests/protocol/vectors_crypto.rs::group_rsa_pad",
            "tests/protocol/vectors_crypto.rs::group_rsa_pad_opens_again",
        ],
    ),
    ("rsa_fingerprint", 2, &["tests/protocol/vectors_crypto.rs::group_rsa_fingerprint"]),
    ("factorise", 14, &["tests/protocol/vectors_numbers.rs::factorise"]),
    (
        "factorise_reject",
        4,
        &[
            "tests/protocol/vectors_numbers.rs::factorise_reject",
            "tests/security/a_exchange.rs::a13_a_pq_that_is_no_product_of_two_primes_is_refused",
        ],
    ),
    ("dh_params", 13, &["tests/protocol/vectors_numbers.rs::dh_params"]),
    (
        "dh_params_reject",
        6,
        &[
            "tests/protocol/vectors_numbers.rs::dh_params_reject",
            "tests/protocol/vectors_numbers.rs::a_password_is_hashed_only_for_a_safe_group",
            "tests/security/a_exchange.rs::a09_a_prime_that_is_not_safe_is_refused",
        ],
    ),
    (
        "dh_ga_range",
        6,
        &[
            "tests/protocol/vectors_numbers.rs::dh_ga_range",
            "tests/security/a_exchange.rs::a11_a_public_number_out_of_range_is_refused",
        ],
    ),
    ("handshake", 1, &["tests/security/a_exchange.rs::the_old_edition_of_the_example_computes_to_the_same_numbers"]),
    ("srp", 3, &["src/crypto/srp.rs::every_vector_gives_its_proof"]),
    ("srp_reject", 1, &["tests/protocol/vectors_numbers.rs::srp_reject"]),
    ("bind_temp_key", 1, &["tests/protocol/vectors_crypto.rs::group_bind_temp_key"]),
    (
        "obfuscated2",
        2,
        &[
            "tests/protocol/vectors_crypto.rs::group_obfuscated2_streams",
            "tests/security/d_transport.rs::the_noise_is_that_of_other_implementations",
        ],
    ),
    ("framing", 6, &["tests/security/d_transport.rs::packets_are_framed_as_other_implementations_frame_them"]),
    ("transport_error", 3, &["tests/security/d_transport.rs::four_bytes_are_a_fault_and_forty_never"]),
    ("framing_reject", 4, &["tests/security/d_transport.rs::broken_frames_are_refused_or_waited_for"]),
    ("tl_primitive", 3, &["tests/protocol/vectors_tl.rs::primitives_lie_as_elsewhere"]),
    ("tl_string", 14, &["tests/protocol/vectors_tl.rs::strings_lie_as_elsewhere"]),
    ("tl_reject", 6, &["tests/protocol/vectors_tl.rs::what_is_no_value_is_refused_where_it_shows"]),
    ("gzip", 1, &["tests/protocol/session_vectors.rs::a_real_compressed_result_opens_to_the_recorded_length"]),
    ("gzip_reject", 1, &["tests/protocol/session_vectors.rs::a_gzip_bomb_is_refused_at_the_limit"]),
    (
        "service_message",
        9,
        &["tests/protocol/session_vectors.rs::service_messages_are_read_and_written_as_in_the_vectors"],
    ),
    ("api_request", 4, &["tests/protocol/vectors_used.rs::api_requests_are_written_as_elsewhere"]),
    ("deep_link", 40, &["tests/protocol/links.rs::links_mean_what_tdlib_says"]),
    ("replay", 1, &["tests/protocol/session_vectors.rs::the_replay_window_agrees_with_the_vector"]),
];

fn vectors() -> Value {
    serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap()
}

/// Function in a source file: its name, its text, and whether it is an active test.
struct Function {
    name: String,
    is_test: bool,
    text: String,
}

/// Functions of a source file formatted by rustfmt.
fn functions(source: &str) -> Vec<Function> {
    let lines: Vec<&str> = source.lines().collect();
    let mut out = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((name, _)) = line.trim_start().strip_prefix("fn ").and_then(|rest| rest.split_once(['(', '<'])) else {
            continue;
        };
        let attributes: Vec<_> =
            lines[..at].iter().rev().take_while(|line| line.trim_start().starts_with("#[")).collect();
        let has = |what: &str| attributes.iter().any(|line| line.contains(what));
        let end = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
        let text: Vec<_> = lines[at..].iter().take_while(|line| **line != end).copied().collect();
        out.push(Function { name: name.into(), is_test: has("#[test]") && !has("ignore"), text: text.join("\n") });
    }
    out
}

/// Returns true if `text` contains `word` as a whole word.
fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|found| found == word)
}

/// Returns true if `test` names `group` and the number `count`, itself or through a function that it calls.
fn goes_through(test: &Function, all: &[Function], group: &str, count: usize) -> bool {
    let called = all.iter().filter(|f| !f.is_test && test.text.contains(&format!("{}(", f.name)));
    let texts: Vec<&str> = called.map(|f| &*f.text).chain([&*test.text]).collect();
    let asks = texts.iter().any(|text| text.contains(&format!("\"{group}\"")));
    // Either the number itself, or the one in the vectors file.
    let counts = texts.iter().any(|text| has_word(text, &count.to_string()) || text.contains("[\"groups\"]"));
    asks && counts
}

#[test]
fn every_vector_is_used_by_a_test() {
    let file = vectors();
    let all = file["vectors"].as_array().unwrap();
    let mut total = 0;
    println!("{:<22} vectors  tests", "group");
    for (group, count, tests) in TABLE {
        println!("{group:<22} {count:>7}  {}", tests.join("\n                                "));
        let found = all.iter().filter(|vector| vector["group"] == *group).count();
        assert_eq!((found, file["groups"][group].as_u64()), (*count, Some(*count as u64)), "{group}");
        total += count;
        for test in *tests {
            let (path, name) = test.split_once("::").unwrap();
            let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
            let functions = functions(&source);
            let function = functions.iter().find(|f| f.name == name && f.is_test);
            let function = function.unwrap_or_else(|| panic!("{test} is no test that runs"));
            assert!(goes_through(function, &functions, group, *count), "{test} does not go through {group}");
        }
    }
    println!("{:<22} {total:>7}", "all");
    assert_eq!(TABLE.len(), file["groups"].as_object().unwrap().len(), "a group is not in the table");
    assert_eq!((total, all.len(), file["count"].as_u64()), (201, 201, Some(201)));
    assert!(TABLE.iter().enumerate().all(|(at, row)| TABLE[..at].iter().all(|other| other.0 != row.0)));
}

#[test]
fn the_search_finds_what_it_should_and_nothing_else() {
    let source = "#[test]\nfn good() {\n    for v in group(\"a\", 3) {\n    }\n}\n\n#[test]\n#[ignore]\nfn idle() {\n    each(\"a\", 3);\n}\n\nfn helper() {\n    let all = group(\"b\");\n}\n\n#[test]\nfn through() {\n    assert_eq!(helper().len(), 13);\n}\n";
    let all = functions(source);
    let [good, idle, helper, through] = &all[..] else { panic!() };
    assert!(good.is_test && !idle.is_test && !helper.is_test && through.is_test);
    assert!(goes_through(good, &all, "a", 3));
    assert!(!goes_through(good, &all, "a", 4) && !goes_through(good, &all, "b", 3));
    assert!(goes_through(through, &all, "b", 13) && !goes_through(through, &all, "b", 3));
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Asserts that `call` is encoded as these bytes, and decoded from them.
fn both_ways<C: Combinator + PartialEq + Debug>(call: &C, wire: &[u8]) {
    assert_eq!(call.to_boxed(), wire);
    assert_eq!(&C::from_boxed(wire).unwrap(), call);
}

#[test]
fn api_requests_are_written_as_elsewhere() {
    let file = vectors();
    let requests = file["vectors"].as_array().unwrap().iter().filter(|vector| vector["group"] == "api_request");
    let mut done = 0;
    for vector in requests {
        let data = &vector["data"];
        let wire = hex(&data["bytes"]);
        let text = |name: &str| data[name].as_str().unwrap().to_owned();
        let long = |name: &str| data[name].as_i64().unwrap();
        let start = |peer| StartBot {
            bot: InputUserById { user_id: long("bot_id"), access_hash: long("access_hash") }.into(),
            peer,
            random_id: long("random_id"),
            start_param: text("start_param"),
        };
        match vector["id"].as_str().unwrap() {
            "api_invokeWithLayer_initConnection_getConfig" => {
                let init = InitConnection {
                    api_id: i32::try_from(long("api_id")).unwrap(),
                    device_model: text("device_model"),
                    system_version: text("system_version"),
                    app_version: text("app_version"),
                    system_lang_code: text("system_lang_code"),
                    lang_pack: text("lang_pack"),
                    lang_code: text("lang_code"),
                    proxy: None,
                    params: None,
                    query: Raw(GetConfig {}.to_boxed()),
                };
                let layer = i32::try_from(long("layer")).unwrap();
                both_ways(&InvokeWithLayer { layer, query: Raw(init.to_boxed()) }, &wire);
            }
            "api_resolveUsername" => both_ways(&ResolveUsername { username: text("username"), referer: None }, &wire),
            "api_startBot_private" => {
                let peer = InputPeerUser { user_id: long("bot_id"), access_hash: long("access_hash") };
                both_ways(&start(peer.into()), &wire);
            }
            "api_startBot_basic_group_64" => {
                assert_eq!(text("start_param").len(), 64);
                both_ways(&start(InputPeerChat { chat_id: long("chat_id") }.into()), &wire);
            }
            other => panic!("no test for {other}"),
        }
        done += 1;
    }
    assert_eq!(done, 4);
}
