//! What the program has of the system: a socket, two clocks, randomness, an arena of memory. All `unsafe` is here.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::fmt;
use core::mem::{size_of, zeroed};
use core::net::SocketAddr;
use core::ptr::{NonNull, null_mut};
use core::time::Duration;
use linked_list_allocator::Heap;
use nanogram::base::entropy::{Entropy, EntropyFailed};

// Without std nobody asks the linker for it.
#[link(name = "c")]
unsafe extern "C" {}

/// The most memory, in bytes; the system gives what is touched. The largest answer that is taken fits twice.
const ARENA: usize = 32 << 20;

/// Memory for the one thread that there is.
struct Memory {
    arena: UnsafeCell<[u8; ARENA]>,
    heap: UnsafeCell<Heap>,
}

// SAFETY: there is one thread.
unsafe impl Sync for Memory {}

#[global_allocator]
static MEMORY: Memory = Memory { arena: UnsafeCell::new([0; ARENA]), heap: UnsafeCell::new(Heap::empty()) };

// SAFETY: the heap hands out parts of the arena that do not overlap, or null; nothing else touches either.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: there is one thread, and the heap calls nobody back: this is the only reference.
        let heap = unsafe { &mut *self.heap.get() };
        if heap.size() == 0 {
            // SAFETY: the arena is a static of this size that nothing else uses, and this happens once.
            unsafe { heap.init(self.arena.get().cast(), ARENA) };
        }
        heap.allocate_first_fit(layout).map_or(null_mut(), NonNull::as_ptr)
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if let Some(at) = NonNull::new(at) {
            // SAFETY: one thread, as above; the caller has the memory from `alloc`, with this layout.
            unsafe { (*self.heap.get()).deallocate(at, layout) };
        }
    }
}

/// The command line, without the program's name. `None`: an argument is no UTF-8, or there are more than `N`.
///
/// # Safety
/// `argv` is what `main` was given.
pub unsafe fn args<const N: usize>(argc: c_int, argv: *const *const c_char) -> Option<([&'static str; N], usize)> {
    let len = usize::try_from(argc).ok()?.saturating_sub(1);
    let mut args = [""; N];
    for (at, arg) in args.get_mut(..len)?.iter_mut().enumerate() {
        // SAFETY: the caller gives what `main` was given: `argc` strings with an end, there until the program ends.
        *arg = unsafe { CStr::from_ptr(*argv.add(at + 1)) }.to_str().ok()?;
    }
    Some((args, len))
}

/// A variable of the environment.
pub fn variable(name: &CStr) -> Option<&'static str> {
    // SAFETY: the name has an end.
    let value = NonNull::new(unsafe { libc::getenv(name.as_ptr()) })?;
    // SAFETY: it is a string with an end, and nobody changes the environment.
    unsafe { CStr::from_ptr(value.as_ptr()) }.to_str().ok()
}

/// Text to stdout (1) or stderr (2).
pub struct Out(pub c_int);

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            // SAFETY: as many bytes are there to read.
            let n = unsafe { libc::write(self.0, rest.as_ptr().cast(), rest.len()) };
            let n = usize::try_from(n).ok().filter(|n| *n > 0).ok_or(fmt::Error)?;
            rest = rest.get(n..).unwrap_or_default();
        }
        Ok(())
    }
}

/// The system's randomness.
pub struct Random;

impl Entropy for Random {
    fn fill(&mut self, mut out: &mut [u8]) -> Result<(), EntropyFailed> {
        while !out.is_empty() {
            // SAFETY: as many bytes are there to write.
            let n = unsafe { libc::getrandom(out.as_mut_ptr().cast(), out.len(), 0) };
            match usize::try_from(n) {
                Ok(n) => out = out.get_mut(n..).ok_or(EntropyFailed)?,
                Err(_) if errno() == libc::EINTR => {}
                Err(_) => return Err(EntropyFailed),
            }
        }
        Ok(())
    }
}

/// Since when does not matter, or since 1970.
fn clock(which: libc::clockid_t) -> Duration {
    // SAFETY: it is numbers, with gaps where `long` is shorter than time.
    let mut at: libc::timespec = unsafe { zeroed() };
    // SAFETY: it is there to write.
    unsafe { libc::clock_gettime(which, &raw mut at) };
    Duration::new(u64::try_from(at.tv_sec).unwrap_or(0), u32::try_from(at.tv_nsec).unwrap_or(0))
}

