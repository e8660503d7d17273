//! Test fixtures of the client: a test server in a task, and a wire to it that can be observed and cut.
#![allow(dead_code, reason = "each test binary uses its part")]

use nanogram::client::{Client, Error, Notice, Options, Watcher};
use nanogram::crypto::rsa::RsaKey;
use nanogram::lab::dc::listener::Listener;
use nanogram::lab::dc::log::{Entry, Refusal};
use nanogram::lab::dc::residents::ALICE;
use nanogram::lab::dc::{Act, Dc};
use nanogram::protocol::session::RpcError;
use nanogram::telegram::api::connect::GetNearestDc;
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::{Format, SavedSession, string};
use nanogram::tl::Combinator;
use rand::rngs::SysRng;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// Generous time limit for every step.
pub(crate) const SOON: Duration = Duration::from_secs(20);

type Job = Box<dyn FnOnce(&mut Dc) + Send>;

/// Test server in a task, with a second data centre, number 4, of the same world.
pub(crate) struct House {
    pub(crate) addr: String,
    pub(crate) there: String,
    pub(crate) key: RsaKey,
    /// Session of Alice.
    pub(crate) session: SavedSession,
    pub(crate) log: Arc<Mutex<Vec<Entry>>>,
    jobs: mpsc::UnboundedSender<Job>,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(true).await
    }

    /// Starts the server. With `is_open`, every new key is signed in as Alice.
    pub(crate) async fn with(is_open: bool) -> Self {
        let make = |now, unix| Dc::new(now, unix, Box::new(SysRng));
        let mut listener = Listener::bind("127.0.0.1:0", make).await.unwrap();
        let at = listener.local_addr().unwrap();
        let there = listener.add("127.0.0.1:0", 4).await.unwrap().to_string();
        let key = listener.dc.public_keys().next().unwrap().clone();
        let session = SavedSession {
            addr: Some((at.ip().to_string(), at.port())),
            ..SavedSession::new(2, listener.dc.sign_in(ALICE).unwrap())
        };
        let log = Arc::new(Mutex::new(Vec::new()));
        let (jobs, mut to_do) = mpsc::unbounded_channel::<Job>();
        let house = Self { addr: at.to_string(), there, key, session, log: log.clone(), jobs };
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    line = listener.next() => {
                        let Ok(line) = line else { return };
                        if let (Entry::Key { id, .. }, true) = (&line.entry, is_open) {
                            listener.dc.let_in(*id, ALICE);
                        }
                        log.lock().unwrap().push(line.entry);
                    }
                    job = to_do.recv() => match job {
                        Some(job) => job(&mut listener.dc),
                        None => return,
                    },
                }
            }
        });
        house
    }

    /// Runs a function on the server.
    pub(crate) async fn dc<T: Send + 'static>(&self, job: impl FnOnce(&mut Dc) -> T + Send + 'static) -> T {
        let (done, result) = oneshot::channel();
        let job = move |dc: &mut Dc| drop(done.send(job(dc)));
        assert!(self.jobs.send(Box::new(job)).is_ok());
        result.await.unwrap()
    }

    /// Options without a key.
    pub(crate) fn stranger(&self) -> Options {
        Options::new(Environment::Production, 2).at(&self.addr, vec![self.key.clone()]).api_id(1)
    }

    /// Options from a session string, which also has the address.
    pub(crate) fn alice(&self) -> Options {
        let text = string::write(&self.session, Format::Nanogram).unwrap();
        let mut options = Options::from_session(&text).unwrap().api_id(1);
        options.keys = Some(vec![self.key.clone()]);
        options
    }

    /// Number of log entries that match.
    pub(crate) fn count(&self, is: impl Fn(&Entry) -> bool) -> usize {
        self.log.lock().unwrap().iter().filter(|entry| is(entry)).count()
    }
    /// Number of calls of a method, regardless of their outcome.
    pub(crate) fn calls(&self, id: u32) -> usize {
        self.count(|entry| matches!(entry, Entry::Call { method, .. } if *method == id))
    }
    /// Number of bot starts.
    pub(crate) fn starts(&self) -> usize {
        let is_start = |e: &Entry| matches!(e, Entry::Call { method, error: None, .. } if *method == StartBot::ID);
        self.count(is_start)
    }
    /// Number of permanent and temporary keys created.
    pub(crate) fn keys_made(&self) -> (usize, usize) {
        let permanent = self.count(|entry| matches!(entry, Entry::Key { expires_at: None, .. }));
        let temporary = self.count(|entry| matches!(entry, Entry::Key { expires_at: Some(_), .. }));
        (permanent, temporary)
    }
    /// Number of refusals because of a wrong salt.
    pub(crate) fn bad_salts(&self) -> usize {
        self.count(|entry| matches!(entry, Entry::Refused(Refusal::Message(48))))
    }
}

