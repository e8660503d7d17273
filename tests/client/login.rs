//! Signing in and out with the client, against the test server over TCP on 127.0.0.1. Login codes come from its log.

use nanogram::client::{Client, Error, Options, Qr};
use nanogram::crypto::rsa::RsaKey;
use nanogram::lab::dc::listener::Listener;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::residents::{ALICE, BOB, CAROL, CAROLS_PASSWORD, DAVE};
use nanogram::lab::dc::{Act, Dc};
use nanogram::protocol::session::RpcError;
use nanogram::telegram::api::auth::{
    AcceptLoginToken, Authorization, EmailVerificationCode, ExportLoginToken, ImportLoginToken, LogOut, SendCode,
    SignIn,
};
use nanogram::telegram::api::peer::InputUserSelf;
use nanogram::telegram::api::users::GetUsers;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::login::{self, Account, App, CodeSent, Entered, LoginError, Problem, Waiting};
use nanogram::tl::{Blob, Combinator, DecodeError, Fault, Hidden};
use rand::rngs::SysRng;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

const SOON: Duration = Duration::from_secs(20);
const ALICES: &str = "+10000000001";
const BOBS: &str = "+10000000002";
const CAROLS: &str = "+10000000003";
const DAVES: &str = "+10000000004";
const NOBODYS: &str = "+10000000099";

/// Data centres 2 and 4, in a task.
struct House {
    addr: String,
    key: RsaKey,
    log: Arc<Mutex<Vec<Entry>>>,
    orders: mpsc::UnboundedSender<Order>,
}

type Order = Box<dyn FnOnce(&mut Dc) + Send>;

impl House {
    async fn open() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(prepare: impl FnOnce(&mut Dc)) -> Self {
        let make = |now, unix| Dc::new(now, unix, Box::new(SysRng));
        let mut listener = Listener::bind("127.0.0.1:0", make).await.unwrap();
        listener.add("127.0.0.1:0", 4).await.unwrap();
        prepare(&mut listener.dc);
        let key = listener.dc.public_keys().next().unwrap().clone();
        let addr = listener.local_addr().unwrap().to_string();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (orders, mut to_do) = mpsc::unbounded_channel::<Order>();
        let house = Self { addr, key, log: log.clone(), orders };
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    line = listener.next() => log.lock().unwrap().push(line.unwrap().entry),
                    Some(order) = to_do.recv() => order(&mut listener.dc),
                }
            }
        });
        house
    }

    /// Changes the server before it answers the next call.
    fn tell(&self, order: impl FnOnce(&mut Dc) + Send + 'static) {
        self.orders.send(Box::new(order)).unwrap();
    }

    async fn stranger(&self) -> Client {
        let options = Options::new(Environment::Production, 2).at(&self.addr, vec![self.key.clone()]).api_id(1);
        Client::connect(options).await.unwrap()
    }

    /// Latest login code.
    fn code(&self) -> String {
        let log = self.log.lock().unwrap();
        log.iter().rev().find_map(|e| if let Entry::Code { code, .. } = e { Some(code.clone()) } else { None }).unwrap()
    }

    /// Number of calls of a method.
    fn calls_of(&self, id: u32) -> usize {
        self.log.lock().unwrap().iter().filter(|e| matches!(e, Entry::Call { method, .. } if *method == id)).count()
    }

    async fn signed_in(&self, phone: &str) -> Client {
        let client = self.stranger().await;
        let waiting = ask(&client, phone).await;
        assert!(matches!(client.sign_in(phone, &waiting, &self.code()).await.unwrap(), Entered::In(_)));
        client
    }
}

fn app() -> App {
    App { api_id: 1, api_hash: Hidden("hash".into()) }
}

async fn ask(client: &Client, phone: &str) -> Waiting {
    match client.send_code(&app(), phone).await.unwrap() {
        CodeSent::Waiting(waiting) => waiting,
        other => panic!("{other:?}"),
    }
}

/// User that the server assigns to the client's key.
async fn me(client: &Client) -> i64 {
    let answer = client.call(&GetUsers { id: vec![InputUserSelf {}.into()] }).await.unwrap();
    answer.first().unwrap().unwrap().id
}

