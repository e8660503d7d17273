//! Conversion between the byte stream and packets at one end of a connection.

use super::codec::{Around, Head};
use super::framing::Framing;
use super::obfuscated::{Noise, Obfuscated};
use super::{FrameError, LONGEST_TAIL, MAX_FRAME, Tail, TransportFault};
use crate::base::side::Side;
use alloc::boxed::Box;
use bytes::{Buf, Bytes, BytesMut};
use core::mem;

/// Capacity in addition to the longest frame, for its framing and the start of the next frame.
const MOST_AROUND: usize = 64 << 10;

/// An item read from the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A packet, plain or encrypted. It is part of the receive buffer, so it can be decrypted in place.
    Packet(BytesMut),
    /// A packet whose sender requests a quick ack; only servers receive it. Answer with [`Framer::encode_quick_ack`].
    AckWanted(BytesMut),
    /// Quick ack: the server has received the packet with this token (bit 31 set), but has not processed it yet.
    ///
    /// Ignore tokens that were not requested.
    QuickAck(u32),
    /// A transport error. It is not authenticated: anyone on the network can send it.
    Fault(TransportFault),
}

/// Additions to a packet. The default is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras {
    /// Request a quick ack. Only clients can do so, and not with the full framing.
    pub quick_ack: bool,
    /// Random bytes after the packet in a padded frame. Other framings ignore them.
    pub tail: Tail,
}

/// One end of a connection: turns received bytes into frames and packets into bytes to send.
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    side: Side,
    /// Preamble that a client has not written yet, or that a server has not read yet.
    preamble: Bytes,
    inbox: BytesMut,
    /// Ciphers of an obfuscated connection.
    noise: Option<Box<dyn Noise>>,
    /// Number of frames in each direction: the sequence numbers of the full framing.
    received: u32,
    sent: u32,
    /// First error, which every later call returns again.
    over: Option<FrameError>,
}

