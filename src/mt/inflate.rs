//! DEFLATE, opened: small code, not fast code. Answers are a few kilobytes, and each bit is looked at once.
//!
//! Spec: RFC 1951

use super::gzip::GzipError;
use alloc::vec::Vec;

use GzipError::Broken;

/// The most bits of a code word.
const MAX_BITS: usize = 15;
/// Code words for literals and lengths; all lengths of a dynamic block, literals' and distances'.
const LITERALS: usize = 288;
const LENGTHS: usize = LITERALS + 32;
/// In which order the lengths of the code of lengths stand.
const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Bits, the lowest of each byte first.
struct Bits<'a> {
    bytes: core::slice::Iter<'a, u8>,
    held: u32,
    count: u32,
}

impl Bits<'_> {
    /// At most 16.
    #[inline(never)]
    fn take(&mut self, n: u32) -> Result<usize, GzipError> {
        while self.count < n {
            self.held |= u32::from(*self.bytes.next().ok_or(Broken)?) << self.count;
            self.count += 8;
        }
        let bits = self.held & ((1 << n) - 1);
        self.held >>= n;
        self.count -= n;
        usize::try_from(bits).map_err(|_| Broken)
    }
}

/// A canonical Huffman code: how many words of each length there are, and what they mean, in order.
struct Code {
    count: [u16; MAX_BITS + 1],
    meanings: [u16; LITERALS],
}

impl Code {
    /// The code whose word for the nth meaning has the nth length, 0 for none.
    ///
    /// Not every word need have a meaning only where there is one of one bit, as a single distance has.
    #[inline(never)]
    fn new(lengths: &[u8]) -> Result<Self, GzipError> {
        let mut code = Self { count: [0; MAX_BITS + 1], meanings: [0; LITERALS] };
        let mut meanings = code.meanings.iter_mut();
        let mut free = 1_u32;
        for bits in 1..=MAX_BITS {
            let count = code.count.get_mut(bits).ok_or(Broken)?;
            for (meaning, _) in (0..).zip(lengths).filter(|(_, length)| usize::from(**length) == bits) {
                *meanings.next().ok_or(Broken)? = meaning;
                *count += 1;
            }
            free = (free << 1).checked_sub(u32::from(*count)).ok_or(Broken)?;
        }
        let words: u16 = code.count.iter().sum();
        let is_single = words == 1 && code.count.get(1) == Some(&1);
        if free == 0 || is_single || words == 0 { Ok(code) } else { Err(Broken) }
    }

    #[inline(never)]
    fn next(&self, bits: &mut Bits<'_>) -> Result<usize, GzipError> {
        let (mut word, mut first, mut at) = (0, 0, 0);
        for count in self.count.iter().skip(1) {
            let count = usize::from(*count);
            word |= bits.take(1)?;
            if word < first + count {
                let meaning = self.meanings.get(at + word - first).ok_or(Broken)?;
                return Ok((*meaning).into());
            }
            at += count;
            first = (first + count) << 1;
            word <<= 1;
        }
        Err(Broken)
    }
}

/// Opens `stream` into `out`, at most `limit` bytes. What follows the stream.
pub(super) fn inflate<'a>(stream: &'a [u8], limit: usize, out: &mut Vec<u8>) -> Result<&'a [u8], GzipError> {
    let out = &mut Out { bytes: out, limit };
    let mut bits = Bits { bytes: stream.iter(), held: 0, count: 0 };
    loop {
        let is_last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => stored(&mut bits, out)?,
            kind => {
                let (literals, distances) = codes(kind, &mut bits)?;
                block(&mut bits, &literals, &distances, out)?;
            }
        }
        if is_last {
            return Ok(bits.bytes.as_slice());
        }
    }
}

/// What was opened so far.
struct Out<'a> {
    bytes: &'a mut Vec<u8>,
    limit: usize,
}

impl Out<'_> {
    fn room(&self, len: usize) -> Result<(), GzipError> {
        if self.bytes.len() + len > self.limit { Err(GzipError::TooLarge) } else { Ok(()) }
    }
}