/// Notices of a client as text.
#[derive(Clone, Default)]
pub(crate) struct Told(pub(crate) Arc<Mutex<Vec<String>>>);

impl Told {
    pub(crate) fn by(options: &mut Options) -> Self {
        let told = Self::default();
        let lines = told.0.clone();
        options.watcher = Watcher::new(move |notice: &Notice| lines.lock().unwrap().push(format!("{notice:?}")));
        told
    }
    pub(crate) fn count(&self, word: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|line| line.contains(word)).count()
    }
}

/// Relay between clients and a server.
pub(crate) struct Wire {
    pub(crate) addr: String,
    flights: Arc<AtomicUsize>,
}

/// Position at which the first connection is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    pub(crate) bytes: usize,
    /// True to count the server's bytes.
    pub(crate) of_server: bool,
}

impl Wire {
    pub(crate) async fn to(server: &str) -> Self {
        Self::cut(server, None).await
    }

    /// Round trips: number of times that the client sent and then waited.
    pub(crate) fn flights(&self) -> usize {
        self.flights.load(Ordering::SeqCst)
    }

    pub(crate) async fn cut(server: &str, at: Option<At>) -> Self {
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self { addr: proxy.local_addr().unwrap().to_string(), flights: Arc::default() };
        let (to, flights) = (server.to_owned(), wire.flights.clone());
        tokio::spawn(async move {
            let mut at = at;
            while let Ok((mut client, _)) = proxy.accept().await {
                let mut server = TcpStream::connect(&to).await.unwrap();
                let limits = match at.take() {
                    None => [usize::MAX; 2],
                    Some(At { bytes, of_server: false }) => [bytes, usize::MAX],
                    Some(At { bytes, of_server: true }) => [usize::MAX, bytes],
                };
                let (flights, has_turn) = (flights.clone(), Arc::new(AtomicBool::new(true)));
                tokio::spawn(async move {
                    let _ = (client.set_nodelay(true), server.set_nodelay(true));
                    let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
                    let speaks = || {
                        flights.fetch_add(usize::from(has_turn.swap(false, Ordering::SeqCst)), Ordering::SeqCst);
                    };
                    tokio::select! {
                        () = pass(from_client, to_server, limits[0], speaks) => {}
                        () = pass(from_server, to_client, limits[1], || has_turn.store(true, Ordering::SeqCst)) => {}
                    }
                });
            }
        });
        wire
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut limit: usize,
    speaks: impl Fn(),
) {
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        speaks();
        if to.write_all(&buffer[..n.min(limit)]).await.is_err() || n >= limit {
            return;
        }
        limit -= n;
    }
}

/// Refuses the next `times` calls of `method`.
pub(crate) async fn refuses(house: &House, method: u32, code: i32, text: &str, times: u32) {
    let error = RpcError::new(code, text);
    house.dc(move |dc| dc.script(method, Act::Refuse(error), times)).await;
}

/// Client with new keys and no calls yet, and its notices.
pub(crate) async fn client(house: &House, change: impl FnOnce(&mut Options)) -> (Client, Told) {
    let mut options = house.alice();
    let told = Told::by(&mut options);
    change(&mut options);
    let client = Client::connect(options).await.unwrap();
    client.resolve("echo_bot").await.unwrap();
    (client, told)
}

/// Signs in at a server that answers with a migration to `number`.
pub(crate) async fn sent_to(number: i32) -> (House, Told, Client, Result<(), Error>) {
    let house = House::with(false).await;
    let mut options = house.stranger();
    let told = Told::by(&mut options);
    let client = Client::connect(options).await.unwrap();
    refuses(&house, GetNearestDc::ID, 303, &format!("PHONE_MIGRATE_{number}"), 1).await;
    let result = client.call(&GetNearestDc {}).await.map(drop);
    (house, told, client, result)
}
