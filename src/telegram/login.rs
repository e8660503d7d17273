//! The pure pieces of signing in: what to send, what the answers mean, whom they make of us.
//!
//! ```text
//! phone ─▶ auth.sendCode ─▶ CodeSent::Waiting ─ code ─▶ auth.signIn ─▶ Account
//!                              │        ▲                  └─▶ SESSION_PASSWORD_NEEDED ─▶ Question ─ password ─▶ Account
//!                              └ resend ┘
//! nothing ─▶ auth.exportLoginToken ─▶ a QR code, every half minute a new one ─▶ Account, or another data centre
//! ```
//!
//! Nobody is ever signed up: a number without an account is an error that says so. Spec: api/auth, api/qr-login, api/srp

#[cfg(feature = "srp")]
use crate::base::entropy::Entropy;
#[cfg(feature = "srp")]
use crate::crypto::srp::{Kdf, PasswordHash, SrpError};
use crate::protocol::session::RpcError;
use crate::telegram::api::Boxed;
#[cfg(feature = "srp")]
use crate::telegram::api::account::{InputCheckPasswordSrpProof, Password, PasswordKdfAlgo};
#[cfg(feature = "srp")]
use crate::telegram::api::auth::CheckPassword;
use crate::telegram::api::auth::{
    AnyAuthorization, AnySentCode, CodeSettings, CodeType, EmailVerificationCode, ExportLoginToken,
    ImportBotAuthorization, ResendCode, SendCode, SentCode, SentCodeType, SignIn,
};
use crate::telegram::store::{base64url, from_base64url};
#[cfg(feature = "srp")]
use crate::tl::Blob;
use crate::tl::{DecodeError, Hidden};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// Who the application is, from my.telegram.org.
#[derive(Debug, Clone)]
pub struct App {
    /// Its number.
    pub api_id: i32,
    /// Its secret.
    pub api_hash: Hidden,
}

/// Who is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The user's id.
    pub id: i64,
    /// Whether it is a bot. Bots cannot start bots.
    pub is_bot: bool,
}

/// What a code or a QR code led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// Signed in.
    In(Account),
    /// The account has a password, too.
    PasswordNeeded,
}

/// What became of asking for a code.
#[derive(Debug, Clone, PartialEq)]
pub enum CodeSent {
    /// It is on its way.
    Waiting(Waiting),
    /// None was needed.
    SignedIn(Account),
}

/// A code is on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// What the next calls must repeat.
    pub phone_code_hash: Hidden,
    /// Where to look for it, in a sentence.
    pub says: String,
    /// How many characters it has, if that is known.
    pub length: Option<usize>,
    /// Whether it comes by mail: then it is shown in another field of [`SignIn`].
    pub is_by_mail: bool,
    /// How it would come if asked for again, and in how many seconds that is allowed.
    pub next: Option<(&'static str, i32)>,
}

/// Why nobody is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginError {
    /// Nobody has this number.
    NoAccount,
    /// The code must be paid for in an official app.
    PaymentRequired,
    /// A mail address must be given in an official app first.
    MailRequired,
    /// The code comes by a way that only official apps may use.
    OfficialAppsOnly,
    /// The answer holds no user.
    NoUser,
    /// The user in the answer cannot be read, because it is of another layer.
    Unreadable(DecodeError),
    /// The password's algorithm is one that is not known: it is not sent in any other way.
    UnknownAlgorithm,
    /// The account has no password.
    NoPassword,
    /// The server's parameters for the password are not safe.
    #[cfg(feature = "srp")]
    Srp(SrpError),
}

impl LoginError {
    /// What a person can do about it, where the error itself does not say.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoUser => "the server's answer is not what the schema says: a newer version may understand it",
            Self::UnknownAlgorithm => "the password was not sent; a newer version may know its algorithm",
            Self::NoPassword => "sign in without one",
            #[cfg(feature = "srp")]
            Self::Srp(_) => "the password was not sent: is this server the one it should be?",
            _ => return None,
        })
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAccount => f.write_str("nobody has this number: sign up with an official app first"),
            Self::PaymentRequired => f.write_str("a code for this number must be paid for in an official app"),
            Self::MailRequired => f.write_str("a mail address must be set for this account in an official app first"),
            Self::OfficialAppsOnly => {
                f.write_str("the code would come by a way that only official apps may use, and there is no other")
            }
            Self::NoUser => f.write_str("the server's answer names no user"),
            Self::Unreadable(e) => write!(f, "the user in the server's answer cannot be read: {e}"),
            Self::UnknownAlgorithm => f.write_str("the password is kept in a way that this version does not know"),
            Self::NoPassword => f.write_str("the account has no password"),
            #[cfg(feature = "srp")]
            Self::Srp(e) => e.fmt(f),
        }
    }
}
impl core::error::Error for LoginError {}

