//! Classic capture file of libpcap, parsed down to TCP segments.
//!
//! ```text
//! magic:4 version:4 zone:4 sigfigs:4 snaplen:4 linktype:4         once; the magic tells byte order and fraction
//! seconds:4 fraction:4 captured:4 original:4 | captured bytes     each packet
//!
//! link layer ─▶ IPv4 or IPv6 ─▶ TCP ─▶ the connections
//! ```
//!
//! Spec: draft-ietf-opsawg-pcap, www.tcpdump.org/linktypes.html

use super::Connection;
use super::tcp::{Segment, Streams};
use crate::base::time::Instant;
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// IP protocol number of TCP.
const TCP: u8 = 6;
const SYN: u8 = 2;
const ACK: u8 = 16;

pub(super) const STRANGE_LINK: &str = "a capture with an unsupported link type";

/// Returns true for supported link types.
pub(super) const fn is_known(link: u32) -> bool {
    matches!(link, 0 | 1 | 12 | 14 | 101 | 108 | 113 | 228 | 229 | 276)
}

/// TCP segment in a captured packet, if it holds one.
pub(super) fn tcp(link: u32, at: Instant, packet: &[u8]) -> Option<Segment> {
    network(link, packet).and_then(|packet| segment(at, packet))
}

/// Byte order, time unit and link type of a file.
struct File {
    is_big: bool,
    is_nano: bool,
    link: u32,
}

/// Connections of a file.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Connection>, &'static str> {
    let mut rest = bytes;
    let file = header(&mut rest)?;
    let (mut streams, mut start) = (Streams::default(), None);
    while let Some((micros, packet)) = file.packet(&mut rest) {
        let start = *start.get_or_insert(micros);
        let at = Instant::from_micros(micros.saturating_sub(start));
        if let Some(segment) = tcp(file.link, at, packet) {
            streams.push(segment);
        }
    }
    Ok(streams.finish())
}

fn header(bytes: &mut &[u8]) -> Result<File, &'static str> {
    let head = take::<24>(bytes).ok_or("neither a JSON recording nor a pcap file")?;
    let [a, b, c, d, .., w, x, y, z] = *head;
    let (is_big, is_nano) = match [a, b, c, d] {
        // 0xa1b2c3d4: microseconds; 0xa1b23c4d: nanoseconds.
        [0xd4, 0xc3, 0xb2, 0xa1] => (false, false),
        [0xa1, 0xb2, 0xc3, 0xd4] => (true, false),
        [0x4d, 0x3c, 0xb2, 0xa1] => (false, true),
        [0xa1, 0xb2, 0x3c, 0x4d] => (true, true),
        _ => return Err("neither a JSON recording nor a pcap file"),
    };
    let file = File { is_big, is_nano, link: 0 };
    // The upper half may hold the length of a frame check sequence.
    let link = file.number([w, x, y, z]) & 0xffff;
    if is_known(link) { Ok(File { link, ..file }) } else { Err(STRANGE_LINK) }
}

impl File {
    const fn number(&self, bytes: [u8; 4]) -> u32 {
        if self.is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
    /// Next packet and its time in microseconds; `None` at the end, or where the file is truncated.
    fn packet<'a>(&self, bytes: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
        let ([seconds, fraction, captured, _], []) = take::<16>(bytes)?.as_chunks::<4>() else { return None };
        let fraction = u64::from(self.number(*fraction));
        let micros = if self.is_nano { fraction / 1000 } else { fraction };
        let (packet, rest) = bytes.split_at_checked(usize::try_from(self.number(*captured)).ok()?)?;
        *bytes = rest;
        Some((u64::from(self.number(*seconds)) * 1_000_000 + micros, packet))
    }
}

