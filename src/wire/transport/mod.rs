//! Transports: packets to frames, and the byte stream of a socket back to packets.
//!
//! TCP keeps the order of bytes but not their boundaries. Four framings mark them; the client picks one with the first
//! bytes that it sends, its *preamble*, and both directions use it from then on:
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
//! All numbers are little-endian except the token of abridged. A frame of exactly 4 bytes is not a packet: it is a
//! [`TransportFault`], or four zeros, which are ignored. Nothing in this module is authenticated: anyone on the wire can
//! write any of it, so a fault is a reason to reconnect, never to discard a key.
//!
//! A [`Framing`] is a handle to a static [codec](framing): a program links the codecs that it names.
//!
//! A [`Framer`] is one end of one connection. It takes bytes cut anywhere and buffers only what arrived: an announced
//! length reserves no memory, and a length over [`MAX_FRAME`] ends the connection as soon as it is read.
//! A server finds out which framing a client uses with [`detect`].
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
//! It uses [`crc`](crate::base::crc), [`side`](crate::base::side), [`entropy`](crate::base::entropy) and the counter mode of
//! [`crypto`](crate::crypto). It does not decrypt packets, and reads no more than their first 20 bytes.
//!
//! Spec: mtproto/mtproto-transports

mod abridged;
mod detect;
mod fault;
mod framer;
pub mod framing;
mod full;
mod intermediate;
mod obfuscated;

pub use detect::detect;
pub use fault::{FrameError, TransportFault};
pub use framer::{Extras, Frame, Framer};
pub use framing::Framing;
pub use intermediate::Tail;
pub use obfuscated::{ObfuscateError, Obfuscated, ProxySecret};

/// Longest frame body sent or accepted: 4 MiB of payload and 1 KiB for what surrounds it, as in TDLib.
///
/// No server sends more: a file part is at most 1 MiB, and the inflated size of an answer does not count here.
pub const MAX_FRAME: usize = (4 << 20) + (1 << 10);

/// Most random bytes after a packet: 15, one less than a block.
const LONGEST_TAIL: usize = 15;
