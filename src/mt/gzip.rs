//! `gzip_packed`: DEFLATE in a gzip wrapper, opened with a limit and checked to the last byte.
//!
//! ```text
//! 1f 8b 08 | flags:1 | mtime:4 | xfl:1 | os:1 | [extra] [name] [comment] [crc16] | DEFLATE | CRC-32:4 | length:4
//! ```
//!
//! Little-endian. Ten bytes of a bomb make ten megabytes: memory stops at the caller's limit. Spec: RFC 1952

use crate::crc::crc32;
use crate::tl::Reader;
use alloc::vec::Vec;
use core::fmt;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// The most bytes that one packed value may open to: far above any real answer, half of what one connection may use.
pub const MAX_INFLATED: usize = 8 << 20;

/// Why packed data were not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GzipError {
    /// No gzip stream, a damaged one, or one cut short.
    Broken,
    /// It opens to more than the limit.
    TooLarge,
}

impl fmt::Display for GzipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "the compressed data are damaged",
            Self::TooLarge => "the compressed data open to more than is allowed",
        })
    }
}
impl core::error::Error for GzipError {}

/// Opens `packed`, at most `limit` bytes of result.
///
/// # Errors
/// [`GzipError`]; a wrong CRC-32 or length in the trailer is damage.
pub fn inflate(packed: &[u8], limit: usize) -> Result<Vec<u8>, GzipError> {
    let deflated = body(packed).ok_or(GzipError::Broken)?;
    let (stream, trailer) = deflated.split_last_chunk::<8>().ok_or(GzipError::Broken)?;
    let mut trailer = Reader::new(trailer);
    let (crc, len) = (trailer.u32().unwrap_or_default(), trailer.u32().unwrap_or_default());
    if usize::try_from(len).map_or(true, |len| len > limit) {
        return Err(GzipError::TooLarge);
    }
    let out = decompress_to_vec_with_limit(stream, limit).map_err(|e| match e.status {
        miniz_oxide::inflate::TINFLStatus::HasMoreOutput => GzipError::TooLarge,
        _ => GzipError::Broken,
    })?;
    if u32::try_from(out.len()) == Ok(len) && crc32(&out) == crc { Ok(out) } else { Err(GzipError::Broken) }
}

/// What follows the header.
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
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            rest = rest.get(rest.iter().position(|&b| b == 0)? + 1..)?;
        }
    }
    if flags & HCRC != 0 { rest.get(2..) } else { Some(rest) }
}

/// Packs `data` as gzip.
pub fn deflate(data: &[u8]) -> Vec<u8> {
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
