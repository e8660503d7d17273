//! Command-line program: one file per command, on top of the library.

#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation
    )
)]

mod account;
mod args;
mod dc;
mod decode;
mod demo;
mod enter;
mod failure;
mod foreign;
mod found;
mod import;
mod login;
mod output;
mod pages;
mod prompt;
mod qr;
mod redact;
mod session;
mod start;
mod story;
mod tree;
mod wire;
mod witness;

use args::{Cli, Command};
use clap::Parser;
use failure::{Exit, Failure};
use std::io::{self, Write as _};
use std::process::ExitCode;
use story::{Level, Story};
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    // Lossy, for error messages only: clap parses the original words.
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let cli = match Cli::try_parse().map_err(|error| as_shown(error, &words)) {
        Ok(cli) => cli,
        Err(error) => match failure::of_clap(&error, &words) {
            Some(failure) => return report(&failure, true, &Story::new(Level::Normal)),
            None => {
                // A closed stdout is not a failure of `--help`.
                if error.use_stderr() {
                    let text = failure::text_of_clap(&error, &words);
                    let ansi_free = nanogram::base::escape::lines(text.trim_end());
                    let _ = writeln!(io::stderr().lock(), "{ansi_free}");
                } else {
                    let _ = error.print();
                }
                return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
            }
        },
    };
    let story = Story::new(cli.level());
    let result = match &cli.command {
        Command::Demo(args) => demo::run(args, &story),
        Command::Login(args) => login::run(args, &story),
        Command::Logout(args) => login::out(args, &story),
        Command::Start(args) => start::run(args, &story),
        Command::Dc(args) => dc::run(args, &story),
        Command::Decode(args) => decode::run(args, &story),
        Command::Session { command } => session::run(command, &story),
        Command::Completions { shell } => pages::completions(*shell),
        Command::Man { command } => pages::man(command),
        Command::Version => output::line(&format!("nanogram {}", env!("CARGO_PKG_VERSION"))),
    };
    story.detail("ended");
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure, cli.command.is_json(), &story),
    }
}

/// The parser's error for the words as they are shown: it repeats them, and a line feed in one would begin a line of its own.
fn as_shown(error: clap::Error, words: &[String]) -> clap::Error {
    if !words.iter().any(|word| word.chars().any(nanogram::base::escape::deceives)) {
        return error;
    }
    let shown = words.iter().map(|word| wire::printable(word));
    Cli::try_parse_from(std::iter::once("nanogram".into()).chain(shown)).err().unwrap_or(error)
}

/// Says why there is no result: to people on stderr, to programs on stdout.
fn report(failure: &Failure, as_json: bool, story: &Story) -> ExitCode {
    if failure.exit() != Exit::ReaderGone {
        let failure = &failure.redacted();
        let (message, hint) = failure.lines();
        story.error(message, hint);
        if as_json {
            let _ = output::json(&failure.json());
        }
    }
    failure.code()
}

/// Runtime of the commands; one thread is enough for them.
fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build();
    runtime.map_err(|error| Failure::new(Exit::Other, "INTERNAL", error.to_string()))
}
