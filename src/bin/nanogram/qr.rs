//! QR code on a terminal: two modules per character, one above the other.

use crate::story::{Ink, Story};
use qrcodegen::{QrCode, QrCodeEcc};
use std::io::{self, IsTerminal};

/// Width of the white margin in modules. The standard asks for four; scanners of screens accept two.
const MARGIN: i32 = 2;

/// Lines of the QR code for `text`; `None` if the text is too long.
///
/// With colours, the code is black on white regardless of the terminal's own. Without, the white modules are drawn,
/// which is right on a dark terminal.
pub(crate) fn lines(text: &str, story: &Story) -> Option<Vec<String>> {
    // Low error correction keeps the code small enough for a terminal of 24 lines; a screen is clean.
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let span = -MARGIN..code.size() + MARGIN;
    let is_drawn = |x, y| code.get_module(x, y) == story.has_colours();
    let line = |y| {
        let character = |x| match (is_drawn(x, y), is_drawn(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        story.ink(Ink::BlackOnWhite, &span.clone().map(character).collect::<String>())
    };
    Some(span.clone().step_by(2).map(line).collect())
}

/// QR code on the screen that newer ones replace.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// Number of lines shown.
    shown: usize,
}

impl Screen {
    /// Shows `lines` in place of those shown before; if stderr is not a terminal, below them.
    pub(crate) fn show(&mut self, lines: &[String], story: &Story) {
        if self.shown > 0 && io::stderr().is_terminal() {
            // Cursor up, then clear to the end of the screen.
            story.tell_raw(&format!("\x1b[{}A\r\x1b[J", self.shown));
        }
        for line in lines {
            story.say(line);
        }
        self.shown = lines.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Level;

    #[test]
    fn every_module_of_the_code_is_drawn_where_it_is() {
        let link = nanogram::telegram::login::qr_link(&[0x5a; 32]);
        let code = QrCode::encode_text(&link, QrCodeEcc::Low).unwrap();
        let story = Story::new(Level::Normal);
        let lines = lines(&link, &story).unwrap();
        for (row, line) in (-MARGIN..).step_by(2).zip(&lines) {
            let drawn = line.chars().filter(|c| " ▀▄█".contains(*c));
            for (x, character) in (-MARGIN..).zip(drawn) {
                let halves = [(row, "▀█".contains(character)), (row + 1, "▄█".contains(character))];
                for (y, is_drawn) in halves {
                    // The drawn modules are dark with colours, and light without.
                    assert_eq!(is_drawn == story.has_colours(), code.get_module(x, y), "{x} {y}");
                }
            }
        }
    }

    #[test]
    fn a_code_is_as_wide_as_two_lines_are_high_and_fits_a_terminal() {
        let link = nanogram::telegram::login::qr_link(&[0xa5; 32]);
        let story = Story::new(Level::Normal);
        let lines = lines(&link, &story).unwrap();
        let widths: Vec<_> = lines.iter().map(|line| line.chars().filter(|c| " ▀▄█".contains(*c)).count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]) && widths[0] <= 40, "{widths:?}");
        assert!(lines.len() == widths[0].div_ceil(2) && lines.len() <= 22, "{}", lines.len());
        assert!(super::lines(&"x".repeat(5000), &story).is_none());
    }
}
