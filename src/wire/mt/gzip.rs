//! Compression of `gzip_packed` values: gzip and zlib streams, inflated up to a limit and fully verified.
//!
//! ```text
//! 1f 8b 08 | flags:1 | mtime:4 | xfl:1 | os:1 | [extra] [name] [comment] [crc16] | DEFLATE | CRC-32:4 | length:4
//! 78 | flags:1 | DEFLATE | Adler-32:4
//! ```
//!
//! Numbers are little-endian, except the Adler-32. The second format is zlib: mtcute compresses its calls that way, and
//! servers accept it. A small input can inflate to a thousand times its size, so memory is limited by the caller. Spec:
//! RFC 1952, RFC 1950

use crate::base::crc::crc32;
use crate::tl::Reader;
use alloc::vec::Vec;
use core::fmt;
use miniz_oxide::inflate::{TINFLStatus, decompress_slice_iter_to_slice};

/// Maximum inflated size of a packed value, 8 MiB: far above any real response, and half of the memory limit of one
/// connection.
pub const MAX_INFLATED: usize = 8 << 20;
/// Maximum ratio of inflated to compressed bytes: DEFLATE encodes at most 258 bytes in two bits.
const MAX_RATIO: usize = 1032;

/// Error returned when packed data cannot be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GzipError {
    /// Not a gzip or zlib stream, or one that is damaged or cut short.
    Broken,
    /// Inflated size above the limit.
    TooLarge,
}

impl fmt::Display for GzipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "the compressed data are damaged",
            Self::TooLarge => "the compressed data inflate to more than the limit",
        })
    }
}
impl core::error::Error for GzipError {}

/// Inflates `packed` to at most `limit` bytes.
///
/// # Errors
/// [`GzipError::Broken`] if the stream is damaged, also by a wrong checksum or length at its end;
/// [`GzipError::TooLarge`] if it inflates to more than `limit` bytes.
pub fn inflate(packed: &[u8], limit: usize) -> Result<Vec<u8>, GzipError> {
    match packed.first() {
        Some(0x78) => inflate_zlib(packed, limit),
        _ => inflate_gzip(packed, limit),
    }
}

fn inflate_gzip(packed: &[u8], limit: usize) -> Result<Vec<u8>, GzipError> {
    let deflated = body(packed).ok_or(GzipError::Broken)?;
    let (stream, trailer) = deflated.split_last_chunk::<8>().ok_or(GzipError::Broken)?;
    let mut trailer = Reader::new(trailer);
    let (crc, len) = (trailer.u32().unwrap_or_default(), trailer.u32().unwrap_or_default());
    // The length in the trailer is untrusted. It bounds the buffer here and is compared with the result below.
    if usize::try_from(len).map_or(true, |len| len > limit) {
        return Err(GzipError::TooLarge);
    }
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let out = open(stream, len, false)?;
    if out.len() == len && crc32(&out) == crc { Ok(out) } else { Err(GzipError::Broken) }
}

fn inflate_zlib(packed: &[u8], limit: usize) -> Result<Vec<u8>, GzipError> {
    let out = open(packed, limit, true)?;
    // The decoder's own check does not notice bytes after the stream.
    let is_whole = packed.last_chunk() == Some(&adler32(&out).to_be_bytes());
    is_whole.then_some(out).ok_or(GzipError::Broken)
}

/// Inflates a stream of at most `limit` bytes into a buffer allocated once. A growing buffer would be in memory twice
/// during each reallocation.
fn open(stream: &[u8], limit: usize, is_zlib: bool) -> Result<Vec<u8>, GzipError> {
    let mut out = alloc::vec![0; limit.min(stream.len().saturating_mul(MAX_RATIO))];
    // `false`: the Adler-32 of a zlib stream is verified.
    let len = decompress_slice_iter_to_slice(&mut out, core::iter::once(stream), is_zlib, false);
    out.truncate(len.map_err(|status| match status {
        TINFLStatus::HasMoreOutput => GzipError::TooLarge,
        _ => GzipError::Broken,
    })?);
    out.shrink_to_fit();
    Ok(out)
}

/// Computes the Adler-32 checksum. Spec: RFC 1950, 8.2
fn adler32(data: &[u8]) -> u32 {
    const BASE: u32 = 65521;
    let (a, b) = data.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % BASE;
        (a, (b + a) % BASE)
    });
    b << 16 | a
}

