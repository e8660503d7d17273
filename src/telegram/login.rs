//! Sign-in logic without I/O: requests to send, and the meaning of their results.
//!
//! ```text
//! phone ─▶ auth.sendCode ─▶ CodeSent::Waiting ─ code ─▶ auth.signIn ─▶ Account
//!                              │        ▲                  └─▶ SESSION_PASSWORD_NEEDED ─▶ Question ─ password ─▶ Account
//!                              └ resend ┘
//! nothing ─▶ auth.exportLoginToken ─▶ a QR code, renewed every half minute ─▶ Account, or another data centre
//! ```
//!
//! Accounts are never registered: a number without an account is an error. Spec: api/auth, api/qr-login, api/srp

#[cfg(feature = "srp")]
mod password;
#[cfg(feature = "srp")]
pub use password::Question;

#[cfg(feature = "srp")]
use crate::crypto::srp::SrpError;
use crate::protocol::session::RpcError;
use crate::telegram::api::Boxed;
use crate::telegram::api::auth::{
    AnyAuthorization, AnySentCode, CodeSettings, CodeType, EmailVerificationCode, ExportLoginToken,
    ImportBotAuthorization, ResendCode, SendCode, SentCode, SentCodeType, SignIn,
};
use crate::telegram::store::{base64url, from_base64url};
use crate::tl::{DecodeError, Hidden};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// Credentials of the application, from my.telegram.org.
#[derive(Debug, Clone)]
pub struct App {
    /// The `api_id`.
    pub api_id: i32,
    /// The `api_hash`, a secret.
    pub api_hash: Hidden,
}

/// The account that is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The user id.
    pub id: i64,
    /// True if the account is a bot. Bots cannot start bots.
    pub is_bot: bool,
}

/// Result of entering a code or accepting a QR code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// The account is signed in.
    In(Account),
    /// A two-factor password is needed as well.
    PasswordNeeded,
}

/// Result of requesting a code.
#[derive(Debug, Clone, PartialEq)]
pub enum CodeSent {
    /// A code was sent.
    Waiting(Waiting),
    /// No code was needed.
    SignedIn(Account),
}

/// A login code that was sent and has not been entered yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Identifier that the following calls must repeat.
    pub phone_code_hash: Hidden,
    /// Sentence that tells the user where to find the code.
    pub says: String,
    /// Length of the code in characters, if known.
    pub length: Option<usize>,
    /// True if the code is sent by e-mail. It then goes into a different field of [`SignIn`].
    pub is_by_mail: bool,
    /// Next delivery method and the seconds until it can be requested.
    pub next: Option<(&'static str, i32)>,
}

/// Error that ends a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginError {
    /// Phone number without an account.
    NoAccount,
    /// Payment required, in an official app.
    PaymentRequired,
    /// E-mail address required, to be set in an official app.
    MailRequired,
    /// Delivery method reserved for official apps.
    OfficialAppsOnly,
    /// Result without a user.
    NoUser,
    /// User that cannot be decoded, because it belongs to another layer.
    Unreadable(DecodeError),
    /// Unknown password algorithm. The password is not sent in any other form.
    UnknownAlgorithm,
    /// Account without a password.
    NoPassword,
    /// Unsafe SRP parameters from the server.
    #[cfg(feature = "srp")]
    Srp(SrpError),
}

impl LoginError {
    /// Returns advice for the user, if the error itself contains none.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoUser => "the server's answer does not match the schema: a newer version may support it",
            Self::UnknownAlgorithm => "the password was not sent; a newer version may support its algorithm",
            Self::NoPassword => "sign in without one",
            #[cfg(feature = "srp")]
            Self::Srp(_) => "the password was not sent: this may not be the right server",
            _ => return None,
        })
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAccount => f.write_str("no account has this number: sign up with an official app first"),
            Self::PaymentRequired => f.write_str("a code for this number must be paid for in an official app"),
            Self::MailRequired => f.write_str("an email address must be set for this account in an official app first"),
            Self::OfficialAppsOnly => {
                f.write_str("the code can only be delivered in a way that is reserved for official apps")
            }
            Self::NoUser => f.write_str("the server's answer contains no user"),
            Self::Unreadable(e) => write!(f, "the user in the server's answer cannot be read: {e}"),
            Self::UnknownAlgorithm => f.write_str("the password uses an algorithm that this version does not support"),
            Self::NoPassword => f.write_str("the account has no password"),
            #[cfg(feature = "srp")]
            Self::Srp(e) => e.fmt(f),
        }
    }
}
impl core::error::Error for LoginError {}

/// Builds the request for a login code.
pub fn send_code(app: &App, phone: &str) -> SendCode {
    SendCode {
        phone_number: Hidden(phone.to_string()),
        api_id: app.api_id,
        api_hash: app.api_hash.clone(),
        settings: Boxed(CodeSettings::default()),
    }
}

