//! The same job without tokio: `std::net` around a `Connection`.
//!
//! ```text
//! cargo run --example blocking --no-default-features -- [ADDR PEM] SESSION LINK
//! ```
//!
//! `SESSION` may be `-`: then a key is made first, and nobody is signed in with it. All that a program needs which has
//! its own sockets, clock and randomness is in `Wire`: forty lines.

use nanogram::api::contacts::ResolveUsername;
use nanogram::connection::{Config, Connection, Event, Init, Pending};
use nanogram::crypto::keys::{Environment, keys};
use nanogram::crypto::rsa::RsaKey;
use nanogram::entropy::{Entropy, EntropyFailed};
use nanogram::link::{Start, StartLink, StartParam};
use nanogram::start::{Known, StartCall, hint, random_id, start_call};
use nanogram::store::string;
use nanogram::time::{Instant, UnixTime};
use nanogram::tl::Call;
use nanogram::{connection::SavedKey, session::CallError};
use std::error::Error;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// The system's randomness.
struct Urandom(File);

impl Entropy for Urandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        self.0.read_exact(out).map_err(|_| EntropyFailed)
    }
}

/// A connection and its socket.
struct Wire {
    socket: TcpStream,
    connection: Connection,
    began: std::time::Instant,
}

impl Wire {
    fn now(&self) -> Instant {
        Instant::from_micros(self.began.elapsed().as_micros().try_into().unwrap_or(u64::MAX))
    }

    /// What happens next; waits for it.
    fn event(&mut self) -> Result<Event, Box<dyn Error>> {
        let mut input = [0; 4096];
        loop {
            let mut out = bytes::BytesMut::new();
            while self.connection.poll_transmit(self.now(), &mut out)? {}
            self.socket.write_all(&out)?;
            if let Some(event) = self.connection.poll_event() {
                return Ok(event);
            }
            let due = self.connection.poll_timeout().map(|at| at.since(self.now()));
            self.socket.set_read_timeout(due.map(|due| due.max(Duration::from_millis(1))))?;
            match self.socket.read(&mut input) {
                Ok(0) => return Err("the server closed the connection".into()),
                Ok(n) => self.connection.handle_input(self.now(), &input[..n])?,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(e) => return Err(e.into()),
            }
            self.connection.handle_timeout(self.now())?;
        }
    }

    fn call<C: Call>(&mut self, call: &C) -> Result<C::Reply, Box<dyn Error>> {
        let pending: Pending<C> = self.connection.call(call);
        loop {
            match self.event()? {
                Event::Authorized(key) => eprintln!("made the key {:?}", key.key),
                Event::Reply { call, result } if call == pending.id() => {
                    return match result {
                        Ok(body) => Ok(pending.read(&body)?),
                        Err(CallError::Refused(error)) => {
                            Err(format!("{error}: {}", hint(&error).unwrap_or_default()).into())
                        }
                        Err(error) => Err(error.into()),
                    };
                }
                _ => {}
            }
        }
    }
}

fn run(session: &str, link: &str, place: Option<(&str, &str)>) -> Result<(), Box<dyn Error>> {
    let link: StartLink = link.parse()?;
    let Start::Private { param } = &link.start else { return Err("a link for the private chat, please".into()) };
    let param = param.as_ref().map_or("", StartParam::as_str);

    let mut config = Config::new(2, keys(Environment::Production).to_vec());
    let mut addr = ("149.154.167.51".to_string(), 443);
    if session != "-" {
        let (_, saved) = string::parse(session)?;
        addr = saved.place().ok_or("the session does not say where its data centre is")?;
        config.dc = saved.dc_id.into();
        config.saved = Some(SavedKey { key: saved.auth_key.clone(), salt: 0, time_offset: None });
    }
    let socket = match place {
        Some((addr, pem)) => {
            config.keys = vec![RsaKey::from_pem(&std::fs::read_to_string(pem)?)?];
            TcpStream::connect(addr)?
        }
        None => TcpStream::connect(addr)?,
    };
    socket.set_nodelay(true)?;
    config.init =
        Some(Init::new(std::env::var("NANOGRAM_API_ID").ok().and_then(|id| id.parse().ok()).unwrap_or(1), "blocking"));
    let mut urandom = Urandom(File::open("/dev/urandom")?);
    let random_id = random_id(&mut urandom)?;

    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_micros().try_into()?;
    let connection = Connection::new(config, Instant::ZERO, UnixTime::from_micros(unix), Box::new(urandom));
    let mut wire = Wire { socket, connection, began: std::time::Instant::now() };

    let resolved = wire.call(&ResolveUsername { username: link.bot.as_str().into(), referer: None })?;
    let bot = Known::from_resolved(&resolved)?.ok_or("the server gives no access hash for this name")?;
    let updates = match start_call(&bot, &bot, random_id, param)? {
        StartCall::StartBot(call) => wire.call(&call)?,
        StartCall::PlainStart(call) => wire.call(&call)?,
    };
    println!("@{} started: {}", link.bot, updates.kind.name());
    Ok(())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        [session, link] => run(session, link, None),
        [addr, pem, session, link] => run(session, link, Some((addr, pem))),
        _ => Err("usage: blocking [ADDR PEM] SESSION LINK".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
