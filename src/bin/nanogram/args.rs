//! What can be written on the command line.

mod account;
mod session;

use crate::dc::words;
pub(crate) use account::{AccountArgs, LoginArgs, LogoutArgs, StartArgs};
use clap::{Args, Parser, Subcommand};
pub(crate) use session::{ImportArgs, SessionCommand};
use std::path::PathBuf;

/// Telegram's MTProto 2.0 from scratch: starts bots, plays the data centre, and tells what it does.
#[derive(Debug, Parser)]
#[command(name = "nanogram", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 2 wrong usage, 3 no network or no such server, 4 not signed in, 5 the server refused, 6 timed out, \
130 interrupted, 1 anything else.
Results go to stdout, the story to stderr. `nanogram help COMMAND` has examples.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Do the whole job against a data centre of our own, and tell how
    #[command(after_help = "\
Examples:
  nanogram demo
  nanogram demo --json 2>/dev/null")]
    Demo(DemoArgs),

    /// Sign in as a user, and keep the session in a file
    #[command(after_help = account::LOGIN_EXAMPLES)]
    Login(Box<LoginArgs>),

    /// Sign out, and remove the session file
    #[command(after_help = account::LOGOUT_EXAMPLES)]
    Logout(Box<LogoutArgs>),

    /// Start a bot, as if its START button were pressed
    #[command(after_help = account::START_EXAMPLES)]
    Start(Box<StartArgs>),

    /// Run a test data centre on this machine
    #[command(after_help = DC_EXAMPLES)]
    Dc(Box<DcArgs>),

    /// Show a recorded connection, message by message
    #[command(after_help = "\
Examples:
  nanogram demo --record demo.json; nanogram decode demo.json
  nanogram decode dump.pcap --keylog keys.txt --json | jq .message.value

A key log has lines `MTPROTO_AUTH_KEY [<dc>] <auth_key_id: 16 hex> <auth_key: 512 hex> [perm|temp]` and
`MTPROTO_NEW_NONCE <nonce: 32 hex> <new_nonce: 64 hex>`. What it opens is shown in full, secrets too.
Exit code 1: something in the recording is not as it must be.")]
    Decode(DecodeArgs),

    /// Look at sessions, and carry them from one program to another
    Session {
        #[command(subcommand)]
        command: SessionCommand,
    },
}

impl Command {
    /// Whether the result is to be JSON.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Demo(args) => args.json,
            Self::Login(args) => args.json,
            Self::Logout(args) => args.json,
            Self::Start(args) => args.json,
            Self::Dc(args) => args.json,
            Self::Decode(args) => args.json,
            Self::Session { command } => command.is_json(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Write what was said on the wire to this file, for `nanogram decode`
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

const DC_EXAMPLES: &str = "\
Examples:
  nanogram dc --pem dc.pem          prints an address, a key, a session, and a command to try
  nanogram dc --json                one line as soon as it is ready; what it sees goes to stderr
  nanogram dc --also 4=127.0.0.1:4434 --home bob=4 --password 'alice=correct horse'
  nanogram dc --refuse messages.startBot=FLOOD_WAIT_3*2 --refuse auth.sendCode=AUTH_RESTART
  nanogram dc --refuse contacts.resolveUsername=SESSION_REVOKED:401*forever
  nanogram dc --hang-up messages.startBot --cut bytes-out=700 --cut packets-in=2*5
  nanogram dc --fault bad-msg-key --fault close-on-accept*3 --fault flood-wait*forever
  nanogram dc --record talk.json    then Ctrl-C, and: nanogram decode talk.json
  nanogram dc --list-faults --json | jq -r '.[] | select(.row == \"B10\").name'

It lives until it is stopped (Ctrl-C), and forgets everything then. Codes for signing in are in its log. A data centre
that somebody lives in is there on a free port beside the first, if no --also names it: Dave lives in 4.
What goes wrong on demand does so once, *TIMES or *forever. A method is named as in the schema, served or not; an error
without a CODE has the one that belongs to it. After a 406 comes the sentence for the user (updateServiceNotification),
after AUTH_KEY_DUPLICATED the key is gone.
The recording is written whenever the last client has gone, and when the data centre is stopped (Ctrl-C or SIGTERM).";

#[derive(Debug, Args)]
pub(crate) struct DcArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: String,

    /// Another data centre of the same world, by its number; may be given again
    #[arg(long, value_name = "ID=ADDR")]
    pub(crate) also: Vec<words::Also>,

    /// Be of the test environment: the key exchange expects its numbers
    #[arg(long)]
    pub(crate) test: bool,

    /// Where an account lives: alice, bob, carol or dave; any other data centre answers 303
    #[arg(long, value_name = "USER=DC")]
    pub(crate) home: Vec<words::Lives>,

    /// Give an account a password, or with an empty one take it away
    #[arg(long, value_name = "USER=SECRET")]
    pub(crate) password: Vec<String>,

    /// Send an account's codes by mail; of the address this much is told, such as a***@example.org
    #[arg(long, value_name = "USER=ADDRESS")]
    pub(crate) mail: Vec<String>,

    /// Answer the next call of a method with an error
    #[arg(long, value_name = "METHOD=ERROR[:CODE][*TIMES]")]
    pub(crate) refuse: Vec<words::Refuse>,

    /// Execute the next call of a method, and never answer it
    #[arg(long, value_name = "METHOD[*TIMES]")]
    pub(crate) withhold: Vec<words::Calls>,

    /// Neither execute nor answer the next call of a method
    #[arg(long, value_name = "METHOD[*TIMES]")]
    pub(crate) ignore: Vec<words::Calls>,

    /// Execute the next call of a method, and end the connection before its answer
    #[arg(long, value_name = "METHOD[*TIMES]")]
    pub(crate) hang_up: Vec<words::Calls>,

    /// End the next connection after so much: bytes-in, bytes-out, packets-in or packets-out
    #[arg(long, value_name = "WHAT=N[*TIMES]")]
    pub(crate) cut: Vec<words::CutAt>,

    /// Misbehave once, or so often, in the way of this name; may be given again
    #[arg(long, value_name = "NAME[*TIMES]")]
    pub(crate) fault: Vec<words::Misbehave>,

    /// Tell every fault that there is, with the row of docs/security.md that it belongs to
    #[arg(long)]
    pub(crate) list_faults: bool,

    /// Write what is said on the wire to this file, with the keys that open it, for `nanogram decode`
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Append every key that clients make to this file, which lets a capture of the traffic be read
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,

    /// Also write the public key to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) pem: Option<PathBuf>,

    /// Print one line of JSON when it is ready
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// A recording in JSON, or a pcap or pcapng file of tcpdump or Wireshark, also compressed by gzip; `-`: stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The keys that open it
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,

    /// The data centre's private RSA key, which opens the key exchange
    #[arg(long, value_name = "PEMFILE")]
    pub(crate) rsa_key: Option<PathBuf>,

    /// Shorten nothing
    #[arg(long)]
    pub(crate) full: bool,

    /// Print one JSON object a line
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

    #[test]
    fn a_random_id_may_be_negative() {
        let cli = Cli::try_parse_from(["nanogram", "start", "@b", "x", "--random-id", "-4156887774564"]).unwrap();
        let Command::Start(args) = cli.command else { panic!() };
        assert_eq!(args.random_id, Some(-4_156_887_774_564));
    }
}
