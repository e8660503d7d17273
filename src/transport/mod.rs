//! Cuts the stream of a socket into packets, and puts packets into frames.
//!
//! TCP keeps order but no borders. Four framings draw them; the client picks one with the first bytes that it sends,
//! its *preamble*, and both directions use it from then on:
//!
//! ```text
//!               preamble   frame, sizes in bytes                        quick ack asked / given
//! abridged      ef         words:1 | packet       7f words:3 | packet   bit 7 of the first byte / token:4
//! intermediate  eeeeeeee   len:4 | packet                               bit 31 of len           / token:4
//! padded        dddddddd   len:4 | packet | random:0..15                bit 31 of len           / framed
//! full          none       len:4 | seq:4 | packet | crc:4               not possible
//!
//! obfuscated    init:64, then AES-256-CTR over the frames of one of the first three
//! ```
//!
//! All numbers are little-endian but the token of abridged. A frame of exactly 4 bytes is no packet: it is a
//! [`TransportFault`], or four zeros that mean nothing. Nothing in this module is authenticated: whoever sits on the
//! wire can write any of it, so a fault is a reason to connect anew, never to throw a key away.
//!
//! Without the feature `transports` there is abridged alone.
//!
//! A [`Framer`] is one end of one connection. It takes bytes cut anywhere and keeps only what arrived: no memory is
//! reserved because a length says so, and a length over [`MAX_FRAME`] ends the connection as soon as it is read.
//! A server that does not know what a client will speak asks `detect` first.
//!
//! ```
//! use bytes::BytesMut;
//! use nanogram::{side::Side, transport::{Frame, Framer, Framing, detect}};
//!
//! let mut client = Framer::new(Framing::Abridged, Side::Client);
//! let (mut wire, mut start) = (BytesMut::new(), BytesMut::new());
//! client.encode(b"8 bytes!", &mut wire)?;
//! assert_eq!(wire[..], *b"\xef\x028 bytes!");
//!
//! start.extend_from_slice(&wire[..5]); // the rest is still on its way
//! let mut server = detect(&mut start)?.expect("one byte tells abridged");
//! assert_eq!(server.next()?, None);
//! server.push(&wire[5..]);
//! assert_eq!(server.next()?, Some(Frame::Packet(b"8 bytes!"[..].into())));
//! # Ok::<(), nanogram::transport::FrameError>(())
//! ```
//!
//! Below it stand [`crc`](crate::crc), [`side`](crate::side), [`entropy`](crate::entropy) and the counter mode of
//! [`crypto`](crate::crypto). It does not decrypt packets, nor know what is in them beyond the first 20 bytes.
//!
//! Spec: mtproto/mtproto-transports

mod abridged;
#[cfg(feature = "transports")]
mod detect;
mod fault;
#[cfg(feature = "transports")]
mod full;
#[cfg(feature = "transports")]
mod intermediate;
#[cfg(feature = "transports")]
mod obfuscated;

#[cfg(feature = "transports")]
pub use detect::detect;
pub use fault::{FrameError, TransportFault};
#[cfg(feature = "transports")]
pub use intermediate::Tail;
#[cfg(feature = "transports")]
pub use obfuscated::{ObfuscateError, Obfuscated, ProxySecret};

use crate::side::Side;
#[cfg(feature = "transports")]
use alloc::boxed::Box;
use bytes::{Buf, Bytes, BytesMut};
use core::mem;
#[cfg(feature = "transports")]
use obfuscated::Noise;

/// The longest frame body taken or sent: 4 MiB of payload and 1 KiB for what is around it, as TDLib has it.
///
/// No server sends more: a file part is at most 1 MiB, and an inflated answer does not count here.
pub const MAX_FRAME: usize = (4 << 20) + (1 << 10);

/// Room for what stands around the longest frame, and for the beginning of the next.
const MOST_AROUND: usize = 64 << 10;

/// The most random bytes behind a packet: 15, one more would be a block.
const LONGEST_TAIL: usize = 15;

/// How packets are told apart in the stream. Spec: mtproto/mtproto-transports
///
/// Without the feature `transports` there is but the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(not(feature = "transports"), non_exhaustive)]
pub enum Framing {
    /// One byte for a short packet, four for a long one: the smallest.
    Abridged,
    /// A length of 4 bytes.
    #[cfg(feature = "transports")]
    Intermediate,
    /// A length of 4 bytes and up to 15 random bytes, so that sizes tell less.
    #[cfg(feature = "transports")]
    PaddedIntermediate,
    /// Length, sequence number and checksum: the oldest.
    #[cfg(feature = "transports")]
    Full,
}

