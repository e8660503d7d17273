//! Base64 in both alphabets, with or without padding, for session strings.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

/// Alphabet and padding for encoding. Decoding accepts all combinations.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Alphabet with `+` and `/`, padded with `=`.
    Standard,
    /// Alphabet with `-` and `_`, padded with `=`.
    UrlPadded,
    /// Alphabet with `-` and `_`, without padding.
    Url,
}

/// Appends `bytes` as base64.
pub(super) fn encode(bytes: &[u8], style: Style, out: &mut String) {
    out.reserve(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        let digits = [18, 12, 6, 0].map(|shift| digit(bits >> shift, style));
        out.extend(digits.iter().take(chunk.len() + 1));
        if style != Style::Url {
            out.extend(digits.iter().skip(chunk.len() + 1).map(|_| '='));
        }
    }
}

fn digit(bits: u32, style: Style) -> char {
    let [value, ..] = (bits & 63).to_le_bytes();
    char::from(match value {
        0..=25 => b'A' + value,
        26..=51 => b'a' + (value - 26),
        52..=61 => b'0' + (value - 52),
        62 if style == Style::Standard => b'+',
        62 => b'-',
        _ if style == Style::Standard => b'/',
        _ => b'_',
    })
}

fn value(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        // Both alphabets are accepted, even in one text.
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// Decodes a text in either alphabet, padded or not. The result is wiped on drop.
pub(super) fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, Base64Error> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let is_whole = match digits.len() % 4 {
        1 => false,
        rest => padding == 0 || padding == (4 - rest) % 4,
    };
    if !is_whole {
        return Err(Base64Error::Length);
    }
    // One allocation that never grows, so that no copy of the secret is left behind.
    let mut out = Zeroizing::new(Vec::with_capacity(digits.len().div_ceil(4).saturating_mul(3)));
    for chunk in digits.as_bytes().chunks(4) {
        let mut bits = 0;
        for digit in chunk {
            bits = bits << 6 | value(*digit).ok_or(Base64Error::Digit)?;
        }
        let [_, bytes @ ..] = (bits << (6 * (4 - chunk.len()))).to_be_bytes();
        let (whole, unused) = bytes.split_at_checked(chunk.len() - 1).unwrap_or((&bytes, &[]));
        // The encoder leaves unused bits zero, so the text was cut or changed.
        if unused.iter().any(|b| *b != 0) {
            return Err(Base64Error::Length);
        }
        out.extend_from_slice(whole);
    }
    Ok(out)
}

/// Error returned for a text that is not base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base64Error {
    /// Character outside the alphabet.
    Digit,
    /// Impossible length, padding or final bits: the text was probably cut.
    Length,
}

impl fmt::Display for Base64Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Digit => "it contains a character that is not base64",
            Self::Length => "its length is impossible for base64: it was probably cut",
        })
    }
}
impl core::error::Error for Base64Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = String::new();
            encode(bytes.as_bytes(), Style::Standard, &mut out);
            assert_eq!(out, text);
            assert_eq!(decode(text).unwrap().as_slice(), bytes.as_bytes());
            assert_eq!(decode(text.trim_end_matches('=')).unwrap().as_slice(), bytes.as_bytes());
        }
    }

    #[test]
    fn alphabets_and_every_byte() {
        let bytes: Vec<u8> = (0..=255).collect();
        for style in [Style::Standard, Style::UrlPadded, Style::Url] {
            for len in 0..=bytes.len() {
                let mut out = String::new();
                encode(&bytes[..len], style, &mut out);
                assert_eq!(decode(&out).unwrap().as_slice(), &bytes[..len]);
                let others = if style == Style::Standard { ['-', '_'] } else { ['+', '/'] };
                assert!(!out.contains(others) && (style != Style::Url || !out.contains('=')), "{out}");
            }
        }
        assert_eq!(decode("-_+/").unwrap().as_slice(), [0xfb, 0xff, 0xbf]);
    }

    #[test]
    fn junk_is_refused() {
        for text in ["A", "=", "AA=", "AA===", "AAAA=", "AAA==", "A===", "AB", "AAB", "AAAAA"] {
            assert_eq!(decode(text).unwrap_err(), Base64Error::Length, "{text}");
        }
        for text in ["AA AA", "AA\n=", "A=AA", "ÄÄ", "AA!A", "\0\0\0\0"] {
            assert!(decode(text).is_err(), "{text:?}");
        }
    }
}
