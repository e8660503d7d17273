//! Starts a bot from a microcontroller and prints its answer.
//!
//! ```text
//! semihosting: keys, names, randomness ──▶ Cortex-M4F ── serial line ── TCP ── data centre
//! ```
//!
//! Perfect forward secrecy is on, so the device first creates a temporary key, with 2048-bit RSA and Diffie-Hellman,
//! and binds it to the account's key. `.ci/cortex-m` counts instructions and memory, and fails when they exceed their
//! budget.
#![no_std]
#![no_main]

extern crate alloc;

mod board;
mod console;
mod failure;
mod memory;

use alloc::boxed::Box;
use board::{File, Serial, Timer};
use bytes::BytesMut;
use console::{print, unsigned};
use core::mem::ManuallyDrop;
use cortex_m_rt::entry;
use cortex_m_semihosting::debug;
use failure::Failure;
use nanogram::base::time::{Instant, UnixTime};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::rsa::RsaKey;
use nanogram::protocol::connection::{Config, Connection, Event, Init, SavedKey, TemporaryKeys};
use nanogram::telegram::api::contacts::ResolveUsername;
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::api::updates::Updates;
use nanogram::telegram::link::StartParam;
use nanogram::telegram::start::{Known, answer_of, random_id};
use nanogram::tl::{Combinator, Tl};

/// Lifetime of a temporary key in seconds.
const TEMPORARY: i32 = 86_400;

/// Connection, and the serial port that carries its bytes.
struct Device {
    connection: Connection,
    serial: Serial,
    timer: Timer,
    /// Ticks since the start: the timer itself wraps every three minutes.
    ticks: u64,
    last: u32,
    /// Ticks spent in the protocol code, excluding the wait for bytes.
    busy: u64,
}

impl Device {
    fn now(&mut self) -> Instant {
        let ticks = self.timer.ticks();
        self.ticks += u64::from(ticks.wrapping_sub(self.last));
        self.last = ticks;
        Instant::from_micros(self.ticks / Timer::PER_MICRO)
    }

    /// Adds the duration of `work` to `busy`.
    fn busy<T>(&mut self, work: impl FnOnce(&mut Connection, Instant) -> T) -> T {
        let now = self.now();
        let before = self.ticks;
        let done = work(&mut self.connection, now);
        self.now();
        self.busy += self.ticks - before;
        done
    }

    /// Waits for the next event.
    fn event(&mut self) -> Result<Event, Failure> {
        let mut out = BytesMut::new();
        loop {
            let mut sends = true;
            while sends {
                sends = self.busy(|c, now| c.poll_transmit(now, &mut out))?;
            }
            for byte in &out {
                self.serial.write(*byte);
            }
            out.clear();
            if let Some(event) = self.connection.poll_event() {
                return Ok(event);
            }
            // All bytes that have arrived, up to the size of the buffer.
            let mut input = [0; 256];
            let mut len = 0;
            while let Some((byte, room)) =
                (len < input.len()).then(|| self.serial.read()).flatten().zip(input.get_mut(len))
            {
                *room = byte;
                len += 1;
            }
            if len > 0 {
                let input = input.get(..len).unwrap_or_default();
                self.busy(|c, now| c.handle_input(now, input))?;
            }
            let now = self.now();
            if self.connection.poll_timeout().is_some_and(|at| at <= now) {
                self.connection.handle_timeout(now)?;
            }
        }
    }

    /// Makes a serialized call and waits for its answer.
    fn call(&mut self, call: alloc::vec::Vec<u8>) -> Result<bytes::Bytes, Failure> {
        let pending = self.connection.call_raw(call);
        loop {
            match self.event()? {
                Event::Bound(_) => self.phase("a key made and bound"),
                Event::NotBound(error) => return Err(error.into()),
                Event::Reply { call, result } if call == pending => return Ok(result?),
                _ => {}
            }
        }
    }

    /// Prints a completed phase with its cost: an instruction takes 1 ns on this emulated board, a tick 40 ns.
    fn phase(&mut self, what: &str) {
        let hundredths = u32::try_from(core::mem::take(&mut self.busy)).unwrap_or(u32::MAX) / 250;
        let [whole, tenth, hundredth] = [hundredths / 100, hundredths / 10 % 10, hundredths % 10].map(unsigned);
        print(&[&whole, ".", &tenth, &hundredth, " M instructions: ", what]);
    }
}

