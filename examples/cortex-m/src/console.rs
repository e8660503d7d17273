//! Text output on the emulator's terminal, without `core::fmt`, which would take 3 KB.

use crate::board::File;
use alloc::string::String;

/// Prints `parts` and a line feed.
pub fn print(parts: &[&str]) {
    if let Some(out) = File::console() {
        parts.iter().chain(&["\n"]).for_each(|part| out.write(part.as_bytes()));
    }
}

/// Formats a number in decimal.
pub fn unsigned(mut rest: u32) -> String {
    let mut digits = String::new();
    loop {
        digits.insert(0, char::from(b'0' + (rest % 10) as u8));
        rest /= 10;
        if rest == 0 {
            return digits;
        }
    }
}
