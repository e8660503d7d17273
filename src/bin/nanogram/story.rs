//! Progress messages on stderr.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use nanogram::base::escape::one_line;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Style of text on a terminal with colours.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ink {
    Bold,
    Dim,
    Red,
    Green,
    Cyan,
    /// Colours of a QR code.
    BlackOnWhite,
}

/// Noncharacters that stand for escape sequences until a line is printed. All other text is escaped, so that foreign
/// text cannot switch colours or move the cursor.
const INKS: [(char, &str); 7] = [
    ('\u{fdd0}', "\x1b[1m"),
    ('\u{fdd1}', "\x1b[2m"),
    ('\u{fdd2}', "\x1b[31m"),
    ('\u{fdd3}', "\x1b[32m"),
    ('\u{fdd4}', "\x1b[36m"),
    ('\u{fdd5}', "\x1b[30;107m"),
    (NO_INK, "\x1b[0m"),
];
const NO_INK: char = '\u{fdd6}';

/// Converts a line to its printed form: escape sequences only for the styles set by [`Story::ink`].
fn printed(line: &str) -> String {
    line.split_inclusive(|c| INKS.iter().any(|(mark, _)| *mark == c)).fold(String::new(), |mut out, piece| {
        let ink = INKS.iter().find(|(mark, _)| piece.ends_with(*mark));
        let text = ink.map_or(piece, |(mark, _)| piece.trim_end_matches(*mark));
        let _ = write!(out, "{}{}", one_line(text), ink.map_or("", |(_, code)| code));
        out
    })
}

/// Verbosity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Errors, and messages that the user needs in order to continue.
    Quiet,
    /// Progress messages.
    Normal,
    /// Also addresses, key ids and timings.
    Verbose,
}

