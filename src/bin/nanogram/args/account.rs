//! Commands that act for an account: signing in and out, starting bots.

use super::value;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Account, server and timeouts.
#[derive(Debug, Args)]
pub(crate) struct AccountArgs {
    /// Session file, or a session string of nanogram, Telethon, GramJS, Pyrogram or mtcute; `-` for stdin [default: the
    /// file of `nanogram login`]
    #[arg(
        long,
        value_name = "FILE|STRING",
        env = "NANOGRAM_SESSION",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    pub(crate) session: Option<String>,

    /// Use Telegram's test environment, with a separate session file
    #[arg(long)]
    pub(crate) test: bool,

    /// Application id from my.telegram.org; optional with --dc
    #[arg(long, value_name = "N", env = "NANOGRAM_API_ID", hide_env_values = true,
        value_parser = value::api_id)]
    pub(crate) api_id: Option<i32>,

    /// Connect to this data centre instead of Telegram's: host:port
    #[arg(long, value_name = "ADDR", requires = "key", value_parser = value::address)]
    pub(crate) dc: Option<String>,

    /// Public RSA key of --dc: a PEM file or PEM text
    #[arg(long, value_name = "PEM", requires = "dc", allow_hyphen_values = true)]
    pub(crate) key: Option<String>,

    /// Time limit for each call, such as 500ms, 30s or 2m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = value::timeout)]
    pub(crate) timeout: Duration,

    /// Longest FLOOD_WAIT to sleep through
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = value::duration)]
    pub(crate) flood_wait: Duration,

    /// Disable perfect forward secrecy: use the permanent key instead of temporary ones
    #[arg(long)]
    pub(crate) no_pfs: bool,

    /// Append the keys in use to this key log, for `nanogram decode`. Keep it secret: its keys decrypt and forge messages,
    /// and with --no-pfs they give access to the account
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,
}

pub(super) const LOGIN_EXAMPLES: &str = "\
Examples:
  export NANOGRAM_API_ID=12345 NANOGRAM_API_HASH=0123...
  nanogram login
  nanogram login --phone +10000000001
  nanogram login --qr
  printf '%s\\n' 12345 'my password' | nanogram login --phone +10000000001
  nanogram login --dc 127.0.0.1:4430 --key dc.pem --session test.session

my.telegram.org issues the api_id and api_hash. If stdin is not a terminal, its lines are the answers, in the order of \
the questions. Passwords are not echoed. Nobody is signed up: a number without an account is an error.";

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Phone number, with the country code [default: prompt]
    #[arg(long, value_name = "NUMBER", conflicts_with = "qr", allow_hyphen_values = true)]
    pub(crate) phone: Option<String>,

    /// Sign in with a QR code; scan it in an app under Settings > Devices > Link Desktop Device
    #[arg(long)]
    pub(crate) qr: bool,

    /// Refused: only users can start bots
    #[arg(long, value_name = "TOKEN", hide = true)]
    pub(crate) bot_token: Option<String>,

    /// Sign in again, and replace the session in the file
    #[arg(long)]
    pub(crate) force: bool,

    /// Application hash from my.telegram.org; optional with --dc
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
  nanogram logout --force

With --force the session stays on the server if it cannot be reached. End it in an app under Settings > Devices.";

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// Remove the file even if the server cannot be reached
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
  nanogram start @my_bot hello_42 --wait 5s
  nanogram start @my_bot hello_42 --dc 127.0.0.1:4430 --key dc.pem

Put a parameter that begins with a hyphen after `--`. With --wait the exit code is 6 if the bot does not answer in time.";

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Start link, @bot, or user:ID:HASH
    #[arg(value_name = "LINK|@BOT")]
    pub(crate) bot: String,

    /// Start parameter, if the link has none: up to 64 of A-Z a-z 0-9 _ -
    #[arg(value_name = "PARAM")]
    pub(crate) param: Option<String>,

    /// Chat to start the bot in: @name, me, chat:ID, user:ID:HASH or channel:ID:HASH [default: the bot's private chat]
    #[arg(long, value_name = "PEER")]
    pub(crate) peer: Option<String>,

    /// Deduplication number: the server executes a start with the same number only once [default: random]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) random_id: Option<i64>,

    /// Time to wait for the bot's answer; exit with 6 if there is none [default: 3s, or 0s with --json; always exit with 0]
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub(crate) wait: Option<Duration>,

    #[command(flatten)]
    pub(crate) account: AccountArgs,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
