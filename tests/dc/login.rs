//! Signing in at the test server with the client's building blocks, and the injected failures of a login.

use crate::support::simulated::{Net, Peer, UNIX};
use bytes::BytesMut;
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::log::{Entry, Refusal};
use nanogram::lab::dc::login::{CODE_LIFETIME, MAX_KEPT, MAX_WRONG, QR_LIFETIME, TICKET_LIFETIME};
use nanogram::lab::dc::residents::*;
use nanogram::lab::dc::world::Home;
use nanogram::lab::dc::{Act, Cut, Dc};
use nanogram::protocol::connection::{Config, ConnectionError, Event, TemporaryKeys};
use nanogram::protocol::session::{CallError, RpcError};
use nanogram::telegram::api::Boxed;
use nanogram::telegram::api::account::{GetPassword, InputCheckPasswordEmpty};
use nanogram::telegram::api::auth::{
    AcceptLoginToken, AnyAuthorization, AnyLoginToken, AnySentCode, CancelCode, CheckPassword, CodeSettings,
    ExportAuthorization, ImportAuthorization, ImportLoginToken, LogOut, SendCode,
};
use nanogram::telegram::api::connect::{GetConfig, GetNearestDc};
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::api::peer::{InputPeerEmpty, InputUserSelf};
use nanogram::telegram::api::updates::{GetState, UpdateLoginToken, UpdateShort, Updates};
use nanogram::telegram::api::users::GetUsers;
use nanogram::telegram::login::{self, Account, App, CodeSent, LoginError, Problem, Question, Waiting};
use nanogram::tl::{Blob, Call, Combinator, Hidden, Tl};
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use std::time::Duration;

fn app() -> App {
    App { api_id: 1, api_hash: Hidden("0".repeat(32)) }
}

impl Net {
    /// Data centres 2 and 4 of one world.
    fn two() -> Self {
        let mut net = Self::new();
        net.dc.world.others.push(Home { dc_id: 4, port: 444, ..Home::default() });
        net
    }
    /// Client with a key that is not signed in.
    fn stranger(&mut self, dc: i32) -> Peer {
        // The key exchange is tested elsewhere: an existing key saves its time.
        self.seed += 1;
        let key = AuthKey::from_bytes([self.seed as u8; 256]);
        if dc == 2 {
            self.dc.admit(key.clone(), None).unwrap();
            let config = self.config(dc, Some(key));
            return self.connect(config);
        }
        let config = self.config(dc, None);
        self.connect(config)
    }
    fn ask<C: Call>(&mut self, peer: &mut Peer, call: &C) -> Result<C::Reply, RpcError> {
        self.call(peer, call).map_err(|error| match error {
            CallError::Refused(error) => error,
            error => panic!("{error}"),
        })
    }
    fn refused<C: Call<Reply: std::fmt::Debug>>(&mut self, peer: &mut Peer, call: &C) -> (i32, String) {
        let error = self.ask(peer, call).unwrap_err();
        (error.code, error.message)
    }
    /// Latest login code in the log.
    fn code(&self) -> String {
        let mut codes =
            self.lines.iter().filter_map(|l| if let Entry::Code { code, .. } = l { Some(code) } else { None });
        codes.next_back().expect("a code in the log").clone()
    }
    fn send_code(&mut self, peer: &mut Peer, phone: &str) -> Waiting {
        let sent = self.ask(peer, &login::send_code(&app(), phone)).unwrap();
        let CodeSent::Waiting(waiting) = login::code_sent(sent).unwrap() else { panic!("signed in without a code") };
        waiting
    }
    fn calls_of(&self, id: u32) -> usize {
        self.lines.iter().filter(|line| matches!(line, Entry::Call { method, .. } if *method == id)).count()
    }
    fn wait(&mut self, seconds: i32) {
        self.now = self.now + Duration::from_secs(seconds as u64);
    }
    fn me(&mut self, peer: &mut Peer) -> i64 {
        let me = GetUsers { id: vec![InputUserSelf {}.into()] };
        self.ask(peer, &me).unwrap().first().unwrap().unwrap().id
    }
}

impl Peer {
    fn was_told_to_look_at_its_qr_code(&self) -> bool {
        self.events.iter().any(|event| match event {
            Event::Update(body) => {
                UpdateShort::from_boxed(body).is_ok_and(|short| short.update == UpdateLoginToken {}.into())
                    && Updates::from_bytes(body).is_ok()
            }
            _ => false,
        })
    }
}

