use super::*;

#[test]
fn a_migration_names_its_data_centre() {
    let to = |code, message| migrate_to(&RpcError::new(code, message));
    assert_eq!(to(303, "PHONE_MIGRATE_2"), Some(2));
    assert_eq!(to(303, "USER_MIGRATE_5"), Some(5));
    assert_eq!(to(303, "PHONE_MIGRATE_999"), None);
    assert_eq!(to(400, "PHONE_MIGRATE_2"), None);
    assert_eq!(to(303, "OTHER_2"), None);
}

#[test]
fn every_way_that_a_code_may_come_is_explained() {
    use crate::telegram::api::auth::{
        CodeTypeCall, SentCodeTypeApp, SentCodeTypeCall, SentCodeTypeEmailCode, SentCodeTypeFirebaseSms,
        SentCodeTypeFlashCall, SentCodeTypeFragmentSms, SentCodeTypeMissedCall, SentCodeTypeSetUpEmailRequired,
        SentCodeTypeSms, SentCodeTypeSmsPhrase, SentCodeTypeSmsWord,
    };
    let sent = |type_: SentCodeType, next: bool| {
        let next_type = next.then(|| CodeTypeCall {}.into());
        waiting(SentCode { type_, phone_code_hash: Hidden("h".into()), next_type, timeout: Some(60) })
    };
    let hidden = |text: &str| Hidden(text.into());
    let firebase =
        || SentCodeTypeFirebaseSms { nonce: None, play_integrity_project_id: None, receipt: None, length: 6 };
    let mail = SentCodeTypeEmailCode {
        apple_signin_allowed: false,
        google_signin_allowed: false,
        email_pattern: hidden("a***@b.c"),
        length: 6,
        reset_available_period: None,
        reset_pending_date: None,
    };
    let cases: [(SentCodeType, &str, Option<usize>); 10] = [
        (SentCodeTypeApp { length: 5 }.into(), "in your other app", Some(5)),
        (SentCodeTypeSms { length: 5 }.into(), "by SMS", Some(5)),
        (SentCodeTypeCall { length: 5 }.into(), "reads out", Some(5)),
        (SentCodeTypeFlashCall { pattern: "+7 9*".into() }.into(), "like +7 9*", None),
        (SentCodeTypeMissedCall { prefix: hidden("+49"), length: 4 }.into(), "the last 4 digits", Some(4)),
        (mail.into(), "by mail to a***@b.c", Some(6)),
        (SentCodeTypeFragmentSms { url: "https://fragment.com/x".into(), length: 5 }.into(), "fragment.com/x", Some(5)),
        (SentCodeTypeSmsWord { beginning: Some("s".into()) }.into(), "begins with s", None),
        (SentCodeTypeSmsPhrase { beginning: None }.into(), "a phrase", None),
        (firebase().into(), "only official apps", Some(6)),
    ];
    for (type_, says, length) in cases {
        let waiting = sent(type_, true).unwrap();
        assert!(waiting.says.contains(says), "{}", waiting.says);
        assert_eq!((waiting.length, waiting.next), (length, Some(("by a call that reads it out", 60))));
    }
    assert_eq!(sent(firebase().into(), false), Err(LoginError::OfficialAppsOnly));
    let no_mail = SentCodeTypeSetUpEmailRequired { apple_signin_allowed: false, google_signin_allowed: false };
    assert_eq!(sent(no_mail.into(), true), Err(LoginError::MailRequired));
}

#[test]
fn a_qr_code_holds_the_token_in_base64url() {
    assert_eq!(qr_link(&[0xfb, 0xff, 0x01]), "tg://login?token=-_8B");
    assert_eq!(token_of_link("tg://login?token=-_8B\n"), Some([0xfb, 0xff, 0x01].to_vec()));
    for other in ["", "tg://login?token=", "tg://login?token=!", "tg://resolve?domain=x", "-_8B"] {
        assert_eq!(token_of_link(other), None, "{other}");
    }
}
