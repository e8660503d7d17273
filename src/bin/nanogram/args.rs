//! Definition of the command line.

mod account;
mod session;
pub(crate) mod value;

use crate::dc::words;
use crate::story::Level;
pub(crate) use account::{AccountArgs, LoginArgs, LogoutArgs, StartArgs};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
pub(crate) use session::{ImportArgs, SessionCommand};
use std::path::PathBuf;

/// Telegram's MTProto 2.0 from scratch: start bots, run a test data centre, decode recordings
#[derive(Debug, Parser)]
#[command(name = "nanogram", version, arg_required_else_help = true, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Print only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 900)]
    pub(crate) quiet: bool,

    /// Print addresses, keys' ids and timings too
    #[arg(short, long, global = true, display_order = 900)]
    pub(crate) verbose: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Verbosity of stderr.
    pub(crate) const fn level(&self) -> Level {
        match (self.quiet, self.verbose) {
            (true, _) => Level::Quiet,
            (_, true) => Level::Verbose,
            _ => Level::Normal,
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0    success
  1    any other error
  2    invalid command line
  3    no connection, or no MTProto server at the address
  4    not signed in
  5    refused by the server
  6    timed out
  130  interrupted

Results go to stdout, progress to stderr. `nanogram help COMMAND` shows examples.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a bot on a built-in data centre, and explain each step
    #[command(after_help = "\
Examples:
  nanogram demo
  nanogram demo --json 2>/dev/null
  nanogram demo --record demo.json; nanogram decode demo.json")]
    Demo(DemoArgs),

    /// Sign in as a user, and save the session to a file
    #[command(after_help = account::LOGIN_EXAMPLES)]
    Login(Box<LoginArgs>),

    /// Sign out, and remove the session file
    #[command(after_help = account::LOGOUT_EXAMPLES)]
    Logout(Box<LogoutArgs>),

    /// Start a bot, as its START button does
    #[command(after_help = account::START_EXAMPLES)]
    Start(Box<StartArgs>),

    /// Run a test data centre on this machine
    #[command(after_help = DC_EXAMPLES)]
    Dc(Box<DcArgs>),

    /// Decode a recorded connection, message by message
    #[command(after_help = "\
Examples:
  nanogram demo --record demo.json; nanogram decode demo.json
  nanogram decode dump.pcap --keylog keys.txt --json | jq .message.value

A key log has lines `MTPROTO_AUTH_KEY [<dc>] <auth_key_id: 16 hex> <auth_key: 512 hex> [perm|temp]` and \
`MTPROTO_NEW_NONCE <nonce: 32 hex> <new_nonce: 64 hex>`. Decrypted messages are shown in full, including secrets. \
The exit code is 1 if a check fails.")]
    Decode(DecodeArgs),

    /// Show, convert, import and export sessions
    Session {
        #[command(subcommand)]
        command: SessionCommand,
    },

    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  nanogram completions bash > ~/.local/share/bash-completion/completions/nanogram
  nanogram completions fish > ~/.config/fish/completions/nanogram.fish")]
    Completions {
        /// Name of the shell
        #[arg(value_name = "SHELL", value_enum)]
        shell: Shell,
    },

    /// Print the manual page, or that of a command
    #[command(after_help = "\
Examples:
  nanogram man | man -l -
  nanogram man session import > nanogram-session-import.1")]
    Man {
        /// Command to describe, such as `start` or `session import`
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
    },

    /// Print the version
    #[command(after_help = "Example:\n  nanogram version")]
    Version,
}

impl Command {
    /// Returns true if the result is printed as JSON.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Demo(args) => args.json,
            Self::Login(args) => args.json,
            Self::Logout(args) => args.json,
            Self::Start(args) => args.json,
            Self::Dc(args) => args.json,
            Self::Decode(args) => args.json,
            Self::Session { command } => command.is_json(),
            Self::Completions { .. } | Self::Man { .. } | Self::Version => false,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Record the connection to this file, for `nanogram decode`
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

const DC_EXAMPLES: &str = "\
Examples:
  nanogram dc --pem dc.pem
  nanogram dc --listen 4430 --json
  nanogram dc --also 4=127.0.0.1:4434 --home bob=4
  nanogram dc --password 'alice=correct horse'
  nanogram dc --refuse messages.startBot=FLOOD_WAIT_3*2
  nanogram dc --refuse contacts.resolveUsername=SESSION_REVOKED:401*forever
  nanogram dc --hang-up messages.startBot --cut bytes-out=700
  nanogram dc --fault bad-msg-key --fault close-on-accept*3
  nanogram dc --list-faults --json | jq -r '.[] | select(.row == \"B10\").name'

The data centre runs until Ctrl-C and stores nothing. Its log shows login codes. Data centres that an account lives in \
and no --also names listen on free ports: Dave lives in data centre 4.

A failure is injected once, or *TIMES times, or *forever. METHOD is any method of the schema. An error without :CODE \
gets its usual code. After a 406 error the server sends the explanation in updateServiceNotification; \
AUTH_KEY_DUPLICATED deletes the key.

The recording is appended to as clients speak: `nanogram decode` reads it at any time, also after a kill.";

#[derive(Debug, Args)]
pub(crate) struct DcArgs {
    /// Address to listen on: host:port, or a port of 127.0.0.1; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = value::listen)]
    pub(crate) listen: String,

    /// Additional data centre, by number; can be repeated
    #[arg(long, value_name = "ID=ADDR")]
    pub(crate) also: Vec<words::Also>,

    /// Emulate Telegram's test environment
    #[arg(long)]
    pub(crate) test: bool,

    /// Home data centre of alice, bob, carol or dave; the others answer 303
    #[arg(long, value_name = "USER=DC")]
    pub(crate) home: Vec<words::Lives>,

    /// Set an account's password; an empty one removes it
    #[arg(long, value_name = "USER=SECRET")]
    pub(crate) password: Vec<String>,

    /// Send an account's login codes by email; clients see this masked address, such as a***@example.org
    #[arg(long, value_name = "USER=ADDRESS")]
    pub(crate) mail: Vec<String>,

    /// Return an error for the next call of a method
    #[arg(long, value_name = "METHOD=ERROR[:CODE][*TIMES]")]
    pub(crate) refuse: Vec<words::Refuse>,

    /// Execute the next call of a method without answering
    #[arg(long, value_name = "METHOD[*TIMES]")]
    pub(crate) withhold: Vec<words::Calls>,

    /// Ignore the next call of a method
    #[arg(long, value_name = "METHOD[*TIMES]")]
    pub(crate) ignore: Vec<words::Calls>,

    /// Execute the next call of a method, and disconnect before answering
    #[arg(long, value_name = "METHOD[*TIMES]")]
    pub(crate) hang_up: Vec<words::Calls>,

    /// Disconnect after N bytes or packets: bytes-in, bytes-out, packets-in or packets-out
    #[arg(long, value_name = "WHAT=N[*TIMES]")]
    pub(crate) cut: Vec<words::CutAt>,

    /// Violate the protocol in this way; can be repeated
    #[arg(long, value_name = "NAME[*TIMES]")]
    pub(crate) fault: Vec<words::Misbehave>,

    /// List all faults, with their rows in docs/security.md
    #[arg(long)]
    pub(crate) list_faults: bool,

    /// Record connections and their keys to this file, for `nanogram decode`
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Append the auth keys of all clients to this key log
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,

    /// Write the public RSA key to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) pem: Option<PathBuf>,

    /// Print one line of JSON when ready
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// JSON recording, pcap or pcapng, optionally compressed with gzip; `-` for stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Key log with the auth keys
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,

    /// Private RSA key of the data centre, to decrypt the key exchange
    #[arg(long, value_name = "PEMFILE")]
    pub(crate) rsa_key: Option<PathBuf>,

    /// Show values in full
    #[arg(long)]
    pub(crate) full: bool,

    /// Print one JSON object per line
    #[arg(long, conflicts_with = "full")]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Each place of the command line: command, place, value, variable, and `required`; hidden ones too.
    fn places(of: &clap::Command, path: &str, out: &mut String) {
        use std::fmt::Write as _;
        let subcommands: Vec<_> = of.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
        if !subcommands.is_empty() {
            writeln!(out, "{path}\t[COMMAND]\tCOMMAND\t-\trequired").unwrap();
        }
        for arg in of.get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version")) {
            let values: Vec<_> = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
            let place = match arg.get_long() {
                Some(long) => format!("--{long}"),
                None => format!("[{}]", values.join(" ")),
            };
            let value = if arg.get_action().takes_values() { values.join(" ") } else { "-".into() };
            let env = arg.get_env().map_or("-".into(), |name| name.to_string_lossy());
            let need = if arg.is_required_set() { "required" } else { "-" };
            writeln!(out, "{path}\t{place}\t{value}\t{env}\t{need}").unwrap();
        }
        for sub in subcommands {
            places(sub, format!("{path} {}", sub.get_name()).trim_start_matches("- "), out);
        }
    }

    /// `tests/cli/escape.rs` puts secrets at each of them.
    #[test]
    fn each_place_of_the_command_line_is_in_the_fixture() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/command_line.txt");
        let mut command = Cli::command();
        command.build();
        let mut made = String::new();
        places(&command, "-", &mut made);
        if std::env::var_os("NANOGRAM_WRITE").is_some() {
            std::fs::write(path, &made).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == made, "write it anew: NANOGRAM_WRITE=1 cargo test --all-features --bin nanogram");
    }

    #[test]
    fn a_random_id_may_be_negative() {
        let cli = Cli::try_parse_from(["nanogram", "start", "@b", "x", "--random-id", "-4156887774564"]).unwrap();
        let Command::Start(args) = cli.command else { panic!() };
        assert_eq!(args.random_id, Some(-4_156_887_774_564));
    }
}
