//! Failures of commands: as text, as JSON and as an exit code.

use crate::redact::{redact, redact_misplaced};
use crate::tree;
use clap::error::{ContextKind, ContextValue};
use nanogram::client::Error;
use nanogram::protocol::connection::ConnectionError;
use nanogram::protocol::handshake::{HandshakeError, Unproven};
use nanogram::protocol::session::{RpcError, SessionError};
use nanogram::telegram::api::LAYER;
use nanogram::telegram::hints;
use nanogram::telegram::login::LoginError;
use nanogram::telegram::start::{StartError, WhoError};
use nanogram::telegram::store::StringError;
use nanogram::tl::{DecodeError, Fault};
use serde_json::{Value, json};
use std::io;
use std::process::ExitCode;

/// Exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Closed stdout, as after `| head`: not a failure of the command.
    ReaderGone = 0,
    Other = 1,
    Usage = 2,
    Network = 3,
    NotSignedIn = 4,
    Refused = 5,
    TimedOut = 6,
    /// Interrupted by Ctrl-C: 128 + SIGINT, as in shells.
    Interrupted = 130,
}

/// Failure of a command.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    /// Error code of the server, if the server refused.
    code: Option<i32>,
    kind: String,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, kind: &str, message: impl Into<String>) -> Self {
        Self { exit, code: None, kind: kind.into(), message: message.into(), hint: None }
    }
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "USAGE", message)
    }
    /// Error of the server, or one that the server would return and that is detected before sending.
    pub(crate) fn refused(code: i32, name: &str) -> Self {
        let error = RpcError::new(code, name);
        let hint = hints::hint(&error).map(Into::into);
        Self { code: Some(code), hint, ..Self::new(Exit::Refused, name, format!("{name} ({code})")) }
    }
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Replaces the message.
    pub(crate) fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Copy without secrets that were typed in the wrong place.
    pub(crate) fn redacted(&self) -> Self {
        let Self { exit, code, kind, message, hint } = self;
        let hint = hint.as_deref().map(redact);
        Self { exit: *exit, code: *code, kind: kind.clone(), message: redact(message), hint }
    }

    /// Returns true for an error returned by the server.
    pub(crate) const fn is_of_server(&self) -> bool {
        matches!(self.code, Some(400..))
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }
    pub(crate) fn json(&self) -> Value {
        let Self { code, kind, message, hint, .. } = self;
        json!({ "ok": false, "error": { "code": code, "type": kind, "message": message, "hint": hint } })
    }
    /// Message and hint, for printing.
    pub(crate) fn lines(&self) -> (&str, Option<&str>) {
        (&self.message, self.hint.as_deref())
    }
}