/// Builds the request for the code by the next delivery method.
pub fn resend_code(phone: &str, waiting: &Waiting) -> ResendCode {
    ResendCode {
        phone_number: Hidden(phone.to_string()),
        phone_code_hash: waiting.phone_code_hash.clone(),
        reason: None,
    }
}

/// Builds the sign-in request with the code.
///
/// The code is sent as `phone_code`, or only as `email_verification` if it came by e-mail, as TDLib does
/// (`AuthManager::send_auth_sign_in_query`).
pub fn sign_in(phone: &str, waiting: &Waiting, code: &str) -> SignIn {
    // A pasted code often has white space around it.
    let code = Hidden(code.trim().to_string());
    let (phone_code, email_verification) =
        if waiting.is_by_mail { (None, Some(EmailVerificationCode { code }.into())) } else { (Some(code), None) };
    SignIn {
        phone_number: Hidden(phone.to_string()),
        phone_code_hash: waiting.phone_code_hash.clone(),
        phone_code,
        email_verification,
    }
}

/// Builds the sign-in request of a bot, which cannot start other bots.
pub fn bot(app: &App, token: &str) -> ImportBotAuthorization {
    ImportBotAuthorization {
        flags: 0,
        api_id: app.api_id,
        api_hash: app.api_hash.clone(),
        bot_auth_token: Hidden(token.to_string()),
    }
}

/// Builds the request for a token to show as a QR code.
pub fn qr_token(app: &App) -> ExportLoginToken {
    // `except_ids` lists accounts that are signed in already, of which there is none.
    ExportLoginToken { api_id: app.api_id, api_hash: app.api_hash.clone(), except_ids: Vec::new() }
}

/// Prefix of the link in a QR code.
const QR_LINK: &str = "tg://login?token=";

/// Returns the link for a QR code: `tg://login?token=` and the token in base64url.
pub fn qr_link(token: &[u8]) -> String {
    format!("{QR_LINK}{}", base64url(token))
}

/// Extracts the token from the link of a QR code; `None` for any other link.
pub fn token_of_link(link: &str) -> Option<Vec<u8>> {
    let token = from_base64url(link.trim().strip_prefix(QR_LINK)?).ok()?;
    Some(token.to_vec()).filter(|token| !token.is_empty())
}

/// Interprets the result of requesting a code.
///
/// # Errors
/// No code will be delivered in a way that this program can use.
pub fn code_sent(answer: AnySentCode) -> Result<CodeSent, LoginError> {
    match answer {
        AnySentCode::Sent(sent) => waiting(sent).map(CodeSent::Waiting),
        AnySentCode::Success(success) => account(&success.authorization).map(CodeSent::SignedIn),
        AnySentCode::PaymentRequired(_) => Err(LoginError::PaymentRequired),
    }
}

fn waiting(sent: SentCode) -> Result<Waiting, LoginError> {
    let is_by_mail = matches!(sent.type_, SentCodeType::EmailCode(_));
    let (says, length) = match sent.type_ {
        SentCodeType::App(t) => ("the code is in a message from Telegram, in your other app".into(), Some(t.length)),
        SentCodeType::Sms(t) => ("the code comes by SMS".into(), Some(t.length)),
        SentCodeType::Call(t) => ("you will be called, and a voice reads out the code".into(), Some(t.length)),
        SentCodeType::FlashCall(t) => {
            (format!("you will be called by a number like {}: the number itself is the code", t.pattern), None)
        }
        SentCodeType::MissedCall(t) => (
            format!(
                "you will be called by a number that begins with {}: the last {} digits are the code",
                t.prefix.0, t.length
            ),
            Some(t.length),
        ),
        SentCodeType::EmailCode(t) => (format!("the code comes by mail to {}", t.email_pattern.0), Some(t.length)),
        SentCodeType::SetUpEmailRequired(_) => return Err(LoginError::MailRequired),
        SentCodeType::FragmentSms(t) => (format!("the code is at {}", t.url), Some(t.length)),
        // Firebase delivery is possible only for official apps; another method may follow.
        SentCodeType::FirebaseSms(t) if sent.next_type.is_some() => {
            ("the code comes in a way that only official apps can use".into(), Some(t.length))
        }
        SentCodeType::FirebaseSms(_) => return Err(LoginError::OfficialAppsOnly),
        SentCodeType::SmsWord(t) => (begins("a word", t.beginning), None),
        SentCodeType::SmsPhrase(t) => (begins("a phrase", t.beginning), None),
    };
    let length = length.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let next = sent.next_type.as_ref().map(|next| (way(next), sent.timeout.unwrap_or(0)));
    Ok(Waiting { phone_code_hash: sent.phone_code_hash, says, length, is_by_mail, next })
}

fn begins(what: &str, beginning: Option<String>) -> String {
    match beginning {
        Some(beginning) => format!("the code comes by SMS: {what} that begins with {beginning}"),
        None => format!("the code comes by SMS: {what}"),
    }
}