/// Skips the gzip header and returns the rest.
fn body(packed: &[u8]) -> Option<&[u8]> {
    const HCRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let (&[0x1f, 0x8b, 8, flags, _, _, _, _, _, _], mut rest) = packed.split_first_chunk::<10>()? else { return None };
    if flags & EXTRA != 0 {
        let (len, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*len))..)?;
    }
    // RFC 1952 fixes the order of the optional fields: extra, name, comment, checksum.
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            rest = rest.get(rest.iter().position(|&b| b == 0)? + 1..)?;
        }
    }
    // The header's checksum is skipped: CRC-32 and length in the trailer protect the data.
    if flags & HCRC != 0 { rest.get(2..) } else { Some(rest) }
}

/// Compresses `data` as gzip.
pub fn deflate(data: &[u8]) -> Vec<u8> {
    // Method 8 (DEFLATE), no optional fields, no time, unknown operating system.
    let mut out = alloc::vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    out.extend(miniz_oxide::deflate::compress_to_vec(data, 6));
    out.extend(crc32(data).to_le_bytes());
    out.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_opens_and_nothing_damaged_does() {
        let data: Vec<u8> = (0..5000u32).flat_map(|n| (n * n).to_le_bytes()).collect();
        let packed = deflate(&data);
        assert_eq!(inflate(&packed, data.len()), Ok(data.clone()));
        assert_eq!(inflate(&packed, data.len() - 1), Err(GzipError::TooLarge));
        for cut in (0..packed.len()).step_by(37) {
            assert!(inflate(&packed[..cut], MAX_INFLATED).is_err(), "{cut}");
        }
        let mut lies = packed.clone();
        *lies.last_mut().unwrap() ^= 1;
        assert!(inflate(&lies, MAX_INFLATED).is_err());
        let mut crc = packed;
        let at = crc.len() - 5;
        crc[at] ^= 1;
        assert_eq!(inflate(&crc, MAX_INFLATED), Err(GzipError::Broken));
    }

    /// A call packed by mtcute 0.30.3, from `tests/fixtures/captures/mtcute.json`: `invokeWithLayer` around
    /// `auth.sendCode`.
    const OF_MTCUTE: &str = "789ce3e59d7deb310303c3cab8b3071918181818191818d4724b924b4b5215f2f314fcf25352f5b28af5cb8c0c\
        f4404841c32733afb442a1c2cc449381d950cf80cd40cfd840cf988129350fa41d4cfbab942fe3d13634353535303030313030849aab90\
        440030303054d8aaae059903008acd2621";

    #[test]
    fn a_zlib_stream_of_a_living_client_opens() {
        let packed: Vec<u8> =
            (0..OF_MTCUTE.len()).step_by(2).map(|i| u8::from_str_radix(&OF_MTCUTE[i..i + 2], 16).unwrap()).collect();
        let value = inflate(&packed, MAX_INFLATED).unwrap();
        assert_eq!((value.len(), &value[..8]), (152, &[0x0d, 0x0d, 0x9b, 0xda, 0xe3, 0, 0, 0][..]));
        assert!(value.windows(28).any(|part| part == b"mtcute on Node.js/v20.20.2 ("));
        assert_eq!(inflate(&packed, 151), Err(GzipError::TooLarge));
        for cut in 0..packed.len() {
            assert!(inflate(&packed[..cut], MAX_INFLATED).is_err(), "{cut}");
        }
        for bit in 0..packed.len() * 8 {
            let mut damaged = packed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let opened = inflate(&damaged, MAX_INFLATED); // a few bits of the header have no meaning
            assert!(opened.is_err() || opened.as_ref() == Ok(&value), "bit {bit}");
        }
        assert_eq!(inflate(&[&packed[..], &[0]].concat(), MAX_INFLATED), Err(GzipError::Broken));
    }

    #[test]
    fn optional_header_fields_are_passed_over() {
        let plain = deflate(b"x");
        let mut long = alloc::vec![0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 3];
        long.extend([3, 0, 1, 2, 3]);
        long.extend(b"name\0comment\0");
        long.extend([0, 0]);
        long.extend(&plain[10..]);
        assert_eq!(inflate(&long, 10), Ok(b"x".to_vec()));
        assert_eq!(inflate(&long[..20], 10), Err(GzipError::Broken));
    }
}
