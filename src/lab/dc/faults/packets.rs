//! What happens to a packet with an answer on its way out: it is forged, repeated, lost, or others go with it.

use super::bodies::{HOSTILE_SALT, Scene, miscounted};
use super::out::{Damage, Out};
use super::{Faults, How, Place, Touched, forge};
use crate::base::entropy::{self, Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::crypto::auth_key::AuthKey;
use crate::protocol::handshake::plain;
use crate::protocol::session::packet::{self, Header, INNER, MIN_PADDING, OUTER};
use crate::wire::mt::message::read_container;
use crate::wire::transport::Framing;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};

/// Packets kept to be repeated.
const KEPT: usize = 50;

/// The most ids noted of what a fault brings.
const MAX_BROUGHT: usize = 4096;

/// How many ids before that of an answer those of the packets sent before it begin: some milliseconds.
const EARLIER: i64 = 1 << 22;

/// What becomes of a packet.
#[derive(Debug, Clone, Copy)]
pub(in crate::lab::dc) enum Twist {
    /// One bit at this place is flipped; beyond the end, in the last byte.
    Flip(usize),
    /// A block of noise follows the ciphertext.
    ExtraBlock,
    /// The last block is noise.
    LastBlock,
    /// Only so many bytes are sent.
    Short(usize),
    /// The last four bytes are missing.
    Truncated,
    /// The length of the body is this.
    Len(i32),
    /// The length of the body is so much more than it is.
    LenMore(i32),
    /// The length of the body leaves so much of the plaintext for padding.
    LenBut(usize),
    /// So many bytes of padding at the least.
    Padding(usize),
    /// Something else stands in front of the body.
    Header(fn(&mut Header)),
    /// It and all in it were made so many seconds later, or earlier.
    Shift(i64),
    /// It is sealed as clients seal.
    Reflected,
    /// The client's own last packet comes instead.
    Echo,
    /// It is not sealed at all.
    Plain,
    /// It is sealed as in MTProto 1.
    Version1,
    /// It is sent so often.
    Repeat(usize),
    /// It is sent, and again after so many others.
    Later(usize),
    /// It is sent only after the one that follows it.
    Overtaken,
    /// It is sent, and again first on the next connection.
    Elsewhere,
    /// It is sent, and all before it again, the newest first.
    Storm,
    /// It is never sent.
    Lost,
    /// It and all that follow it on this connection are never sent.
    Silence,
    /// Packets with these bodies go before it; content if they must be acknowledged.
    Before(bool, fn(&Scene) -> Vec<Bytes>),
    /// Packets with these bodies follow it.
    After(bool, fn(&Scene) -> Vec<Bytes>),
    /// It has another body.
    Body(fn(&Scene) -> Vec<u8>),
    /// An error of the transport comes instead, and the connection ends.
    Fault(i32),
    /// A quick ack that nobody asked for goes before it.
    QuickAck(u32),
    /// These bytes come instead, without a frame.
    Raw(fn(Framing) -> Vec<u8>),
    /// Random bytes follow it in its frame: only padded frames can hold them.
    Tail,
    /// Its frame of the full framing has this wrong.
    Full(Damage),
}

impl Twist {
    fn suits(self, framing: Framing) -> bool {
        match self {
            Self::Tail => framing == Framing::PADDED_INTERMEDIATE,
            Self::Full(_) => framing == Framing::FULL,
            Self::QuickAck(_) => framing != Framing::FULL,
            _ => true,
        }
    }
}

impl Faults {
    /// What is written in place of a packet.
    ///
    /// # Errors
    /// The entropy failed.
    pub(in crate::lab::dc) fn packets(
        &mut self,
        place: Place,
        key: &AuthKey,
        framing: Framing,
        packet: Bytes,
        random: &mut dyn Entropy,
    ) -> Result<Vec<Out>, EntropyFailed> {
        let mut out = Vec::new();
        if self.kept.of != Some(place) {
            (self.kept.of, self.kept.last) = (Some(place), Vec::new().into());
        }
        if let Some((old, _)) = self.kept.elsewhere.take_if(|(_, of)| of.key == place.key && of.conn != place.conn) {
            out.push(Out::Packet(old));
        }
        let packet = self.miscounted(place, key, packet);
        let scene = Scene::of(key, &packet);
        let twist = scene.as_ref().and_then(|_| {
            self.next(|how| match how {
                How::Packet(twist) if twist.suits(framing) => Some(twist),
                _ => None,
            })
        });
        let later = self.due(place);
        match (scene, twist) {
            (Some(scene), Some(twist)) => {
                let (site, before) = (Site { place, key, scene }, out.len());
                self.twist(twist, &site, packet.clone(), random, &mut out)?;
                if let Some((_, touched)) = self.acted.last_mut() {
                    *touched = site.touched(twist, &packet, out.get(before..).unwrap_or_default());
                }
            }
            _ => {
                self.remember(&packet);
                out.push(Out::Packet(packet));
            }
        }
        out.extend(later.map(Out::Packet));
        Ok(out)
    }