const fn way(next: &CodeType) -> &'static str {
    match next {
        CodeType::Sms(_) => "by SMS",
        CodeType::Call(_) => "by a call that reads it out",
        CodeType::FlashCall(_) => "as the number of a call",
        CodeType::MissedCall(_) => "as the last digits of the number of a call",
        CodeType::FragmentSms(_) => "at fragment.com",
    }
}

/// Returns the account in the result of a sign-in.
///
/// # Errors
/// The number has no account, or the result contains no user.
pub fn account(answer: &AnyAuthorization) -> Result<Account, LoginError> {
    match answer {
        AnyAuthorization::SignedIn(signed_in) => match signed_in.user.head() {
            Ok(Some(user)) => Ok(Account { id: user.id, is_bot: user.bot }),
            Ok(None) => Err(LoginError::NoUser),
            Err(error) => Err(LoginError::Unreadable(error)),
        },
        // Registering an account is up to the user and is never done silently.
        AnyAuthorization::SignUpRequired(_) => Err(LoginError::NoAccount),
    }
}

/// A problem with a code or password that the user can solve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// A two-factor password is needed as well.
    PasswordNeeded,
    /// Wrong code, which can be entered again.
    WrongCode,
    /// Expired code; a new one must be requested.
    ExpiredCode,
    /// Wrong password, which can be entered again.
    WrongPassword,
    /// Expired SRP parameters; they must be requested again.
    StaleQuestion,
    /// Sign-in must be restarted.
    Restart,
    /// Invalid phone number.
    WrongNumber,
}

impl Problem {
    /// Converts an error of `auth.*`; `None` if the user can do nothing about it.
    pub fn of(error: &RpcError) -> Option<Self> {
        Some(match &*error.message {
            "SESSION_PASSWORD_NEEDED" => Self::PasswordNeeded,
            // For codes by e-mail: method/account.verifyEmail#possible-errors
            "PHONE_CODE_INVALID" | "PHONE_CODE_EMPTY" | "CODE_INVALID" => Self::WrongCode,
            "PHONE_CODE_EXPIRED" | "EMAIL_VERIFY_EXPIRED" => Self::ExpiredCode,
            "PASSWORD_HASH_INVALID" => Self::WrongPassword,
            "SRP_ID_INVALID" => Self::StaleQuestion,
            "AUTH_RESTART" => Self::Restart,
            "PHONE_NUMBER_INVALID" => Self::WrongNumber,
            _ => return None,
        })
    }
}

/// Returns advice for an error of `auth.*` as a sentence; `None` for all other errors.
///
/// Spec: method/auth.sendCode#possible-errors, method/auth.signIn#possible-errors
pub fn hint(error: &RpcError) -> Option<&'static str> {
    let (kind, _) = error.kind();
    HINTS.iter().find(|row| row.0 == kind).map(|row| row.1)
}

const HINTS: [(&str, &str); 17] = [
    ("API_ID_PUBLISHED_FLOOD", "this api_id is public: get your own from my.telegram.org"),
    ("AUTH_RESTART", "the server has dropped this sign-in: start again"),
    ("AUTH_TOKEN_EXPIRED", "the QR code has expired: start again"),
    ("AUTH_TOKEN_INVALID", "the QR code was used before: start again"),
    ("CODE_INVALID", "the code is wrong: look it up, and type it again"),
    ("EMAIL_VERIFY_EXPIRED", "the code in the mail is too old, or was used: ask for another"),
    ("PASSWORD_HASH_INVALID", "the password is wrong; an official app can reset one that is forgotten"),
    ("PHONE_CODE_EMPTY", "type the code"),
    ("PHONE_CODE_EXPIRED", "the code is too old, or was used: ask for another"),
    ("PHONE_CODE_INVALID", "the code is wrong: look it up, and type it again"),
    ("PHONE_NUMBER_BANNED", "this number is banned from Telegram"),
    ("PHONE_NUMBER_FLOOD", "codes were asked for too often with this number: try again tomorrow"),
    ("PHONE_NUMBER_INVALID", "this number is invalid: write it with the country's code, as +10000000001"),
    ("PHONE_NUMBER_UNOCCUPIED", "no account has this number: sign up with an official app first"),
    ("PHONE_PASSWORD_FLOOD", "there were too many wrong passwords or codes: try again later"),
    ("SEND_CODE_UNAVAILABLE", "the code comes in no other way: use the one that was sent, or try again later"),
    ("UPDATE_APP_TO_LOGIN", "Telegram no longer accepts this version for signing in: use a newer one"),
];

/// Returns the data centre of a redirect such as `PHONE_MIGRATE_2`, code 303.
///
/// The caller must check that the data centre is known.
pub fn migrate_to(error: &RpcError) -> Option<u8> {
    match (error.code, error.kind()) {
        (303, ("PHONE_MIGRATE" | "NETWORK_MIGRATE" | "USER_MIGRATE" | "FILE_MIGRATE" | "STATS_MIGRATE", Some(dc))) => {
            u8::try_from(dc).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
