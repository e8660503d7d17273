//! `nanogram demo`: starts a bot on a built-in test server and explains each step.
//!
//! Steps come from two sources. A [`Witness`] describes the traffic and sees no more than an observer on the network;
//! the client, here, explains its meaning. The server runs in a separate thread, and its log is shown too.

use crate::args::DemoArgs;
use crate::dc::{self, Place};
use crate::failure::{Exit, Failure};
use crate::story::{Ink, Story, hex};
use crate::witness::{Witness, fingerprint};
use crate::{account, output, runtime, start, wire};
use bytes::BytesMut;
use nanogram::base::private;
use nanogram::base::side::Side;
use nanogram::base::time::{Instant, UnixTime};
use nanogram::client::Error;
use nanogram::lab::capture::{Chunk, Connection as Heard, Recording};
use nanogram::lab::dc::TEST_KEY;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::residents::ALICE;
use nanogram::lab::server::rsa::RsaPrivateKey;
use nanogram::protocol::connection::{Config, Connection, Event, Init, SavedKey};
use nanogram::protocol::keylog::{Entry as KeyEntry, KeyLog};
use nanogram::telegram::api::contacts::ResolveUsername;
use nanogram::telegram::api::updates::Updates;
use nanogram::telegram::link::Username;
use nanogram::telegram::start::{Known, StartCall, StartError, Who, answer_of, random_id, start_call};
use nanogram::tl::{Call, Tl};
use rand::rngs::SysRng;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const BOT: &str = "echo_bot";
const PARAM: &str = "hello_42";
/// Time limit for the whole demo, which normally takes a fraction of a second.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn run(args: &DemoArgs, story: &Story) -> Result<(), Failure> {
    // An unwritable file is reported before anything starts.
    let mut record = args.record.as_deref().map(|path| open(path).map(|file| (path, file))).transpose()?;
    let story = Arc::new(story.clone());
    story.chapter("A data centre of our own");
    let place = begin_dc(&story)?;
    story.step("", "listening", &format!("on {}, as data centre {}", place.addr, place.dc_id));
    story.step("", "RSA key", &fingerprint(place.key.fingerprint()));

    story.chapter("TCP");
    let mut line = Line::connect(&place, &story)?;

    story.chapter("The key exchange, in plain messages");
    let key = line.key()?;
    story.step("", "auth_key", &format!("made on both sides and never sent; auth_key_id {}", hex(&key.key.id())));
    story.step("", "signed in", "as Alice: the data centre assigns the key to her, as after a login");

    story.chapter("Who is the bot?");
    story.step("call", "resolveUsername", &format!("username {BOT:?}, inside initConnection and invokeWithLayer"));
    let resolved = line.call(&ResolveUsername { username: BOT.into(), referer: None })?;
    let bot = Known::from_resolved(&resolved).map_err(Error::Decode)?.ok_or(StartError::BotInvalid)?;
    let Known::User { id: bot_id, .. } = bot else { return Err(StartError::BotInvalid.into()) };
    story.step("", "resolvedPeer", &format!("@{BOT} is user {bot_id}, a bot, with an access hash for Alice alone"));

    story.chapter("START");
    let random_id = random_id(&mut SysRng).map_err(|_| Error::Entropy)?;
    story.step(
        "call",
        "startBot",
        &format!("bot {bot_id}, peer {bot_id}\nrandom_id {random_id}, start_param {PARAM:?}"),
    );
    let updates: Updates = match start_call(&bot, &bot, random_id, PARAM)? {
        StartCall::StartBot(call) => line.call(&call)?,
        StartCall::PlainStart(call) => line.call(&call)?,
    };
    let said: Vec<_> =
        updates.texts().into_iter().map(|text| format!("message {}: {:?}", text.id, text.text)).collect();
    story.step("", updates.kind.name(), &said.join("\n"));

    story.chapter("The bot's answer, pushed");
    let reply = line.answer(bot_id)?;
    story.step("", "message", &format!("of @{BOT}"));
    story.tell("");
    if let Some((path, file)) = &mut record {
        line.save(path, file)?;
        story.tell(&format!("Recorded; to see it all: nanogram decode {}", path.display()));
    }

    if args.json {
        let who = Who::Name(Username::parse(BOT).map_err(|_| Failure::refused(400, "USERNAME_INVALID"))?);
        return output::json(&start::started(&who, &who, random_id, PARAM, &updates, Some(Some(reply))));
    }
    output::line(&reply)
}

fn open(path: &Path) -> Result<File, Failure> {
    account::no_session_in("--record", path)?;
    private::append(path).map_err(|error| not_written(path, &error))
}

fn not_written(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Usage, "FILE", format!("--record: cannot write {}: {error}", path.display()))
}

/// Starts the server in a thread that lives as long as the program. It signs every new key in as Alice.
fn begin_dc(story: &Arc<Story>) -> Result<Place, Failure> {
    let (ready, place) = mpsc::channel();
    let story = story.clone();
    let serve = move || -> Result<(), Failure> {
        runtime()?.block_on(async {
            let mut listener = dc::open("127.0.0.1:0").await?;
            let _ = ready.send(Place::of(&listener)?);
            loop {
                let line = listener.next().await?;
                if let Entry::Key { id, .. } = line.entry {
                    listener.dc.let_in(id, ALICE);
                }
                story.step("dc", "", &story.ink(Ink::Dim, &line.entry.to_string()));
            }
        })
    };
    let thread = thread::spawn(serve);
    place.recv().map_err(|_| match thread.join() {
        Ok(Err(failure)) => failure,
        _ => Failure::new(Exit::Other, "INTERNAL", "the data centre did not start"),
    })
}