/// Asks for a code.
pub fn send_code(app: &App, phone: &str) -> SendCode {
    SendCode {
        phone_number: Hidden(phone.to_string()),
        api_id: app.api_id,
        api_hash: app.api_hash.clone(),
        settings: Boxed(CodeSettings::default()),
    }
}

/// Asks for it by the next way.
pub fn resend_code(phone: &str, waiting: &Waiting) -> ResendCode {
    ResendCode {
        phone_number: Hidden(phone.to_string()),
        phone_code_hash: waiting.phone_code_hash.clone(),
        reason: None,
    }
}

/// Shows the code: as `phone_code`, or as `email_verification` alone if it came by mail, as TDLib does
/// (`AuthManager::send_auth_sign_in_query`).
pub fn sign_in(phone: &str, waiting: &Waiting, code: &str) -> SignIn {
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

/// Signs in as a bot, which then can do a lot but start bots.
pub fn bot(app: &App, token: &str) -> ImportBotAuthorization {
    ImportBotAuthorization {
        flags: 0,
        api_id: app.api_id,
        api_hash: app.api_hash.clone(),
        bot_auth_token: Hidden(token.to_string()),
    }
}

/// Asks for a token to show as a QR code.
pub fn qr_token(app: &App) -> ExportLoginToken {
    ExportLoginToken { api_id: app.api_id, api_hash: app.api_hash.clone(), except_ids: Vec::new() }
}

/// What a QR code says before its token.
const QR_LINK: &str = "tg://login?token=";

/// What a QR code says: `tg://login?token=` and the token in base64url.
pub fn qr_link(token: &[u8]) -> String {
    format!("{QR_LINK}{}", base64url(token))
}

/// The token in what a QR code says; `None` if it is another link.
pub fn token_of_link(link: &str) -> Option<Vec<u8>> {
    let token = from_base64url(link.trim().strip_prefix(QR_LINK)?).ok()?;
    Some(token.to_vec()).filter(|token| !token.is_empty())
}

/// What became of asking for a code.
///
/// # Errors
/// No code comes that this program could ask for.
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
        // Only what was asked for would come so; there may be another way.
        SentCodeType::FirebaseSms(t) if sent.next_type.is_some() => {
            ("the code comes by a way that only official apps may use".into(), Some(t.length))
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

/// Who an answer says that we are.
///
/// # Errors
/// Nobody has the number, or the answer names no user.
pub fn account(answer: &AnyAuthorization) -> Result<Account, LoginError> {
    match answer {
        AnyAuthorization::SignedIn(signed_in) => match signed_in.user.head() {
            Ok(Some(user)) => Ok(Account { id: user.id, is_bot: user.bot }),
            Ok(None) => Err(LoginError::NoUser),
            Err(error) => Err(LoginError::Unreadable(error)),
        },
        AnyAuthorization::SignUpRequired(_) => Err(LoginError::NoAccount),
    }
}

/// What is wrong with a code or a password, and what can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The account has a password, too.
    PasswordNeeded,
    /// The code is wrong: type it again.
    WrongCode,
    /// The code is too old: ask for another.
    ExpiredCode,
    /// The password is wrong: type it again.
    WrongPassword,
    /// The server has forgotten the question: ask for it again.
    StaleQuestion,
    /// Begin again.
    Restart,
    /// The number is none.
    WrongNumber,
}

impl Problem {
    /// The problem that an error of `auth.*` stands for, if a person can do something about it.
    pub fn of(error: &RpcError) -> Option<Self> {
        Some(match &*error.message {
            "SESSION_PASSWORD_NEEDED" => Self::PasswordNeeded,
            // Of codes by mail: method/account.verifyEmail#possible-errors
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

/// What an error of `auth.*` means to the person who signs in, in a sentence; `None` for all others.
///
/// Spec: method/auth.sendCode#possible-errors, method/auth.signIn#possible-errors
pub fn hint(error: &RpcError) -> Option<&'static str> {
    let (kind, _) = error.kind();
    HINTS.iter().find(|row| row.0 == kind).map(|row| row.1)
}

const HINTS: [(&str, &str); 17] = [
    ("API_ID_PUBLISHED_FLOOD", "this api_id is everybody's: get one of your own from my.telegram.org"),
    ("AUTH_RESTART", "the server has forgotten what went before: begin again"),
    ("AUTH_TOKEN_EXPIRED", "the QR code was too old: begin again, and be quicker"),
    ("AUTH_TOKEN_INVALID", "the QR code was used before: begin again"),
    ("CODE_INVALID", "the code is wrong: look it up, and type it again"),
    ("EMAIL_VERIFY_EXPIRED", "the code in the mail is too old, or was used: ask for another"),
    ("PASSWORD_HASH_INVALID", "the password is wrong; an official app can reset one that is forgotten"),
    ("PHONE_CODE_EMPTY", "type the code"),
    ("PHONE_CODE_EXPIRED", "the code is too old, or was used: ask for another"),
    ("PHONE_CODE_INVALID", "the code is wrong: look it up, and type it again"),
    ("PHONE_NUMBER_BANNED", "this number is banned from Telegram"),
    ("PHONE_NUMBER_FLOOD", "codes were asked for too often with this number: try again tomorrow"),
    ("PHONE_NUMBER_INVALID", "nobody can have this number: write it with the country's code, as +10000000001"),
    ("PHONE_NUMBER_UNOCCUPIED", "nobody has this number: sign up with an official app first"),
    ("PHONE_PASSWORD_FLOOD", "there were too many wrong passwords or codes: try again later"),
    ("SEND_CODE_UNAVAILABLE", "the code comes in no other way: use the one that was sent, or try again later"),
    ("UPDATE_APP_TO_LOGIN", "Telegram lets no program of this age sign in: use a newer one"),
];

/// The data centre that an error sends us to: `PHONE_MIGRATE_2`, code 303.
///
/// Whether it is one that we know, the caller must see to.
pub fn migrate_to(error: &RpcError) -> Option<u8> {
    match (error.code, error.kind()) {
        (303, ("PHONE_MIGRATE" | "NETWORK_MIGRATE" | "USER_MIGRATE" | "FILE_MIGRATE" | "STATS_MIGRATE", Some(dc))) => {
            u8::try_from(dc).ok()
        }
        _ => None,
    }
}

/// The server's question about a password.
#[cfg(feature = "srp")]
pub struct Question {
    /// The algorithm, its parameters checked; [`Kdf::stretch`] makes a number of the password.
    pub kdf: Kdf,
    /// What the account's owner wrote down to remember it by.
    pub hint: Option<Hidden>,
    srp_b: Blob,
    srp_id: i64,
}

#[cfg(feature = "srp")]
impl Question {
    /// Reads the question, and checks its parameters like those of a key exchange.
    ///
    /// # Errors
    /// There is no password, its algorithm is not known, or a parameter is not safe.
    pub fn read(password: Password) -> Result<Self, LoginError> {
        let (algorithm, srp_b, srp_id) = password.current_algo.ok_or(LoginError::NoPassword)?;
        let PasswordKdfAlgo::ModPow(algorithm) = algorithm else { return Err(LoginError::UnknownAlgorithm) };
        let kdf = Kdf::check(algorithm.g, &algorithm.p.0, &algorithm.salt1.0, &algorithm.salt2.0)
            .map_err(|e| LoginError::Srp(e.into()))?;
        Ok(Self { kdf, hint: password.hint, srp_b, srp_id })
    }

    /// The proof that one knows the password. The client's secret comes from its own entropy, never from the server.
    ///
    /// # Errors
    /// `srp_B` is out of range, or the entropy failed.
    pub fn prove(&self, password: &PasswordHash, random: &mut dyn Entropy) -> Result<CheckPassword, LoginError> {
        let proof = self.kdf.prove(password, &self.srp_b.0, random).map_err(LoginError::Srp)?;
        let (a, m1) = (Blob(proof.a.to_vec()), Blob(proof.m1.to_vec()));
        Ok(CheckPassword { password: InputCheckPasswordSrpProof { srp_id: self.srp_id, a, m1 }.into() })
    }
}

#[cfg(feature = "srp")]
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_names_its_data_centre() {
        let to = |code, message| migrate_to(&RpcError::new(code, message));
        assert_eq!(to(303, "PHONE_MIGRATE_2"), Some(2));
        assert_eq!(to(303, "USER_MIGRATE_5"), Some(5));
        assert_eq!(to(303, "PHONE_MIGRATE_999"), None);
        assert_eq!(to(400, "PHONE_MIGRATE_2"), None);
        assert_eq!(to(303, "OTHER_2"), None);
    }

    #[test]
    fn every_way_that_a_code_may_come_is_explained() {
        use crate::telegram::api::auth::{
            CodeTypeCall, SentCodeTypeApp, SentCodeTypeCall, SentCodeTypeEmailCode, SentCodeTypeFirebaseSms,
            SentCodeTypeFlashCall, SentCodeTypeFragmentSms, SentCodeTypeMissedCall, SentCodeTypeSetUpEmailRequired,
            SentCodeTypeSms, SentCodeTypeSmsPhrase, SentCodeTypeSmsWord,
        };
        let sent = |type_: SentCodeType, next: bool| {
            let next_type = next.then(|| CodeTypeCall {}.into());
            waiting(SentCode { type_, phone_code_hash: Hidden("h".into()), next_type, timeout: Some(60) })
        };
        let hidden = |text: &str| Hidden(text.into());
        let firebase =
            || SentCodeTypeFirebaseSms { nonce: None, play_integrity_project_id: None, receipt: None, length: 6 };
        let mail = SentCodeTypeEmailCode {
            apple_signin_allowed: false,
            google_signin_allowed: false,
            email_pattern: hidden("a***@b.c"),
            length: 6,
            reset_available_period: None,
            reset_pending_date: None,
        };
        let cases: [(SentCodeType, &str, Option<usize>); 10] = [
            (SentCodeTypeApp { length: 5 }.into(), "in your other app", Some(5)),
            (SentCodeTypeSms { length: 5 }.into(), "by SMS", Some(5)),
            (SentCodeTypeCall { length: 5 }.into(), "reads out", Some(5)),
            (SentCodeTypeFlashCall { pattern: "+7 9*".into() }.into(), "like +7 9*", None),
            (SentCodeTypeMissedCall { prefix: hidden("+49"), length: 4 }.into(), "the last 4 digits", Some(4)),
            (mail.into(), "by mail to a***@b.c", Some(6)),
            (
                SentCodeTypeFragmentSms { url: "https://fragment.com/x".into(), length: 5 }.into(),
                "fragment.com/x",
                Some(5),
            ),
            (SentCodeTypeSmsWord { beginning: Some("s".into()) }.into(), "begins with s", None),
            (SentCodeTypeSmsPhrase { beginning: None }.into(), "a phrase", None),
            (firebase().into(), "only official apps", Some(6)),
        ];
        for (type_, says, length) in cases {
            let waiting = sent(type_, true).unwrap();
            assert!(waiting.says.contains(says), "{}", waiting.says);
            assert_eq!((waiting.length, waiting.next), (length, Some(("by a call that reads it out", 60))));
        }
        assert_eq!(sent(firebase().into(), false), Err(LoginError::OfficialAppsOnly));
        let no_mail = SentCodeTypeSetUpEmailRequired { apple_signin_allowed: false, google_signin_allowed: false };
        assert_eq!(sent(no_mail.into(), true), Err(LoginError::MailRequired));
    }

    #[test]
    fn a_qr_code_holds_the_token_in_base64url() {
        assert_eq!(qr_link(&[0xfb, 0xff, 0x01]), "tg://login?token=-_8B");
        assert_eq!(token_of_link("tg://login?token=-_8B\n"), Some([0xfb, 0xff, 0x01].to_vec()));
        for other in ["", "tg://login?token=", "tg://login?token=!", "tg://resolve?domain=x", "-_8B"] {
            assert_eq!(token_of_link(other), None, "{other}");
        }
    }
}
