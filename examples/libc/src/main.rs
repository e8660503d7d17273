//! Starts a bot without std: `examples/blocking.rs` on the functions of libc, with memory from an arena.
//!
//! ```text
//! nanogram-libc [ADDR KEY] SESSION BOT [PARAM]
//! ```
//!
//! With `-` for `SESSION` a key is created first, without an account. `ADDR` and `KEY` select another server; `KEY` is
//! the modulus of its RSA key, in hex.
#![no_std]
#![no_main]

extern crate alloc;

mod system;

use alloc::boxed::Box;
use bytes::BytesMut;
use core::ffi::{c_char, c_int};
use core::fmt::{self, Write};
use nanogram::base::entropy::EntropyFailed;
use nanogram::base::time::{Instant, UnixTime};
use nanogram::protocol::connection::{Connection, ConnectionError, Event, Init};
use nanogram::telegram::start::job::{Job, JobError, Place};
use nanogram::telegram::start::random_id;
use system::{Errno, Out, Random, Socket};

/// Connection and its socket.
struct Wire {
    socket: Socket,
    connection: Connection,
}

fn now() -> Instant {
    Instant::from_micros(system::monotonic())
}

impl Wire {
    /// Waits for the next event.
    fn event(&mut self) -> Result<Event, Failure> {
        let mut input = [0; 4096];
        let mut out = BytesMut::new();
        loop {
            while self.connection.poll_transmit(now(), &mut out)? {}
            self.socket.write(&out)?;
            out.clear();
            if let Some(event) = self.connection.poll_event() {
                return Ok(event);
            }
            let due = self.connection.poll_timeout().map(|at| at.since(now()));
            let n = self.socket.read(&mut input, due)?;
            self.connection.handle_input(now(), input.get(..n).unwrap_or_default())?;
            self.connection.handle_timeout(now())?;
        }
    }
}

/// Reason why the bot was not started.
enum Failure {
    Usage,
    Entropy,
    Socket(Errno),
    Connection(ConnectionError),
    Job(JobError),
}

impl From<Errno> for Failure {
    fn from(e: Errno) -> Self {
        Self::Socket(e)
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
            Self::Socket(_) | Self::Connection(_) => 3,
            Self::Job(e) => e.exit_code(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => f.write_str("usage: [ADDR KEY] SESSION BOT [PARAM]"),
            Self::Entropy => f.write_str("the system gives no randomness"),
            Self::Socket(e) => e.fmt(f),
            Self::Connection(e) => e.fmt(f),
            Self::Job(e) => e.fmt(f),
        }
    }
}

fn run(args: &[&str]) -> Result<(), Failure> {
    let (place, session, bot, param) = match *args {
        [session, bot] => (None, session, bot, ""),
        [session, bot, param] => (None, session, bot, param),
        [addr, key, session, bot, param] => (Some((addr, key)), session, bot, param),
        _ => return Err(Failure::Usage),
    };
    let mut there = Place::of(session)?;
    if let Some((addr, key)) = place {
        there = there.at(addr, key)?;
    }
    let Place { addr, mut config } = there;
    let api_id = system::variable(c"NANOGRAM_API_ID").and_then(|id| id.parse().ok());
    config.init = Some(Init::new(api_id.unwrap_or(1), "libc"));

    let random_id = random_id(&mut Random)?;
    let socket = Socket::connect(addr)?;
    let connection = Connection::new(config, now(), UnixTime::from_micros(system::unix()), Box::new(Random));
    let mut wire = Wire { socket, connection };

    let mut job = Job::begin(&mut wire.connection, bot, param, random_id)?;
    loop {
        let event = wire.event()?;
        if let Some(updates) = job.take(&mut wire.connection, event)? {
            let mut out = Out(1);
            for text in ["@", bot, " started: ", updates.kind.name(), "\n"] {
                let _ = out.write_str(text);
            }
            return Ok(());
        }
    }
}

// SAFETY: no other symbol is named `main`.
#[unsafe(no_mangle)]
extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: these are the arguments of `main`.
    let args = unsafe { system::args::<5>(argc, argv) };
    let result = args.as_ref().and_then(|(args, len)| args.get(..*len)).ok_or(Failure::Usage).and_then(run);
    match result {
        Ok(()) => 0,
        Err(error) => {
            let _ = writeln!(Out(2), "{error}");
            error.exit_code().into()
        }
    }
}
