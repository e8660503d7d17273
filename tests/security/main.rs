//! The security checklist: `docs/security.md` names the tests of every row. They are here or in the file of the module
//! concerned; `tests/dc_faults.rs` tests every fault of the data centre.
#![cfg(all(feature = "client", feature = "dc"))]

mod hostile;
mod house;

use hostile::Hostile;
use house::House;
use nanogram::base::entropy::{Entropy, EntropyFailed};
use nanogram::base::time::{Instant as Moment, ServerClock};
use nanogram::client::{Client, Error, Options};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::Fault;
use nanogram::lab::dc::faults::FAULTS;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::residents::{ALICE, CAROL, CAROLS_PASSWORD};
use nanogram::lab::dc::script::FOREVER;
use nanogram::protocol::connection::Event;
use nanogram::protocol::session::Session;
use nanogram::telegram::api::account::GetPassword;
use nanogram::telegram::api::auth::{AnyLoginToken, ExportLoginToken, SendCode};
use nanogram::telegram::api::connect::GetNearestDc;
use nanogram::telegram::api::updates::GetState;
use nanogram::telegram::login::{self, App, CodeSent, LoginError, Question};
use nanogram::tl::{Combinator, Hidden, Tl};
use nanogram::wire::transport::Framing;
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

fn fault(name: &str) -> &'static Fault {
    Fault::named(name).unwrap_or_else(|| panic!("no fault {name}"))
}

fn app() -> App {
    App { api_id: 1, api_hash: Hidden("0".repeat(32)) }
}

// B20 for the complete client: over sockets, with forward secrecy.

/// Faults that lead to a time-out of minutes, or to an error that the caller must handle.
const NOT_HERE: &[&str] = &[
    "unknown-fingerprint",
    "stall-1",
    "stall-2",
    "stall-3",
    "lost-answer",
    "overtaken",
    "forgotten-session",
    "gzip-bomb-answer",
    "gzip-crc",
    "gzip-cut",
    "silence",
    "flood-wait-day",
    "user-migrate-999",
    "half-frame",
    "web-server",
    "accept-and-stall",
];

