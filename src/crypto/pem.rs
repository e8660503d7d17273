//! RSA keys as text: PEM, base64 and the small part of DER that a key needs.
//!
//! ```text
//! -----BEGIN RSA PUBLIC KEY-----          SEQUENCE 30 len { INTEGER 02 len n · INTEGER 02 len e }
//! MIIBCgKCAQEA…                           len: one byte below 80, else 81 or 82 and that many bytes, big-endian
//! -----END RSA PUBLIC KEY-----
//! ```

use alloc::string::String;
use alloc::vec::Vec;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const SEQUENCE: u8 = 0x30;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The label and the contents of the first block in `text`.
pub(crate) fn parse(text: &str) -> Option<(&str, Vec<u8>)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, rest) = rest.split_once("-----END ")?;
    let closed = rest.strip_prefix(label)?.starts_with("-----");
    closed.then_some(())?;
    Some((label, base64(body)?))
}

/// `der` as a block, in lines of 64.
pub(crate) fn print(label: &str, der: &[u8]) -> String {
    let mut out = String::new();
    out.extend(["-----BEGIN ", label, "-----"]);
    for line in der.chunks(48) {
        out.push('\n');
        line.chunks(3).for_each(|three| push_base64(three, &mut out));
    }
    out.extend(["\n-----END ", label, "-----\n"]);
    out
}

fn push_base64(three: &[u8], out: &mut String) {
    let word = three.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
    for i in 0..4_usize {
        let sextet = word >> (18 - 6 * i) & 63;
        // The last group can have one or two bytes; `=` fills up its four characters.
        let letter = ALPHABET.get(sextet as usize).copied().map_or('=', char::from);
        out.push(if i <= three.len() { letter } else { '=' });
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut word, mut bits) = (Vec::new(), 0_u32, 0);
    let letters = text.trim_end().trim_end_matches('=').bytes();
    for letter in letters.filter(|letter| !letter.is_ascii_whitespace()) {
        let sextet = ALPHABET.iter().position(|known| *known == letter)?;
        word = word << 6 | u32::try_from(sextet).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits & 0xff).try_into().ok()?);
        }
    }
    Some(out)
}

/// Takes one value with this tag from the front of `der`.
pub(crate) fn take<'a>(der: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&[found, short], rest) = der.split_first_chunk()?;
    let (len, rest) = match short {
        ..=0x7f => (usize::from(short), rest),
        0x81 => rest.split_first_chunk().map(|(&[a], rest)| (usize::from(a), rest))?,
        0x82 => rest.split_first_chunk().map(|(len, rest)| (usize::from(u16::from_be_bytes(*len)), rest))?,
        // Longer length fields do not occur: a 2048-bit key is far below 64 KiB.
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(len)?;
    *der = rest;
    (found == tag).then_some(value)
}

/// Takes a number, big-endian, without leading zeros.
pub(crate) fn take_integer<'a>(der: &mut &'a [u8]) -> Option<&'a [u8]> {
    let number = take(der, INTEGER)?;
    Some(strip_zeros(number))
}

/// Strips the leading zeros of a big-endian number.
pub(crate) fn strip_zeros(mut number: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = number {
        number = rest;
    }
    number
}

/// One value: tag, length, the parts.
pub(crate) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let inner = parts.concat();
    let mut out = Vec::from([tag]);
    match u16::try_from(inner.len()).unwrap_or(u16::MAX).to_be_bytes() {
        [0, len @ ..=0x7f] => out.push(len),
        [0, len] => out.extend([0x81, len]),
        [high, low] => out.extend([0x82, high, low]),
    }
    out.extend(inner);
    out
}

/// A number, big-endian; a zero goes before a set highest bit, as DER's numbers have a sign.
pub(crate) fn integer(number: &[u8]) -> Vec<u8> {
    let number = strip_zeros(number);
    let sign: &[u8] = if number.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    value(INTEGER, &[sign, number])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_every_length_round_trips() {
        let bytes: Vec<u8> = (0..=255).collect();
        for len in 0..bytes.len() {
            let (label, back) = parse(&print("X Y", &bytes[..len])).map(|(l, b)| (l.len(), b)).unwrap();
            assert_eq!((label, &back[..]), (3, &bytes[..len]));
        }
    }

    #[test]
    fn rfc_4648_agrees() {
        for (plain, text) in
            [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")]
        {
            assert_eq!(base64(text).unwrap(), plain.as_bytes());
            assert!(print("X", plain.as_bytes()).contains(text));
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in [
            "",
            "-----BEGIN X-----",
            "-----BEGIN X-----\nZg==\n-----END Y-----",
            "-----BEGIN X-----\nZ*\n-----END X-----",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn lengths_of_der_round_trip_and_truncations_do_not() {
        for len in [0, 1, 127, 128, 255, 256, 2000] {
            let wire = value(SEQUENCE, &[&alloc::vec![7; len]]);
            assert_eq!(take(&mut &wire[..], SEQUENCE).unwrap().len(), len);
            assert!(take(&mut &wire[..], INTEGER).is_none());
            assert!((0..wire.len()).all(|cut| take(&mut &wire[..cut], SEQUENCE).is_none()), "{len}");
        }
    }
}