fn text(code: i32, message: &str) -> (i32, String) {
    (code, message.into())
}

fn migrates_to(error: (i32, String)) -> Option<u8> {
    login::migrate_to(&RpcError::new(error.0, &error.1))
}

#[test]
fn a_code_from_the_log_signs_in() {
    let mut net = Net::new();
    let mut peer = net.stranger(2);
    assert_eq!(net.refused(&mut peer, &GetState {}), text(401, "AUTH_KEY_UNREGISTERED"));
    let waiting = net.send_code(&mut peer, "+1 (000) 000-0001");
    assert_eq!((waiting.length, waiting.next), (Some(5), Some(("by SMS", 60))));
    let code = net.code();
    assert!(code.len() == 5 && code.bytes().all(|c| c.is_ascii_digit()));
    assert!(net.lines.contains(&Entry::Code { user: Some(ALICE), code: code.clone() }));

    let empty = net.refused(&mut peer, &login::sign_in("+10000000001", &waiting, " "));
    assert_eq!(empty, text(400, "PHONE_CODE_EMPTY"));
    let wrong = if code == "11111" { "22222" } else { "11111" };
    let refused = net.ask(&mut peer, &login::sign_in("+10000000001", &waiting, wrong)).unwrap_err();
    assert_eq!((refused.message.as_str(), Problem::of(&refused)), ("PHONE_CODE_INVALID", Some(Problem::WrongCode)));
    let other = net.refused(&mut peer, &login::sign_in("+10000000002", &waiting, &code));
    assert_eq!(other, text(400, "PHONE_CODE_EXPIRED"), "the code is for another number");

    let answer = net.ask(&mut peer, &login::sign_in("+10000000001", &waiting, &code)).unwrap();
    assert_eq!(login::account(&answer), Ok(Account { id: ALICE, is_bot: false }));
    assert_eq!(net.me(&mut peer), ALICE);
    let again = net.refused(&mut peer, &login::sign_in("+10000000001", &waiting, &code));
    assert_eq!(again, text(400, "PHONE_CODE_EXPIRED"), "a code is good for one use");
    assert!(net.lines.iter().all(|line| !line.to_string().contains("10000000001")), "no number in the log");
}

#[test]
fn codes_come_again_by_other_ways_end_and_are_taken_back() {
    let mut net = Net::new();
    let mut peer = net.stranger(2);
    let phone = "+10000000001";
    let first = net.send_code(&mut peer, phone);
    for (says, next) in [("SMS", Some(("by a call that reads it out", 60))), ("voice", None)] {
        let again = net.ask(&mut peer, &login::resend_code(phone, &first)).unwrap();
        let Ok(CodeSent::Waiting(again)) = login::code_sent(again) else { panic!() };
        assert!(again.says.contains(says) && again.next == next && again.phone_code_hash == first.phone_code_hash);
    }
    assert_eq!(net.refused(&mut peer, &login::resend_code(phone, &first)), text(406, "SEND_CODE_UNAVAILABLE"));
    assert_eq!(net.lines.iter().filter(|line| matches!(line, Entry::Code { .. })).count(), 3);

    let cancel = CancelCode { phone_number: Hidden(phone.into()), phone_code_hash: first.phone_code_hash.clone() };
    assert_eq!(net.ask(&mut peer, &cancel), Ok(true));
    let code = net.code();
    assert_eq!(net.refused(&mut peer, &login::sign_in(phone, &first, &code)), text(400, "PHONE_CODE_EXPIRED"));

    let second = net.send_code(&mut peer, phone);
    net.wait(CODE_LIFETIME + 1);
    let code = net.code();
    assert_eq!(net.refused(&mut peer, &login::sign_in(phone, &second, &code)), text(400, "PHONE_CODE_EXPIRED"));

    let third = net.send_code(&mut peer, phone);
    for _ in 0..MAX_WRONG {
        assert_eq!(net.refused(&mut peer, &login::sign_in(phone, &third, "x")), text(400, "PHONE_CODE_INVALID"));
    }
    let code = net.code();
    assert_eq!(net.refused(&mut peer, &login::sign_in(phone, &third, &code)), text(400, "PHONE_CODE_EXPIRED"));
}