/// IP packet carried by the link layer, if there is one.
fn network(link: u32, mut frame: &[u8]) -> Option<&[u8]> {
    let kind = match link {
        // An address family, which the IP header's version repeats.
        0 | 108 => return take::<4>(&mut frame).map(|_| frame),
        1 => {
            take::<12>(&mut frame)?;
            let mut kind = take(&mut frame)?;
            // 802.1Q, 802.1ad and the older QinQ type; tags may be nested.
            while let [0x81, 0x00] | [0x88, 0xa8] | [0x91, 0x00] = kind {
                take::<2>(&mut frame)?; // VLAN tag
                kind = take(&mut frame)?;
            }
            *kind
        }
        113 => {
            let [.., a, b] = *take::<16>(&mut frame)?;
            [a, b]
        }
        276 => {
            let [a, b, ..] = *take::<20>(&mut frame)?;
            [a, b]
        }
        _ => return Some(frame),
    };
    // EtherTypes of IPv4 and IPv6.
    matches!(kind, [0x08, 0x00] | [0x86, 0xdd]).then_some(frame)
}

fn segment(at: Instant, packet: &[u8]) -> Option<Segment> {
    let (from, to, payload) = match packet.first()? >> 4 {
        4 => ipv4(packet)?,
        6 => ipv6(packet)?,
        _ => return None,
    };
    let [a, b, c, d, s, e, q, n, _, _, _, _, words, flags, ..] = *payload.first_chunk::<20>()?;
    let data = payload.get(usize::from(words >> 4) * 4..).filter(|_| words >> 4 >= 5)?;
    Some(Segment {
        at,
        from: SocketAddr::new(from, u16::from_be_bytes([a, b])),
        to: SocketAddr::new(to, u16::from_be_bytes([c, d])),
        seq: u32::from_be_bytes([s, e, q, n]),
        is_syn: flags & SYN != 0,
        is_ack: flags & ACK != 0,
        data: Bytes::copy_from_slice(data),
    })
}

/// Addresses and TCP segment of an IPv4 packet; fragments are skipped.
fn ipv4(packet: &[u8]) -> Option<(IpAddr, IpAddr, &[u8])> {
    let head = packet.first_chunk::<20>()?;
    let [words, _, l, m, _, _, f, o, _, protocol, _, _, addresses @ ..] = *head;
    let ([from, to], []) = addresses.as_chunks::<4>() else { return None };
    // More fragments to follow, or an offset: the TCP header or part of the data is elsewhere.
    let is_whole = u16::from_be_bytes([f, o]) & 0x3fff == 0;
    let payload = within(packet, u16::from_be_bytes([l, m]), 0).get(usize::from(words & 15) * 4..)?;
    (is_whole && protocol == TCP && words & 15 >= 5).then_some(())?;
    Some((Ipv4Addr::from(*from).into(), Ipv4Addr::from(*to).into(), payload))
}

/// Addresses and TCP segment of an IPv6 packet; extension headers are skipped.
fn ipv6(packet: &[u8]) -> Option<(IpAddr, IpAddr, &[u8])> {
    let [_, _, _, _, l, m, mut next, _, addresses @ ..] = *packet.first_chunk::<40>()?;
    let ([from, to], []) = addresses.as_chunks::<16>() else { return None };
    let mut payload = within(packet, u16::from_be_bytes([l, m]), 40).get(40..)?;
    while next != TCP {
        let [following, words, f, o, ..] = *payload.first_chunk::<8>()?;
        let len = match next {
            // Hop-by-hop options, routing, destination options. Spec: RFC 8200
            0 | 43 | 60 => 8 + usize::from(words) * 8,
            44 if u16::from_be_bytes([f, o]) & 0xfff9 == 0 => 8, // atomic fragment: offset 0, no more to follow
            _ => return None,
        };
        (next, payload) = (following, payload.get(len..)?);
    }
    Some((Ipv6Addr::from(*from).into(), Ipv6Addr::from(*to).into(), payload))
}

/// Strips the Ethernet padding of short packets. A length of 0 was left for the network card to fill in (segmentation
/// offload).
fn within(packet: &[u8], len: u16, head: usize) -> &[u8] {
    let end = if len == 0 { packet.len() } else { head + usize::from(len) };
    packet.get(..end).unwrap_or(packet)
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(head)
}
