//! CRC-32 (IEEE, reflected): the id of a schema line, the trailer of a gzip stream, the check of the full transport.

/// The CRC-32 of `bytes`.
///
/// ```
/// assert_eq!(nanogram::base::crc::crc32(b"123456789"), 0xcbf43926);
/// ```
pub const fn crc32(bytes: &[u8]) -> u32 {
    let (mut crc, mut rest) = (!0, bytes);
    while let [first, tail @ ..] = rest {
        crc = step(crc, *first);
        rest = tail;
    }
    !crc
}

/// One byte further; begin with all ones, end with a complement.
///
/// Bit by bit: it runs over schema lines in the compiler and over short frames, where a table would cost more than it
/// saves.
pub const fn step(mut crc: u32, byte: u8) -> u32 {
    crc ^= byte as u32;
    let mut i = 0;
    while i < 8 {
        crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        i += 1;
    }
    crc
}
