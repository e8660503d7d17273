//! Faults that act on an outgoing packet with an answer: forged, repeated, lost or accompanied by other packets.

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

/// Number of packets kept for repetition.
const KEPT: usize = 50;

/// Maximum number of message ids noted for one fault.
const MAX_BROUGHT: usize = 4096;

/// Distance from the answer's msg_id down to the first packet inserted before it, in steps of 4: about 4 ms.
const EARLIER: i64 = 1 << 22;

/// Change to an outgoing packet.
#[derive(Debug, Clone, Copy)]
pub(in crate::lab::dc) enum Twist {
    /// Flips one bit at this byte offset; beyond the end, in the last byte.
    Flip(usize),
    /// Appends a random block to the ciphertext.
    ExtraBlock,
    /// Replaces the last block with random bytes.
    LastBlock,
    /// Sends only this many bytes.
    Short(usize),
    /// Drops the last four bytes.
    Truncated,
    /// Sets the length field of the body to this value.
    Len(i32),
    /// Raises the length field of the body by this much.
    LenMore(i32),
    /// Sets the length field so that this many bytes of the plaintext remain as padding.
    LenBut(usize),
    /// Uses at least this many bytes of padding.
    Padding(usize),
    /// Changes the header in front of the body.
    Header(fn(&mut Header)),
    /// Shifts the ids of the packet and of all messages in it by this many seconds.
    Shift(i64),
    /// Seals it with the client's direction (`x = 0`).
    Reflected,
    /// Sends the client's own last packet instead.
    Echo,
    /// Sends it unencrypted.
    Plain,
    /// Seals it with MTProto 1.0.
    Version1,
    /// Sends it this many times.
    Repeat(usize),
    /// Sends it, and again after this many other packets.
    Later(usize),
    /// Sends it after the packet that follows it.
    Overtaken,
    /// Sends it, and again as the first packet of the next connection.
    Elsewhere,
    /// Sends it, and then all earlier packets again, the newest first.
    Storm,
    /// Never sends it.
    Lost,
    /// Drops it and every later packet on this connection.
    Silence,
    /// Sends packets with these bodies before it; the flag is true if they need an acknowledgement.
    Before(bool, fn(&Scene) -> Vec<Bytes>),
    /// Sends packets with these bodies after it.
    After(bool, fn(&Scene) -> Vec<Bytes>),
    /// Replaces its body.
    Body(fn(&Scene) -> Vec<u8>),
    /// Sends a transport error instead and closes the connection.
    Fault(i32),
    /// Sends a quick ack that the client did not request before it.
    QuickAck(u32),
    /// Sends these bytes instead, without a frame.
    Raw(fn(Framing) -> Vec<u8>),
    /// Appends random bytes inside its frame, which only padded frames allow.
    Tail,
    /// Damages its frame in the full transport.
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
    /// Applies the waiting faults to a packet and returns the output that replaces it.
    ///
    /// # Errors
    /// Fails if the entropy source fails.
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

    /// Changes the number of states in the packet, if it is a `msgs_state_info` that must be miscounted.
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

    /// Keeps the packet a client sent, if a waiting fault needs it.
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

    /// Takes the delayed packet if it is due now.
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

/// Ids of a packet and of all messages in it.
fn ids(header: &Header, body: &Bytes) -> BTreeSet<i64> {
    let inner = read_container(body).unwrap_or_default();
    inner.iter().map(|message| message.msg_id).chain([header.msg_id]).collect()
}

/// Context for changing a packet: session, key and contents.
struct Site<'a> {
    place: Place,
    key: &'a AuthKey,
    scene: Scene,
}

impl Site<'_> {
    fn sealed(&self, header: &Header, body: &[u8]) -> Bytes {
        sealed(self.key, header, body)
    }

    /// Extra packets for the session, with consecutive message ids that begin at offset `from` from the answer's id.
    fn others(&self, is_content: bool, from: i64, make: fn(&Scene) -> Vec<Bytes>) -> impl Iterator<Item = Out> {
        let bodies = make(&self.scene).into_iter();
        bodies.zip(from..).map(move |(body, n)| {
            let header = Header { msg_id: self.scene.id(n), seqno: i32::from(is_content), ..self.scene.header };
            Out::Packet(self.sealed(&header, &body))
        })
    }

    /// Traces by which the client's reaction can be recognised.
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
            // A client that misses the forgery processes the messages, so an acknowledgement of them gives it away.
            _ => brought.extend(known),
        }
        Touched { brought, repeated, req_msg_id: Some(self.scene.req_msg_id()), salt: Some(HOSTILE_SALT) }
    }

    /// The packet with a forged envelope.
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
