//! The client against the data centre, over TCP on 127.0.0.1: the whole job, and everything that may go wrong on it.

use nanogram::api::messages::StartBot;
use nanogram::api::peer::{InputPeer, InputPeerEmpty, InputPeerSelf, InputUserFromMessage};
use nanogram::api::updates::UpdatesKind;
use nanogram::client::{Client, Error, Options};
use nanogram::connection::ConnectionError;
use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::keys::{self, Environment};
use nanogram::crypto::rsa::RsaKey;
use nanogram::dc::Dc;
use nanogram::dc::listener::Listener;
use nanogram::dc::log::Entry;
use nanogram::dc::residents::{ALICE, CLOSED_GROUP, ECHO_BOT, GROUP, QUIET_GROUP, SILENT_BOT};
use nanogram::dc::world::PeerId;
use nanogram::handshake::{HandshakeError, Unproven};
use nanogram::start::{Known, StartError, Who};
use nanogram::store::state::DcKey;
use nanogram::store::{Format, SavedSession, string};
use nanogram::tl::Combinator;
use rand::rngs::SysRng;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Nothing here takes longer.
const SOON: Duration = Duration::from_secs(20);

/// A data centre in a task of its own.
struct House {
    addr: String,
    key: RsaKey,
    /// Of Alice.
    session: SavedSession,
    log: Arc<Mutex<Vec<Entry>>>,
}

impl House {
    async fn open() -> Self {
        Self::with(true).await
    }

    /// With `is_open`, whoever makes a key is let in as Alice.
    async fn with(is_open: bool) -> Self {
        let make = |now, unix| Dc::new(now, unix, Box::new(SysRng));
        let mut listener = Listener::bind("127.0.0.1:0", make).await.unwrap();
        let at = listener.local_addr().unwrap();
        let key = listener.dc.public_keys().next().unwrap().clone();
        let session = SavedSession {
            addr: Some((at.ip().to_string(), at.port())),
            ..SavedSession::new(2, listener.dc.sign_in(ALICE).unwrap())
        };
        let log = Arc::new(Mutex::new(Vec::new()));
        let house = Self { addr: at.to_string(), key, session, log: log.clone() };
        tokio::spawn(async move {
            while let Ok(line) = listener.next().await {
                if let (Entry::Key { id, .. }, true) = (&line.entry, is_open) {
                    listener.dc.let_in(*id, ALICE);
                }
                log.lock().unwrap().push(line.entry);
            }
        });
        house
    }

    /// Without a key.
    fn stranger(&self) -> Options {
        Options::new(Environment::Production, 2).at(&self.addr, vec![self.key.clone()]).api_id(1)
    }

    /// By session string, which holds the address too.
    fn alice(&self) -> Options {
        let text = string::write(&self.session, Format::Nanogram).unwrap();
        let mut options = Options::from_session(&text).unwrap().api_id(1);
        options.keys = Some(vec![self.key.clone()]);
        options
    }

    /// How often bots were started.
    fn starts(&self) -> usize {
        let is_start =
            |entry: &&Entry| matches!(entry, Entry::Call { method, error: None, .. } if *method == StartBot::ID);
        self.log.lock().unwrap().iter().filter(is_start).count()
    }
}

fn start_error(result: Result<impl Sized, Error>) -> StartError {
    match result {
        Err(Error::Start(error)) => error,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was done"),
    }
}

fn who(id: PeerId) -> Who {
    match id {
        PeerId::Chat(id) => Who::Chat(id),
        other => panic!("{other:?} needs a hash"),
    }
}

#[tokio::test]
async fn without_a_key_one_is_made_and_the_job_is_done_with_it() {
    let house = House::open().await;
    let client = Client::connect(house.stranger()).await.unwrap();
    assert!(client.state().keys.contains_key(&2));
    assert!(matches!(client.resolve("echo_bot").await.unwrap(), Known::User { id: ECHO_BOT, is_bot: Some(true), .. }));
    let updates = client.start_bot("echo_bot", "echo_bot", -4_156_887_774_564, "hello_42").await.unwrap();
    assert_eq!(updates.kind, UpdatesKind::List);
    let answer = client.answer_of(ECHO_BOT, SOON).await.unwrap();
    assert!(answer.contains("hello_42"), "{answer}");
    assert_eq!(house.starts(), 1);
}

#[tokio::test]
async fn the_key_that_was_made_opens_the_next_connection() {
    let house = House::open().await;
    let first = Client::connect(house.stranger()).await.unwrap();
    first.resolve("echo_bot").await.unwrap();
    let mut options = house.stranger();
    options.state = first.state();
    drop(first);
    let second = Client::connect(options).await.unwrap();
    second.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
    let made = house.log.lock().unwrap().iter().filter(|entry| matches!(entry, Entry::Key { .. })).count();
    assert_eq!(made, 2, "a permanent key and a temporary one");
}

#[tokio::test]
async fn a_session_string_is_all_that_a_client_needs() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    client.start_bot("@Echo_Bot", "@echo_bot", None, "hello-42").await.unwrap();
    assert!(client.answer_of(ECHO_BOT, SOON).await.unwrap().contains("hello-42"));
    let made = |entry: &Entry| matches!(entry, Entry::Key { expires_at: None, .. });
    assert!(!house.log.lock().unwrap().iter().any(made));
}