fn stored(bits: &mut Bits<'_>, out: &mut Out<'_>) -> Result<(), GzipError> {
    // Less than a byte is held: the rest of it is padding.
    (bits.held, bits.count) = (0, 0);
    let (len, check) = (bits.take(16)?, bits.take(16)?);
    if len ^ check != 0xffff {
        return Err(Broken);
    }
    let bytes = bits.bytes.as_slice();
    let (stored, rest) = bytes.split_at_checked(len).ok_or(Broken)?;
    out.room(len)?;
    out.bytes.extend_from_slice(stored);
    bits.bytes = rest.iter();
    Ok(())
}

/// The codes of a block: for literals and lengths, and for distances.
fn codes(kind: usize, bits: &mut Bits<'_>) -> Result<(Code, Code), GzipError> {
    let mut lengths = [0; LENGTHS];
    let (mut literals, mut distances) = (LITERALS, 32);
    match kind {
        1 => {
            for (at, length) in lengths.iter_mut().enumerate() {
                *length = match at {
                    0..144 => 8,
                    144..256 => 9,
                    256..280 => 7,
                    280..LITERALS => 8,
                    _ => 5,
                };
            }
        }
        2 => {
            (literals, distances) = (bits.take(5)? + 257, bits.take(5)? + 1);
            let count = bits.take(4)? + 4;
            let mut of_lengths = [0; ORDER.len()];
            for at in ORDER.iter().take(count) {
                *of_lengths.get_mut(usize::from(*at)).ok_or(Broken)? =
                    u8::try_from(bits.take(3)?).map_err(|_| Broken)?;
            }
            let of_lengths = Code::new(&of_lengths)?;
            let (mut at, mut last) = (0, None);
            while at < literals + distances {
                let (length, times) = match of_lengths.next(bits)? {
                    16 => (last.ok_or(Broken)?, 3 + bits.take(2)?),
                    17 => (0, 3 + bits.take(3)?),
                    18 => (0, 11 + bits.take(7)?),
                    length => (u8::try_from(length).map_err(|_| Broken)?, 1),
                };
                last = Some(length);
                let end = at + times;
                if end > literals + distances {
                    return Err(Broken);
                }
                lengths.get_mut(at..end).ok_or(Broken)?.fill(length);
                at = end;
            }
        }
        _ => return Err(Broken),
    }
    let (of_literals, rest) = lengths.split_at_checked(literals).ok_or(Broken)?;
    // Without a word for the end, a block has none.
    if of_literals.get(256) == Some(&0) {
        return Err(Broken);
    }
    Ok((Code::new(of_literals)?, Code::new(rest.get(..distances).ok_or(Broken)?)?))
}

fn block(bits: &mut Bits<'_>, literals: &Code, distances: &Code, out: &mut Out<'_>) -> Result<(), GzipError> {
    loop {
        let symbol = literals.next(bits)?;
        if let Ok(byte) = u8::try_from(symbol) {
            out.room(1)?;
            out.bytes.push(byte);
            continue;
        }
        let len = match symbol - 256 {
            0 => return Ok(()),
            at @ 1..=8 => at + 2,
            at @ 9..=28 => {
                let (at, extra) = (at - 1, (at - 1) / 4 - 1);
                3 + ((4 + at % 4) << extra) + bits.take(u32::try_from(extra).map_err(|_| Broken)?)?
            }
            29 => 258,
            _ => return Err(Broken),
        };
        let distance = match distances.next(bits)? {
            at @ 0..4 => at + 1,
            at @ 4..30 => {
                let extra = at / 2 - 1;
                1 + ((2 + at % 2) << extra) + bits.take(u32::try_from(extra).map_err(|_| Broken)?)?
            }
            _ => return Err(Broken),
        };
        let from = out.bytes.len().checked_sub(distance).ok_or(Broken)?;
        out.room(len)?;
        for at in from..from + len {
            // The copy may reach into what it has itself made.
            let byte = *out.bytes.get(at).ok_or(Broken)?;
            out.bytes.push(byte);
        }
    }
}
