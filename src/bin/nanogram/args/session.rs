//! Subcommands of `nanogram session`.

use super::{AccountArgs, value};
use clap::{Args, Subcommand};
use nanogram::telegram::store::Format;

/// Parses the name of a format.
fn format(name: &str) -> Result<Format, String> {
    let names = ["telethon", "gramjs", "pyrogram", "kurigram", "mtcute", "nanogram"];
    name.parse().map_err(|error| format!("{error}{}", value::did_you_mean(name, names.into_iter())))
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Show a session without its key
    #[command(after_help = "\
Examples:
  nanogram session show
  nanogram session show \"$NANOGRAM_SESSION\" --json
  pass show telegram | nanogram session show -

A string on stdin does not appear in process lists.")]
    Show {
        #[command(flatten)]
        which: Which,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print a session as a string for another library; keep it secret, and use it in one program only
    // The usage line is not wrapped by the parser.
    #[command(override_usage = "nanogram session convert [OPTIONS] --to <FORMAT>\n       [STRING|FILE]")]
    #[command(after_help = "Example:\n  nanogram session convert --to telethon \"$NANOGRAM_SESSION\"")]
    Convert {
        /// Format: telethon, gramjs, pyrogram (kurigram), mtcute or nanogram
        #[arg(long, value_name = "FORMAT", value_parser = format)]
        to: Format,
        /// Assume the test environment if the string names none
        #[arg(long)]
        test: bool,
        /// Session string or file; `-` for stdin [default: the file of `nanogram login`]
        #[arg(
            value_name = "STRING|FILE",
            env = "NANOGRAM_SESSION",
            hide_env_values = true,
            allow_hyphen_values = true
        )]
        session: Option<String>,
    },
    /// Import a session of any library into the session file
    #[command(after_help = "\
Examples:
  nanogram session import '1ApWapz...' --api-id 12345
  pass show telegram | nanogram session import - --check
  nanogram session import '1ApWapz...' --session other.session
  nanogram session import my.session

Session files of Telethon and Pyrogram are read too. --check asks the server for what the string lacks.")]
    Import(Box<ImportArgs>),
    /// Print the session file as a string; keep it secret, and use it in one program only
    #[command(after_help = "\
Examples:
  nanogram session export --to gramjs
  nanogram session export > secret.txt")]
    Export {
        /// Format: telethon, gramjs, pyrogram (kurigram), mtcute or nanogram
        #[arg(long, value_name = "FORMAT", default_value = "nanogram",
            value_parser = format)]
        to: Format,
        /// Session file [default: the file of `nanogram login`]
        #[arg(long, value_name = "FILE", env = "NANOGRAM_SESSION", hide_env_values = true)]
        session: Option<String>,
        /// Use the session file of the test environment
        #[arg(long)]
        test: bool,
    },
}

impl SessionCommand {
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Show { json, .. } => *json,
            Self::Import(args) => args.json,
            Self::Convert { .. } | Self::Export { .. } => false,
        }
    }
}

/// A session to look at.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Session string or file; `-` for stdin [default: the file of `nanogram login`]
    #[arg(value_name = "STRING|FILE", env = "NANOGRAM_SESSION", hide_env_values = true, allow_hyphen_values = true)]
    pub(crate) session: Option<String>,
    /// Use the session file of the test environment
    #[arg(long)]
    pub(crate) test: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Session string, or a file of nanogram, Telethon or Pyrogram, or a text file with a string; `-` for stdin
    #[arg(value_name = "STRING|FILE", allow_hyphen_values = true)]
    pub(crate) from: String,

    /// Replace another session in the file
    #[arg(long)]
    pub(crate) force: bool,

    /// Check on the server that the session is signed in, and as which user
    #[arg(long)]
    pub(crate) check: bool,

    #[command(flatten)]
    pub(crate) account: AccountArgs,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
