//! Signing in and out: codes, QR codes, bots' tokens, tickets to another data centre.
//!
//! ```text
//! sendCode ──▶ Sent ── signIn ──▶ in                      exportLoginToken ──▶ Qr ◀── acceptLoginToken, by who is in
//!                        └──▶ caller.half_in              exportLoginToken ◀── updateLoginToken ┘
//!                               └── checkPassword ──▶ in        └──▶ in, or where the account lives: importLoginToken
//! ```
//!
//! The code goes nowhere but into the [log](super::log). A number that nobody has gets one too, and then the question
//! whether to sign up: nobody ever is. All that is handed out is good for one use and a short time, and no more than
//! [`MAX_KEPT`] of each kind is kept.
//!
//! Spec: api/auth, api/qr-login, api/bots

pub use super::desk::{CODE_LIFETIME, MAX_WRONG};
use super::desk::{Sent, Ticket};
use super::log::Entry;
pub use super::types::MAX_KEPT;
use super::types::keep;
use super::types::{Turn, User, bad};
use super::world::World;
use crate::crypto::ct;
use crate::protocol::session::RpcError;
use crate::telegram::api::Boxed;
use crate::telegram::api::auth::{
    AnyAuthorization, AnySentCode, Authorization, AuthorizationSignUpRequired, CancelCode, CodeType, CodeTypeCall,
    CodeTypeSms, EmailVerification, EmailVerificationCode, ExportAuthorization, ExportedAuthorization,
    ImportAuthorization, ImportBotAuthorization, LogOut, LoggedOut, ResendCode, SendCode, SentCode, SentCodeSuccess,
    SentCodeType, SentCodeTypeApp, SentCodeTypeCall, SentCodeTypeEmailCode, SentCodeTypeSms, SignIn,
};
use crate::telegram::api::users::UserTail;
use crate::tl::{Blob, Hidden};
use alloc::format;
use alloc::string::String;
use sha2::{Digest, Sha256};

/// A QR code is good for so many seconds.
pub const QR_LIFETIME: i32 = 30;
/// A ticket to another data centre is good for so many seconds.
pub const TICKET_LIFETIME: i32 = 300;
/// Digits of a code.
const DIGITS: i32 = 5;

/// The digits of a phone number, without the `+` and what people put between.
fn digits(phone: &str) -> Result<String, RpcError> {
    let phone: String = phone.chars().filter(|c| !matches!(c, '+' | ' ' | '-' | '(' | ')')).collect();
    let is_one = (5..=15).contains(&phone.len()) && phone.bytes().all(|c| c.is_ascii_digit());
    if is_one { Ok(phone) } else { Err(bad("PHONE_NUMBER_INVALID")) }
}

pub(super) fn check_app(api_id: i32, api_hash: &Hidden) -> Result<(), RpcError> {
    if api_id > 0 && !api_hash.0.is_empty() { Ok(()) } else { Err(bad("API_ID_INVALID")) }
}

/// The account lives elsewhere: 303.
pub(super) fn migrate(what: &str, dc_id: i32) -> RpcError {
    RpcError::new(303, &format!("{what}_MIGRATE_{dc_id}"))
}

/// Delivery of the code, and the next way to deliver it.
fn sent_code(sent: &Sent) -> AnySentCode {
    let length = DIGITS;
    if let Some(pattern) = &sent.mail {
        let type_ = SentCodeTypeEmailCode {
            apple_signin_allowed: false,
            google_signin_allowed: false,
            email_pattern: Hidden(pattern.clone()),
            length,
            reset_available_period: None,
            reset_pending_date: None,
        };
        let phone_code_hash = Hidden(sent.hash.clone());
        return SentCode { type_: type_.into(), phone_code_hash, next_type: None, timeout: None }.into();
    }
    let (type_, next): (SentCodeType, Option<CodeType>) = match sent.resent {
        0 => (SentCodeTypeApp { length }.into(), Some(CodeTypeSms {}.into())),
        1 => (SentCodeTypeSms { length }.into(), Some(CodeTypeCall {}.into())),
        _ => (SentCodeTypeCall { length }.into(), None),
    };
    let timeout = next.is_some().then_some(60);
    SentCode { type_, phone_code_hash: Hidden(sent.hash.clone()), next_type: next, timeout }.into()
}

impl World {
    /// Says in which data centre an account lives; all others live in the [first](World::home).
    pub fn set_home(&mut self, user: i64, dc_id: i32) {
        self.desk.homes.insert(user, dc_id);
    }

