//! Failures: a kind and a number. The sentences of the library's errors would take 7 KB here.

use crate::console::{print, unsigned};
use alloc::string::String;
use nanogram::base::entropy::EntropyFailed;
use nanogram::crypto::rsa::RsaError;
use nanogram::protocol::connection::ConnectionError;
use nanogram::protocol::session::CallError;
use nanogram::telegram::link::StartParamError;
use nanogram::telegram::start::StartError;
use nanogram::tl::DecodeError;

/// Reason why the bot was not started.
pub struct Failure {
    what: &'static str,
    /// Error code of the server, or position of the error in bytes.
    number: i32,
    /// Error name from the server.
    word: String,
}

impl Failure {
    fn numbered(what: &'static str, number: i32) -> Self {
        Self { what, number, word: String::new() }
    }
    /// Prints the failure on one line.
    pub fn print(&self) {
        let sign = if self.number < 0 { "-" } else { "" };
        print(&["error: ", self.what, " ", sign, &unsigned(self.number.unsigned_abs()), " ", &self.word]);
    }
}

impl From<&'static str> for Failure {
    fn from(what: &'static str) -> Self {
        Self::numbered(what, 0)
    }
}
impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Frame(_) => "the stream cannot be cut into packets".into(),
            ConnectionError::Fault(fault) => Self::numbered("the server closes the connection:", fault.code()),
            ConnectionError::Handshake(_) => "the key exchange failed".into(),
            _ => "a packet was not taken".into(),
        }
    }
}
impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(error) => Self { what: "refused:", number: error.code, word: error.message },
            CallError::Undeliverable(code) => Self::numbered("not received:", code),
            _ => "the answer cannot be read".into(),
        }
    }
}
impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::numbered("the answer is no such value at byte", i32::try_from(error.at).unwrap_or(i32::MAX))
    }
}
impl From<StartError> for Failure {
    fn from(_: StartError) -> Self {
        "this is no bot".into()
    }
}
impl From<StartParamError> for Failure {
    fn from(_: StartParamError) -> Self {
        "no bot takes this parameter".into()
    }
}
impl From<RsaError> for Failure {
    fn from(_: RsaError) -> Self {
        "these numbers are no RSA key".into()
    }
}
impl From<EntropyFailed> for Failure {
    fn from(_: EntropyFailed) -> Self {
        "no randomness".into()
    }
}