#[test]
fn no_number_no_app_no_account() {
    let mut net = Net::new();
    let mut peer = net.stranger(2);
    for phone in ["", "+", "12", "+1000000000a", "1234567890123456"] {
        let refused = net.ask(&mut peer, &login::send_code(&app(), phone)).unwrap_err();
        assert_eq!((refused.code, Problem::of(&refused)), (400, Some(Problem::WrongNumber)), "{phone}");
    }
    for app in [App { api_id: 0, ..app() }, App { api_hash: Hidden(String::new()), ..app() }] {
        let refused = net.refused(&mut peer, &login::send_code(&app, "+10000000001"));
        assert_eq!(refused, text(400, "API_ID_INVALID"));
        assert_eq!(net.refused(&mut peer, &login::qr_token(&app)), text(400, "API_ID_INVALID"));
    }
    // No account has this number, and none is created for it.
    let waiting = net.send_code(&mut peer, "+19999999999");
    let code = net.code();
    assert!(net.lines.contains(&Entry::Code { user: None, code: code.clone() }));
    let answer = net.ask(&mut peer, &login::sign_in("+19999999999", &waiting, &code)).unwrap();
    assert_eq!(login::account(&answer), Err(LoginError::NoAccount));
    assert_eq!(net.refused(&mut peer, &GetState {}), text(401, "AUTH_KEY_UNREGISTERED"));
}

impl Net {
    /// Submits the code of an account that also has a password.
    fn half_in(&mut self, peer: &mut Peer, phone: &str) {
        let waiting = self.send_code(peer, phone);
        let code = self.code();
        let refused = self.ask(peer, &login::sign_in(phone, &waiting, &code)).unwrap_err();
        assert_eq!((refused.code, refused.message.as_str()), (401, "SESSION_PASSWORD_NEEDED"));
        assert_eq!(Problem::of(&refused), Some(Problem::PasswordNeeded));
    }
    fn proof(&mut self, peer: &mut Peer, password: &str) -> CheckPassword {
        let question = Question::read(self.ask(peer, &GetPassword {}).unwrap().0).unwrap();
        let hash = question.kdf.stretch(password.as_bytes()).finish();
        question.prove(&hash, &mut ChaCha12Rng::seed_from_u64(self.seed)).unwrap()
    }
}

#[test]
fn a_password_is_proved_and_each_question_is_good_for_one_answer() {
    let mut net = Net::new();
    let mut peer = net.stranger(2);
    assert_eq!(net.refused(&mut peer, &GetPassword {}), text(401, "AUTH_KEY_UNREGISTERED"));
    net.half_in(&mut peer, "+10000000003");
    assert_eq!(net.refused(&mut peer, &GetState {}), text(401, "AUTH_KEY_UNREGISTERED"), "half is not in");

    let wrong = net.proof(&mut peer, "one factor");
    assert_eq!(net.refused(&mut peer, &wrong), text(400, "PASSWORD_HASH_INVALID"));
    let right = net.proof(&mut peer, CAROLS_PASSWORD);
    assert_eq!(net.refused(&mut peer, &wrong), text(400, "SRP_ID_INVALID"), "its question was answered");
    let none = CheckPassword { password: InputCheckPasswordEmpty {}.into() };
    assert_eq!(net.refused(&mut peer, &none), text(400, "PASSWORD_HASH_INVALID"));
    let mut stranger = net.stranger(2);
    assert_eq!(net.refused(&mut stranger, &right), text(401, "AUTH_KEY_UNREGISTERED"));

    let answer = net.ask(&mut peer, &right).unwrap();
    assert_eq!(login::account(&answer), Ok(Account { id: CAROL, is_bot: false }));
    assert_eq!(net.me(&mut peer), CAROL);
    assert!(Question::read(net.ask(&mut peer, &GetPassword {}).unwrap().0).is_ok(), "and who is in may ask, too");
    let log = net.lines.iter().map(ToString::to_string).collect::<String>();
    assert!(!log.contains(CAROLS_PASSWORD) && !format!("{:?}", net.dc.world).contains(CAROLS_PASSWORD));
}

