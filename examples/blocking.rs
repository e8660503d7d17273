//! Starts a bot without an async runtime: `std::net` around a `Connection`.
//!
//! ```text
//! cargo run --example blocking --no-default-features --features gzip -- [ADDR KEY] SESSION BOT [PARAM]
//! ```
//!
//! With `-` for `SESSION` a key is created first, without an account. `ADDR` and `KEY` select another server; `KEY` is
//! the modulus of its RSA key, in hex. `.ci/size` measures the size of this program.

use bytes::BytesMut;
use nanogram::base::entropy::{Entropy, EntropyFailed};
use nanogram::base::time::{Instant, UnixTime};
use nanogram::protocol::connection::{Connection, ConnectionError, Event, Init};
use nanogram::telegram::start::job::{Job, JobError, Place};
use nanogram::telegram::start::random_id;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Entropy from the operating system.
struct Urandom(File);

impl Entropy for Urandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        self.0.read_exact(out).map_err(|_| EntropyFailed)
    }
}

/// Connection and its socket.
struct Wire {
    socket: TcpStream,
    connection: Connection,
    began: std::time::Instant,
}

impl Wire {
    fn now(&self) -> Instant {
        Instant::from_micros(self.began.elapsed().as_micros() as u64)
    }

    /// Waits for the next event.
    fn event(&mut self) -> Result<Event, Failure> {
        let mut input = [0; 4096];
        let mut out = BytesMut::new();
        loop {
            while self.connection.poll_transmit(self.now(), &mut out)? {}
            self.socket.write_all(&out)?;
            out.clear();
            if let Some(event) = self.connection.poll_event() {
                return Ok(event);
            }
            let due = self.connection.poll_timeout().map(|at| at.since(self.now()));
            self.socket.set_read_timeout(due.map(|due| due.max(Duration::from_millis(1))))?;
            match self.socket.read(&mut input) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.connection.handle_input(self.now(), &input[..n])?,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(e) => return Err(e.into()),
            }
            self.connection.handle_timeout(self.now())?;
        }
    }
}

/// Reason why the bot was not started.
enum Failure {
    Usage,
    Entropy,
    Io(io::Error),
    Connection(ConnectionError),
    Job(JobError),
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}
impl From<ErrorKind> for Failure {
    fn from(e: ErrorKind) -> Self {
        Self::Io(e.into())
    }
}
impl From<ConnectionError> for Failure {
    fn from(e: ConnectionError) -> Self {
        Self::Connection(e)
    }
}
impl From<JobError> for Failure {
    fn from(e: JobError) -> Self {
        Self::Job(e)
    }
}
impl From<EntropyFailed> for Failure {
    fn from(_: EntropyFailed) -> Self {
        Self::Entropy
    }
}

impl Failure {
    /// Exit code, the same as that of `nanogram`.
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Entropy => 1,
            Self::Io(_) | Self::Connection(_) => 3,
            Self::Job(e) => e.exit_code(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => f.write_str("usage: [ADDR KEY] SESSION BOT [PARAM]"),
            Self::Entropy => f.write_str("the system gives no randomness"),
            Self::Io(e) => e.fmt(f),
            Self::Connection(e) => e.fmt(f),
            Self::Job(e) => e.fmt(f),
        }
    }
}

fn run() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (place, session, bot, param) = match &args[..] {
        [session, bot] => (None, session, bot, ""),
        [session, bot, param] => (None, session, bot, &param[..]),
        [addr, key, session, bot, param] => (Some((addr, key)), session, bot, &param[..]),
        _ => return Err(Failure::Usage),
    };
    let mut there = Place::of(session)?;
    if let Some((addr, key)) = place {
        there = there.at(addr, key)?;
    }
    let Place { addr, mut config } = there;
    let api_id = std::env::var("NANOGRAM_API_ID").ok().and_then(|id| id.parse().ok());
    config.init = Some(Init::new(api_id.unwrap_or(1), "blocking"));

    let socket = TcpStream::connect(addr)?;
    socket.set_nodelay(true)?;
    let mut urandom = Urandom(File::open("/dev/urandom")?);
    let random_id = random_id(&mut urandom)?;
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let unix = UnixTime::from_micros(unix.as_micros() as i64);
    let connection = Connection::new(config, Instant::ZERO, unix, Box::new(urandom));
    let mut wire = Wire { socket, connection, began: std::time::Instant::now() };

    let mut job = Job::begin(&mut wire.connection, bot, param, random_id)?;
    loop {
        let event = wire.event()?;
        if let Some(updates) = job.take(&mut wire.connection, event)? {
            println!("@{bot} started: {}", updates.kind.name());
            return Ok(());
        }
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            error.exit_code().into()
        }
    }
}