#[tokio::test]
async fn b20_the_bot_is_started_once_whatever_is_done_to_the_client() {
    let faults = FAULTS.iter().filter(|fault| !fault.row.starts_with('E') && fault.name != "phone-migrate-999");
    let mut tasks = tokio::task::JoinSet::new();
    for fault in faults.filter(|fault| !NOT_HERE.contains(&fault.name)) {
        tasks.spawn(async move {
            let house = House::open().await;
            house.dc(move |dc| dc.fault(fault, 1)).await;
            let options = Options { framing: hostile::framing(fault), ..house.alice() };
            let start = async {
                let client = Client::connect(options).await?;
                client.start_bot("echo_bot", "echo_bot", None, "x").await
            };
            let started = tokio::time::timeout(Duration::from_secs(60), start).await;
            assert!(matches!(started, Ok(Ok(_))), "{}: {started:?}", fault.name);
            let name = fault.name;
            let acted = house.count(|entry| matches!(entry, Entry::Misbehaved { fault } if *fault == name));
            assert_eq!((acted, house.starts()), (1, 1), "{name}");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

// D: attacks and losses on the network path.

#[test]
fn d2_an_error_404_of_anybody_costs_no_key() {
    let mut net = Hostile::signed_in(hostile::dc(), ALICE, Framing::ABRIDGED);
    assert!(net.asks());
    let key = net.connection.session().unwrap().key().id();
    net.dc.fault(fault("fault-404"), 3);
    assert!(net.asks());
    assert_eq!((net.left.len(), net.acted("fault-404")), (3, 3));
    assert_eq!(net.connection.session().unwrap().key().id(), key);
    assert!(!net.events.iter().any(|event| matches!(event, Event::Authorized(_))), "another key was made");
    assert!(!net.log.iter().any(|entry| matches!(entry, Entry::Key { .. })));
}

#[tokio::test]
async fn d12_a_server_that_accepts_and_stalls_is_left_in_time() {
    let house = House::open().await;
    house.dc(|dc| dc.fault(fault("accept-and-stall"), FOREVER)).await;
    let options = Options { call_within: Duration::from_secs(1), ..house.alice() };
    let began = Instant::now();
    let result = match Client::connect(options).await {
        Ok(client) => client.call(&GetState {}).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(result.is_err() && began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn d13_a_server_that_closes_at_once_is_not_asked_without_end() {
    let house = House::open().await;
    house.dc(|dc| dc.fault(fault("close-on-accept"), FOREVER)).await;
    let options = Options { call_within: Duration::from_secs(5), ..house.alice() };
    let attempts = options.attempts;
    let result = match Client::connect(options).await {
        Ok(client) => client.call(&GetState {}).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(result.is_err());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let made = house.count(|entry| *entry == Entry::Opened);
    assert!(made > 1 && made <= attempts as usize + 1, "{made} connections");
}

/// Returns true if `text` contains the bytes of a key in any usual notation.
fn is_printed(text: &str, secret: &[u8]) -> bool {
    let hex: String = secret.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{:?}", &secret[..4]);
    text.to_lowercase().contains(&hex) || text.contains(list.trim_matches(['[', ']']))
}

#[test]
fn d14_no_secret_is_in_any_log_whatever_goes_wrong() {
    let secret: [u8; 256] = std::array::from_fn(|i| (i as u8).wrapping_mul(29).wrapping_add(131));
    assert!(is_printed(&format!("{:?}", &secret[..]), &secret), "the search would find it");
    for fault in FAULTS.iter().filter(|fault| !fault.row.starts_with('A')) {
        let mut dc = hostile::dc();
        let key = AuthKey::from_bytes(secret);
        dc.admit(key.clone(), Some(CAROL)).unwrap();
        dc.fault(fault, 1);
        let config = hostile::config(&dc, 2, Some(key));
        let mut net = Hostile::new(dc, config);
        net.patience = (Duration::from_secs(90), 3);
        let password = net.call(&GetPassword {});
        let mut text = format!("{password:?} {:?} {:?} {:?} {:?}", net.events, net.left, net.log, net.connection);
        for entry in &net.log {
            let _ = write!(text, "{entry}");
        }
        for why in net.left.iter().flatten() {
            let _ = write!(text, "{why}");
        }
        let _ = write!(text, "{:?} {:?}", net.dc, net.connection.session());
        assert!(!is_printed(&text, &secret), "{}", fault.name);
        assert!(!text.contains(CAROLS_PASSWORD) && !text.contains("10000000003"), "{}", fault.name);
    }
}

// E: passwords and codes.

/// Result of `account.getPassword` while the server injects the fault, with a check that it works afterwards.
fn question(name: &str) -> Result<Question, LoginError> {
    let mut net = Hostile::signed_in(hostile::dc(), CAROL, Framing::ABRIDGED);
    net.dc.fault(fault(name), 1);
    let lie = net.call(&GetPassword {}).unwrap().unwrap().0;
    assert_eq!(net.acted(name), 1);
    let truth = net.call(&GetPassword {}).unwrap().unwrap().0;
    assert!(Question::read(truth).is_ok());
    Question::read(lie)
}

#[test]
fn e5_the_group_of_a_password_is_checked_like_that_of_a_key() {
    for name in ["srp-prime-composite", "srp-prime-not-safe", "srp-prime-1024", "srp-g"] {
        assert!(matches!(question(name), Err(LoginError::Srp(_))), "{name}");
    }
}

#[test]
fn e6_a_public_number_that_would_fix_the_key_is_answered_with_nothing() {
    for name in ["srp-b-zero", "srp-b-p", "srp-b-257"] {
        let question = question(name).unwrap();
        let password = question.kdf.stretch(CAROLS_PASSWORD.as_bytes()).finish();
        let proof = question.prove(&password, &mut ChaCha12Rng::seed_from_u64(1));
        assert!(matches!(proof, Err(LoginError::Srp(_))), "{name}");
    }
}

#[test]
fn e7_the_servers_randomness_is_not_ours() {
    let mut net = Hostile::signed_in(hostile::dc(), CAROL, Framing::ABRIDGED);
    net.dc.fault(fault("secure-random"), 2);
    let mut entropy = ChaCha12Rng::seed_from_u64(1);
    let mut proofs = Vec::new();
    for _ in 0..2 {
        let password = net.call(&GetPassword {}).unwrap().unwrap().0;
        assert_eq!(password.secure_random.0, [0x42; 256]);
        let question = Question::read(password).unwrap();
        let stretched = question.kdf.stretch(CAROLS_PASSWORD.as_bytes()).finish();
        proofs.push(question.prove(&stretched, &mut entropy).unwrap().to_boxed());
        // With fixed entropy the number is the same: it depends on nothing else.
        let fixed = || question.prove(&stretched, &mut ChaCha12Rng::seed_from_u64(7)).unwrap().to_boxed();
        assert_eq!(fixed(), fixed());
    }
    // auth.checkPassword:4 | inputCheckPasswordSRP:4 srp_id:8 | A: length:4, then 256 bytes
    assert_ne!(proofs[0][20..276], proofs[1][20..276], "A is the same twice");
}

#[test]
fn e9_for_an_algorithm_that_nobody_knows_no_password_is_sent() {
    assert!(matches!(question("kdf-unknown"), Err(LoginError::UnknownAlgorithm)));
}

/// Client with a key that is not signed in.
fn nobody(name: &str) -> Hostile {
    let mut dc = hostile::dc();
    let key = AuthKey::from_bytes([7; 256]);
    dc.admit(key.clone(), None).unwrap();
    dc.fault(fault(name), 1);
    let config = hostile::config(&dc, 2, Some(key));
    Hostile::new(dc, config)
}

#[test]
fn e10_whatever_comes_for_a_code_is_understood_and_nobody_is_signed_up() {
    let ask = login::send_code(&app(), "+10000000001");
    let mut net = nobody("sent-code-success");
    let sent = login::code_sent(net.call(&ask).unwrap().unwrap()).unwrap();
    assert!(matches!(sent, CodeSent::SignedIn(account) if account.id == ALICE));
    assert!(net.asks(), "signed in indeed");

    let mut net = nobody("sent-code-payment");
    assert_eq!(login::code_sent(net.call(&ask).unwrap().unwrap()), Err(LoginError::PaymentRequired));

    let mut net = nobody("sign-up");
    let CodeSent::Waiting(waiting) = login::code_sent(net.call(&ask).unwrap().unwrap()).unwrap() else { panic!() };
    let codes: Vec<_> = net
        .log
        .iter()
        .filter_map(|e| if let Entry::Code { code, .. } = e { Some(code.clone()) } else { None })
        .collect();
    let answer = net.call(&login::sign_in("+10000000001", &waiting, &codes[0])).unwrap().unwrap();
    assert_eq!(login::account(&answer), Err(LoginError::NoAccount));
    assert_eq!(net.log.iter().filter(|entry| matches!(entry, Entry::Call { .. })).count(), 2, "no call but these");
}

#[tokio::test]
async fn e10_a_payment_for_a_code_is_an_error_with_a_reason() {
    let house = House::with(false).await;
    house.dc(|dc| dc.fault(fault("sent-code-payment"), 1)).await;
    let client = Client::connect(house.stranger()).await.unwrap();
    let sent = client.call(&login::send_code(&app(), "+10000000001")).await.unwrap();
    assert_eq!(login::code_sent(sent), Err(LoginError::PaymentRequired));
}

#[test]
fn e11_a_token_for_a_data_centre_that_nobody_knows_leads_nowhere() {
    let mut net = nobody("qr-migrate-999");
    let ask = ExportLoginToken { api_id: 1, api_hash: Hidden("0".repeat(32)), except_ids: vec![] };
    let AnyLoginToken::MigrateTo(to) = net.call(&ask).unwrap().unwrap() else { panic!("it was to lie") };
    assert!(u8::try_from(to.dc_id).is_err(), "no data centre has such a number: there is nothing to connect to");
    assert!(matches!(net.call(&ask), Some(Ok(AnyLoginToken::Token(_)))), "a new token, for here");
}

#[tokio::test]
async fn e12_a_key_that_was_used_elsewhere_is_not_used_again() {
    let house = House::open().await;
    house.dc(|dc| dc.fault(fault("key-duplicated"), 1)).await;
    let client = Client::connect(house.alice()).await.unwrap();
    let error = client.call(&GetState {}).await.unwrap_err();
    assert!(matches!(&error, Error::NotSignedIn(e) if e.message == "AUTH_KEY_DUPLICATED"), "{error:?}");
    let calls = house.calls(GetState::ID);
    assert!(client.call(&GetState {}).await.is_err());
    assert_eq!(house.calls(GetState::ID), calls, "it was asked all the same");
}

// C: errors that must not cause a storm of retries.

#[tokio::test]
async fn c18_a_server_that_always_fails_is_not_asked_without_end() {
    let house = House::open().await;
    house.dc(|dc| dc.fault(fault("internal-error"), FOREVER)).await;
    let client = Client::connect(Options { call_within: Duration::from_secs(4), ..house.alice() }).await.unwrap();
    assert!(client.call(&GetNearestDc {}).await.is_err());
    let calls = house.calls(GetNearestDc::ID);
    assert!((1..=10).contains(&calls), "{calls} calls in 4 seconds");
}

#[tokio::test]
async fn c19_a_number_that_lives_nowhere_leads_nowhere() {
    let house = House::with(false).await;
    house.dc(|dc| dc.fault(fault("phone-migrate-999"), 2)).await;
    let client = Client::connect(house.stranger()).await.unwrap();
    let result = client.call(&login::send_code(&app(), "+10000000001")).await;
    assert!(result.is_err() && house.calls(SendCode::ID) <= 2);
    assert_eq!(house.keys_made().0, 1, "a key was made elsewhere");
    let sent = client.call(&login::send_code(&app(), "+10000000002")).await;
    assert!(sent.is_ok() || house.calls(SendCode::ID) <= 2);
}

#[test]
fn d11_a_flag_word_or_vector_that_lies_ends_the_connection_and_no_more() {
    for name in ["cut-short-body", "vector-huge", "count-huge"] {
        let mut net = Hostile::signed_in(hostile::dc(), ALICE, Framing::ABRIDGED);
        net.dc.fault(fault(name), 1);
        assert!(net.asks() && net.left.len() == 1, "{name}");
    }
    assert!(bool::from_bytes(&[0; 3]).is_err());
}

// F: bugs of other implementations.

/// Entropy of zeros at first, then ones.
struct Zeros(usize);

impl Entropy for Zeros {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        out.fill(u8::from(self.0 == 0));
        self.0 = self.0.saturating_sub(1);
        Ok(())
    }
}

#[test]
fn f8_no_session_has_the_number_0() {
    let clock = ServerClock::guess(Moment::ZERO, hostile::UNIX);
    let session = Session::client(AuthKey::from_bytes([7; 256]), 0, clock, &mut Zeros(3)).unwrap();
    assert_ne!(session.session_id(), 0);
}

// The table.

/// Row of the checklist: number, rule, and the tests that cover it.
type Row = (&'static str, &'static str, &'static [&'static str]);

#[path = "security/rows.rs"]
mod rows;
use rows::ROWS;

/// Number of rows in each part of the checklist.
const PARTS: [(char, usize); 6] = [('A', 23), ('B', 20), ('C', 22), ('D', 14), ('E', 13), ('F', 11)];

/// Returns true if `source` has an active test of this name.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with("()"))
    });
    let above = |at: usize| lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
    at.is_some_and(|at| {
        let is_test = |line: &&str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        above(at).any(is_test) && !above(at).any(|line| line.starts_with("#[ignore"))
    })
}

#[test]
fn every_row_of_the_checklist_has_a_test_that_runs() {
    let expected: Vec<String> =
        PARTS.iter().flat_map(|(part, most)| (1..=*most).map(move |n| format!("{part}{n}"))).collect();
    let listed: Vec<_> = ROWS.iter().map(|row| row.0).collect();
    assert_eq!(listed, expected);
    for (row, _, tests) in ROWS {
        println!("{row:4} {}", tests.join("\n     "));
        assert!(!tests.is_empty() || *row == "F6", "{row} has no test");
        for test in *tests {
            let (path, name) = test.split_once("::").unwrap();
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
            let source = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{row} {}: {e}", path.display()));
            assert!(has_test(&source, name), "{row}: {test} is no test that runs");
        }
    }
    for fault in FAULTS {
        assert!(listed.contains(&fault.row), "{}", fault.name);
    }
}

#[test]
fn the_search_for_tests_finds_tests_alone() {
    let source = "#[test]\nfn good() {\n}\n#[tokio::test]\nasync fn too() {\n}\nfn helper() {\n}\n#[test]\n#[ignore]\nfn idle() {\n}\n";
    assert!(has_test(source, "good") && has_test(source, "too"));
    assert!(!has_test(source, "helper") && !has_test(source, "idle") && !has_test(source, "goo"));
}

#[test]
fn the_checklist_in_the_documents_is_this_one() {
    let mut text = String::from(HEAD);
    let mut part = "";
    for (row, rule, tests) in ROWS {
        if row[..1] != *part {
            part = &row[..1];
            let title = TITLES.iter().find(|(of, _)| *of == part).unwrap().1;
            let _ =
                write!(text, "\n## {part}. {title}\n\n| row | rule | faults | tests |\n| --- | --- | --- | --- |\n");
        }
        let faults: Vec<_> = FAULTS.iter().filter(|f| f.row == *row).map(|f| format!("`{}`", f.name)).collect();
        let tests: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
        let _ = writeln!(text, "| {row} | {rule} | {} | {} |", faults.join(" "), tests.join("<br>"));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    if std::env::var_os("NANOGRAM_WRITE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == text, "docs/security.md differs: run this test with NANOGRAM_WRITE=1");
}

const TITLES: [(&str, &str); 6] = [
    ("A", "Key exchange"),
    ("B", "Encrypted messages"),
    ("C", "Session, salts, service messages"),
    ("D", "Transport and parser"),
    ("E", "Forward secrecy, passwords, signing in"),
    ("F", "Faults of other implementations"),
];

const HEAD: &str = "\
# The security checklist

The rules that the security guidelines, the protocol's pages and the published attacks set for a client. Each row has the
[faults](faults.md) of the test data centre (`nanogram dc --fault NAME`) that break the rule, and the tests that hold it;
other clients can be tried with the same faults. SG: the security guidelines. 4A: Albrecht et al., 2021. JO: Jakobsen and
Orlandi, 2015.

A test reads the sources and fails if one of these tests is missing.
`NANOGRAM_WRITE=1 cargo test --all-features --test security` writes this file.
";