/// Printer of progress messages, with the time since the start.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    began: Instant,
    level: Level,
    colours: bool,
    /// Progress bar on the terminal; lines are printed above it.
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Story {
    pub(crate) fn new(level: Level) -> Self {
        // Convention of no-color.org.
        let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colours = io::stderr().is_terminal() && !asked_not_to;
        Self { began: Instant::now(), level, colours, bar: Arc::default() }
    }

    pub(crate) const fn has_colours(&self) -> bool {
        self.colours
    }

    /// Styles `text`, if colours are enabled.
    pub(crate) fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => '\u{fdd0}',
            Ink::Dim => '\u{fdd1}',
            Ink::Red => '\u{fdd2}',
            Ink::Green => '\u{fdd3}',
            Ink::Cyan => '\u{fdd4}',
            Ink::BlackOnWhite => '\u{fdd5}',
        };
        // Marks in foreign text would be printed as escape sequences.
        let text: String = text.chars().filter(|c| !('\u{fdd0}'..='\u{fdef}').contains(c)).collect();
        if self.colours { format!("{code}{text}{NO_INK}") } else { text }
    }

    /// Prints a heading.
    pub(crate) fn chapter(&self, title: &str) {
        self.tell("");
        self.tell(&self.ink(Ink::Bold, title));
    }

    /// Prints an event: time, name, and lines of detail.
    pub(crate) fn step(&self, arrow: &str, name: &str, details: &str) {
        let ms = self.began.elapsed().as_secs_f64() * 1e3;
        let time = self.ink(Ink::Dim, &format!("{ms:9.1} ms"));
        let mut details = details.lines();
        let mut text = format!(
            "{time}  {arrow:4} {}",
            self.ink(if name.is_empty() { Ink::Dim } else { Ink::Cyan }, &format!("{name:22}"))
        );
        text.push_str(details.next().unwrap_or_default());
        self.tell(text.trim_end());
        for line in details {
            self.tell(&format!("{:41}{line}", ""));
        }
    }

    /// Prints a line, unless `--quiet`.
    pub(crate) fn tell(&self, line: &str) {
        if self.level > Level::Quiet {
            self.say(line);
        }
    }

    /// Prints a line with `--verbose` only.
    pub(crate) fn detail(&self, what: &str) {
        if self.level >= Level::Verbose {
            self.step("", "", &self.ink(Ink::Dim, what));
        }
    }

    /// Prints a line even with `--quiet`. Control characters are escaped, line feeds included; a failed write is
    /// ignored.
    pub(crate) fn say(&self, line: &str) {
        let line = printed(line);
        let tell = || drop(writeln!(io::stderr().lock(), "{line}"));
        match self.bar.lock().ok().and_then(|bar| bar.clone()) {
            // Hides the bar while the line is printed above it.
            Some(bar) => bar.suspend(tell),
            None => tell(),
        }
    }

    /// Prints text for the terminal without a line feed.
    pub(crate) fn tell_raw(&self, text: &str) {
        let mut out = io::stderr().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    pub(crate) fn error(&self, message: &str, hint: Option<&str>) {
        self.say(&format!("{} {message}", self.ink(Ink::Red, "error:")));
        if let Some(hint) = hint {
            self.say(&format!("{}  {hint}", self.ink(Ink::Green, "hint:")));
        }
    }

    /// Hides the bar with `--quiet`.
    fn bar(&self, bar: ProgressBar) -> ProgressBar {
        if self.level == Level::Quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar
    }

    /// Replaces the current progress bar.
    fn put(&self, next: Option<ProgressBar>) {
        if let Ok(mut bar) = self.bar.lock()
            && let Some(before) = core::mem::replace(&mut *bar, next)
        {
            before.finish_and_clear();
        }
    }

    /// Prints a pause; on a terminal a countdown follows, until another bar replaces it.
    pub(crate) fn countdown(&self, why: &str, seconds: u32) {
        self.tell(&format!("{why} {seconds} s"));
        let until = Instant::now() + Duration::from_secs(seconds.into());
        let left = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
            let left = until.saturating_duration_since(Instant::now()).as_millis().div_ceil(1000);
            let _ = if left > 0 { write!(out, "{left} s left") } else { write!(out, "going on") };
        };
        let bar = self.bar(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {left}") {
            bar.set_style(style.with_key("left", left));
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        self.put(Some(bar));
    }

    /// Shows a progress bar for work of known size; it disappears like [`waiting`](Self::waiting).
    pub(crate) fn progress(&self, what: &str, of: u64) -> Waiting<'_> {
        let bar = self.bar(ProgressBar::new(of));
        if let Ok(style) = ProgressStyle::with_template("{msg} {percent}%") {
            bar.set_style(style);
        }
        bar.set_message(one_line(what).to_string());
        self.put(Some(bar));
        Waiting(self)
    }

    /// Shows a spinner, on a terminal only; it disappears when the result is dropped.
    pub(crate) fn waiting(&self, what: impl Into<String>) -> Waiting<'_> {
        let bar = self.bar(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(one_line(what.into()).to_string());
        bar.enable_steady_tick(Duration::from_millis(100));
        self.put(Some(bar));
        Waiting(self)
    }
}

/// Spinner or progress bar; see [`Story::waiting`].
#[derive(Debug)]
pub(crate) struct Waiting<'s>(&'s Story);

impl Waiting<'_> {
    /// Sets the position of the bar.
    pub(crate) fn at(&self, done: u64) {
        if let Some(bar) = self.0.bar.lock().ok().and_then(|bar| bar.clone()) {
            bar.set_position(done);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.put(None);
    }
}

/// Formats bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_inks_reach_the_terminal() {
        let story = Story { began: Instant::now(), level: Level::Normal, colours: true, bar: Arc::default() };
        let line = format!("a\n\x1b[31m\u{202e} {}", story.ink(Ink::Dim, "\x1b]0;t\x07 \u{fdd2}"));
        assert_eq!(printed(&line), "a\\n\\u{1b}[31m\\u{202e} \x1b[2m\\u{1b}]0;t\\u{7} \x1b[0m");
    }
}