#[test]
fn the_owner_chooses_the_password() {
    let mut net = Net::new();
    net.dc.set_password(ALICE, "grün 🔑");
    let mut peer = net.stranger(2);
    net.half_in(&mut peer, "+10000000001");
    let proof = net.proof(&mut peer, "grün 🔑");
    assert!(net.ask(&mut peer, &proof).is_ok());

    net.dc.set_password(ALICE, "");
    assert!(matches!(Question::read(net.ask(&mut peer, &GetPassword {}).unwrap().0), Err(LoginError::NoPassword)));
    let mut peer = net.stranger(2);
    let waiting = net.send_code(&mut peer, "+10000000001");
    let code = net.code();
    assert!(net.ask(&mut peer, &login::sign_in("+10000000001", &waiting, &code)).is_ok());
}

#[test]
fn who_signs_out_is_a_stranger_and_needs_no_code_next_time() {
    let mut net = Net::new();
    let mut peer = net.signed_in(ALICE);
    let token = net.ask(&mut peer, &LogOut {}).unwrap().0.future_auth_token.unwrap();
    assert_eq!(net.refused(&mut peer, &GetState {}), text(401, "AUTH_KEY_UNREGISTERED"));
    assert_eq!(net.refused(&mut peer, &LogOut {}), text(401, "AUTH_KEY_UNREGISTERED"));
    let send = |phone: &str| SendCode {
        settings: Boxed(CodeSettings { logout_tokens: Some(vec![token.clone()]), ..CodeSettings::default() }),
        ..login::send_code(&app(), phone)
    };
    assert!(matches!(net.ask(&mut peer, &send("+10000000002")), Ok(AnySentCode::Sent(_))), "another's number");
    let sent = net.ask(&mut peer, &send("+10000000001")).unwrap();
    assert_eq!(login::code_sent(sent), Ok(CodeSent::SignedIn(Account { id: ALICE, is_bot: false })));
    assert!(matches!(net.ask(&mut peer, &send("+10000000001")), Ok(AnySentCode::Sent(_))), "good for one use");
}

#[test]
fn a_bot_signs_in_with_its_token_and_starts_no_bots() {
    let mut net = Net::new();
    let mut peer = net.stranger(2);
    let token = net.dc.world.bot_token(SILENT_BOT).unwrap();
    assert!(net.dc.world.bot_token(ALICE).is_none());
    for wrong in ["", "x", "2000002:AAx", &token.replace("2000002", "2000001")] {
        assert_eq!(net.refused(&mut peer, &login::bot(&app(), wrong)), text(400, "ACCESS_TOKEN_INVALID"), "{wrong}");
    }
    let deleted = net.dc.world.bot_token(DELETED_BOT).unwrap();
    assert_eq!(net.refused(&mut peer, &login::bot(&app(), &deleted)), text(400, "ACCESS_TOKEN_EXPIRED"));
    let answer = net.ask(&mut peer, &login::bot(&app(), &token)).unwrap();
    assert_eq!(login::account(&answer), Ok(Account { id: SILENT_BOT, is_bot: true }));
    let start = StartBot {
        bot: net.dc.world.input_user(SILENT_BOT, ECHO_BOT),
        peer: InputPeerEmpty {}.into(),
        random_id: 1,
        start_param: "x".into(),
    };
    assert_eq!(net.refused(&mut peer, &start), text(400, "BOT_METHOD_INVALID"));
    let mut other = net.stranger(2);
    let AnyLoginToken::Token(token) = net.ask(&mut other, &login::qr_token(&app())).unwrap() else { panic!() };
    assert_eq!(net.refused(&mut peer, &AcceptLoginToken { token: token.token }), text(400, "BOT_METHOD_INVALID"));
}

impl Net {
    fn qr(&mut self, peer: &mut Peer) -> Blob {
        let AnyLoginToken::Token(token) = self.ask(peer, &login::qr_token(&app())).unwrap() else { panic!() };
        assert!(i64::from(token.expires) > UNIX.as_secs());
        token.token
    }
}

