//! Results on stdout: lines or one JSON object.

use crate::failure::{Exit, Failure};
use nanogram::base::escape;
use std::io::{self, ErrorKind, Write};

/// Prints a JSON value on one line, with deceptive characters as `\\u…`.
///
/// # Errors
/// See [`line`].
pub(crate) fn json(value: &serde_json::Value) -> Result<(), Failure> {
    print(&escape::json(value))
}

/// Prints text and a line feed; the only control characters that reach the terminal are line feeds and tabs.
///
/// # Errors
/// Stdout is closed, or writing fails.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    print(&escape::lines(text))
}

/// Prints text that is already escaped.
fn print(text: &dyn core::fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    // Flushed, so that a failed write is reported here and not lost at exit.
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::new(Exit::ReaderGone, "OUTPUT", "stdout is closed"),
        _ => Failure::new(Exit::Other, "OUTPUT", format!("the result cannot be written: {error}")),
    })
}