/// Connection, its socket and its observer.
struct Line<'s> {
    socket: TcpStream,
    connection: Connection,
    witness: Witness,
    began: std::time::Instant,
    /// Updates received while waiting for something else.
    updates: VecDeque<Updates>,
    heard: Vec<Chunk>,
    story: &'s Story,
}

impl<'s> Line<'s> {
    fn connect(place: &Place, story: &'s Story) -> Result<Self, Failure> {
        let socket = TcpStream::connect(place.addr)?;
        socket.set_nodelay(true)?;
        story.step("", "connected", &format!("{} to {}", socket.local_addr()?, place.addr));
        let mut config = Config::new(place.dc_id.into(), vec![place.key.clone()]);
        config.init =
            Some(Init { system_version: std::env::consts::OS.into(), ..Init::new(wire::ANY_API_ID, "nanogram demo") });
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let unix = UnixTime::from_micros(i64::try_from(unix).unwrap_or_default());
        let connection = Connection::new(config, Instant::ZERO, unix, Box::new(SysRng));
        let (witness, began) = (Witness::new(), std::time::Instant::now());
        Ok(Self { socket, connection, witness, began, updates: VecDeque::new(), heard: Vec::new(), story })
    }

    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn tell(&mut self, from: Side, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.heard.push(Chunk { at: self.now(), from, bytes: bytes.to_vec().into() });
        }
        let arrow = if from == Side::Client { "──▶" } else { "◀──" };
        for sight in self.witness.see(from, bytes) {
            self.story.step(arrow, sight.name, &sight.what);
        }
    }

    /// Waits for the next event. This loop is all that a `Connection` needs to work on a socket.
    fn event(&mut self) -> Result<Event, Failure> {
        let mut input = [0; 4096];
        loop {
            let mut out = BytesMut::new();
            while self.connection.poll_transmit(self.now(), &mut out)? {}
            self.tell(Side::Client, &out);
            self.socket.write_all(&out)?;
            if let Some(event) = self.connection.poll_event() {
                return Ok(event);
            }
            if self.began.elapsed() > LIMIT {
                return Err(Failure::new(Exit::TimedOut, "TIMED_OUT", "the data centre does not answer"));
            }
            let due = self.connection.poll_timeout().map_or(LIMIT, |at| at.since(self.now()));
            // A time-out of zero is an error in std.
            self.socket.set_read_timeout(Some(due.clamp(Duration::from_millis(1), LIMIT)))?;
            match self.socket.read(&mut input) {
                Ok(0) => return Err(Failure::new(Exit::Network, "NETWORK", "the data centre closed the connection")),
                Ok(n) => {
                    let bytes = input.get(..n).unwrap_or_default();
                    self.tell(Side::Server, bytes);
                    self.connection.handle_input(self.now(), bytes)?;
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error.into()),
            }
            self.connection.handle_timeout(self.now())?;
        }
    }

    /// Writes the recording with its secrets: the auth key, and the server's published RSA key.
    fn save(self, path: &Path, file: &mut File) -> Result<(), Failure> {
        let name = format!("nanogram demo with {}", self.socket.peer_addr()?);
        let mut recording = Recording {
            label: name.clone(),
            connections: vec![Heard { name, chunks: self.heard, has_gap: false }],
            ..Recording::default()
        };
        if let Some(session) = self.connection.session() {
            recording.secrets.note(&KeyEntry::AuthKey(session.key().clone()));
        }
        if let Ok(key) = RsaPrivateKey::from_pem(TEST_KEY) {
            recording.secrets.add_rsa(key);
        }
        // The file is truncated only now, when its new content is complete.
        let text = recording.to_json().to_string();
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(|error| not_written(path, &error))
    }

    /// Waits for the auth key.
    fn key(&mut self) -> Result<SavedKey, Failure> {
        loop {
            if let Event::Authorized(key) = self.event()? {
                return Ok(key);
            }
        }
    }

    fn call<C: Call>(&mut self, call: &C) -> Result<C::Reply, Failure> {
        let pending = self.connection.call(call);
        loop {
            match self.event()? {
                Event::Reply { call, result } if call == pending.id() => {
                    let body = result.map_err(Error::from)?;
                    return Ok(pending.read(&body).map_err(Error::Decode)?);
                }
                event => self.keep(event),
            }
        }
    }

    fn keep(&mut self, event: Event) {
        if let Event::Update(body) = event
            && let Ok(updates) = Updates::from_bytes(&body)
        {
            self.updates.push_back(updates);
        }
    }

    /// Waits for a message of the bot and returns its text.
    fn answer(&mut self, bot: i64) -> Result<String, Failure> {
        loop {
            while let Some(updates) = self.updates.pop_front() {
                if let Some(text) = answer_of(bot, &updates) {
                    return Ok(text);
                }
            }
            let event = self.event()?;
            self.keep(event);
        }
    }
}