#[test]
fn a_qr_code_is_accepted_by_another_client() {
    let mut net = Net::new();
    let (mut screen, mut phone) = (net.stranger(2), net.signed_in(ALICE));
    let first = net.qr(&mut screen);
    let token = net.qr(&mut screen);
    assert_ne!(first, token, "each is another");
    assert_eq!(
        net.refused(&mut screen, &AcceptLoginToken { token: token.clone() }),
        text(401, "AUTH_KEY_UNREGISTERED")
    );
    let foreign = AcceptLoginToken { token: Blob(vec![0; 32]) };
    assert_eq!(net.refused(&mut phone, &foreign), text(400, "AUTH_TOKEN_INVALIDX"));

    let accept = phone.connection.call(&AcceptLoginToken { token: token.clone() }).id();
    net.settle(&mut [&mut phone, &mut screen]);
    assert!(phone.reply(accept).unwrap().is_ok());
    assert!(screen.was_told_to_look_at_its_qr_code() && !phone.was_told_to_look_at_its_qr_code());
    let again = net.refused(&mut phone, &AcceptLoginToken { token });
    assert_eq!(again, text(400, "AUTH_TOKEN_ALREADY_ACCEPTED"));

    let AnyLoginToken::Success(success) = net.ask(&mut screen, &login::qr_token(&app())).unwrap() else { panic!() };
    assert_eq!(login::account(&success.authorization).unwrap().id, ALICE);
    assert_eq!(net.me(&mut screen), ALICE);
    assert_eq!(net.refused(&mut phone, &AcceptLoginToken { token: first }), text(400, "AUTH_TOKEN_INVALIDX"));
}

#[test]
fn a_qr_code_ends_and_a_password_is_still_asked_for() {
    let mut net = Net::new();
    let (mut screen, mut phone) = (net.stranger(2), net.signed_in(CAROL));
    let token = net.qr(&mut screen);
    net.wait(QR_LIFETIME + 1);
    assert_eq!(net.refused(&mut phone, &AcceptLoginToken { token }), text(400, "AUTH_TOKEN_EXPIRED"));
    let token = net.qr(&mut screen);
    assert!(net.ask(&mut phone, &AcceptLoginToken { token }).unwrap().0.password_pending);
    assert_eq!(net.refused(&mut screen, &login::qr_token(&app())), text(401, "SESSION_PASSWORD_NEEDED"));
    let proof = net.proof(&mut screen, CAROLS_PASSWORD);
    net.ask(&mut screen, &proof).unwrap();
    assert_eq!(net.me(&mut screen), CAROL);
}

#[test]
fn an_account_is_let_in_where_it_lives() {
    let mut net = Net::two();
    let mut here = net.stranger(2);
    let config = net.ask(&mut here, &GetConfig {}).unwrap().0;
    let places: Vec<_> = config.dc_options.iter().map(|dc| (dc.0.id, dc.0.port)).collect();
    assert_eq!((config.this_dc, places), (2, vec![(2, 443), (4, 444)]));
    let refused = net.refused(&mut here, &login::send_code(&app(), "+10000000004"));
    assert_eq!(migrates_to(refused), Some(4));

    let mut there = net.stranger(4);
    assert_eq!(net.ask(&mut there, &GetConfig {}).unwrap().0.this_dc, 4);
    let refused = net.refused(&mut there, &login::send_code(&app(), "+10000000001"));
    assert_eq!(refused, text(303, "PHONE_MIGRATE_2"));
    let waiting = net.send_code(&mut there, "+10000000004");
    let code = net.code();
    let answer = net.ask(&mut there, &login::sign_in("+10000000004", &waiting, &code)).unwrap();
    assert_eq!(login::account(&answer).unwrap().id, DAVE);
    assert_eq!(net.me(&mut there), DAVE);

    // Updates reach the user at the home data centre.
    let mut alice = net.signed_in(ALICE);
    net.ask(&mut there, &GetState {}).unwrap();
    let start = StartBot {
        bot: net.dc.world.input_user(DAVE, ECHO_BOT),
        peer: InputPeerEmpty {}.into(),
        random_id: 1,
        start_param: "x".into(),
    };
    net.ask(&mut there, &start).unwrap();
    assert!(there.events.iter().any(|event| matches!(event, Event::Update(_))));

    // A key of one data centre is unknown in the other.
    let key = there.connection.saved(net.now, UNIX).unwrap().key;
    let config = net.config(2, Some(key));
    let mut lost = net.connect(config);
    lost.connection.call(&GetState {});
    net.settle(&mut [&mut lost, &mut alice]);
    assert!(lost.error.is_some() && net.dc.is_closed(lost.id));
}