fn problem<T: std::fmt::Debug>(result: Result<T, Error>) -> Problem {
    match result.unwrap_err() {
        Error::Rpc(error) => Problem::of(&error).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn login_error<T: std::fmt::Debug>(result: Result<T, Error>) -> LoginError {
    match result.unwrap_err() {
        Error::Login(error) => error,
        other => panic!("{other:?}"),
    }
}

fn wrong(code: &str) -> String {
    format!("{:05}", (code.parse::<u32>().unwrap() + 1) % 100_000)
}

#[tokio::test]
async fn a_code_signs_in_and_the_state_says_who_and_opens_the_next_connection() {
    let house = House::open().await;
    let client = house.stranger().await;
    let waiting = ask(&client, ALICES).await;
    assert_eq!((waiting.length, waiting.next), (Some(5), Some(("by SMS", 60))));
    assert_eq!(problem(client.sign_in(ALICES, &waiting, &wrong(&house.code())).await), Problem::WrongCode);
    assert_eq!(client.state().user, None);
    let entered = client.sign_in(ALICES, &waiting, &format!(" {} ", house.code())).await.unwrap();
    assert_eq!(entered, Entered::In(Account { id: ALICE, is_bot: false }));
    assert_eq!((me(&client).await, client.state().user.unwrap().id), (ALICE, ALICE));

    let mut options = Options::from_state(client.state()).at(&house.addr, vec![house.key.clone()]).api_id(1);
    drop(client);
    options.call_within = SOON;
    assert_eq!(me(&Client::connect(options).await.unwrap()).await, ALICE);
}

/// Independent servers name the container of the first call in `new_session_created`; so does this one.
#[tokio::test]
async fn a_server_whose_first_msg_id_names_a_container_is_told_everything_once() {
    for temporary in [None, Some(86_400)] {
        let fault = nanogram::lab::dc::Fault::named("first-msg-id-of-container").unwrap();
        let house = House::with(|dc| dc.fault(fault, nanogram::lab::dc::script::FOREVER)).await;
        let options = Options::new(Environment::Production, 2).at(&house.addr, vec![house.key.clone()]).api_id(1);
        let client = Client::connect(Options { temporary, ..options }).await.unwrap();
        let waiting = ask(&client, ALICES).await;
        assert!(matches!(client.sign_in(ALICES, &waiting, &house.code()).await.unwrap(), Entered::In(_)));
        client.start_bot("echo_bot", "echo_bot", None, "once").await.unwrap();
        let calls =
            [SendCode::ID, SignIn::ID, nanogram::telegram::api::messages::StartBot::ID].map(|id| house.calls_of(id));
        assert_eq!(calls, [1; 3], "each call is executed once, temporary keys: {temporary:?}");
    }
}

#[tokio::test]
async fn a_code_comes_again_another_way_and_too_many_wrong_ones_end_it() {
    let house = House::open().await;
    let client = house.stranger().await;
    let first = ask(&client, ALICES).await;
    let CodeSent::Waiting(second) = client.resend_code(ALICES, &first).await.unwrap() else { panic!() };
    assert!(second.says.contains("SMS") && second.next.unwrap().0.contains("call"), "{second:?}");
    let wrong = wrong(&house.code());
    for _ in 0..5 {
        assert_eq!(problem(client.sign_in(ALICES, &second, &wrong).await), Problem::WrongCode);
    }
    let code = house.code();
    assert_eq!(problem(client.sign_in(ALICES, &second, &code).await), Problem::ExpiredCode);
    let third = ask(&client, ALICES).await;
    assert!(matches!(client.sign_in(ALICES, &third, &house.code()).await.unwrap(), Entered::In(_)));
}

#[tokio::test]
async fn a_password_is_proved_and_a_wrong_one_is_not() {
    let house = House::open().await;
    let client = house.stranger().await;
    let waiting = ask(&client, CAROLS).await;
    assert_eq!(client.sign_in(CAROLS, &waiting, &house.code()).await.unwrap(), Entered::PasswordNeeded);
    assert_eq!(client.state().user, None);

    let question = client.password_question().await.unwrap();
    assert_eq!(question.hint.as_ref().unwrap().0, "there is none");
    let wrong = question.kdf.stretch(b"three factors").finish();
    assert_eq!(problem(client.check_password(&question, &wrong).await), Problem::WrongPassword);
    let right = question.kdf.stretch(CAROLS_PASSWORD.as_bytes()).finish();
    // The server accepts each question once.
    assert_eq!(problem(client.check_password(&question, &right).await), Problem::StaleQuestion);
    let question = client.password_question().await.unwrap();
    assert_eq!(client.check_password(&question, &right).await.unwrap().id, CAROL);
    assert_eq!((me(&client).await, client.state().user.unwrap().id), (CAROL, CAROL));
}

/// Row E10.
#[tokio::test]
async fn nobody_is_ever_signed_up() {
    let house = House::open().await;
    let client = house.stranger().await;
    let waiting = ask(&client, NOBODYS).await;
    assert_eq!(login_error(client.sign_in(NOBODYS, &waiting, &house.code()).await), LoginError::NoAccount);
    assert_eq!(client.state().user, None);
    const SIGN_UP: u32 = 0xaac7_b717; // auth.signUp
    assert_eq!((house.calls_of(SignIn::ID), house.calls_of(SIGN_UP)), (1, 0));
    assert_eq!(problem(client.send_code(&app(), "+1").await), Problem::WrongNumber);
}

#[tokio::test]
async fn an_account_elsewhere_is_gone_to_before_the_code_is_sent() {
    let house = House::open().await;
    let client = house.stranger().await;
    assert_eq!(client.dc_id(), 2);
    let waiting = ask(&client, DAVES).await;
    assert_eq!(client.dc_id(), 4);
    let entered = client.sign_in(DAVES, &waiting, &house.code()).await.unwrap();
    assert_eq!(entered, Entered::In(Account { id: DAVE, is_bot: false }));
    assert_eq!((me(&client).await, client.state().home), (DAVE, 4));
}

async fn shown(client: &Client) -> String {
    match client.qr_token(&app()).await.unwrap() {
        Qr::Show { link, good_for } => {
            assert!((25..=30).contains(&good_for.as_secs()), "{good_for:?}");
            link
        }
        other => panic!("{other:?}"),
    }
}

async fn accept(client: &Client, link: &str) -> Result<(), Error> {
    let token = Blob(login::token_of_link(link).unwrap());
    client.call(&AcceptLoginToken { token }).await.map(drop)
}

/// Row E11.
#[tokio::test]
async fn a_qr_code_is_accepted_by_another_client_once() {
    let house = House::open().await;
    let (alice, screen) = (house.signed_in(ALICES).await, house.stranger().await);
    let old = shown(&screen).await;
    let link = shown(&screen).await;
    assert_ne!(old, link, "each call gives a new one");
    assert!(!screen.qr_accepted(Duration::from_millis(50)).await.unwrap());
    accept(&alice, &link).await.unwrap();
    assert!(screen.qr_accepted(SOON).await.unwrap());
    let entered = screen.qr_token(&app()).await.unwrap();
    assert_eq!(entered, Qr::Entered(Entered::In(Account { id: ALICE, is_bot: false })));
    assert_eq!((me(&screen).await, screen.state().user.unwrap().id), (ALICE, ALICE));

    let again = accept(&alice, &link).await.unwrap_err();
    assert!(matches!(again, Error::Rpc(error) if error.message.starts_with("AUTH_TOKEN")));
}

#[tokio::test]
async fn after_a_qr_code_a_password_is_asked_for_all_the_same() {
    let house = House::open().await;
    let carol = house.stranger().await;
    let waiting = ask(&carol, CAROLS).await;
    carol.sign_in(CAROLS, &waiting, &house.code()).await.unwrap();
    let prove = async |client: &Client| {
        let question = client.password_question().await.unwrap();
        let hash = question.kdf.stretch(CAROLS_PASSWORD.as_bytes()).finish();
        client.check_password(&question, &hash).await.unwrap()
    };
    prove(&carol).await;
    let screen = house.stranger().await;
    accept(&carol, &shown(&screen).await).await.unwrap();
    assert!(screen.qr_accepted(SOON).await.unwrap());
    assert_eq!(screen.qr_token(&app()).await.unwrap(), Qr::Entered(Entered::PasswordNeeded));
    assert_eq!(prove(&screen).await.id, CAROL);
}

/// Row E11.
#[tokio::test]
async fn a_qr_code_leads_to_the_data_centre_of_the_account_if_it_is_known() {
    let house = House::open().await;
    let (dave, screen) = (house.signed_in(DAVES).await, house.stranger().await);
    accept(&dave, &shown(&screen).await).await.unwrap();
    assert!(screen.qr_accepted(SOON).await.unwrap());
    let entered = screen.qr_token(&app()).await.unwrap();
    assert_eq!(entered, Qr::Entered(Entered::In(Account { id: DAVE, is_bot: false })));
    assert_eq!((screen.dc_id(), me(&screen).await), (4, DAVE));

    let imports = house.calls_of(ImportLoginToken::ID);
    // Data centre 9 has no known address.
    let (bob, screen) = (house.signed_in(BOBS).await, house.stranger().await);
    accept(&bob, &shown(&screen).await).await.unwrap();
    house.tell(|dc| dc.world.set_home(BOB, 9));
    let error = screen.qr_token(&app()).await.unwrap_err();
    assert!(matches!(error, Error::UnknownDc(9)), "{error:?}");
    assert_eq!((screen.dc_id(), screen.state().user), (2, None));
    assert_eq!(house.calls_of(ImportLoginToken::ID), imports, "the token was shown to nobody");
    let error = screen.send_code(&app(), BOBS).await.unwrap_err();
    assert!(matches!(error, Error::UnknownDc(9)), "{error:?}");
}

#[tokio::test]
async fn who_signs_out_is_nobody_here_and_there() {
    let house = House::open().await;
    let client = house.signed_in(ALICES).await;
    client.log_out().await.unwrap();
    assert_eq!(client.state().user, None);
    let error = client.log_out().await.unwrap_err();
    assert!(matches!(error, Error::NotSignedIn(error) if error.is("AUTH_KEY_UNREGISTERED")));
}

#[tokio::test]
async fn what_the_server_says_of_codes_is_told_as_it_is() {
    let refuse = |message: &str| Act::Refuse(RpcError::new(400, message));
    let house = House::with(|dc| {
        dc.script(SendCode::ID, refuse("PHONE_NUMBER_BANNED"), 1);
        dc.script(ExportLoginToken::ID, refuse("API_ID_INVALID"), 1);
    })
    .await;
    let client = house.stranger().await;
    let banned = client.send_code(&app(), ALICES).await.unwrap_err();
    assert!(matches!(&banned, Error::Rpc(error) if login::hint(error).is_some()), "{banned:?}");
    assert!(matches!(client.qr_token(&app()).await.unwrap_err(), Error::Rpc(error) if error.is("API_ID_INVALID")));
}

/// `auth.authorization` with `user#20b1422`, the user of another layer.
fn of_another_layer() -> Vec<u8> {
    let mut answer = Authorization::ID.to_le_bytes().to_vec();
    answer.extend([0; 4]);
    answer.extend(0x020b_1422_u32.to_le_bytes());
    answer.extend([0; 64]);
    answer
}

#[tokio::test]
async fn an_answer_of_another_layer_is_told_and_the_key_is_signed_out() {
    let house = House::open().await;
    let client = house.stranger().await;
    let waiting = ask(&client, ALICES).await;
    house.tell(|dc| dc.script(SignIn::ID, Act::Answer(of_another_layer()), 1));
    let error = client.sign_in(ALICES, &waiting, &house.code()).await.unwrap_err();
    let Error::Decode(DecodeError { fault: Fault::Id(0x020b_1422), .. }) = error else { panic!("{error:?}") };
    let text = error.to_string();
    assert!(text.contains("20b1422") && text.contains("layer 229") && error.hint().is_some(), "{text}");
    assert_eq!((house.calls_of(LogOut::ID), client.state().user), (1, None));
    // The key is signed in at neither data centre: a new login with it works.
    assert!(client.call(&GetUsers { id: vec![InputUserSelf {}.into()] }).await.is_err());
    let waiting = ask(&client, ALICES).await;
    assert!(matches!(client.sign_in(ALICES, &waiting, &house.code()).await.unwrap(), Entered::In(_)));
}

#[tokio::test]
async fn a_code_that_came_by_mail_is_shown_as_such_and_alone() {
    let house = House::with(|dc| dc.world.set_mail(ALICE, "a***@example.org")).await;
    let client = house.stranger().await;
    let waiting = ask(&client, ALICES).await;
    assert!(waiting.is_by_mail && waiting.says.contains("by mail to a***@example.org"), "{waiting:?}");
    let call = login::sign_in(ALICES, &waiting, "12345");
    assert_eq!((call.phone_code, call.email_verification.is_some()), (None, true));
    assert_eq!(problem(client.sign_in(ALICES, &waiting, &wrong(&house.code())).await), Problem::WrongCode);
    // The right code in the wrong field, or in both fields, is wrong.
    let code = || Some(Hidden(house.code()));
    let mailed = || Some(EmailVerificationCode { code: Hidden(house.code()) }.into());
    for (phone_code, email_verification) in [(code(), None), (code(), mailed())] {
        let right = login::sign_in(ALICES, &waiting, "");
        let wrong = SignIn { phone_code, email_verification, ..right };
        assert_eq!(problem(client.call(&wrong).await), Problem::WrongCode);
    }
    assert!(matches!(client.sign_in(ALICES, &waiting, &house.code()).await.unwrap(), Entered::In(_)));
    // Other accounts get their codes elsewhere than by mail.
    let other = house.stranger().await;
    assert!(!ask(&other, BOBS).await.is_by_mail);
}
