//! Parts of the board that the program uses: a serial port, a timer, and files of the debugger in place of the flash
//! and the random number generator of a real device.

use core::ptr;
use cortex_m_semihosting::{nr, syscall};
use nanogram::base::entropy::{Entropy, EntropyFailed};

/// Device register, by its address.
struct Register(usize);

impl Register {
    fn read(&self) -> u32 {
        // SAFETY: the address is that of a register of this board, which may be read at any time.
        unsafe { ptr::read_volatile(ptr::without_provenance(self.0)) }
    }
    fn write(&self, value: u32) {
        // SAFETY: the address is that of a register of this board, which may be written at any time; it is not memory.
        unsafe { ptr::write_volatile(ptr::without_provenance_mut(self.0), value) }
    }
}

/// First serial port (ARM CMSDK UART): QEMU connects it to a TCP stream, a real board to a modem.
pub struct Serial;

const DATA: Register = Register(0x4000_4000);
const STATE: Register = Register(0x4000_4004);
const CONTROL: Register = Register(0x4000_4008);
const BAUD: Register = Register(0x4000_4010);
const IS_FULL_TX: u32 = 1;
const IS_FULL_RX: u32 = 2;

impl Serial {
    /// Enables both directions.
    pub fn new() -> Self {
        BAUD.write(16);
        CONTROL.write(3);
        Self
    }
    /// Next byte, if one has arrived.
    pub fn read(&self) -> Option<u8> {
        (STATE.read() & IS_FULL_RX != 0).then(|| DATA.read() as u8)
    }
    /// Sends a byte, once the previous one has left.
    pub fn write(&self, byte: u8) {
        while STATE.read() & IS_FULL_TX != 0 {}
        DATA.write(byte.into());
    }
}

/// First timer (ARM CMSDK timer): counts down at 25 MHz.
pub struct Timer;

const TIMER_CONTROL: Register = Register(0x4000_0000);
const TIMER_VALUE: Register = Register(0x4000_0004);
const TIMER_RELOAD: Register = Register(0x4000_0008);

impl Timer {
    /// Ticks per microsecond.
    pub const PER_MICRO: u64 = 25;
    /// Starts the timer.
    pub fn new() -> Self {
        TIMER_RELOAD.write(u32::MAX);
        TIMER_VALUE.write(u32::MAX);
        TIMER_CONTROL.write(1);
        Self
    }
    /// Ticks since the start, modulo 2^32.
    pub fn ticks(&self) -> u32 {
        u32::MAX - TIMER_VALUE.read()
    }
}

/// File of the host, by semihosting.
pub struct File(usize);

impl File {
    /// Opens a file for reading; the path ends with a zero byte.
    pub fn open(path: &[u8]) -> Option<Self> {
        Self::open_as(path, nr::open::R_BINARY)
    }
    /// Opens the terminal for writing.
    pub fn console() -> Option<Self> {
        Self::open_as(b":tt\0", nr::open::W_TRUNC)
    }
    fn open_as(path: &[u8], mode: usize) -> Option<Self> {
        // SAFETY: the call reads `path` and no more.
        let file = unsafe { syscall!(OPEN, path.as_ptr(), mode, path.len() - 1) };
        (file as isize != -1).then_some(Self(file))
    }
    /// Reads up to the end of `out` or of the file; returns the number of bytes.
    pub fn read(&self, out: &mut [u8]) -> usize {
        // SAFETY: the call writes `out` and no more.
        let left = unsafe { syscall!(READ, self.0, out.as_mut_ptr(), out.len()) };
        out.len().saturating_sub(left)
    }
    /// Writes all bytes, or as many as the terminal accepts.
    pub fn write(&self, bytes: &[u8]) {
        // SAFETY: the call reads `bytes` and no more.
        unsafe { syscall!(WRITE, self.0, bytes.as_ptr(), bytes.len()) };
    }
}

impl Entropy for File {
    /// A real board reads its random number generator here.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        if self.read(out) == out.len() { Ok(()) } else { Err(EntropyFailed) }
    }
}

/// Seconds since 1970 by the debugger's clock. A real board reads its own clock or guesses; the server corrects it.
pub fn unix() -> i64 {
    // SAFETY: the call takes no memory.
    i64::from(unsafe { syscall!(TIME) } as u32)
}