impl Framer {
    /// Creates one end of a new connection.
    ///
    /// A client writes the preamble before its first frame; a server requires it.
    pub fn new(framing: Framing, side: Side) -> Self {
        Self {
            framing,
            side,
            preamble: Bytes::from_static(framing.preamble()),
            inbox: BytesMut::new(),
            noise: None,
            received: 0,
            sent: 0,
            over: None,
        }
    }
    /// Creates a server's end that has already received `start`.
    pub(super) fn heard(framing: Framing, start: BytesMut) -> Self {
        Self { inbox: start, ..Self::new(framing, Side::Server) }
    }
    /// Creates one end of an obfuscated connection. A client first sends `init`; a server has already read it.
    pub fn obfuscated(obfuscated: Obfuscated) -> Self {
        let Obfuscated { side, framing, init, streams, .. } = obfuscated;
        let preamble = match side {
            Side::Client => Bytes::copy_from_slice(&init),
            Side::Server => Bytes::new(),
        };
        Self { preamble, noise: Some(Box::new(streams)), ..Self::new(framing, side) }
    }
    /// Returns the framing of this connection.
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// Adds bytes received from the socket. After an error they are discarded.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.over.is_some() {
            return;
        }
        let start = self.inbox.len();
        self.make_room(bytes.len());
        self.inbox.extend_from_slice(bytes);
        if let (Some(noise), Some(new)) = (&mut self.noise, self.inbox.get_mut(start..)) {
            noise.open(new);
        }
    }

    /// Reserves capacity for `more` bytes: doubles it like any buffer, but not beyond the longest frame.
    fn make_room(&mut self, more: usize) {
        let needed = self.inbox.len().saturating_add(more);
        if needed > MAX_FRAME / 4 && !self.inbox.try_reclaim(more) {
            let mut larger = BytesMut::with_capacity(needed.saturating_mul(2).min(MAX_FRAME + MOST_AROUND).max(needed));
            larger.extend_from_slice(&self.inbox);
            self.inbox = larger;
        }
    }

    /// Returns the number of received bytes that are not part of a returned frame yet.
    pub fn buffered(&self) -> usize {
        self.inbox.len()
    }

    /// Returns the next frame, or `None` until more bytes arrive.
    ///
    /// # Errors
    /// The peer violates the framing. All later calls return the same error; close the connection.
    #[expect(clippy::should_implement_trait, reason = "an iterator ends for good at None; this one waits")]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.over {
            return Err(error);
        }
        self.cut().inspect_err(|error| {
            // The start of the next frame is unknown, so nothing after this point can be interpreted.
            self.over = Some(*error);
            self.inbox = BytesMut::new();
        })
    }

    fn cut(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.side == Side::Server && !self.read_preamble()? {
            return Ok(None);
        }
        loop {
            let (body, wants_ack) = match (self.framing.codec().head)(&self.inbox, self.side)? {
                None => return Ok(None),
                Some(Head::QuickAck(token)) => {
                    self.inbox.advance(4);
                    return Ok(Some(Frame::QuickAck(token)));
                }
                Some(Head::Fault(code)) => {
                    self.inbox.advance(4);
                    return Ok(Some(Frame::Fault(TransportFault::from_code(code))));
                }
                // The length is not authenticated, so no memory is reserved for it.
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

    /// Converts a body to a frame; `None` for four zero bytes, which are ignored.
    fn open(&mut self, mut body: BytesMut, wants_ack: bool) -> Result<Option<Frame>, FrameError> {
        if let Some(token) = (self.framing.codec().open)(&mut body, self.side, self.received)? {
            return Ok(Some(Frame::QuickAck(token)));
        }
        self.received = self.received.wrapping_add(1);
        match body.first_chunk().map(|code| i32::from_le_bytes(*code)) {
            // Only a body of exactly 4 bytes is an error code. A negative first word is not enough: half of all
            // auth_key_ids have that bit set. Four zeros are ignored, as in TDLib.
            Some(0) if body.len() == 4 => Ok(None),
            Some(code @ ..0) if body.len() == 4 => Ok(Some(Frame::Fault(TransportFault::from_code(code)))),
            Some(code) if body.len() == 4 => Err(FrameError::Code(code)),
            _ if wants_ack => Ok(Some(Frame::AckWanted(body))),
            _ => Ok(Some(Frame::Packet(body))),
        }
    }

    /// Reads the client's preamble. Returns true once it is complete.
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
        self.frame(packet, false, &[], out)
    }

    /// Appends `packet` to `out` as one frame, with those `extras` that this framing supports.
    ///
    /// # Errors
    /// The packet is longer than a frame can hold ([`MAX_FRAME`]) or not a multiple of 4 bytes long. Nothing is
    /// written.
    pub fn encode_with(&mut self, packet: &[u8], extras: Extras, out: &mut BytesMut) -> Result<(), FrameError> {
        self.frame(packet, extras.quick_ack, extras.tail.bytes(), out)
    }

    fn frame(&mut self, packet: &[u8], quick_ack: bool, tail: &[u8], out: &mut BytesMut) -> Result<(), FrameError> {
        if packet.len() > MAX_FRAME - LONGEST_TAIL {
            return Err(FrameError::TooLong(packet.len()));
        }
        if !packet.len().is_multiple_of(4) {
            return Err(FrameError::Length(packet.len()));
        }
        self.write_preamble(out);
        let start = out.len();
        let wants_ack = quick_ack && self.side == Side::Client;
        // The server never requests a quick ack: in its direction the flag marks a token.
        let around = Around { wants_ack, tail, seq: self.sent };
        (self.framing.codec().write)(packet, &around, out);
        self.sent = self.sent.wrapping_add(1);
        self.hide(out, start);
        Ok(())
    }

    /// Appends the server's quick ack for `token` to `out`. Bit 31 is set if it is not already.
    ///
    /// Writes nothing for a client, or with the full framing, which has no quick acks.
    pub fn encode_quick_ack(&mut self, token: u32, out: &mut BytesMut) {
        if self.side == Side::Client {
            return;
        }
        let start = out.len();
        (self.framing.codec().write_quick_ack)(token | 1 << 31, out);
        self.hide(out, start);
    }

    /// Appends `fault` to `out` in place of a packet. Only servers send it.
    pub fn encode_fault(&mut self, fault: TransportFault, out: &mut BytesMut) {
        // a packet of 4 bytes fits into every frame
        let _ = self.encode(&fault.code().to_le_bytes(), out);
    }

    /// Appends `bytes` to `out` without framing, but obfuscated if the connection is. For testing a peer's error
    /// handling.
    pub fn encode_raw(&mut self, bytes: &[u8], out: &mut BytesMut) {
        let start = out.len();
        out.extend_from_slice(bytes);
        self.hide(out, start);
    }

    /// Encrypts the bytes appended to `out` since `start`, if the connection is obfuscated.
    fn hide(&mut self, out: &mut BytesMut, start: usize) {
        if let (Some(noise), Some(new)) = (&mut self.noise, out.get_mut(start..)) {
            noise.seal(new);
        }
    }

    /// Appends a client's preamble before the first frame.
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
            (Framing::ABRIDGED, &[0x7f, 0xff, 0xff, 0x0f][..]),
            (Framing::INTERMEDIATE, &most),
            (Framing::PADDED_INTERMEDIATE, &most),
            (Framing::FULL, &most),
        ] {
            let mut client = Framer::new(framing, Side::Client);
            client.push(head);
            assert_eq!(client.next(), Ok(None));
            assert!(client.inbox.capacity() <= 64, "{framing:?} holds {} bytes", client.inbox.capacity());
        }
    }

    #[test]
    fn packets_are_parts_of_the_receive_buffer() {
        let mut client = Framer::new(Framing::ABRIDGED, Side::Client);
        client.push(&[&[10; 41][..], &[10; 41]].concat());
        let start = client.inbox.as_ptr() as usize;
        for at in [1, 42] {
            let Ok(Some(Frame::Packet(packet))) = client.next() else { panic!("no packet") };
            assert_eq!(packet.as_ptr() as usize, start + at);
        }
    }

    #[test]
    fn after_an_error_the_buffer_is_given_back() {
        let mut client = Framer::new(Framing::INTERMEDIATE, Side::Client);
        client.push(&[0; 4096]);
        assert_eq!(client.next(), Err(FrameError::Length(0)));
        client.push(&[0; 4096]);
        assert_eq!(client.inbox.capacity(), 0);
    }
}