impl Framing {
    /// What a client writes once, before its first frame.
    pub const fn preamble(self) -> &'static [u8] {
        match self {
            Self::Abridged => &[0xef],
            #[cfg(feature = "transports")]
            Self::Intermediate => &[0xee; 4],
            #[cfg(feature = "transports")]
            Self::PaddedIntermediate => &[0xdd; 4],
            #[cfg(feature = "transports")]
            Self::Full => &[],
        }
    }
}

/// What came out of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// One packet, plain or encrypted; a part of the receive buffer, so it may be decrypted in place.
    Packet(BytesMut),
    /// A packet whose sender wants a quick ack; only a server sees it. Answer with [`Framer::encode_quick_ack`].
    AckWanted(BytesMut),
    /// The server has got the packet with this token (bit 31 set), and says nothing about what it makes of it.
    ///
    /// A token that was never asked for is to be ignored.
    QuickAck(u32),
    /// The server refuses, in plain words that anyone on the wire could have written.
    Fault(TransportFault),
}

/// What the bytes at hand say about the next frame.
enum Head {
    /// A quick ack of 4 bytes, without a frame around it.
    QuickAck(u32),
    /// An error of 4 bytes, without a frame around it.
    #[cfg(feature = "transports")]
    Fault(i32),
    /// `header` bytes to drop, then `len` bytes of body.
    Body { header: usize, len: usize, wants_ack: bool },
}

impl Head {
    /// Body of `len` bytes, `least` at least.
    fn body(header: usize, len: usize, least: usize, wants_ack: bool) -> Result<Option<Self>, FrameError> {
        match len {
            _ if len > MAX_FRAME => Err(FrameError::TooLong(len)),
            _ if len < least => Err(FrameError::Length(len)),
            _ => Ok(Some(Self::Body { header, len, wants_ack })),
        }
    }
}

/// What a sender may add to a packet: nothing by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras {
    /// Ask for a quick ack. Only a client can; the full framing cannot.
    pub quick_ack: bool,
    #[cfg(feature = "transports")]
    /// What follows the packet in a padded frame. Other framings leave it out.
    pub tail: Tail,
}

/// One end of one connection: its bytes in and its frames out, and the way back.
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    side: Side,
    /// Of a client: not yet written. Of a server: not yet read.
    preamble: Bytes,
    inbox: BytesMut,
    #[cfg(feature = "transports")]
    /// Of an obfuscated connection.
    noise: Option<Box<dyn Noise>>,
    #[cfg(feature = "transports")]
    /// Frames so far in each direction: the sequence numbers of the full framing.
    received: u32,
    #[cfg(feature = "transports")]
    sent: u32,
    /// Set by the first error, and given again and again.
    over: Option<FrameError>,
}