/// Data in the flash of a device as it leaves the factory; here in a file, see `.ci/cortex_m_job.py`.
///
/// `dc:1 | is_test:1 | auth_key:256 | modulus of the server's RSA key:256 | bot, a zero byte, start parameter`
struct Provisions<'p> {
    dc: i32,
    auth_key: &'p [u8; 256],
    modulus: &'p [u8; 256],
    bot: &'p str,
    param: &'p str,
}

impl<'p> Provisions<'p> {
    fn read(bytes: &'p [u8]) -> Option<Self> {
        let ([dc, is_test], rest) = bytes.split_first_chunk()?;
        let (auth_key, rest) = rest.split_first_chunk()?;
        let (modulus, rest) = rest.split_first_chunk()?;
        let (bot, param) = core::str::from_utf8(rest).ok()?.split_once('\0')?;
        let dc = i32::from(*dc) + if *is_test == 0 { 0 } else { 10_000 };
        Some(Self { dc, auth_key, modulus, bot, param })
    }
}

fn run() -> Result<(), Failure> {
    let mut bytes = [0; 640];
    let len = File::open(b"provisions\0").ok_or("no file of provisions")?.read(&mut bytes);
    let Provisions { dc, auth_key, modulus, bot, param } =
        bytes.get(..len).and_then(Provisions::read).ok_or("these are no provisions")?;
    let mut config = Config::new(dc, alloc::vec![RsaKey::from_parts(modulus, &[1, 0, 1])?]);
    config.saved = Some(SavedKey { key: AuthKey::from_bytes(*auth_key), salt: 0, time_offset: None });
    config.temporary = TemporaryKeys::lasting(TEMPORARY);
    config.init = Some(Init::new(1, "Cortex-M4F"));
    let mut random = File::open(b"/dev/urandom\0").ok_or("no randomness")?;
    let random_id = random_id(&mut random)?;
    let (timer, serial) = (Timer::new(), Serial::new());
    let connection = Connection::new(config, Instant::ZERO, UnixTime::from_secs(board::unix()), Box::new(random));
    // Never dropped, as the program ends with the device: saves the code of the destructors.
    let mut device = ManuallyDrop::new(Device { connection, serial, timer, ticks: 0, last: 0, busy: 0 });

    let resolved = device.call(ResolveUsername { username: bot.into(), referer: None }.to_boxed())?;
    let peer = Known::from_resolved(&Tl::from_bytes(&resolved)?)?.ok_or("the server gives no access hash")?;
    device.phase("the username resolved");
    // `start_call` also covers the plain /start of a bot's own chat: 1.3 KB more, and not needed with a parameter.
    let start_param = StartParam::parse(param)?.as_str().into();
    let start = StartBot { bot: peer.bot()?, peer: peer.peer(), random_id, start_param };
    Updates::from_bytes(&device.call(start.to_boxed())?)?;
    device.phase("the bot started");
    let Known::User { id, .. } = peer else { return Err("this is no bot".into()) };
    loop {
        if let Event::Update(body) = device.event()?
            && let Ok(updates) = Updates::from_bytes(&body)
            && let Some(answer) = answer_of(id, &updates)
        {
            device.phase("the answer read");
            print(&[&answer]);
            return Ok(());
        }
    }
}

#[entry]
fn main() -> ! {
    memory::paint();
    memory::init();
    let result = run();
    let [fixed, heap, stack] = [memory::static_bytes() - memory::HEAP, memory::heap_most(), memory::stack_most()]
        .map(|bytes| unsigned(bytes as u32));
    print(&["RAM: ", &fixed, " bytes static, ", &heap, " of heap at most, ", &stack, " of stack at most"]);
    match result {
        Ok(()) => debug::exit(debug::EXIT_SUCCESS),
        Err(error) => {
            error.print();
            debug::exit(debug::EXIT_FAILURE);
        }
    }
    loop {}
}

/// Interrupt vectors. No interrupt is ever enabled, so the table ends with the first.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [usize; 1] = [0];

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}
