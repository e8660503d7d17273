//! Transports: framing of packets in a byte stream.
//!
//! TCP preserves the order of bytes but not the boundaries of packets. Four framings mark them. The client selects one
//! with the first bytes that it sends, the *preamble*, and both directions use it from then on:
//!
//! ```text
//!               preamble   frame, sizes in bytes                        quick ack requested / sent
//! abridged      ef         words:1 | packet       7f words:3 | packet   bit 7 of the first byte / token:4
//! intermediate  eeeeeeee   len:4 | packet                               bit 31 of len           / token:4
//! padded        dddddddd   len:4 | packet | random:0..15                bit 31 of len           / framed
//! full          none       len:4 | seq:4 | packet | crc:4               not possible
//!
//! obfuscated    init:64, then AES-256-CTR over the frames of one of the first three
//! ```
//!
//! All numbers are little-endian except the token of abridged. A frame of exactly 4 bytes is not a packet: it is a
//! [`TransportFault`], or four zeros, which are ignored. Nothing in this module is authenticated, and anyone on the
//! network can forge it. So a fault is a reason to reconnect, never to discard a key.
//!
//! A [`Framing`] is a handle to a static [codec](framing). A program links only the codecs that it names.
//!
//! A [`Framer`] is one end of one connection. It accepts bytes split at any position and buffers only what has arrived:
//! the length of a frame reserves no memory, and a length above [`MAX_FRAME`] ends the connection as soon as it is
//! read. A server detects the client's framing with [`detect`].
//!
//! ```
//! use bytes::BytesMut;
//! use nanogram::{base::side::Side, wire::transport::{Frame, Framer, Framing, detect}};
//!
//! let mut client = Framer::new(Framing::ABRIDGED, Side::Client);
//! let (mut wire, mut start) = (BytesMut::new(), BytesMut::new());
//! client.encode(b"8 bytes!", &mut wire)?;
//! assert_eq!(wire[..], *b"\xef\x028 bytes!");
//!
//! start.extend_from_slice(&wire[..5]); // the rest is still on its way
//! let mut server = detect(&mut start)?.expect("one byte tells abridged");
//! assert_eq!(server.next()?, None);
//! server.push(&wire[5..]);
//! assert_eq!(server.next()?, Some(Frame::Packet(b"8 bytes!"[..].into())));
//! # Ok::<(), nanogram::wire::transport::FrameError>(())
//! ```
//!
//! This module depends on [`crc`](crate::base::crc), [`side`](crate::base::side), [`entropy`](crate::base::entropy) and
//! the counter mode of [`crypto`](crate::crypto). It does not decrypt packets and reads at most their first 20 bytes.
//!
//! Spec: mtproto/mtproto-transports

mod abridged;
mod codec;
mod detect;
mod fault;
mod framer;
pub mod framing;
mod full;
mod intermediate;
mod obfuscated;
mod tail;

pub use detect::detect;
pub use fault::{FrameError, TransportFault};
pub use framer::{Extras, Frame, Framer};
pub use framing::Framing;
pub use obfuscated::{ObfuscateError, Obfuscated, ProxySecret};
pub use tail::Tail;

/// Maximum size of a frame's body, sent or received: 4 MiB of payload and 1 KiB of overhead, as in TDLib.
///
/// Servers do not send more: a file part is at most 1 MiB, and the inflated size of a response does not count here.
pub const MAX_FRAME: usize = (4 << 20) + (1 << 10);

/// Maximum number of random bytes after a packet: one less than an AES block.
const LONGEST_TAIL: usize = 15;
