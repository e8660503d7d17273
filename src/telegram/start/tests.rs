use super::*;

const BOT: Known = Known::User { id: 7, access_hash: 9, is_bot: Some(true) };

#[test]
fn every_documented_error_is_typed_and_helps() {
    assert_eq!(StartError::all().count(), 10);
    for error in StartError::all() {
        let rpc = RpcError::new(error.code(), error.name());
        assert_eq!(StartError::from_rpc(&rpc), Some(error));
        assert_eq!(hint(&rpc), Some(error.hint()));
        assert!(error.hint().len() > 20 && !error.hint().ends_with('.'));
    }
    assert_eq!(StartError::from_rpc(&RpcError::new(400, "OTHER")), None);
}

#[test]
fn a_parameter_is_refused_before_it_is_sent() {
    let group = Known::Chat(5);
    let start = |peer: &Known, param: &str| start_call(&BOT, peer, 1, param);
    assert_eq!(start(&group, ""), Err(StartError::StartParamEmpty));
    assert_eq!(start(&group, "a b"), Err(StartError::StartParamInvalid));
    assert_eq!(start(&BOT, &"x".repeat(65)), Err(StartError::StartParamTooLong));
    assert!(matches!(start(&BOT, &"x".repeat(64)), Ok(StartCall::StartBot(_))));
    assert!(matches!(start(&BOT, ""), Ok(StartCall::PlainStart(_))));
}

#[test]
fn only_a_bot_is_started() {
    let person = Known::User { id: 7, access_hash: 9, is_bot: Some(false) };
    assert_eq!(start_call(&person, &person, 1, "x"), Err(StartError::BotInvalid));
    assert_eq!(start_call(&Known::Chat(1), &BOT, 1, "x"), Err(StartError::BotInvalid));
}
