//! The client against the test server over TCP on 127.0.0.1: starting a bot, with and without failures.

use crate::support::server::{At, House, SOON, Wire};
use nanogram::client::{Client, Error, Options};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::Cut;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::residents::{CLOSED_GROUP, ECHO_BOT, GROUP, QUIET_GROUP, SILENT_BOT};
use nanogram::lab::dc::world::PeerId;
use nanogram::protocol::connection::ConnectionError;
use nanogram::protocol::handshake::{HandshakeError, Unproven};
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::api::peer::{InputPeer, InputPeerEmpty, InputPeerSelf, InputUserFromMessage};
use nanogram::telegram::api::updates::UpdatesKind;
use nanogram::telegram::dcs::{self, Environment};
use nanogram::telegram::start::{Known, StartError, Who};
use nanogram::telegram::store::state::DcKey;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

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
    options.keys = Some(dcs::keys(Environment::Production).to_vec());
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

/// Initial state of a client.
#[derive(Debug, Clone, Copy)]
enum With {
    /// No key: it creates both keys.
    Nothing,
    /// Permanent key, which encrypts all messages.
    Key,
    /// Permanent key; a temporary one must be created and bound.
    KeyForBinding,
    /// Permanent and temporary key.
    BothKeys,
}

/// Place where a connection is cut: in the server, or on the network.
#[derive(Debug, Clone, Copy)]
enum Blade {
    Dc(Cut),
    Wire(At),
}

/// Starts a bot over a connection that is cut; returns true if the cut was reached.
async fn start_once(with: With, blade: Blade) -> bool {
    let case = format!("{with:?} {blade:?}");
    let house = House::open().await;
    let mut options = match with {
        With::Nothing => house.stranger(),
        _ => house.alice(),
    };
    match with {
        With::Key => options.temporary = None,
        With::BothKeys => {
            let client = Client::connect(options.clone()).await.unwrap();
            client.resolve("echo_bot").await.unwrap();
            options.state = client.state();
            options.state.names.clear();
        }
        With::Nothing | With::KeyForBinding => {}
    }
    house.log.lock().unwrap().clear();
    match blade {
        Blade::Dc(cut) => house.dc(move |dc| dc.cut(cut)).await,
        Blade::Wire(at) => options.addr = Some(Wire::cut(&house.addr, Some(at)).await.addr),
    }
    let began = std::time::Instant::now();
    let client = Client::connect(options).await.unwrap();
    let result = client.start_bot("echo_bot", "echo_bot", None, "once").await;
    assert!(result.is_ok(), "{case}: {result:?}");
    assert!(client.answer_of(ECHO_BOT, SOON).await.unwrap().contains("once"), "{case}");
    assert_eq!(house.starts(), 1, "{case}");
    // The client asks for the fate of the call at once, not only after the session's time-out.
    assert!(began.elapsed() < Duration::from_secs(10), "{case}: {:?}", began.elapsed());
    house.count(|entry| matches!(entry, Entry::Opened)) > 1
}

/// Cuts at every packet in both directions, and within packets, for every initial state.
#[tokio::test]
async fn wherever_the_connection_is_cut_the_bot_is_started_once() {
    let mut runs = tokio::task::JoinSet::new();
    for with in [With::Nothing, With::Key, With::KeyForBinding, With::BothKeys] {
        // Padding makes packets about 100 to 1,500 bytes long.
        let step = if matches!(with, With::Nothing | With::KeyForBinding) { 131 } else { 53 };
        let ways: [fn(usize) -> Blade; 4] = [
            |n| Blade::Dc(Cut::PacketsIn(n)),
            |n| Blade::Dc(Cut::PacketsOut(n)),
            |n| Blade::Wire(At { bytes: n + 1, of_server: false }),
            |n| Blade::Wire(At { bytes: n + 1, of_server: true }),
        ];
        for (blade, step) in ways.into_iter().zip([1, 1, step, step]) {
            runs.spawn(async move {
                // Until a run is no longer cut.
                let mut cuts = 0;
                while start_once(with, blade(cuts * step)).await {
                    cuts += 1;
                }
                assert!(cuts >= 2, "{with:?}");
                cuts
            });
        }
    }
    let cuts: usize = runs.join_all().await.into_iter().sum();
    println!("{cuts} cuts");
    assert!(cuts >= 100, "{cuts}");
}

#[tokio::test]
async fn a_key_exchange_that_is_cut_begins_again() {
    let house = House::open().await;
    for (at, of_server) in [(1, false), (60, false), (500, false), (60, true), (700, true)] {
        let mut options = house.stranger();
        options.addr = Some(Wire::cut(&house.addr, Some(At { bytes: at, of_server })).await.addr);
        let client = Client::connect(options).await.unwrap();
        client.resolve("echo_bot").await.unwrap();
    }
}
