//! The commands that act for an account: signing in and out, starting bots.

use clap::Args;
use std::path::PathBuf;

/// Which account, at which data centre.
#[derive(Debug, Args)]
pub(crate) struct AccountArgs {
    /// A session file; or a session string of nanogram, Telethon, GramJS, Pyrogram or mtcute, `-` to read it from stdin
    /// [default: the file of `nanogram login`]
    #[arg(
        long,
        value_name = "FILE|STRING",
        env = "NANOGRAM_SESSION",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    pub(crate) session: Option<String>,

    /// Telegram's test environment, which has accounts and a session file of its own
    #[arg(long)]
    pub(crate) test: bool,

    /// The application's id from my.telegram.org; a --dc needs none
    #[arg(long, value_name = "N", env = "NANOGRAM_API_ID", hide_env_values = true,
        value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) api_id: Option<i32>,

    /// Another data centre than Telegram's: host:port
    #[arg(long, value_name = "ADDR", requires = "key")]
    pub(crate) dc: Option<String>,

    /// Its public RSA key: a PEM file, or the PEM text itself
    #[arg(long, value_name = "PEM", requires = "dc", allow_hyphen_values = true)]
    pub(crate) key: Option<String>,

    /// Give up after so long
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,

    /// Wait for as long as this if the server says FLOOD_WAIT; for more, give up and say so
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(crate) flood_wait: u64,

    /// Without perfect forward secrecy: encrypt with the account's own key, not with one made for today
    #[arg(long)]
    pub(crate) no_pfs: bool,

    /// Append the keys in use to this file, for `nanogram decode`: whoever has it can read, and while a key lives forge,
    /// all that is said. With --no-pfs it holds the account's own key, which is as good as the session
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,
}

pub(super) const LOGIN_EXAMPLES: &str = "\
Examples:
  export NANOGRAM_API_ID=12345 NANOGRAM_API_HASH=0123...     (my.telegram.org gives everybody a pair)
  nanogram login                              asks for the number, the code, and the password if there is one
  nanogram login --phone +10000000001
  nanogram login --qr                         shows a QR code for an app that is signed in
  printf '%s\\n' 12345 'my password' | nanogram login --phone +10000000001 --json
  nanogram login --dc 127.0.0.1:4430 --key dc.pem --session test.session     (against `nanogram dc`)

Where stdin is no terminal, the answers are its lines, in the order in which they are asked for. The password is not shown
while it is typed. Nobody is ever signed up: a number without an account is an error.";

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The phone number, with the country's code [default: it is asked for]
    #[arg(long, value_name = "NUMBER", conflicts_with = "qr", allow_hyphen_values = true)]
    pub(crate) phone: Option<String>,

    /// Show a QR code instead, for an app that is signed in: Settings > Devices > Link Desktop Device
    #[arg(long)]
    pub(crate) qr: bool,

    /// Refused: only users can start bots
    #[arg(long, value_name = "TOKEN", hide = true)]
    pub(crate) bot_token: Option<String>,

    /// Sign in although the session file is signed in, and replace what it holds
    #[arg(long)]
    pub(crate) force: bool,

    /// The application's secret from my.telegram.org; a --dc needs none
    #[arg(long, value_name = "HASH", env = "NANOGRAM_API_HASH", hide_env_values = true)]
    pub(crate) api_hash: Option<String>,

    #[command(flatten)]
    pub(crate) account: AccountArgs,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) const LOGOUT_EXAMPLES: &str = "\
Examples:
  nanogram logout
  nanogram logout --force           removes the file even if the server cannot be told; the account then still lists
                                    the session, until an official app ends it under Settings > Devices";

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// Remove the file even if the server cannot be told
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) account: AccountArgs,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) const START_EXAMPLES: &str = "\
Examples:
  nanogram start 'https://t.me/my_bot?start=hello_42'
  nanogram start @my_bot hello_42
  nanogram start @my_bot hello_42 --peer @my_group --random-id -4156887774564
  nanogram start @my_bot hello_42 --dc 127.0.0.1:4430 --key dc.pem      (against `nanogram dc`)

The account is that of `nanogram login`, or --session, or NANOGRAM_SESSION. A parameter that begins with a hyphen goes
after `--`.";

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// A start link, @bot, or user:ID:HASH
    #[arg(value_name = "LINK|@BOT")]
    pub(crate) bot: String,

    /// The start parameter, if the link has none: up to 64 of A-Z a-z 0-9 _ -
    #[arg(value_name = "PARAM")]
    pub(crate) param: Option<String>,

    /// Where to start it: @name, me, chat:ID, user:ID:HASH or channel:ID:HASH [default: in the chat with the bot]
    #[arg(long, value_name = "PEER")]
    pub(crate) peer: Option<String>,

    /// With the same number a start is executed once, however often it is sent [default: random]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) random_id: Option<i64>,

    /// Wait so long for the bot's answer [default: 3, with --json 0]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) wait: Option<u64>,

    #[command(flatten)]
    pub(crate) account: AccountArgs,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
