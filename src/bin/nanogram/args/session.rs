//! `nanogram session …`

use super::AccountArgs;
use clap::{Args, Subcommand};
use nanogram::store::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Tell what a session holds; never the key
    #[command(after_help = "\
Examples:
  nanogram session show                                the file of `nanogram login`
  nanogram session show \"$NANOGRAM_SESSION\" --json
  pass show telegram | nanogram session show -         a string from stdin is in no list of processes")]
    Show {
        #[command(flatten)]
        which: Which,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the same session for another library; it is a secret, and for one program at a time
    #[command(after_help = "Example:\n  nanogram session convert --to telethon \"$NANOGRAM_SESSION\"")]
    Convert {
        /// telethon, gramjs, pyrogram (kurigram), mtcute or nanogram
        #[arg(long, value_name = "FORMAT", value_parser = |name: &str| name.parse::<Format>())]
        to: Format,
        /// The session is of the test environment, should the string not say [default: of production]
        #[arg(long)]
        test: bool,
        /// The string, `-` to read it from stdin, or a file [default: the file of `nanogram login`]
        #[arg(
            value_name = "STRING|FILE",
            env = "NANOGRAM_SESSION",
            hide_env_values = true,
            allow_hyphen_values = true
        )]
        session: Option<String>,
    },
    /// Put a session of any library into the session file
    #[command(after_help = "\
Examples:
  nanogram session import '1ApWapz...' --api-id 12345
  pass show telegram | nanogram session import - --check
  nanogram session import '1ApWapz...' --session other.session
  nanogram session import my.session                   a file of Telethon or Pyrogram, or one that holds a string

What the string lacks is left open, or taken from the table of data centres; --check asks the server for the rest.")]
    Import(Box<ImportArgs>),
    /// Print the session of the file as a string; it is a secret, and for one program at a time
    #[command(after_help = "\
Examples:
  nanogram session export --to gramjs
  nanogram session export > secret.txt")]
    Export {
        /// telethon, gramjs, pyrogram (kurigram), mtcute or nanogram
        #[arg(long, value_name = "FORMAT", default_value = "nanogram",
            value_parser = |name: &str| name.parse::<Format>())]
        to: Format,
        /// The session file [default: the one of `nanogram login`]
        #[arg(long, value_name = "FILE", env = "NANOGRAM_SESSION", hide_env_values = true)]
        session: Option<String>,
        /// Of the test environment
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
    /// The string, `-` to read it from stdin, or a file [default: the file of `nanogram login`]
    #[arg(value_name = "STRING|FILE", env = "NANOGRAM_SESSION", hide_env_values = true, allow_hyphen_values = true)]
    pub(crate) session: Option<String>,
    /// The file of the test environment
    #[arg(long)]
    pub(crate) test: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The string, `-` to read it from stdin, or a file: of Telethon, Pyrogram or nanogram, or one that holds a string
    #[arg(value_name = "STRING|FILE", allow_hyphen_values = true)]
    pub(crate) from: String,

    /// Replace the session that the file holds
    #[arg(long)]
    pub(crate) force: bool,

    /// Ask the server whether the session is signed in, and as whom
    #[arg(long)]
    pub(crate) check: bool,

    #[command(flatten)]
    pub(crate) account: AccountArgs,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
