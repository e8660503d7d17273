//! Default capture format of Wireshark, parsed down to TCP segments.
//!
//! ```text
//! type:4 length:4 | body:length-12 | length:4                                                    each block
//! 0a0d0d0a  magic:4 version:4 section length:8 options     a section begins: byte order, no interfaces yet
//! 1         linktype:2 reserved:2 snaplen:4 options        an interface; option 9 is the unit of its times
//! 6         interface:4 time:8 captured:4 original:4 | bytes
//! 3         original:4 | bytes                             a packet of the first interface, without a time
//! ```
//!
//! Blocks of other types are skipped, and so are packets of unsupported interfaces. A file that ends within a block is
//! read up to there. Spec: draft-ietf-opsawg-pcapng

use super::Connection;
use super::pcap::{STRANGE_LINK, is_known, tcp};
use super::tcp::Streams;
use crate::base::time::Instant;
use alloc::vec::Vec;

/// Type of a pcapng file's first block, a palindrome: the same in both byte orders.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const SIMPLE: u32 = 3;
const ENHANCED: u32 = 6;
/// Option of an interface: resolution of its timestamps.
const TSRESOL: u16 = 9;
/// Most interfaces accepted, more than any machine has; bounds memory.
const MAX_INTERFACES: usize = 4096;

/// Interface of a capture.
struct Interface {
    link: u32,
    /// Timestamp units per second.
    units: u64,
}

/// State of the reader.
#[derive(Default)]
struct Reader {
    is_big: bool,
    interfaces: Vec<Interface>,
    streams: Streams,
    start: Option<u64>,
    last: u64,
    has_known: bool,
}

/// Connections of a file.
pub(super) fn read(mut bytes: &[u8]) -> Result<Vec<Connection>, &'static str> {
    let mut reader = Reader::default();
    while let Some((kind, body)) = reader.block(&mut bytes)? {
        match kind {
            INTERFACE => reader.interface(body)?,
            ENHANCED => drop(reader.enhanced(body)),
            SIMPLE => drop(reader.simple(body)),
            _ => {}
        }
    }
    if !reader.interfaces.is_empty() && !reader.has_known {
        return Err(STRANGE_LINK);
    }
    Ok(reader.streams.finish())
}

impl Reader {
    const fn u32(&self, bytes: [u8; 4]) -> u32 {
        if self.is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
    const fn u16(&self, bytes: [u8; 2]) -> u16 {
        if self.is_big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }
    fn take(&self, bytes: &mut &[u8]) -> Option<u32> {
        let (head, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(self.u32(*head))
    }

    /// Next block; `None` at the end.
    fn block<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<(u32, &'a [u8])>, &'static str> {
        const BAD: &str = "a damaged pcapng file: a block has an impossible length";
        let Some(&[a, b, c, d, e, f, g, h]) = bytes.first_chunk() else { return Ok(None) };
        let is_section = u32::from_le_bytes([a, b, c, d]) == SECTION;
        if is_section {
            self.is_big = match bytes.get(8..12) {
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => true,
                Some([0x4d, 0x3c, 0x2b, 0x1a]) => false,
                _ => return Err("a damaged pcapng file: no byte order"),
            };
            // Interface numbers are local to a section.
            self.interfaces.clear();
        }
        let len = usize::try_from(self.u32([e, f, g, h])).map_err(|_| BAD)?;
        if len < 12 || len % 4 != 0 {
            return Err(BAD);
        }
        let Some((block, rest)) = bytes.split_at_checked(len) else { return Ok(None) };
        *bytes = rest;
        let body = block.get(8..len - 4).ok_or(BAD)?;
        Ok(Some((self.u32([a, b, c, d]), body)))
    }

    fn interface(&mut self, body: &[u8]) -> Result<(), &'static str> {
        const BAD: &str = "a damaged pcapng file: an interface is cut short";
        let ([a, b, ..], mut options) = body.split_first_chunk::<8>().ok_or(BAD)?;
        let mut units = 1_000_000;
        while let Some((&[a, b, c, d], rest)) = options.split_first_chunk() {
            let (code, len) = (self.u16([a, b]), usize::from(self.u16([c, d])));
            if let (TSRESOL, Some(unit)) = (code, rest.first()) {
                let power = u32::from(unit & 0x7f);
                // The high bit selects a power of two instead of ten.
                units = if unit & 0x80 == 0 { 10u64.checked_pow(power) } else { 2u64.checked_pow(power) }
                    .ok_or("a damaged pcapng file: a unit of time is too small")?;
            }
            // Options are padded to 4 bytes.
            options = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        }
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err("a damaged pcapng file: too many interfaces");
        }
        let link = u32::from(self.u16([*a, *b]));
        self.has_known |= is_known(link);
        self.interfaces.push(Interface { link, units });
        Ok(())
    }

    fn enhanced(&mut self, mut body: &[u8]) -> Option<()> {
        let interface = usize::try_from(self.take(&mut body)?).ok()?;
        let (high, low) = (self.take(&mut body)?, self.take(&mut body)?);
        let captured = usize::try_from(self.take(&mut body)?).ok()?;
        self.take(&mut body)?;
        let &Interface { link, units } = self.interfaces.get(interface)?;
        let time = u128::from(u64::from(high) << 32 | u64::from(low));
        self.last = u64::try_from(time * 1_000_000 / u128::from(units)).unwrap_or(u64::MAX);
        self.push(link, body.get(..captured)?)
    }

    fn simple(&mut self, mut body: &[u8]) -> Option<()> {
        let original = usize::try_from(self.take(&mut body)?).ok()?;
        let link = self.interfaces.first()?.link;
        // The block does not store its captured length: that is the rest of the block, padding included.
        self.push(link, body.get(..original).unwrap_or(body))
    }

    fn push(&mut self, link: u32, packet: &[u8]) -> Option<()> {
        let start = *self.start.get_or_insert(self.last);
        let at = Instant::from_micros(self.last.saturating_sub(start));
        if is_known(link) {
            self.streams.push(tcp(link, at, packet)?);
        }
        Some(())
    }
}