impl Framer {
    /// The end at `side` of a connection that has not said anything yet.
    ///
    /// A client writes the preamble before its first frame; a server demands it.
    pub fn new(framing: Framing, side: Side) -> Self {
        Self {
            framing,
            side,
            preamble: Bytes::from_static(framing.preamble()),
            inbox: BytesMut::new(),
            #[cfg(feature = "transports")]
            noise: None,
            #[cfg(feature = "transports")]
            received: 0,
            #[cfg(feature = "transports")]
            sent: 0,
            over: None,
        }
    }
    #[cfg(feature = "transports")]
    /// One end of an obfuscated connection. A client's first bytes are its `init`; a server has read it.
    pub fn obfuscated(obfuscated: Obfuscated) -> Self {
        let Obfuscated { side, framing, init, streams, .. } = obfuscated;
        let preamble = match side {
            Side::Client => Bytes::copy_from_slice(&init),
            Side::Server => Bytes::new(),
        };
        Self { preamble, noise: Some(Box::new(streams)), ..Self::new(framing, side) }
    }
    /// How packets are told apart here.
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// Takes bytes as the socket gave them. After an error they are dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.over.is_some() {
            return;
        }
        #[cfg(feature = "transports")]
        let start = self.inbox.len();
        self.make_room(bytes.len());
        self.inbox.extend_from_slice(bytes);
        #[cfg(feature = "transports")]
        if let (Some(noise), Some(new)) = (&mut self.noise, self.inbox.get_mut(start..)) {
            noise.open(new);
        }
    }

    /// Room for `more` bytes: twice what is needed, as any buffer does, but not beyond the longest frame.
    fn make_room(&mut self, more: usize) {
        let needed = self.inbox.len().saturating_add(more);
        if needed > MAX_FRAME / 4 && !self.inbox.try_reclaim(more) {
            let mut larger = BytesMut::with_capacity(needed.saturating_mul(2).min(MAX_FRAME + MOST_AROUND).max(needed));
            larger.extend_from_slice(&self.inbox);
            self.inbox = larger;
        }
    }

    /// Number of bytes received that no frame has been cut from yet.
    pub fn buffered(&self) -> usize {
        self.inbox.len()
    }

    /// The next frame, or `None` until more bytes come.
    ///
    /// # Errors
    /// The peer does not speak this transport. It stays so: close the connection.
    #[expect(clippy::should_implement_trait, reason = "an iterator ends for good at None; this one waits")]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.over {
            return Err(error);
        }
        self.cut().inspect_err(|error| {
            self.over = Some(*error);
            self.inbox = BytesMut::new();
        })
    }

    fn cut(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.side == Side::Server && !self.read_preamble()? {
            return Ok(None);
        }
        loop {
            let head = match self.framing {
                Framing::Abridged => abridged::head(&self.inbox, self.side)?,
                #[cfg(feature = "transports")]
                Framing::Intermediate | Framing::PaddedIntermediate => {
                    intermediate::head(&self.inbox, self.side, self.framing)?
                }
                #[cfg(feature = "transports")]
                Framing::Full => full::head(&self.inbox, self.side)?,
            };
            let (body, wants_ack) = match head {
                None => return Ok(None),
                Some(Head::QuickAck(token)) => {
                    self.inbox.advance(4);
                    return Ok(Some(Frame::QuickAck(token)));
                }
                #[cfg(feature = "transports")]
                Some(Head::Fault(code)) => {
                    self.inbox.advance(4);
                    return Ok(Some(Frame::Fault(TransportFault::from_code(code))));
                }
                Some(Head::Body { header, len, .. }) if self.inbox.len() < header + len => return Ok(None),
                Some(Head::Body { header, len, wants_ack }) => {
                    self.inbox.advance(header);
                    (self.inbox.split_to(len), wants_ack)
                }
            };
            if let Some(frame) = self.open(body, wants_ack)? {
                return Ok(Some(frame));
            }
        }
    }

    /// Body to frame; `None` for four zeros, which mean nothing.
    fn open(
        &mut self,
        #[cfg_attr(not(feature = "transports"), expect(unused_mut, reason = "nothing is around it"))]
        mut body: BytesMut,
        wants_ack: bool,
    ) -> Result<Option<Frame>, FrameError> {
        match self.framing {
            Framing::Abridged => {}
            #[cfg(feature = "transports")]
            Framing::Intermediate => {}
            #[cfg(feature = "transports")]
            Framing::PaddedIntermediate => {
                if let (Side::Client, Some(token)) = (self.side, intermediate::framed_quick_ack(&body)) {
                    return Ok(Some(Frame::QuickAck(token)));
                }
                intermediate::strip_tail(&mut body)?;
            }
            #[cfg(feature = "transports")]
            Framing::Full => {
                full::open(&mut body, self.received)?;
                self.received = self.received.wrapping_add(1);
            }
        }
        match body.first_chunk().map(|code| i32::from_le_bytes(*code)) {
            Some(0) if body.len() == 4 => Ok(None),
            Some(code @ ..0) if body.len() == 4 => Ok(Some(Frame::Fault(TransportFault::from_code(code)))),
            Some(code) if body.len() == 4 => Err(FrameError::Code(code)),
            _ if wants_ack => Ok(Some(Frame::AckWanted(body))),
            _ => Ok(Some(Frame::Packet(body))),
        }
    }

    /// Whether the client's preamble is behind us.
    fn read_preamble(&mut self) -> Result<bool, FrameError> {
        let have = self.inbox.len().min(self.preamble.len());
        if self.inbox.get(..have) != self.preamble.get(..have) {
            return Err(FrameError::Start);
        }
        self.inbox.advance(have);
        self.preamble.advance(have);
        Ok(self.preamble.is_empty())
    }

    /// Appends `packet` to `out` as one frame.
    ///
    /// # Errors
    /// See [`encode_with`](Self::encode_with).
    pub fn encode(&mut self, packet: &[u8], out: &mut BytesMut) -> Result<(), FrameError> {
        self.encode_with(packet, Extras::default(), out)
    }

    /// Appends `packet` to `out` as one frame, with what `extras` ask for and this framing can carry.
    ///
    /// # Errors
    /// No frame can hold the packet: it is longer than [`MAX_FRAME`] or no multiple of 4 bytes. Nothing was written.
    pub fn encode_with(&mut self, packet: &[u8], extras: Extras, out: &mut BytesMut) -> Result<(), FrameError> {
        if packet.len() > MAX_FRAME - LONGEST_TAIL {
            return Err(FrameError::TooLong(packet.len()));
        }
        if !packet.len().is_multiple_of(4) {
            return Err(FrameError::Length(packet.len()));
        }
        self.write_preamble(out);
        #[cfg(feature = "transports")]
        let start = out.len();
        let wants_ack = extras.quick_ack && self.side == Side::Client;
        match self.framing {
            Framing::Abridged => abridged::write(packet, wants_ack, out),
            #[cfg(feature = "transports")]
            Framing::Intermediate => intermediate::write(packet, &[], wants_ack, out),
            #[cfg(feature = "transports")]
            Framing::PaddedIntermediate => intermediate::write(packet, extras.tail.bytes(), wants_ack, out),
            #[cfg(feature = "transports")]
            Framing::Full => full::write(packet, self.sent, out),
        }
        #[cfg(feature = "transports")]
        {
            self.sent = self.sent.wrapping_add(1);
            self.hide(out, start);
        }
        Ok(())
    }

    /// Appends the server's quick ack for `token` to `out`; bit 31 is set whether given or not.
    ///
    /// The full framing has none, and a client gives none: nothing is written.
    pub fn encode_quick_ack(&mut self, token: u32, out: &mut BytesMut) {
        if self.side == Side::Client {
            return;
        }
        #[cfg(feature = "transports")]
        let start = out.len();
        let token = token | 1 << 31;
        match self.framing {
            Framing::Abridged => out.extend_from_slice(&token.to_be_bytes()),
            #[cfg(feature = "transports")]
            Framing::Intermediate => out.extend_from_slice(&token.to_le_bytes()),
            #[cfg(feature = "transports")]
            Framing::PaddedIntermediate => intermediate::write_quick_ack(token, out),
            #[cfg(feature = "transports")]
            Framing::Full => {}
        }
        #[cfg(feature = "transports")]
        self.hide(out, start);
    }

    /// Appends `fault` to `out` in place of a packet: a server's last word.
    pub fn encode_fault(&mut self, fault: TransportFault, out: &mut BytesMut) {
        // 4 bytes fit into every frame
        let _ = self.encode(&fault.code().to_le_bytes(), out);
    }

    /// Appends bytes that are no frame to `out`: for a data centre that is to do it wrong.
    #[cfg(feature = "dc")]
    pub(crate) fn encode_raw(&mut self, bytes: &[u8], out: &mut BytesMut) {
        let start = out.len();
        out.extend_from_slice(bytes);
        self.hide(out, start);
    }

    #[cfg(feature = "transports")]
    /// Encrypts what was appended to `out` since `start`, if this connection is obfuscated.
    fn hide(&mut self, out: &mut BytesMut, start: usize) {
        if let (Some(noise), Some(new)) = (&mut self.noise, out.get_mut(start..)) {
            noise.seal(new);
        }
    }

    /// A client writes its preamble once.
    fn write_preamble(&mut self, out: &mut BytesMut) {
        if self.side == Side::Client {
            out.extend_from_slice(&mem::take(&mut self.preamble));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announced_length_reserves_nothing() {
        let most = u32::try_from(MAX_FRAME).unwrap().to_le_bytes();
        for (framing, head) in [
            (Framing::Abridged, &[0x7f, 0xff, 0xff, 0x0f][..]),
            (Framing::Intermediate, &most),
            (Framing::PaddedIntermediate, &most),
            (Framing::Full, &most),
        ] {
            let mut client = Framer::new(framing, Side::Client);
            client.push(head);
            assert_eq!(client.next(), Ok(None));
            assert!(client.inbox.capacity() <= 64, "{framing:?} holds {} bytes", client.inbox.capacity());
        }
    }

    #[test]
    fn packets_are_parts_of_the_receive_buffer() {
        let mut client = Framer::new(Framing::Abridged, Side::Client);
        client.push(&[&[10; 41][..], &[10; 41]].concat());
        let start = client.inbox.as_ptr() as usize;
        for at in [1, 42] {
            let Ok(Some(Frame::Packet(packet))) = client.next() else { panic!("no packet") };
            assert_eq!(packet.as_ptr() as usize, start + at);
        }
    }

    #[test]
    fn after_an_error_the_buffer_is_given_back() {
        let mut client = Framer::new(Framing::Intermediate, Side::Client);
        client.push(&[0; 4096]);
        assert_eq!(client.next(), Err(FrameError::Length(0)));
        client.push(&[0; 4096]);
        assert_eq!(client.inbox.capacity(), 0);
    }
}