#[tokio::test]
async fn links_start_bots_where_they_say() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    let link = |text: &str| text.parse().unwrap();
    client.start_link(&link("https://t.me/echo_bot?start=from_link"), None, None).await.unwrap();
    assert!(client.answer_of(ECHO_BOT, SOON).await.unwrap().contains("from_link"));

    let group = link("tg://resolve?domain=echo_bot&startgroup=for_all");
    assert!(matches!(client.start_link(&group, None, None).await, Err(Error::NeedsGroup)));
    client.start_link(&group, Some(who(GROUP)), None).await.unwrap();
    assert!(client.answer_of(ECHO_BOT, SOON).await.unwrap().contains("for_all"));
}

#[tokio::test]
async fn every_documented_error_is_typed() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    let too_long = "x".repeat(65);
    let (echo, nobody) = ("echo_bot", Who::Channel { id: 4_000_001, access_hash: 1 });
    for (error, bot, peer, param) in [
        (StartError::BotInvalid, "bob_nano", None, "x"),
        (StartError::ChatAdminRequired, echo, Some(who(CLOSED_GROUP)), "x"),
        (StartError::ChatAdminRequired, echo, Some("closed_group".parse().unwrap()), "x"),
        (StartError::ChatWriteForbidden, echo, Some(who(QUIET_GROUP)), "x"),
        (StartError::ChatWriteForbidden, echo, Some("quiet_group".parse().unwrap()), "x"),
        (StartError::InputUserDeactivated, "deleted_bot", None, "x"),
        (StartError::PeerIdInvalid, echo, Some(nobody), "x"),
        (StartError::StartParamEmpty, echo, Some(who(GROUP)), ""),
        (StartError::StartParamEmpty, echo, Some("nano_group".parse().unwrap()), ""),
        (StartError::StartParamInvalid, echo, None, "no spaces"),
        (StartError::StartParamTooLong, echo, None, &too_long),
    ] {
        let bot: Who = bot.parse().unwrap();
        let peer = peer.unwrap_or_else(|| bot.clone());
        let name = format!("{bot} in {peer} with {param:?}");
        assert_eq!(start_error(client.start_bot(bot, peer, None, param).await), error, "{name}");
    }

    client.start_bot(echo, echo, 7, "x").await.unwrap();
    assert_eq!(start_error(client.start_bot(echo, echo, 7, "x").await), StartError::RandomIdDuplicate);

    let message = InputUserFromMessage { peer: InputPeerSelf {}.into(), msg_id: 999_999, user_id: ECHO_BOT };
    let call = StartBot {
        bot: message.into(),
        peer: InputPeer::from(InputPeerEmpty {}),
        random_id: 8,
        start_param: "x".into(),
    };
    assert_eq!(start_error(client.call(&call).await), StartError::MsgIdInvalid);
    assert_eq!(house.starts(), 1);
}

#[tokio::test]
async fn a_bad_parameter_is_refused_before_anything_is_sent() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    start_error(client.start_bot("echo_bot", "echo_bot", None, "ä").await);
    start_error(client.start_bot("echo_bot", who(GROUP), None, "").await);
    let calls = house.log.lock().unwrap().iter().filter(|entry| matches!(entry, Entry::Call { .. })).count();
    assert_eq!(calls, 0);
}

#[tokio::test]
async fn an_empty_parameter_in_private_sends_plain_start() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    let updates = client.start_bot("echo_bot", "echo_bot", None, "").await.unwrap();
    assert_eq!(updates.kind, UpdatesKind::ShortSentMessage);
    assert!(client.answer_of(ECHO_BOT, SOON).await.unwrap().contains("without a parameter"));
    assert_eq!(house.starts(), 0);
}

