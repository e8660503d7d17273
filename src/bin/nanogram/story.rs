//! The story, on stderr: what happens, as it happens.

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How a word is shown on a terminal that has colours.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ink {
    Bold,
    Dim,
    Red,
    Green,
    Cyan,
    /// Of a QR code.
    BlackOnWhite,
}

/// Tells what happens, with the time since the beginning.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    began: Instant,
    colours: bool,
    /// What is being waited for; lines are told above it.
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Story {
    pub(crate) fn new() -> Self {
        let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colours = io::stderr().is_terminal() && !asked_not_to;
        Self { began: Instant::now(), colours, bar: Arc::default() }
    }

    pub(crate) const fn has_colours(&self) -> bool {
        self.colours
    }

    /// `text` in this ink, if there are colours.
    pub(crate) fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => "1",
            Ink::Dim => "2",
            Ink::Red => "31",
            Ink::Green => "32",
            Ink::Cyan => "36",
            Ink::BlackOnWhite => "30;107",
        };
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }

    /// A heading.
    pub(crate) fn chapter(&self, title: &str) {
        self.tell(&format!("\n{}", self.ink(Ink::Bold, title)));
    }

    /// Something that happened: the time, the name, and lines of detail.
    pub(crate) fn step(&self, arrow: &str, name: &str, details: &str) {
        let ms = self.began.elapsed().as_secs_f64() * 1e3;
        let time = self.ink(Ink::Dim, &format!("{ms:9.1} ms"));
        let mut details = details.lines();
        let mut text = format!(
            "{time}  {arrow:4} {}",
            self.ink(if name.is_empty() { Ink::Dim } else { Ink::Cyan }, &format!("{name:22}"))
        );
        text.push_str(details.next().unwrap_or_default());
        for line in details {
            let _ = write!(text, "\n{:41}{line}", "");
        }
        self.tell(text.trim_end());
    }

    /// One line as it is. That nobody reads the story is no reason to stop.
    pub(crate) fn tell(&self, line: &str) {
        let tell = || drop(writeln!(io::stderr().lock(), "{line}"));
        match self.bar.lock().ok().and_then(|bar| bar.clone()) {
            Some(bar) => bar.suspend(tell),
            None => tell(),
        }
    }

    /// Something for the terminal that is no line.
    pub(crate) fn tell_raw(&self, text: &str) {
        let mut out = io::stderr().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    pub(crate) fn error(&self, message: &str, hint: Option<&str>) {
        self.tell(&format!("{} {message}", self.ink(Ink::Red, "error:")));
        if let Some(hint) = hint {
            self.tell(&format!("{}  {hint}", self.ink(Ink::Green, "hint:")));
        }
    }

    /// Waits for something else, or for nothing.
    fn put(&self, next: Option<ProgressBar>) {
        if let Ok(mut bar) = self.bar.lock()
            && let Some(before) = core::mem::replace(&mut *bar, next)
        {
            before.finish_and_clear();
        }
    }

    /// Says that there is a pause; on a terminal it is seen how long it still is, until something else is waited for.
    pub(crate) fn countdown(&self, why: &str, seconds: u32) {
        self.tell(&format!("{why} {seconds} s"));
        let until = Instant::now() + Duration::from_secs(seconds.into());
        let left = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
            let left = until.saturating_duration_since(Instant::now()).as_millis().div_ceil(1000);
            let _ = if left > 0 { write!(out, "{left} s left") } else { write!(out, "going on") };
        };
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {left}") {
            bar.set_style(style.with_key("left", left));
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        self.put(Some(bar));
    }

    /// Work of which it is known how much there is; it is seen like [`waiting`](Self::waiting).
    pub(crate) fn progress(&self, what: &str, of: u64) -> Waiting<'_> {
        let bar = ProgressBar::new(of);
        if let Ok(style) = ProgressStyle::with_template("{msg} {percent}%") {
            bar.set_style(style);
        }
        bar.set_message(what.to_string());
        self.put(Some(bar));
        Waiting(self)
    }

    /// A sign that something is being waited for; it is seen on terminals alone, and goes when it is dropped.
    pub(crate) fn waiting(&self, what: impl Into<String>) -> Waiting<'_> {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what.into());
        bar.enable_steady_tick(Duration::from_millis(100));
        self.put(Some(bar));
        Waiting(self)
    }
}

/// See [`Story::waiting`].
#[derive(Debug)]
pub(crate) struct Waiting<'s>(&'s Story);

impl Waiting<'_> {
    /// So much is done.
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

/// Bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