    /// Lets codes for an account go by mail; `pattern` is what is told of the address, as `a***@example.org`.
    pub fn set_mail(&mut self, user: i64, pattern: &str) {
        self.desk.mails.insert(user, pattern.into());
    }

    /// The data centre that an account lives in.
    pub fn home_of(&self, user: i64) -> i32 {
        self.desk.homes.get(&user).copied().unwrap_or(self.home.dc_id)
    }

    /// Token that a bot signs in with.
    pub fn bot_token(&self, bot: i64) -> Option<String> {
        self.user(bot).filter(|user| user.is_bot())?;
        let secret =
            Sha256::new().chain_update(b"bot").chain_update(self.desk.well.seed).chain_update(bot.to_le_bytes());
        let secret = secret.finalize();
        let hex = secret.iter().take(16).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        Some(format!("{bot}:AA{hex}"))
    }

    fn by_phone(&self, phone: &str) -> Option<&User> {
        self.users().find(|user| !user.is_deleted && user.phone.as_deref() == Some(phone))
    }

    /// Lets `user` in.
    pub(super) fn enter(&self, turn: &mut Turn<'_>, user: i64) -> AnyAuthorization {
        (turn.caller.user_id, turn.caller.half_in) = (Some(user), None);
        let user = UserTail::from(&self.see_user(user, user));
        Authorization { otherwise_relogin_days: None, tmp_sessions: None, future_auth_token: None, user }.into()
    }

    /// Lets `user` in, or asks for the password first.
    pub(super) fn enter_or_ask(&self, turn: &mut Turn<'_>, user: i64) -> Result<AnyAuthorization, RpcError> {
        if self.desk.passwords.contains_key(&user) {
            turn.caller.half_in = Some(user);
            return Err(RpcError::new(401, "SESSION_PASSWORD_NEEDED"));
        }
        Ok(self.enter(turn, user))
    }

    pub(super) fn send_code(&mut self, turn: &mut Turn<'_>, call: SendCode) -> Result<AnySentCode, RpcError> {
        check_app(call.api_id, &call.api_hash)?;
        let phone = digits(&call.phone_number.0)?;
        let user = self.by_phone(&phone).map(|user| user.id);
        if let Some(home) = user.map(|user| self.home_of(user)).filter(|home| *home != turn.dc_id) {
            return Err(migrate("PHONE", home));
        }
        for Blob(token) in call.settings.0.logout_tokens.unwrap_or_default() {
            let at = self.desk.spared.iter().position(|(spared, of)| ct::same(spared, &token) && Some(*of) == user);
            if let Some((_, user)) = at.and_then(|at| self.desk.spared.remove(at))
                && !self.desk.passwords.contains_key(&user)
            {
                return Ok(SentCodeSuccess { authorization: self.enter(turn, user) }.into());
            }
        }
        let drawn = u64::from_le_bytes(self.desk.well.draw());
        let code = format!("{:05}", drawn % 100_000);
        let hash = format!("{:016x}", u64::from_le_bytes(self.desk.well.draw()));
        self.desk.entries.push(Entry::Code { user, code: code.clone() });
        let mail = user.and_then(|user| self.desk.mails.get(&user).cloned());
        let sent = Sent { phone, hash, code, at: turn.now, wrong: 0, resent: 0, mail };
        let reply = sent_code(&sent);
        keep(&mut self.desk.codes, sent);
        Ok(reply)
    }

    pub(super) fn resend_code(&mut self, turn: &mut Turn<'_>, call: ResendCode) -> Result<AnySentCode, RpcError> {
        let phone = digits(&call.phone_number.0)?;
        let user = self.by_phone(&phone).map(|user| user.id);
        let sent = self.desk.sent(turn.now, &phone, &call.phone_code_hash.0)?;
        if sent.resent >= 2 || sent.mail.is_some() {
            return Err(RpcError::new(406, "SEND_CODE_UNAVAILABLE"));
        }
        (sent.resent, sent.at) = (sent.resent + 1, turn.now);
        let (code, reply) = (sent.code.clone(), sent_code(sent));
        self.desk.entries.push(Entry::Code { user, code });
        Ok(reply)
    }

    pub(super) fn cancel_code(&mut self, turn: &mut Turn<'_>, call: CancelCode) -> Result<bool, RpcError> {
        let phone = digits(&call.phone_number.0)?;
        self.desk.sent(turn.now, &phone, &call.phone_code_hash.0)?;
        self.desk.codes.retain(|sent| sent.hash != call.phone_code_hash.0);
        Ok(true)
    }