#[tokio::test]
async fn names_that_nobody_has_are_the_servers_no() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    for (name, text) in [("nobody_here", "USERNAME_NOT_OCCUPIED"), ("not__one", "USERNAME_INVALID")] {
        match client.resolve(name).await {
            Err(Error::Rpc(error)) => assert_eq!((error.code, error.message.as_str()), (400, text)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_bot_that_says_nothing_is_waited_for_and_no_longer() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    client.start_bot("silent_bot", "silent_bot", None, "x").await.unwrap();
    let answer = client.answer_of(SILENT_BOT, Duration::from_millis(100)).await;
    assert!(matches!(answer, Err(Error::Timeout)), "{answer:?}");
}

#[tokio::test]
async fn many_tasks_share_one_client() {
    let house = House::open().await;
    let client = Arc::new(Client::connect(house.alice()).await.unwrap());
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.start_bot("echo_bot", "echo_bot", None, &format!("task_{n}")).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(house.starts(), 50);
}

#[tokio::test]
async fn under_a_temporary_key_the_job_is_the_same() {
    let house = House::open().await;
    let mut options = house.alice();
    (options.keys, options.temporary) = (Some(vec![house.key.clone()]), Some(3600));
    let client = Client::connect(options).await.unwrap();
    client.start_bot("echo_bot", "echo_bot", None, "forward").await.unwrap();
    assert!(client.state().keys[&2].temporary.is_some());
    assert!(house.log.lock().unwrap().iter().any(|entry| matches!(entry, Entry::Bound { .. })));
}

#[tokio::test]
async fn a_server_with_another_rsa_key_is_not_believed() {
    let house = House::open().await;
    let mut options = house.stranger();
    options.keys = Some(keys::keys(Environment::Production).to_vec());
    options.attempts = 1;
    let error = Client::connect(options).await.unwrap_err();
    let wanted = HandshakeError::Peer(Unproven::Fingerprint);
    assert!(matches!(&error, Error::Connection(ConnectionError::Handshake(e)) if *e == wanted), "{error:?}");
    assert!(error.to_string().contains("RSA key"), "{error}");
}

#[tokio::test]
async fn a_key_that_nobody_is_signed_in_with_starts_nothing() {
    let house = House::with(false).await;
    let client = Client::connect(house.stranger()).await.unwrap();
    match client.start_bot("echo_bot", "echo_bot", None, "x").await {
        Err(Error::NotSignedIn(error)) => assert_eq!(error.message, "AUTH_KEY_UNREGISTERED"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_that_the_server_does_not_know_is_given_up_and_kept() {
    let house = House::open().await;
    let mut options = house.alice();
    let unknown = AuthKey::from_bytes([7; 256]);
    options.state.keys.insert(2, DcKey::new(unknown.clone()));
    options.temporary = None;
    let client = Client::connect(options).await.unwrap();
    let error = client.resolve("echo_bot").await.unwrap_err();
    assert!(matches!(&error, Error::KeyLost(lost) if lost.times == 3), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("kept")));
    assert!(client.state().keys[&2].auth_key.is(&unknown));
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_in_time() {
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = Options::new(Environment::Production, 2);
    options.addr = Some(deaf.local_addr().unwrap().to_string());
    options.state.keys.insert(2, DcKey::new(AuthKey::from_bytes([7; 256])));
    options.call_within = Duration::from_millis(200);
    let client = Client::connect(options).await.unwrap();
    assert!(matches!(client.resolve("echo_bot").await, Err(Error::Timeout)));
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_connection() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut options = Options::new(Environment::Production, 2);
    (options.addr, options.attempts) = (Some(free.to_string()), 2);
    let error = Client::connect(options).await.unwrap_err();
    assert!(matches!(&error, Error::Network { addr, .. } if *addr == free.to_string()), "{error:?}");
}

/// Passes bytes between clients and `to`, and cuts the first connection after `at` bytes of the client, or of the
/// server if `of_server`.
async fn cutting(to: String, at: usize, of_server: bool) -> String {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = proxy.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut is_first = true;
        while let Ok((mut client, _)) = proxy.accept().await {
            let mut server = TcpStream::connect(&to).await.unwrap();
            let limits = match (core::mem::take(&mut is_first), of_server) {
                (false, _) => [usize::MAX; 2],
                (true, false) => [at, usize::MAX],
                (true, true) => [usize::MAX, at],
            };
            tokio::spawn(async move {
                let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
                tokio::select! {
                    () = pass(from_client, to_server, limits[0]) => {}
                    () = pass(from_server, to_client, limits[1]) => {}
                }
            });
        }
    });
    addr
}

async fn pass(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, mut limit: usize) {
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..n.min(limit)]).await.is_err() || n >= limit {
            return;
        }
        limit -= n;
    }
}

#[tokio::test]
async fn wherever_the_connection_is_cut_the_bot_is_started_once() {
    // In and between the packets of a run, whose sizes padding makes random: 700 bytes or so each way.
    let cuts = (1..24).map(|n| n * n * 2).flat_map(|at| [(at, false), (at, true)]);
    let runs = cuts.map(|(at, of_server)| async move {
        let house = House::open().await;
        let mut options = house.alice();
        options.addr = Some(cutting(house.addr.clone(), at, of_server).await);
        let client = Client::connect(options).await.unwrap();
        let began = std::time::Instant::now();
        let result = client.start_bot("echo_bot", "echo_bot", None, "once").await;
        assert!(result.is_ok(), "cut after {at} bytes, of the server: {of_server}: {result:?}");
        assert_eq!(house.starts(), 1, "cut after {at} bytes, of the server: {of_server}");
        // What became of the call is asked at once, not when the session grows impatient.
        assert!(began.elapsed() < Duration::from_secs(10), "cut after {at} bytes, of the server: {of_server}");
    });
    let mut runs: tokio::task::JoinSet<()> = runs.collect();
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

#[tokio::test]
async fn a_key_exchange_that_is_cut_begins_again() {
    let house = House::open().await;
    for (at, of_server) in [(1, false), (60, false), (500, false), (60, true), (700, true)] {
        let mut options = house.stranger();
        options.addr = Some(cutting(house.addr.clone(), at, of_server).await);
        let client = Client::connect(options).await.unwrap();
        client.resolve("echo_bot").await.unwrap();
    }
}