/// One row per kind of error: exit code, the server's error code, name for programs.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        use Exit::{Network, NotSignedIn, Other, Refused, TimedOut, Usage};
        let hint = error.hint();
        let (exit, code, kind) = match &error {
            Error::Start(e) => return Self::from(*e),
            Error::NotSignedIn(e) => (NotSignedIn, Some(e.code), e.message.as_str()),
            Error::KeyLost(_) => (NotSignedIn, Some(-404), "AUTH_KEY_NOT_FOUND"),
            Error::NoSuchName { error: e, .. }
            | Error::Flood { error: e, .. }
            | Error::Rpc(e)
            | Error::Told { error: e, .. } => (Refused, Some(e.code), e.message.as_str()),
            Error::Who(_) => (Usage, None, "USAGE"),
            Error::Session(_) => (Usage, None, "SESSION_INVALID"),
            Error::Realm(_) => (Usage, None, "REALM"),
            Error::NeedsGroup => (Usage, None, "GROUP_NEEDED"),
            Error::UnknownDc(_) => (Other, None, "NO_SUCH_DC"),
            Error::Login(LoginError::NoAccount) => (Refused, None, "NO_ACCOUNT"),
            Error::Login(_) => (Refused, None, "LOGIN"),
            Error::Network { error: e, .. } if e.kind() == io::ErrorKind::TimedOut => (TimedOut, None, "TIMED_OUT"),
            Error::Network { .. } | Error::Closed => (Network, None, "NETWORK"),
            Error::Connection(e) => return Self::from(e.clone()),
            Error::Timeout => (TimedOut, None, "TIMED_OUT"),
            Error::Decode(_) | Error::Call(_) => (Network, None, "PROTOCOL"),
            Error::CallLength(_) => (Usage, None, "CALL_LENGTH"),
            _ => (Other, None, "INTERNAL"),
        };
        let message = match &error {
            Error::Rpc(e) | Error::Flood { error: e, .. } => format!("{} ({})", e.message, e.code),
            Error::Decode(DecodeError { fault: Fault::Id(id), .. }) => format!(
                "the answer is not of layer {LAYER}, which was asked for: {} does not belong there",
                tree::constructor(*id)
            ),
            Error::NoSuchName { error: e, .. } => format!("{error}: {} ({})", e.message, e.code),
            Error::NotSignedIn(e) if e.is("ENCRYPTED_MESSAGE_INVALID") => {
                format!("the server does not know the session's key: {} ({})", e.message, e.code)
            }
            other => other.to_string(),
        };
        Self { exit, code, kind: kind.into(), message, hint }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::refused(error.code(), error.name())
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        let (exit, code, kind, hint) = match &error {
            ConnectionError::Handshake(HandshakeError::TimedOut) => (Exit::TimedOut, None, "TIMED_OUT", None),
            ConnectionError::Handshake(HandshakeError::Peer(Unproven::Fingerprint)) => {
                (Exit::Network, None, "WRONG_KEY", Some("--key must be the public key of the server at this address"))
            }
            ConnectionError::Fault(fault) => (Exit::Network, Some(fault.code()), "TRANSPORT", None),
            // The server has proved that it knows the key: the address is right, and the packet is at fault.
            ConnectionError::Session(SessionError::Gzip) => (
                Exit::Network,
                None,
                "PROTOCOL",
                Some("the packet was dropped, and the connection closed; a packet may inflate to 8 MiB, and only once"),
            ),
            ConnectionError::Session(_) => (Exit::Network, None, "PROTOCOL", None),
            _ => (Exit::Network, None, "PROTOCOL", Some("check that an MTProto server listens at this address")),
        };
        let hint = hint.map(Into::into);
        Self { exit, code, kind: kind.into(), message: error.to_string(), hint }
    }
}

impl From<WhoError> for Failure {
    fn from(error: WhoError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<StringError> for Failure {
    fn from(error: StringError) -> Self {
        Error::Session(error).into()
    }
}

impl From<io::Error> for Failure {
    /// Converts an error of a socket; errors of files are converted where they occur, with the path.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                Self::new(Exit::TimedOut, "TIMED_OUT", "no answer in time")
            }
            _ => Self::new(Exit::Network, "NETWORK", error.to_string()),
        }
    }
}

/// Text of a command-line error, without secrets.
pub(crate) fn text_of_clap(error: &clap::Error, words: &[String]) -> String {
    redact_misplaced(&whole_words(error, words), words.iter().cloned())
}

/// Text of a command-line error that shows a word such as `-abc` in full: clap parses it as flags and reports only
/// `-a`.
fn whole_words(error: &clap::Error, words: &[String]) -> String {
    let text = error.render().to_string();
    let Some(ContextValue::String(named)) = error.get(ContextKind::InvalidArg) else { return text };
    // Only an argument of the form `-x` is incomplete.
    let mut letters = named.chars().skip(1);
    let (true, Some(letter), None) = (named.starts_with('-'), letters.next(), letters.next()) else { return text };
    let is_meant = |word: &&String| word.starts_with('-') && !word.starts_with("--") && word.contains(letter);
    match words.iter().take_while(|word| *word != "--").find(is_meant) {
        Some(word) if letter != '-' => text
            .replace(&format!("'{named}'"), &format!("'{word}'"))
            .replace(&format!("-- {named}'"), &format!("-- {word}'")),
        _ => text,
    }
}

/// Converts a command-line error; `None` for help and version, which clap reports as errors too.
///
/// The command line did not parse, so `--json` is looked for among its words.
pub(crate) fn of_clap(error: &clap::Error, words: &[String]) -> Option<Failure> {
    let wants_json = words.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    if !error.use_stderr() || !wants_json {
        return None;
    }
    let text = text_of_clap(error, words);
    let message: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let message = message.join(" ");
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let hint = tip.unwrap_or("see `nanogram help` and `nanogram help COMMAND`");
    Some(Failure::usage(message.trim_start_matches("error: ")).hint(hint))
}