    pub(super) fn sign_in(&mut self, turn: &mut Turn<'_>, call: SignIn) -> Result<AnyAuthorization, RpcError> {
        let phone = digits(&call.phone_number.0)?;
        let mailed = match call.email_verification {
            Some(EmailVerification::Code(EmailVerificationCode { code })) => Some(code.0.clone()),
            _ => None,
        };
        let has_both = call.phone_code.is_some() && mailed.is_some();
        let shown = call.phone_code.map(|code| code.0.clone()).or_else(|| mailed.clone()).unwrap_or_default();
        if shown.is_empty() {
            return Err(bad("PHONE_CODE_EMPTY"));
        }
        let sent = self.desk.sent(turn.now, &phone, &call.phone_code_hash.0)?;
        // A code is good for the field that is its own, and alone there.
        let in_place = !has_both && sent.mail.is_some() == mailed.is_some();
        if !in_place || !ct::same(sent.code.as_bytes(), shown.as_bytes()) {
            sent.wrong += 1;
            return Err(bad(if mailed.is_some() { "CODE_INVALID" } else { "PHONE_CODE_INVALID" }));
        }
        let Some(user) = self.by_phone(&phone).map(|user| user.id) else {
            return Ok(AuthorizationSignUpRequired { terms_of_service: None }.into());
        };
        self.desk.codes.retain(|sent| sent.hash != call.phone_code_hash.0);
        self.enter_or_ask(turn, user)
    }

    pub(super) fn log_out(&mut self, turn: &mut Turn<'_>, _: LogOut) -> Result<Boxed<LoggedOut>, RpcError> {
        (turn.caller.user_id, turn.caller.half_in) = (None, None);
        let token = self.desk.well.draw::<32>().to_vec();
        keep(&mut self.desk.spared, (token.clone(), turn.me));
        Ok(Boxed(LoggedOut { future_auth_token: Some(Blob(token)) }))
    }

    pub(super) fn import_bot_authorization(
        &mut self,
        turn: &mut Turn<'_>,
        call: ImportBotAuthorization,
    ) -> Result<AnyAuthorization, RpcError> {
        check_app(call.api_id, &call.api_hash)?;
        let token = &call.bot_auth_token.0;
        let bot = token.split_once(':').and_then(|(bot, _)| bot.parse::<i64>().ok());
        let of_bot = bot.and_then(|bot| Some((bot, self.bot_token(bot)?)));
        let of_bot = of_bot.filter(|(_, right)| ct::same(right.as_bytes(), token.as_bytes()));
        let (bot, _) = of_bot.ok_or_else(|| bad("ACCESS_TOKEN_INVALID"))?;
        if self.user(bot).is_some_and(|bot| bot.is_deleted) {
            return Err(bad("ACCESS_TOKEN_EXPIRED"));
        }
        if self.home_of(bot) != turn.dc_id {
            return Err(migrate("USER", self.home_of(bot)));
        }
        Ok(self.enter(turn, bot))
    }

    pub(super) fn export_authorization(
        &mut self,
        turn: &mut Turn<'_>,
        call: ExportAuthorization,
    ) -> Result<Boxed<ExportedAuthorization>, RpcError> {
        if call.dc_id == turn.dc_id || self.place(call.dc_id).is_none() {
            return Err(bad("DC_ID_INVALID"));
        }
        let bytes = self.desk.well.draw();
        let expires = turn.now.saturating_add(TICKET_LIFETIME);
        keep(&mut self.desk.tickets, Ticket { user: turn.me, to: call.dc_id, bytes, expires });
        Ok(Boxed(ExportedAuthorization { id: turn.me, bytes: Blob(bytes.to_vec()) }))
    }

    pub(super) fn import_authorization(
        &mut self,
        turn: &mut Turn<'_>,
        call: ImportAuthorization,
    ) -> Result<AnyAuthorization, RpcError> {
        let is_it = |ticket: &Ticket| {
            ticket.user == call.id
                && ticket.to == turn.dc_id
                && ticket.expires > turn.now
                && ct::same(&ticket.bytes, &call.bytes.0)
        };
        let at = self.desk.tickets.iter().position(is_it);
        let ticket = at.and_then(|at| self.desk.tickets.remove(at)).ok_or_else(|| bad("AUTH_BYTES_INVALID"))?;
        Ok(self.enter(turn, ticket.user))
    }
}
