//! Detection of calls that an earlier copy may have executed: the session against a server reduced to a key.

use crate::support::session::{self, ANSWER, Bench};
use nanogram::protocol::session::{CallId, Incoming};
use nanogram::tl::{Blob, Combinator, Raw};
use nanogram::wire::mt::message::RpcResult;
use nanogram::wire::mt::service::{
    BadMsgNotification, BadServerSalt, MsgsStateInfo, MsgsStateReq, NewSessionCreated, RpcErrorBare,
};

const CALL: [u8; 8] = [0xc0, 0xff, 0xee, 0x01, 1, 2, 3, 4];

fn bad_msg(bad_msg_id: i64, error_code: i32) -> Vec<u8> {
    BadMsgNotification { bad_msg_id, bad_msg_seqno: 1, error_code }.to_boxed()
}

/// Answers the latest copy of the call with `RANDOM_ID_DUPLICATE`; returns true if the call was in doubt.
fn answered(bench: &mut Bench, call: CallId, msg_id: i64) -> bool {
    let error = RpcErrorBare { error_code: 500, error_message: "RANDOM_ID_DUPLICATE".into() }.to_boxed();
    bench.say(&RpcResult { req_msg_id: msg_id, result: Raw(error) }.to_boxed()).unwrap();
    let incoming = bench.incoming();
    assert!(incoming.iter().any(|i| matches!(i, Incoming::Reply { call: c, result: Err(_) } if *c == call)));
    bench.client.was_in_doubt(call)
}

/// Message id under which the call is sent again.
fn again(bench: &mut Bench) -> i64 {
    bench.sent_messages().iter().find(|m| m.body == CALL[..]).expect("it is sent again").msg_id
}

#[test]
fn a_call_sent_once_is_never_in_doubt() {
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    assert!(bench.client.is_sent(call));
    assert!(!answered(&mut bench, call, msg_id));
    assert!(!bench.client.is_sent(call));
}

#[test]
fn a_call_that_the_server_refused_to_receive_was_not_executed() {
    for code in [16, 17, 18, 32, 33, 34, 35, 64] {
        let mut bench = Bench::new();
        let (call, msg_id) = bench.call(&CALL);
        bench.say(&bad_msg(msg_id, code)).unwrap();
        let msg_id = again(&mut bench);
        assert!(!answered(&mut bench, call, msg_id), "{code}");
    }
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    let bad = BadServerSalt { bad_msg_id: msg_id, bad_msg_seqno: 1, error_code: 48, new_server_salt: 5 };
    bench.say(&bad.to_boxed()).unwrap();
    let msg_id = again(&mut bench);
    assert!(!answered(&mut bench, call, msg_id));
}

#[test]
fn a_call_so_old_that_the_server_cannot_tell_is_in_doubt() {
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    bench.say(&bad_msg(msg_id, 20)).unwrap();
    let msg_id = again(&mut bench);
    assert!(answered(&mut bench, call, msg_id));
}

/// Codes 32 to 35 lead to a new session, in which pending calls are sent again.
#[test]
fn other_calls_of_a_session_that_is_begun_anew_are_in_doubt() {
    for code in [32, 33, 34, 35] {
        let mut bench = Bench::new();
        let (call, _) = bench.call(&CALL);
        let (_, other) = bench.call(&[1, 2, 3, 4]);
        bench.say(&bad_msg(other, code)).unwrap();
        let msg_id = bench.sent_messages().iter().find(|m| m.body == CALL[..]).map(|m| m.msg_id);
        if let Some(msg_id) = msg_id {
            assert!(answered(&mut bench, call, msg_id), "{code}");
        }
    }
}

#[test]
fn a_call_of_a_session_that_the_server_lost_is_in_doubt() {
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    let new = NewSessionCreated { first_msg_id: msg_id + 4, unique_id: 9, server_salt: session::SALT };
    bench.say(&new.to_boxed()).unwrap();
    let msg_id = again(&mut bench);
    assert!(answered(&mut bench, call, msg_id));
}

#[test]
fn a_call_that_the_server_has_not_got_at_a_reconnection_is_in_doubt() {
    // State 1: it may have been received; 2 and 3: it was not, but may still arrive on the old connection.
    for state in 1..=3 {
        let mut bench = Bench::new();
        let (call, _) = bench.call(&CALL);
        bench.client.reconnected(bench.now);
        let sent = bench.sent_messages();
        let req = sent.iter().find(|m| MsgsStateReq::from_boxed(&m.body).is_ok()).expect("it is asked about");
        let info = MsgsStateInfo { req_msg_id: req.msg_id, info: Blob(vec![state]) };
        bench.say(&info.to_boxed()).unwrap();
        let msg_id = again(&mut bench);
        assert!(answered(&mut bench, call, msg_id), "{state}");
    }
}

#[test]
fn doubts_are_not_remembered_for_ever() {
    let mut bench = Bench::new();
    let mut first = None;
    for _ in 0..300 {
        let (call, msg_id) = bench.call(&CALL);
        bench.say(&bad_msg(msg_id, 20)).unwrap();
        let msg_id = again(&mut bench);
        first.get_or_insert(call);
        bench.say(&RpcResult { req_msg_id: msg_id, result: Raw(ANSWER.to_vec()) }.to_boxed()).unwrap();
        assert!(bench.client.was_in_doubt(call));
        bench.incoming();
    }
    assert!(!bench.client.was_in_doubt(first.unwrap()));
}