#[test]
fn a_ticket_leads_from_one_data_centre_into_the_other_but_not_home() {
    let mut net = Net::two();
    let (mut home, mut away) = (net.signed_in(ALICE), net.stranger(4));
    for dc_id in [2, 3] {
        assert_eq!(net.refused(&mut home, &ExportAuthorization { dc_id }), text(400, "DC_ID_INVALID"));
    }
    let ticket = net.ask(&mut home, &ExportAuthorization { dc_id: 4 }).unwrap().0;
    let show = ImportAuthorization { id: ticket.id, bytes: ticket.bytes };
    let mut wrong = net.stranger(2);
    assert_eq!(net.refused(&mut wrong, &show), text(400, "AUTH_BYTES_INVALID"));
    let other = ImportAuthorization { id: BOB, ..show.clone() };
    assert_eq!(net.refused(&mut away, &other), text(400, "AUTH_BYTES_INVALID"));
    let answer = net.ask(&mut away, &show).unwrap();
    assert!(matches!(answer, AnyAuthorization::SignedIn(_)));
    assert_eq!(net.refused(&mut away, &show), text(400, "AUTH_BYTES_INVALID"), "good for one use");
    assert_eq!(net.refused(&mut away, &GetState {}), text(303, "USER_MIGRATE_2"));
    assert!(net.ask(&mut away, &GetNearestDc {}).is_ok());
}

#[test]
fn a_ticket_is_good_for_five_minutes() {
    for (seconds, is_good) in [(TICKET_LIFETIME - 1, true), (TICKET_LIFETIME, false)] {
        let mut net = Net::two();
        let (mut home, mut away) = (net.signed_in(ALICE), net.stranger(4));
        let ticket = net.ask(&mut home, &ExportAuthorization { dc_id: 4 }).unwrap().0;
        net.wait(seconds);
        let show = ImportAuthorization { id: ticket.id, bytes: ticket.bytes };
        match net.ask(&mut away, &show) {
            Ok(_) => assert!(is_good, "{seconds} s"),
            Err(error) => assert_eq!((is_good, &*error.message), (false, "AUTH_BYTES_INVALID"), "{seconds} s"),
        }
    }
}

#[test]
fn a_qr_code_leads_to_the_data_centre_where_the_account_lives() {
    let mut net = Net::two();
    let (mut screen, mut phone) = (net.stranger(2), net.signed_in(DAVE));
    let token = net.qr(&mut screen);
    net.ask(&mut phone, &AcceptLoginToken { token }).unwrap();
    let AnyLoginToken::MigrateTo(to) = net.ask(&mut screen, &login::qr_token(&app())).unwrap() else { panic!() };
    assert_eq!(to.dc_id, 4);
    let mut there = net.stranger(4);
    let import = ImportLoginToken { token: to.token };
    let AnyLoginToken::Success(success) = net.ask(&mut there, &import).unwrap() else { panic!() };
    assert_eq!(login::account(&success.authorization).unwrap().id, DAVE);
    assert_eq!(net.refused(&mut there, &import), text(400, "AUTH_TOKEN_INVALID"));
}

#[test]
fn a_temporary_key_may_do_nothing_until_it_is_bound() {
    let mut net = Net::new();
    // This client does not treat its key as temporary, and never binds it.
    let config = net.config(2, None);
    let mut peer = net.connect(config);
    net.ask(&mut peer, &GetConfig {}).unwrap();
    let key = peer.connection.saved(net.now, UNIX).unwrap().key;
    net.dc.expire(key.id(), UNIX.as_secs() as i32 + 60);
    assert!(net.ask(&mut peer, &GetConfig {}).is_ok() && net.ask(&mut peer, &GetNearestDc {}).is_ok());
    let perm_empty = text(401, "AUTH_KEY_PERM_EMPTY");
    assert_eq!(net.refused(&mut peer, &GetState {}), perm_empty);
    assert_eq!(net.refused(&mut peer, &login::send_code(&app(), "+10000000001")), perm_empty);
    assert_eq!(net.refused(&mut peer, &login::qr_token(&app())), perm_empty);
    net.wait(61);
    peer.connection.call(&GetConfig {});
    net.settle(&mut [&mut peer]);
    assert!(peer.error.is_some(), "-404 when it has ended");
}

