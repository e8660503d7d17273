//! CRC-32 (IEEE 802.3, reflected): TL constructor ids, gzip trailers and the checksum of the full transport.

/// Returns the CRC-32 of `bytes`.
///
/// ```
/// assert_eq!(nanogram::base::crc::crc32(b"123456789"), 0xcbf43926);
/// ```
pub const fn crc32(bytes: &[u8]) -> u32 {
    let (mut crc, mut rest) = (!0, bytes);
    // A `const fn` cannot use `for`, and slicing could panic.
    while let [first, tail @ ..] = rest {
        crc = step(crc, *first);
        rest = tail;
    }
    !crc
}

/// Feeds one byte into a running CRC.
///
/// Start with `!0` and complement the result. The CRC is computed bit by bit because it only runs at compile time over
/// schema lines and at run time over short frames; a 1 KiB table would cost more than it saves.
pub const fn step(mut crc: u32, byte: u8) -> u32 {
    crc ^= byte as u32;
    let mut i = 0;
    while i < 8 {
        crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        i += 1;
    }
    crc
}
