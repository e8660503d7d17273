//! Escaping of untrusted text: received text cannot move the cursor, forge a line or reverse the reading order.
//!
//! ```text
//! control characters, C0 and C1      \u{1b}     (a line feed is \n, a tab \t, a carriage return \r)
//! U+061C U+200E U+200F U+202A..202E U+2066..2069     reading order           \u{202e}
//! U+2028 U+2029                                      line and paragraph      \u{2028}
//! U+200B U+2060..2064 U+206A..206F U+FEFF U+00AD U+180E U+FFF9..FFFB U+E0000..E007F     zero width
//! U+FDD0..FDEF                                       noncharacters
//! ```
//!
//! The zero-width joiners U+200C and U+200D are kept, because Persian, Hindi and emoji need them. All other characters
//! are unchanged. Backslashes are not doubled: the result is meant to be read, not parsed.
//!
//! ```
//! use nanogram::base::escape::{lines, one_line};
//! assert_eq!(one_line("red \x1b[31m\nline").to_string(), r"red \u{1b}[31m\nline");
//! assert_eq!(lines("a\tb\n\u{202e}evil").to_string(), "a\tb\n\\u{202e}evil");
//! ```

use core::fmt::{self, Display, Formatter, Write};

/// Returns true if printing `c` acts on the terminal or on the surrounding text instead of showing a character.
#[must_use]
pub const fn deceives(c: char) -> bool {
    // Includes the bidirectional controls of the "Trojan Source" attacks (CVE-2021-42574).
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{fdd0}'..='\u{fdef}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Formats `text` on one line: a line feed is printed as `\n`.
#[must_use]
pub const fn one_line<T: Display>(text: T) -> Escaped<T> {
    Escaped { text, keeps_lines: false }
}

/// Formats `text` with its line feeds and tabs kept, for places where multi-line text belongs.
#[must_use]
pub const fn lines<T: Display>(text: T) -> Escaped<T> {
    Escaped { text, keeps_lines: true }
}

/// Text that is escaped when it is formatted; see [`one_line`] and [`lines`].
#[derive(Debug, Clone, Copy)]
pub struct Escaped<T> {
    text: T,
    keeps_lines: bool,
}

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let keeps_lines = self.keeps_lines;
        write!(Sink { f, keeps_lines }, "{}", self.text)
    }
}

/// A writer that escapes everything written through it.
struct Sink<'a, 'f> {
    f: &'a mut Formatter<'f>,
    keeps_lines: bool,
}

impl Write for Sink<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| self.escapes(*c)) {
            let (before, after) = rest.split_at_checked(at).ok_or(fmt::Error)?;
            self.f.write_str(before)?;
            match c {
                '\n' => self.f.write_str("\\n")?,
                '\r' => self.f.write_str("\\r")?,
                '\t' => self.f.write_str("\\t")?,
                c => write!(self.f, "\\u{{{:x}}}", u32::from(c))?,
            }
            rest = after.get(c.len_utf8()..).ok_or(fmt::Error)?;
        }
        self.f.write_str(rest)
    }
}

impl Sink<'_, '_> {
    const fn escapes(&self, c: char) -> bool {
        deceives(c) && !(self.keeps_lines && matches!(c, '\n' | '\t'))
    }
}

/// Serializes `json` with deceptive characters written as `\u…` escapes, which every JSON parser accepts.
///
/// Outside strings, JSON text contains no such characters except white space, which is kept.
#[cfg(feature = "tools")]
pub fn json(json: &serde_json::Value) -> alloc::string::String {
    let text = alloc::string::ToString::to_string(json);
    let mut out = alloc::string::String::with_capacity(text.len());
    for c in text.chars() {
        if deceives(c) {
            // JSON escapes are UTF-16 code units: characters above U+FFFF become surrogate pairs.
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}"); // writing to a String cannot fail
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn nothing_that_deceives_is_left() {
        for c in '\0'..=char::MAX {
            let (one, more) = (one_line(c).to_string(), lines(c).to_string());
            assert!(!one.chars().any(deceives), "{c:?}");
            assert!(!more.chars().any(|c| deceives(c) && c != '\n' && c != '\t'), "{c:?}");
            assert_eq!(one == c.to_string(), !deceives(c));
        }
        for c in ['a', 'é', '中', '🦀', '\u{200d}', '\u{200c}', '\\', '\u{a0}'] {
            assert_eq!(one_line(c).to_string(), c.to_string());
        }
    }

    #[cfg(feature = "tools")]
    #[test]
    fn escaped_json_is_the_same_json() {
        let text: std::string::String = ('\0'..='\u{3000}').chain('\u{e0000}'..='\u{e0080}').collect();
        let value = serde_json::json!({ &text: [text, 1, "\\u202e \" \\"] });
        let escaped = json(&value);
        assert!(!escaped.chars().any(deceives));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}