#[test]
fn with_forward_secrecy_one_signs_in_all_the_same() {
    let mut net = Net::new();
    let config = Config { temporary: TemporaryKeys::lasting(3600), ..net.config(2, None) };
    let mut peer = net.connect(config);
    let waiting = net.send_code(&mut peer, "+10000000001");
    let code = net.code();
    net.ask(&mut peer, &login::sign_in("+10000000001", &waiting, &code)).unwrap();
    assert_eq!(net.me(&mut peer), ALICE);
    // The login belongs to the permanent key, so the next temporary key has it too.
    let key = peer.connection.saved(net.now, UNIX).unwrap().key;
    let config = Config { temporary: TemporaryKeys::lasting(3600), ..net.config(2, Some(key)) };
    let mut next = net.connect(config);
    assert_eq!(net.me(&mut next), ALICE);
    // A QR code is shown under a temporary key, and accepted.
    let config = Config { temporary: TemporaryKeys::lasting(3600), ..net.config(2, None) };
    let mut screen = net.connect(config);
    let token = net.qr(&mut screen);
    next.connection.call(&AcceptLoginToken { token });
    net.settle(&mut [&mut next, &mut screen]);
    assert!(screen.was_told_to_look_at_its_qr_code());
    assert!(matches!(net.ask(&mut screen, &login::qr_token(&app())), Ok(AnyLoginToken::Success(_))));
}

#[test]
fn calls_fail_on_demand_and_as_often_as_was_said() {
    let mut net = Net::new();
    let mut peer = net.signed_in(ALICE);
    let errors = [
        (420, "FLOOD_WAIT_3"),
        (420, "FLOOD_WAIT_3000"),
        (500, "INTERNAL"),
        (401, "AUTH_KEY_UNREGISTERED"),
        (401, "SESSION_REVOKED"),
        (406, "UPDATE_APP_TO_LOGIN"),
        (303, "NETWORK_MIGRATE_4"),
    ];
    for (code, message) in errors {
        net.dc.script(GetState::ID, Act::Refuse(RpcError::new(code, message)), 2);
    }
    assert!(net.ask(&mut peer, &GetConfig {}).is_ok(), "other methods are not meant");
    for (code, message) in errors {
        assert_eq!(net.refused(&mut peer, &GetState {}), text(code, message));
        assert_eq!(net.refused(&mut peer, &GetState {}), text(code, message));
    }
    assert!(net.ask(&mut peer, &GetState {}).is_ok());
    net.dc.script(GetState::ID, Act::Withhold, 0);
    assert!(net.ask(&mut peer, &GetState {}).is_ok(), "no times are no times");
}

#[test]
fn a_duplicated_key_is_gone_for_all_its_connections() {
    let mut net = Net::new();
    let key = net.dc.sign_in(ALICE).unwrap();
    let config = net.config(2, Some(key));
    let (mut peer, mut other) = (net.connect(config.clone()), net.connect(config));
    net.ask(&mut other, &GetState {}).unwrap();
    net.dc.script(GetState::ID, Act::Refuse(RpcError::new(406, "AUTH_KEY_DUPLICATED")), 1);
    assert_eq!(net.refused(&mut peer, &GetState {}), text(406, "AUTH_KEY_DUPLICATED"));
    for peer in [&mut peer, &mut other] {
        peer.connection.call(&GetState {});
        net.settle(&mut [peer]);
        assert!(matches!(peer.error, Some(ConnectionError::Fault(_))) && net.dc.is_closed(peer.id));
    }
}

fn start(net: &Net, random_id: i64) -> StartBot {
    StartBot {
        bot: net.dc.world.input_user(ALICE, ECHO_BOT),
        peer: InputPeerEmpty {}.into(),
        random_id,
        start_param: "x".into(),
    }
}

#[test]
fn an_answer_is_withheld_or_the_call_ignored() {
    for (act, was_done) in [(Act::Withhold, true), (Act::Ignore, false)] {
        let mut net = Net::new();
        let mut peer = net.signed_in(ALICE);
        net.ask(&mut peer, &GetState {}).unwrap();
        net.dc.script(StartBot::ID, act, 1);
        let id = peer.connection.call(&start(&net, 1)).id();
        net.settle(&mut [&mut peer]);
        assert_eq!(peer.reply(id), None);
        assert!(net.lines.contains(&Entry::Refused(Refusal::Scripted)));
        let again = net.ask(&mut peer, &start(&net, 1));
        assert_eq!(again.err().map(|e| e.message), was_done.then(|| "RANDOM_ID_DUPLICATE".into()));
    }
}

