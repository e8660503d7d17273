//! Tests of recorded streams: counts their contents, and replays their packets to nanogram's sessions.
#![allow(dead_code, reason = "each test binary uses its part")]

use bytes::BytesMut;
use nanogram::base::entropy::{Entropy, EntropyFailed};
use nanogram::base::side::Side;
use nanogram::base::time::{Instant, ServerClock};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::capture::{Content, Cut, Item, Piece, Recording, Step, Verdict, What, cut, decode};
use nanogram::lab::server::session::ServerSession;
use nanogram::protocol::session::{Session, SessionError};
use nanogram::tl::schema::Schema;
use nanogram::wire::msg_id;
use nanogram::wire::transport::Frame;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(crate) static SCHEMA: LazyLock<Schema<'static>> = LazyLock::new(|| Schema::telegram().unwrap());

/// Frames of both directions; plain packets of key exchanges; encrypted packets; messages in them (without containers,
/// but with their messages); containers; compressed bodies; results; checks made.
pub(crate) type Numbers = [usize; 8];

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Decodes a recording with its own keys.
pub(crate) fn decoded(recording: &Recording, schema: &'static Schema<'static>) -> Vec<Step<'static>> {
    decode(recording, &recording.secrets, schema)
}

/// Packets of a connection, without the steps that only select the framing.
pub(crate) fn packets<'a, 's>(steps: &'a [Step<'s>], connection: usize) -> Vec<&'a Step<'s>> {
    let here = steps.iter().filter(|step| step.connection == connection);
    here.filter(|step| !matches!(step.what, What::Start { .. })).collect()
}

#[derive(Default)]
struct Count(Numbers);

impl Count {
    fn step(&mut self, step: &Step<'_>) {
        let [frames, plain, sealed, .., checks] = &mut self.0;
        *checks += step.checks().filter(|check| check.1 == Verdict::Holds).count();
        match &step.what {
            What::Start { .. } => return,
            What::Plain(_) => *plain += 1,
            What::Sealed(_) => *sealed += 1,
            other => panic!("{other:?}"),
        }
        *frames += 1;
        if let What::Sealed(sealed) = &step.what {
            self.item(&sealed.item);
        }
    }
    fn item(&mut self, item: &Item<'_>) {
        match &item.content {
            Content::Container(items) => {
                self.0[4] += 1;
                items.iter().for_each(|item| self.item(item));
            }
            content => {
                self.0[3] += 1;
                self.content(content);
            }
        }
    }
    fn content(&mut self, content: &Content<'_>) {
        match content {
            Content::Gzip { content, .. } => {
                self.0[5] += 1;
                self.content(content);
            }
            Content::Result { content, .. } => {
                self.0[6] += 1;
                self.content(content);
            }
            Content::Wrapped { packed, .. } => self.content(packed),
            _ => {}
        }
    }
}

/// Counts each recording, prints the table, and compares it with the expected numbers; all checks must hold. Returns
/// the sums.
pub(crate) fn count_all(numbers: &[(&str, Numbers)], steps: impl Fn(&str) -> Vec<Step<'static>>) -> Numbers {
    println!("recording                     frames  plain sealed   msgs  cont.   gzip  resul. checks");
    let row = |count: &Numbers| count.iter().map(|n| format!(" {n:>6}")).collect::<String>();
    let (mut total, mut others) = (Numbers::default(), Vec::new());
    for (name, wanted) in numbers {
        let mut count = Count::default();
        for step in steps(name) {
            count.step(&step);
            let bad: Vec<_> = step.checks().filter(|check| check.1 != Verdict::Holds).collect();
            assert!(bad.is_empty(), "{name}: {bad:?}");
        }
        println!("{name:<29}{}", row(&count.0));
        total.iter_mut().zip(count.0).for_each(|(sum, n)| *sum += n);
        if count.0 != *wanted {
            others.push(format!("{name}: {:?}, not {wanted:?}", count.0));
        }
    }
    println!("{:<29}{}", "all", row(&total));
    assert!(others.is_empty(), "{}", others.join("\n"));
    total
}

/// Encrypted packets of a recording in order of arrival.
pub(crate) fn sealed(recording: &Recording) -> impl Iterator<Item = (Instant, Side, BytesMut)> {
    let pieces = recording.connections.iter().flat_map(cut);
    pieces.filter_map(|Cut { at, from, piece }| match piece {
        Piece::Frame(Frame::Packet(packet)) if packet[..8] != [0; 8] => Some((at, from, packet)),
        Piece::Frame(Frame::Packet(_)) | Piece::Start { .. } => None,
        other => panic!("{other:?}"),
    })
}

/// Replays a recording through client sessions: `see` gets the session, the step, and the outcome of each packet.
pub(crate) fn replay_to_clients(
    recording: &Recording,
    see: impl FnMut(&mut Session, &Step<'_>, Result<Option<u32>, SessionError>),
) {
    let make = |key, salt, clock, id| Session::client(key, salt, clock, &mut Fixed(id)).unwrap();
    replay(recording, Side::Client, make, Session::handle_packet, see);
}

/// Replays a recording through server sessions.
pub(crate) fn replay_to_servers(
    recording: &Recording,
    see: impl FnMut(&mut ServerSession, &Step<'_>, Result<Option<u32>, SessionError>),
) {
    replay(recording, Side::Server, ServerSession::new, ServerSession::handle_packet, see);
}

/// Entropy that draws one session id.
struct Fixed(i64);

impl Entropy for Fixed {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        out.copy_from_slice(&self.0.to_le_bytes());
        Ok(())
    }
}

fn replay<S>(
    recording: &Recording,
    side: Side,
    make: impl Fn(AuthKey, i64, ServerClock, i64) -> S,
    handle: impl Fn(&mut S, Instant, BytesMut) -> Result<Option<u32>, SessionError>,
    mut see: impl FnMut(&mut S, &Step<'_>, Result<Option<u32>, SessionError>),
) {
    let steps = decode(recording, &recording.secrets, &SCHEMA);
    let opened: Vec<_> = steps.iter().filter(|step| matches!(step.what, What::Sealed(_))).collect();
    let packets: Vec<_> = sealed(recording).collect();
    assert_eq!(opened.len(), packets.len());
    let salts = opened.iter().rev().filter(|step| step.from == Side::Server).filter_map(|step| match &step.what {
        What::Sealed(sealed) => Some((sealed.header.session_id, sealed.header.salt)),
        _ => None,
    });
    let salts: BTreeMap<i64, i64> = salts.collect(); // the first salt of each session
    let mut sessions = BTreeMap::new();
    for (step, (at, from, packet)) in opened.iter().zip(packets) {
        let What::Sealed(sealed) = &step.what else { unreachable!() };
        let key = recording.secrets.key(sealed.auth_key_id).unwrap();
        let session = sessions.entry(sealed.header.session_id).or_insert_with(|| {
            let clock = ServerClock::guess(at, msg_id::time(sealed.header.msg_id));
            make(key.clone(), salts[&sealed.header.session_id], clock, sealed.header.session_id)
        });
        if from == side.peer() {
            let taken = handle(session, at, packet);
            see(session, step, taken);
        }
    }
}
