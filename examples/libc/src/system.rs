//! Interface to the operating system: a socket, two clocks, entropy, an arena of memory. Contains all `unsafe` code.

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

// Without std, the linker is not asked for libc.
#[link(name = "c")]
unsafe extern "C" {}

/// Size of the arena in bytes; the system provides pages as they are touched. The largest accepted answer fits twice.
const ARENA: usize = 32 << 20;

/// Allocator for the program's only thread.
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
        // SAFETY: there is one thread, and the heap makes no callbacks: this is the only reference.
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

/// Arguments of the command line, without the program's name; `None` if one is not UTF-8 or there are more than `N`.
///
/// # Safety
/// `argv` is what `main` was given.
pub unsafe fn args<const N: usize>(argc: c_int, argv: *const *const c_char) -> Option<([&'static str; N], usize)> {
    let len = usize::try_from(argc).ok()?.saturating_sub(1);
    let mut args = [""; N];
    for (at, arg) in args.get_mut(..len)?.iter_mut().enumerate() {
        // SAFETY: by the contract of this function there are `argc` zero-terminated strings, valid until the program
        // ends.
        *arg = unsafe { CStr::from_ptr(*argv.add(at + 1)) }.to_str().ok()?;
    }
    Some((args, len))
}

/// Value of an environment variable.
pub fn variable(name: &CStr) -> Option<&'static str> {
    // SAFETY: the name is zero-terminated.
    let value = NonNull::new(unsafe { libc::getenv(name.as_ptr()) })?;
    // SAFETY: the value is zero-terminated, and nothing changes the environment.
    unsafe { CStr::from_ptr(value.as_ptr()) }.to_str().ok()
}

/// Writer to stdout (1) or stderr (2).
pub struct Out(pub c_int);

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            // SAFETY: the pointer is valid for reading this many bytes.
            let n = unsafe { libc::write(self.0, rest.as_ptr().cast(), rest.len()) };
            let n = usize::try_from(n).ok().filter(|n| *n > 0).ok_or(fmt::Error)?;
            rest = rest.get(n..).unwrap_or_default();
        }
        Ok(())
    }
}

/// Entropy from the operating system.
pub struct Random;

impl Entropy for Random {
    fn fill(&mut self, mut out: &mut [u8]) -> Result<(), EntropyFailed> {
        while !out.is_empty() {
            // SAFETY: the pointer is valid for writing this many bytes.
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

/// Time of a clock, since its origin.
fn clock(which: libc::clockid_t) -> Duration {
    // SAFETY: the struct holds only integers, for which zero is valid.
    let mut at: libc::timespec = unsafe { zeroed() };
    // SAFETY: the pointer is valid for writing.
    unsafe { libc::clock_gettime(which, &raw mut at) };
    Duration::new(u64::try_from(at.tv_sec).unwrap_or(0), u32::try_from(at.tv_nsec).unwrap_or(0))
}

/// Monotonic time in microseconds.
pub fn monotonic() -> u64 {
    clock(libc::CLOCK_MONOTONIC).as_micros() as u64
}

/// Time in microseconds since 1970.
pub fn unix() -> i64 {
    clock(libc::CLOCK_REALTIME).as_micros() as i64
}

fn errno() -> c_int {
    // SAFETY: the pointer is valid as long as the thread.
    unsafe { *libc::__errno_location() }
}

/// Error of a system call, an `errno` number.
pub struct Errno(c_int);

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The messages of libc would take more space than all errors of the protocol.
        f.write_str(match self.0 {
            libc::ECONNREFUSED => "nobody answers at this address",
            libc::ENETUNREACH | libc::EHOSTUNREACH => "no way to this address",
            libc::ETIMEDOUT => "no answer from this address in time",
            libc::ECONNRESET | libc::EPIPE | 0 => "the server closed the connection",
            other => return write!(f, "the socket failed: errno {other}"),
        })
    }
}

/// TCP connection; closed when dropped.
pub struct Socket(c_int);

impl Socket {
    pub fn connect(addr: SocketAddr) -> Result<Self, Errno> {
        let family = if addr.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        // SAFETY: the arguments are plain numbers.
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
        // SAFETY: the option is an int of this length.
        unsafe { libc::setsockopt(socket.0, libc::IPPROTO_TCP, libc::TCP_NODELAY, on, len) };
        Ok(socket)
    }

    fn connect_to<T>(&self, addr: &T) -> c_int {
        // SAFETY: `T` is one of the two address types, and its length is passed.
        unsafe { libc::connect(self.0, (&raw const *addr).cast(), size_of::<T>() as libc::socklen_t) }
    }

    pub fn write(&self, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            // SAFETY: the pointer is valid for reading this many bytes.
            let n = unsafe { libc::send(self.0, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
            match usize::try_from(n) {
                Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                Err(_) if errno() == libc::EINTR => {}
                Err(_) => return Err(Errno(errno())),
            }
        }
        Ok(())
    }

    /// Waits for bytes, at most for `within`; `Ok(0)` if none arrived.
    pub fn read(&self, into: &mut [u8], within: Option<Duration>) -> Result<usize, Errno> {
        let millis = |within: Duration| c_int::try_from(within.as_millis().max(1)).unwrap_or(c_int::MAX);
        let mut wait = libc::pollfd { fd: self.0, events: libc::POLLIN, revents: 0 };
        // SAFETY: the pointer is valid for one `pollfd`.
        if unsafe { libc::poll(&raw mut wait, 1, within.map_or(-1, millis)) } <= 0 {
            return Ok(0);
        }
        // SAFETY: the pointer is valid for writing this many bytes.
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
        // SAFETY: the descriptor is open, owned by this value, and not used again.
        unsafe { libc::close(self.0) };
    }
}

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: the function has no preconditions.
    unsafe { libc::abort() }
}