#[test]
fn the_connection_ends_before_the_answer() {
    let mut net = Net::new();
    let mut peer = net.signed_in(ALICE);
    net.ask(&mut peer, &GetState {}).unwrap();
    net.dc.script(StartBot::ID, Act::HangUp, 1);
    let id = peer.connection.call(&start(&net, 1)).id();
    net.settle(&mut [&mut peer]);
    assert!(net.dc.is_closed(peer.id) && peer.reply(id).is_none());
    assert!(net.calls_of(StartBot::ID) == 1);
    // The session gets the answer on the next connection, and nothing is executed twice.
    net.dc.handle_closed(peer.id, net.now);
    peer.id = net.dc.accept(net.now);
    peer.connection.reconnect(net.now);
    net.settle(&mut [&mut peer]);
    assert!(matches!(peer.reply(id), Some(Ok(_))) && net.calls_of(StartBot::ID) == 1);
}

#[test]
fn a_connection_is_cut_where_it_was_said() {
    /// Bytes received by each side when the connection ends, and the number of packets received by the client.
    fn run(cut: Option<Cut>) -> (usize, usize, bool) {
        let mut net = Net::new();
        if let Some(cut) = cut {
            net.dc.cut(cut);
        }
        let config = net.config(2, None);
        let mut peer = net.connect(config);
        peer.connection.call(&GetConfig {});
        let (mut sent, mut got) = (0, 0);
        for _ in 0..20 {
            net.now = net.now + Duration::from_millis(10);
            let mut out = BytesMut::new();
            while peer.connection.poll_transmit(net.now, &mut out).unwrap() {}
            if !net.dc.is_closed(peer.id) {
                sent += out.len();
            }
            net.dc.handle_input(peer.id, net.now, &out);
            let mut back = BytesMut::new();
            while net.dc.poll_transmit(peer.id, net.now, &mut back) {}
            got += back.len();
            peer.connection.handle_input(net.now, &back).unwrap();
        }
        (sent, got, net.dc.is_closed(peer.id))
    }
    let (_, whole, is_closed) = run(None);
    assert!(!is_closed && whole > 1000);
    for n in [0, 1, 80, 100, 200, whole - 1] {
        let (_, got, is_closed) = run(Some(Cut::BytesOut(n)));
        assert!(is_closed && got == n, "{n}: {got}");
    }
    for n in [0, 1, 40, 300, 500] {
        let (sent, _, is_closed) = run(Some(Cut::BytesIn(n)));
        assert!(is_closed && sent >= n, "{n}: {sent}");
    }
    let mut before = 0;
    for n in 0..5 {
        let (_, got, is_closed) = run(Some(Cut::PacketsOut(n)));
        assert!(is_closed && (got > before || n == 0), "{n}: {got}");
        before = got;
        // The last packet is not answered.
        let (_, got, is_closed) = run(Some(Cut::PacketsIn(n)));
        assert!(is_closed && (n > 0 || got == 0) && got < whole, "{n}: {got}");
    }
}

#[test]
fn whoever_asks_without_end_fills_nothing() {
    let mut net = Net::new();
    let mut peer = net.stranger(2);
    let first = net.send_code(&mut peer, "+10000000001");
    let code = net.code();
    for n in 0..MAX_KEPT {
        net.send_code(&mut peer, &format!("+2000000{n:04}"));
    }
    let forgotten = net.refused(&mut peer, &login::sign_in("+10000000001", &first, &code));
    assert_eq!(forgotten, text(400, "PHONE_CODE_EXPIRED"));
}
#[tokio::test]
async fn over_tcp_each_data_centre_has_its_port() {
    use nanogram::client::{Client, Options};
    use nanogram::lab::dc::listener::Listener;
    use nanogram::telegram::dcs::Environment;
    let make = |now, unix| Dc::new(now, unix, Box::new(rand::rngs::SysRng));
    let mut listener = Listener::bind("127.0.0.1:0", make).await.unwrap();
    let here = listener.local_addr().unwrap();
    let there = listener.add("127.0.0.1:0", 4).await.unwrap();
    let keys: Vec<_> = listener.dc.public_keys().cloned().collect();
    let server = tokio::spawn(listener.run());
    let options = Options::new(Environment::Production, 4).api_id(1).at(&there.to_string(), keys);
    let client = Client::connect(options).await.unwrap();
    let config = client.call(&GetConfig {}).await.unwrap().0;
    let ports: Vec<_> = config.dc_options.iter().map(|dc| (dc.0.id, dc.0.port as u16)).collect();
    assert_eq!((config.this_dc, ports), (4, vec![(2, here.port()), (4, there.port())]));
    server.abort();
}
