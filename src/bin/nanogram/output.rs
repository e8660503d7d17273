//! Results, on stdout: lines or one JSON object.

use crate::failure::{Exit, Failure};
use std::io::{self, ErrorKind, Write};

/// Prints one line.
///
/// # Errors
/// Nobody reads it, or the system refuses.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::new(Exit::ReaderGone, "OUTPUT", "nobody reads the result"),
        _ => Failure::new(Exit::Other, "OUTPUT", format!("the result cannot be written: {error}")),
    })
}
