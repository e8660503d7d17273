//! `nanogram start` against a data centre that floods it: the memory that the process takes, as Linux counts it.
//! `cargo test --all-features --test cli flood -- --nocapture` prints the table.

use bytes::BytesMut;
use nanogram::base::side::Side;
use nanogram::base::time::{Instant, UnixTime};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::Dc;
use nanogram::lab::dc::residents::ALICE;
use nanogram::protocol::session::packet::{self, Header};
use nanogram::telegram::store::{Format, SavedSession, string};
use nanogram::tl::{Blob, Combinator};
use nanogram::wire::mt::gzip::deflate;
use nanogram::wire::mt::message::{GzipPacked, Message, write_container};
use nanogram::wire::transport::{Frame, Framer, Framing};
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// Above what it takes in peace: one read of the socket, one inflated value, and the budget of what waits.
const LIMIT_KIB: usize = 20 << 10;

/// The most memory that a process has had so far, in KiB.
fn peak(pid: u32) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()
}

/// Messages of the server, each sealed for a session of the client.
struct Sealer {
    key: AuthKey,
    random: ChaCha12Rng,
    made: i64,
}

impl Sealer {
    /// An id of a second ago: what the data centre says later is not older than all that the client remembers.
    fn id(&mut self) -> i64 {
        self.made += 1;
        ((unix().as_secs() - 1) << 32) + self.made * 4 + 1
    }
    fn seal(&mut self, to: &Header, body: &[u8], out: &mut BytesMut) {
        let (msg_id, seqno) = (self.id(), i32::try_from(self.made * 2 + 1).unwrap());
        let header = Header { msg_id, seqno, ..*to };
        let packet = packet::seal(&self.key, Side::Server, &header, body, &mut self.random).unwrap().0;
        Framer::new(Framing::ABRIDGED, Side::Server).encode(&packet, out).unwrap();
    }
}

fn unix() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    UnixTime::from_secs(i64::try_from(since.as_secs()).unwrap())
}

/// An update that no session knows, of `len` bytes.
fn update(len: usize) -> Vec<u8> {
    let mut out = vec![0x11; len];
    out[..4].copy_from_slice(&0x1122_3344_u32.to_le_bytes());
    out
}
fn packed(body: &[u8]) -> Vec<u8> {
    GzipPacked { packed_data: Blob(deflate(body)) }.to_boxed()
}

type Flood = fn(&mut Sealer, &Header, &mut BytesMut);

const FLOODS: &[(&str, Flood)] = &[
    ("nothing", |_, _, _| {}),
    ("256 packets of 8 KB that open to 8 MiB", |sealer, to, out| {
        let body = packed(&update((8 << 20) - 64));
        (0..256).for_each(|_| sealer.seal(to, &body, out));
    }),
    ("16 updates of 4 MiB", |sealer, to, out| {
        let body = update((4 << 20) - 256);
        (0..16).for_each(|_| sealer.seal(to, &body, out));
    }),
    ("20 containers of 1020 packed updates of 8 KB", |sealer, to, out| {
        let body = packed(&update(8 << 10));
        for _ in 0..20 {
            let messages: Vec<_> =
                (0..1020).map(|_| Message { msg_id: sealer.id(), seqno: 1, body: body.clone().into() }).collect();
            let mut container = Vec::new();
            write_container(&messages, &mut container);
            sealer.seal(to, &container, out);
        }
    }),
    ("100,000 small updates", |sealer, to, out| (0..100_000).for_each(|_| sealer.seal(to, &update(8), out))),
];

#[test]
fn a_flood_costs_the_program_20_mib_at_most() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut table = format!("{:<48}{:>12}{:>12}\n", "towards `nanogram start`", "sent", "VmHWM, KiB");
    let (mut peace, mut worst) = (0, Vec::new());
    for (name, flood) in FLOODS {
        let (sent, peak) = started(dir, name, *flood);
        table += &format!("{name:<48}{sent:>12}{peak:>12}\n");
        if peace == 0 {
            peace = peak;
        }
        if peak > peace + LIMIT_KIB {
            worst.push((*name, peak));
        }
    }
    print!("{table}");
    assert_eq!(worst, [], "more than {LIMIT_KIB} KiB above {peace}");
}

/// Starts a bot at a data centre that answers the first packet with a flood: bytes of the flood, and the peak.
fn started(dir: &Path, name: &str, flood: Flood) -> (usize, usize) {
    let random = ChaCha12Rng::seed_from_u64(3);
    let began = std::time::Instant::now();
    let now = || Instant::ZERO + began.elapsed();
    let mut dc = Dc::new(Instant::ZERO, unix(), Box::new(ChaCha12Rng::seed_from_u64(1))).unwrap();
    let key = dc.sign_in(ALICE).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let pem = dir.join("flood.pem");
    fs::write(&pem, dc.public_keys().next().unwrap().to_pem()).unwrap();
    let saved = SavedSession { addr: Some(("127.0.0.1".into(), addr.port())), ..SavedSession::new(2, key.clone()) };
    let session = string::write(&saved, Format::Nanogram).unwrap();

    let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
    command.args(["start", "--no-pfs", "--dc", &addr.to_string(), "--key", pem.to_str().unwrap()]);
    command.args(["--session", &session, "@echo_bot", "hello"]).env("HOME", dir).env("XDG_DATA_HOME", dir);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let (mut most, mut sent) = (0, None);
    let mut sealer = Sealer { key, random, made: 0 };

    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let conn = dc.accept(now());
    let mut heard = Framer::new(Framing::ABRIDGED, Side::Server);
    let mut piece = vec![0; 1 << 16];
    loop {
        let read = match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => 0,
            Err(_) => break,
        };
        dc.handle_input(conn, now(), &piece[..read]);
        dc.handle_timeout(now());
        heard.push(&piece[..read]);
        while let Ok(Some(Frame::Packet(packet))) = heard.next() {
            let Ok(opened) = packet::open(&sealer.key, Side::Client, packet) else { continue };
            if sent.is_none() {
                let mut out = BytesMut::new();
                flood(&mut sealer, &opened.header, &mut out);
                sent = Some(out.len());
                say(&mut stream, &out);
            }
        }
        let mut out = BytesMut::new();
        while dc.poll_transmit(conn, now(), &mut out) {}
        say(&mut stream, &out);
        most = most.max(peak(pid).unwrap_or_default());
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    // The bot's answer may be among the updates that a slow reader does not find: docs/limits.md, `MAX_UPDATES`.
    assert!(String::from_utf8_lossy(&output.stdout).contains("started @echo_bot"), "{name}: {output:?}");
    (sent.unwrap(), most)
}

fn say(stream: &mut TcpStream, bytes: &[u8]) {
    // A client that has what it came for leaves, whatever is still on its way.
    let _gone = stream.write_all(bytes);
}
