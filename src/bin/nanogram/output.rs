//! Results, on stdout: lines or one JSON object.

use crate::failure::{Exit, Failure};
use nanogram::base::escape;
use std::io::{self, ErrorKind, Write};

/// Prints a JSON value on one line, with what deceives as `\\u…`.
///
/// # Errors
/// As [`line`].
pub(crate) fn json(value: &serde_json::Value) -> Result<(), Failure> {
    print(&escape::json(value))
}

/// Prints text and a line feed; of control characters only line feeds and tabs reach the terminal.
///
/// # Errors
/// Nobody reads it, or the system refuses.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    print(&escape::lines(text))
}

/// Prints what is escaped already.
fn print(text: &dyn core::fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::new(Exit::ReaderGone, "OUTPUT", "nobody reads the result"),
        _ => Failure::new(Exit::Other, "OUTPUT", format!("the result cannot be written: {error}")),
    })
}