    /// The packet with another number of states in it, if it tells states and they are to be miscounted.
    fn miscounted(&mut self, place: Place, key: &AuthKey, packet: Bytes) -> Bytes {
        let wanted = |of: &Place| (of.key, of.session_id) == (place.key, place.session_id);
        let Some((_, count)) = self.kept.states.filter(|(of, _)| wanted(of)) else { return packet };
        match miscounted(key, &packet, count) {
            Some((header, body)) => {
                self.kept.states = None;
                sealed(key, &header, &body)
            }
            None => packet,
        }
    }

    /// Notes what a client has sent, if that may be of use.
    pub(in crate::lab::dc) fn hear(&mut self, packet: &[u8]) {
        if self.waiting.iter().any(|(fault, _)| matches!(fault.how, How::Packet(Twist::Echo))) {
            self.kept.heard = Some(Bytes::copy_from_slice(packet));
        }
    }

    fn remember(&mut self, packet: &Bytes) {
        if self.kept.last.len() >= KEPT {
            self.kept.last.pop_front();
        }
        self.kept.last.push_back(packet.clone());
    }

    /// What was kept for this moment.
    fn due(&mut self, place: Place) -> Option<Bytes> {
        let (_, of, left) = self.kept.later.as_mut()?;
        if *of != place {
            self.kept.later = None; // the connection that it was for is over
            return None;
        }
        *left = left.saturating_sub(1);
        if *left > 0 {
            return None;
        }
        self.kept.later.take().map(|(packet, ..)| packet)
    }

    fn twist(
        &mut self,
        twist: Twist,
        site: &Site<'_>,
        packet: Bytes,
        random: &mut dyn Entropy,
        out: &mut Vec<Out>,
    ) -> Result<(), EntropyFailed> {
        match twist {
            Twist::Repeat(times) => out.extend((0..times).map(|_| Out::Packet(packet.clone()))),
            Twist::Later(after) => {
                self.kept.later = Some((packet.clone(), site.place, after));
                out.push(Out::Packet(packet));
            }
            Twist::Overtaken => self.kept.later = Some((packet, site.place, 1)),
            Twist::Elsewhere => {
                self.kept.elsewhere = Some((packet.clone(), site.place));
                out.extend([Out::Packet(packet), Out::Close]);
            }
            Twist::Storm => {
                self.remember(&packet);
                out.push(Out::Packet(packet));
                out.extend(self.kept.last.iter().rev().map(|old| Out::Packet(old.clone())));
            }
            Twist::Echo => out.extend(self.kept.heard.take().map(Out::Packet)),
            Twist::Lost => {}
            Twist::Silence => out.push(Out::Silence),
            Twist::Before(is_content, make) => {
                out.extend(site.others(is_content, -EARLIER, make));
                out.push(Out::Packet(packet));
            }
            Twist::After(is_content, make) => {
                out.push(Out::Packet(packet));
                out.extend(site.others(is_content, 3, make));
            }
            Twist::Body(make) => {
                // An id above those of the messages inside: it is a container of them now, whatever it was.
                let (msg_id, seqno) = (site.scene.id(2), site.scene.header.seqno & !1);
                let header = Header { msg_id, seqno, ..site.scene.header };
                out.push(Out::Packet(site.sealed(&header, &make(&site.scene))));
            }
            Twist::Shift(seconds) => {
                let (msg_id, body) = site.scene.shifted(seconds);
                out.push(Out::Packet(site.sealed(&Header { msg_id, ..site.scene.header }, &body)));
            }
            Twist::Fault(code) => out.extend([Out::Fault(code), Out::Close]),
            Twist::QuickAck(token) => out.extend([Out::QuickAck(token), Out::Packet(packet)]),
            Twist::Raw(make) => out.extend([Out::Raw(make), Out::Silence]),
            Twist::Tail => out.push(Out::Tailed(packet)),
            Twist::Full(damage) => out.push(Out::Damaged(packet, damage)),
            twist => out.push(Out::Packet(site.forged(twist, &packet, random)?.into())),
        }
        Ok(())
    }
}

fn sealed(key: &AuthKey, header: &Header, body: &[u8]) -> Bytes {
    let len = i32::try_from(body.len()).unwrap_or(i32::MAX);
    let plain = forge::plain(header, len, body, forge::padding(body.len(), MIN_PADDING));
    forge::sealed(key, Side::Server, plain).into()
}

