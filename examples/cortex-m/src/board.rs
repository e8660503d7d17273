//! The board, as far as the job needs it: a serial line, a counter, and the debugger's files for what a real device has in
//! its own flash and its own random number generator.

use core::ptr;
use cortex_m_semihosting::{nr, syscall};
use nanogram::base::entropy::{Entropy, EntropyFailed};

/// A register of a device, at its address.
struct Register(usize);

impl Register {
    fn read(&self) -> u32 {
        // SAFETY: the address is that of a register of this board, which may be read at any time.
        unsafe { ptr::read_volatile(ptr::without_provenance(self.0)) }
    }
    fn write(&self, value: u32) {
        // SAFETY: the address is that of a register of this board, which may be written at any time; no memory is there.
        unsafe { ptr::write_volatile(ptr::without_provenance_mut(self.0), value) }
    }
}

/// The first serial line (ARM's CMSDK UART): QEMU joins it to a TCP connection, a real board to a modem.
pub struct Serial;

const DATA: Register = Register(0x4000_4000);
const STATE: Register = Register(0x4000_4004);
const CONTROL: Register = Register(0x4000_4008);
const BAUD: Register = Register(0x4000_4010);
const IS_FULL_TX: u32 = 1;
const IS_FULL_RX: u32 = 2;

impl Serial {
    /// Switches it on, both ways.
    pub fn new() -> Self {
        BAUD.write(16);
        CONTROL.write(3);
        Self
    }
    /// The next byte, if one has come.
    pub fn read(&self) -> Option<u8> {
        (STATE.read() & IS_FULL_RX != 0).then(|| DATA.read() as u8)
    }
    /// Sends a byte, as soon as the last one is gone.
    pub fn write(&self, byte: u8) {
        while STATE.read() & IS_FULL_TX != 0 {}
        DATA.write(byte.into());
    }
}

/// The first timer (ARM's CMSDK timer), 25 million a second, downwards.
pub struct Timer;

const TIMER_CONTROL: Register = Register(0x4000_0000);
const TIMER_VALUE: Register = Register(0x4000_0004);
const TIMER_RELOAD: Register = Register(0x4000_0008);

impl Timer {
    /// Ticks in a microsecond.
    pub const PER_MICRO: u64 = 25;
    /// Lets it run.
    pub fn new() -> Self {
        TIMER_RELOAD.write(u32::MAX);
        TIMER_VALUE.write(u32::MAX);
        TIMER_CONTROL.write(1);
        Self
    }
    /// Ticks so far, modulo 2^32.
    pub fn ticks(&self) -> u32 {
        u32::MAX - TIMER_VALUE.read()
    }
}

/// A file of the machine that emulates this one.
pub struct File(usize);

impl File {
    /// Opens it for reading; the path ends with a zero byte.
    pub fn open(path: &[u8]) -> Option<Self> {
        Self::open_as(path, nr::open::R_BINARY)
    }
    /// The terminal, for writing.
    pub fn console() -> Option<Self> {
        Self::open_as(b":tt\0", nr::open::W_TRUNC)
    }
    fn open_as(path: &[u8], mode: usize) -> Option<Self> {
        // SAFETY: the call reads `path` and no more.
        let file = unsafe { syscall!(OPEN, path.as_ptr(), mode, path.len() - 1) };
        (file as isize != -1).then_some(Self(file))
    }
    /// Reads up to the end of `out` or of the file: how much.
    pub fn read(&self, out: &mut [u8]) -> usize {
        // SAFETY: the call writes `out` and no more.
        let left = unsafe { syscall!(READ, self.0, out.as_mut_ptr(), out.len()) };
        out.len().saturating_sub(left)
    }
    /// Writes all of it, or as much as the terminal takes.
    pub fn write(&self, bytes: &[u8]) {
        // SAFETY: the call reads `bytes` and no more.
        unsafe { syscall!(WRITE, self.0, bytes.as_ptr(), bytes.len()) };
    }
}

impl Entropy for File {
    /// A real board reads its generator here.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        if self.read(out) == out.len() { Ok(()) } else { Err(EntropyFailed) }
    }
}

/// The time of day in seconds, as the debugger has it: a real board asks its clock, or guesses; the server corrects it.
pub fn unix() -> i64 {
    // SAFETY: the call takes no memory.
    i64::from(unsafe { syscall!(TIME) } as u32)
}
