//! Hints for all documented errors: `tests/fixtures/rpc_errors.txt`, extracted from the documentation of Telegram's
//! methods.

use nanogram::client::Error;
use nanogram::protocol::session::{CallError, RpcError};
use nanogram::telegram::hints::hint;
use std::collections::BTreeSet;

/// Method and error, with a number in place of `%d`.
fn documented() -> Vec<(&'static str, RpcError)> {
    let lines = include_str!("../fixtures/rpc_errors.txt").lines().filter(|line| !line.starts_with('#'));
    let errors = lines.map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[0], RpcError::new(words[1].parse().unwrap(), &words[2].replace("%d", "12")))
    });
    errors.collect()
}

#[test]
fn each_documented_error_has_a_hint() {
    let all = documented();
    let methods: BTreeSet<&str> = all.iter().map(|(method, _)| *method).collect();
    assert_eq!((all.len(), methods.len()), (116, 8));
    for (method, error) in all {
        let Some(hint) = hint(&error) else { panic!("{method}: {error}") };
        assert!(hint.len() > 10 && !hint.ends_with('.') && hint.is_ascii(), "{hint}");
    }
}

#[test]
fn the_client_passes_on_the_hint_whatever_the_code() {
    for (method, error) in documented() {
        let expected = hint(&error).map(String::from);
        let (code, kind) = (error.code, error.kind().0.to_string());
        match Error::from(CallError::Refused(error)) {
            // The length of the wait is in the number.
            Error::Flood { seconds: 12, .. } => assert_eq!(code, 420),
            other => assert_eq!(other.hint(), expected, "{method}: {kind}"),
        }
    }
}