/// The ids of a packet and of all messages in it.
fn ids(header: &Header, body: &Bytes) -> BTreeSet<i64> {
    let inner = read_container(body).unwrap_or_default();
    inner.iter().map(|message| message.msg_id).chain([header.msg_id]).collect()
}

/// Where a packet is twisted: whose it is, and what is in it.
struct Site<'a> {
    place: Place,
    key: &'a AuthKey,
    scene: Scene,
}

impl Site<'_> {
    fn sealed(&self, header: &Header, body: &[u8]) -> Bytes {
        sealed(self.key, header, body)
    }

    /// Packets beside the one at hand, each with an id of its own: `from` the first, in order.
    fn others(&self, is_content: bool, from: i64, make: fn(&Scene) -> Vec<Bytes>) -> impl Iterator<Item = Out> {
        let bodies = make(&self.scene).into_iter();
        bodies.zip(from..).map(move |(body, n)| {
            let header = Header { msg_id: self.scene.id(n), seqno: i32::from(is_content), ..self.scene.header };
            Out::Packet(self.sealed(&header, &body))
        })
    }

    /// What may come of it.
    fn touched(&self, twist: Twist, honest: &Bytes, out: &[Out]) -> Touched {
        let sent = out.iter().filter_map(|item| match item {
            Out::Packet(packet) if packet != honest => Some(packet),
            _ => None,
        });
        let of = |side, packet: &Bytes| packet::open(self.key, side, BytesMut::from(&packet[..])).ok();
        let opened = sent.filter_map(|packet| of(Side::Server, packet).or_else(|| of(Side::Client, packet)));
        let brought = opened.flat_map(|opened| ids(&opened.header, &opened.body)).take(MAX_BROUGHT).collect();
        let known = ids(&self.scene.header, &self.scene.body);
        let (mut brought, mut repeated) = (brought, BTreeSet::new());
        match twist {
            Twist::Repeat(_) | Twist::Later(_) | Twist::Storm => (brought, repeated) = (repeated, known),
            Twist::Before(..) | Twist::After(..) | Twist::QuickAck(_) | Twist::Elsewhere => {}
            Twist::Lost | Twist::Silence | Twist::Raw(_) | Twist::Fault(_) => {}
            // What it would have said: whoever does not see what is wrong reads that.
            _ => brought.extend(known),
        }
        Touched { brought, repeated, req_msg_id: Some(self.scene.req_msg_id()), salt: Some(HOSTILE_SALT) }
    }

    /// The packet with something wrong in its envelope.
    fn forged(&self, twist: Twist, packet: &Bytes, random: &mut dyn Entropy) -> Result<Vec<u8>, EntropyFailed> {
        let Scene { header, body, .. } = &self.scene;
        let len = i32::try_from(body.len()).unwrap_or(i32::MAX);
        let room = packet.len() - OUTER - INNER;
        let spare = room - body.len();
        let with_len = |len| forge::sealed(self.key, Side::Server, forge::plain(header, len, body, spare));
        let mut bytes = packet.to_vec();
        Ok(match twist {
            Twist::Flip(at) => {
                let at = at.min(bytes.len() - 1);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
                bytes
            }
            Twist::ExtraBlock => [&bytes[..], &entropy::bytes::<16>(random)?].concat(),
            Twist::LastBlock => {
                let end = bytes.len() - 16;
                bytes.truncate(end);
                [&bytes[..], &entropy::bytes::<16>(random)?].concat()
            }
            Twist::Short(len) => {
                bytes.truncate(len);
                bytes
            }
            Twist::Truncated => {
                bytes.truncate(bytes.len() - 4);
                bytes
            }
            Twist::Len(len) => with_len(len),
            Twist::LenMore(more) => with_len(len.saturating_add(more)),
            Twist::LenBut(left) => with_len(i32::try_from(room - left).unwrap_or(i32::MAX)),
            Twist::Padding(least) => {
                let padding = forge::padding(body.len(), least);
                forge::sealed(self.key, Side::Server, forge::plain(header, len, body, padding))
            }
            Twist::Header(change) => {
                let mut header = *header;
                change(&mut header);
                forge::sealed(self.key, Side::Server, forge::plain(&header, len, body, spare))
            }
            Twist::Reflected => forge::sealed(self.key, Side::Client, forge::plain(header, len, body, spare)),
            Twist::Plain => plain::seal(header.msg_id & !3 | 1, body),
            Twist::Version1 => forge::sealed_v1(self.key, Side::Server, header, body),
            _ => bytes,
        })
    }
}