/// In microseconds.
pub fn monotonic() -> u64 {
    clock(libc::CLOCK_MONOTONIC).as_micros() as u64
}

/// In microseconds since 1970.
pub fn unix() -> i64 {
    clock(libc::CLOCK_REALTIME).as_micros() as i64
}

fn errno() -> c_int {
    // SAFETY: it is this thread's own number, there as long as the thread.
    unsafe { *libc::__errno_location() }
}

/// What the system calls the error of a call that failed: a number of `errno`.
pub struct Errno(c_int);

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What libc says of all that can happen would be more text than all errors of the protocol have.
        f.write_str(match self.0 {
            libc::ECONNREFUSED => "nobody answers at this address",
            libc::ENETUNREACH | libc::EHOSTUNREACH => "no way to this address",
            libc::ETIMEDOUT => "no answer from this address in time",
            libc::ECONNRESET | libc::EPIPE | 0 => "the server closed the connection",
            other => return write!(f, "the socket failed: errno {other}"),
        })
    }
}

/// A TCP connection; closed when dropped.
pub struct Socket(c_int);

impl Socket {
    pub fn connect(addr: SocketAddr) -> Result<Self, Errno> {
        let family = if addr.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        // SAFETY: only numbers go in.
        let socket = unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
        if socket < 0 {
            return Err(Errno(errno()));
        }
        let socket = Self(socket);
        let family = family as libc::sa_family_t;
        let result = match addr {
            SocketAddr::V4(addr) => socket.connect_to(&libc::sockaddr_in {
                sin_family: family,
                sin_port: addr.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(addr.ip().octets()) },
                sin_zero: [0; 8],
            }),
            SocketAddr::V6(addr) => socket.connect_to(&libc::sockaddr_in6 {
                sin6_family: family,
                sin6_port: addr.port().to_be(),
                sin6_flowinfo: addr.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: addr.ip().octets() },
                sin6_scope_id: addr.scope_id(),
            }),
        };
        if result < 0 {
            return Err(Errno(errno()));
        }
        let on: c_int = 1;
        let (on, len) = ((&raw const on).cast(), size_of::<c_int>() as libc::socklen_t);
        // SAFETY: the option is a number of this length.
        unsafe { libc::setsockopt(socket.0, libc::IPPROTO_TCP, libc::TCP_NODELAY, on, len) };
        Ok(socket)
    }

    fn connect_to<T>(&self, addr: &T) -> c_int {
        // SAFETY: `T` is one of the two address types, and its length is said.
        unsafe { libc::connect(self.0, (&raw const *addr).cast(), size_of::<T>() as libc::socklen_t) }
    }

    pub fn write(&self, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            // SAFETY: as many bytes are there to read.
            let n = unsafe { libc::send(self.0, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
            match usize::try_from(n) {
                Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                Err(_) if errno() == libc::EINTR => {}
                Err(_) => return Err(Errno(errno())),
            }
        }
        Ok(())
    }

    /// Waits for bytes for at most so long; `Ok(0)`: none came.
    pub fn read(&self, into: &mut [u8], within: Option<Duration>) -> Result<usize, Errno> {
        let millis = |within: Duration| c_int::try_from(within.as_millis().max(1)).unwrap_or(c_int::MAX);
        let mut wait = libc::pollfd { fd: self.0, events: libc::POLLIN, revents: 0 };
        // SAFETY: it is one, there to read and write.
        if unsafe { libc::poll(&raw mut wait, 1, within.map_or(-1, millis)) } <= 0 {
            return Ok(0);
        }
        // SAFETY: as many bytes are there to write.
        let n = unsafe { libc::recv(self.0, into.as_mut_ptr().cast::<c_void>(), into.len(), 0) };
        match usize::try_from(n) {
            Ok(0) => Err(Errno(0)),
            Ok(n) => Ok(n),
            Err(_) if errno() == libc::EINTR => Ok(0),
            Err(_) => Err(Errno(errno())),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: it is open, this is the only one who has it, and it is not used again.
        unsafe { libc::close(self.0) };
    }
}

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: it asks for nothing.
    unsafe { libc::abort() }
}
