//! Signing in and out: the calls built from the pure parts in [`crate::telegram::login`], in the order of the figure
//! there.
//!
//! After a successful login the client's calls are made for that user, and [`Client::state`] holds the user for saving.
//! If the account lives in another known data centre, the client migrates there. No account is ever created.
//!
#![cfg_attr(feature = "srp", doc = "```no_run")]
#![cfg_attr(not(feature = "srp"), doc = "```ignore")]
//! # use nanogram::{client::{Client, Error}, telegram::login::{App, CodeSent, Entered}};
//! # async fn sign_in(client: &Client, app: &App, ask: impl Fn(&str) -> String) -> Result<(), Error> {
//! if let CodeSent::Waiting(waiting) = client.send_code(app, "+10000000003").await? {
//!     let code = ask(&waiting.says);
//!     if client.sign_in("+10000000003", &waiting, &code).await? == Entered::PasswordNeeded {
//!         let question = client.password_question().await?;
//!         let password = question.kdf.stretch(ask("password").as_bytes()).finish();
//!         client.check_password(&question, &password).await?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Spec: api/auth, api/qr-login, api/srp

use super::shared::Clock;
use super::{Client, Error};
#[cfg(feature = "srp")]
use crate::crypto::srp::PasswordHash;
#[cfg(feature = "srp")]
use crate::telegram::api::account::GetPassword;
use crate::telegram::api::auth::{AnyAuthorization, AnyLoginToken, ImportLoginToken, LogOut};
use crate::telegram::api::updates::Updates;
#[cfg(feature = "srp")]
use crate::telegram::login::Question;
use crate::telegram::login::{self, Account, App, CodeSent, Entered, LoginError, Problem, Waiting};
use crate::telegram::store::state::SavedUser;
use crate::tl::Tl as _;
use alloc::string::String;
use core::time::Duration;
#[cfg(feature = "srp")]
use rand::rngs::SysRng;

/// Most migrations while redeeming one QR code.
const MOST_MOVES: u32 = 3;

/// State of a QR login.
#[derive(Debug, Clone, PartialEq)]
pub enum Qr {
    /// Code to be displayed.
    Show {
        /// Text of the code, `tg://login?token=…`; a signed-in app that opens it confirms the login.
        link: String,
        /// Validity from now, 1 to 600 seconds. Request a new code when it ends.
        good_for: Duration,
    },
    /// Code accepted.
    Entered(Entered),
}

impl Client {
    /// Requests a login code for `phone`. Migrates if the account lives in another data centre.
    ///
    /// # Errors
    /// [`Error::Login`]: no login code can be obtained in a way that this crate supports; or see [`call`](Self::call).
    pub async fn send_code(&self, app: &App, phone: &str) -> Result<CodeSent, Error> {
        let answer = self.call(&login::send_code(app, phone)).await?;
        self.code_sent(login::code_sent(answer)).await
    }

    /// Requests the code again by the next delivery method, `waiting.next`, once its delay has passed.
    ///
    /// # Errors
    /// See [`send_code`](Self::send_code).
    pub async fn resend_code(&self, phone: &str, waiting: &Waiting) -> Result<CodeSent, Error> {
        let answer = self.call(&login::resend_code(phone, waiting)).await?;
        self.code_sent(login::code_sent(answer)).await
    }

    async fn code_sent(&self, sent: Result<CodeSent, LoginError>) -> Result<CodeSent, Error> {
        match sent {
            Ok(CodeSent::SignedIn(account)) => self.enter(Ok(account)).await.map(CodeSent::SignedIn),
            Err(error) => self.enter(Err(error)).await.map(CodeSent::SignedIn),
            sent => sent.map_err(Error::from),
        }
    }

    /// Submits the login code.
    ///
    /// # Errors
    /// [`Error::Rpc`] with a [`Problem`] that the user can correct; [`LoginError::NoAccount`]; or see
    /// [`call`](Self::call).
    pub async fn sign_in(&self, phone: &str, waiting: &Waiting, code: &str) -> Result<Entered, Error> {
        self.entered(self.call(&login::sign_in(phone, waiting, code)).await).await
    }

    /// Requests the parameters of the two-step verification password (SRP). Each set is valid for one attempt.
    ///
    /// # Errors
    /// [`Error::Login`]: the account has no password, or the parameters are unsafe; or see [`call`](Self::call).
    #[cfg(feature = "srp")]
    pub async fn password_question(&self) -> Result<Question, Error> {
        Question::read(self.call(&GetPassword {}).await?.0).map_err(Error::Login)
    }

    /// Proves knowledge of the password without sending it. Needs the feature `srp`.
    ///
    /// # Errors
    /// See [`sign_in`](Self::sign_in).
    #[cfg(feature = "srp")]
    pub async fn check_password(&self, question: &Question, password: &PasswordHash) -> Result<Account, Error> {
        let call = question.prove(password, &mut SysRng).map_err(Error::Login)?;
        self.enter(login::account(&self.call(&call).await?)).await
    }

    /// Requests a QR login token, or the outcome of the previous one. Call it again when the code is accepted and when
    /// it expires.
    ///
    /// # Errors
    /// [`Error::UnknownDc`]: the token leads to an unknown data centre; or see [`sign_in`](Self::sign_in).
    pub async fn qr_token(&self, app: &App) -> Result<Qr, Error> {
        let mut answer = self.call(&login::qr_token(app)).await;
        for _ in 0..MOST_MOVES {
            match answer {
                Ok(AnyLoginToken::Token(token)) => {
                    let good_for = token.expires.saturating_sub(self.server_time());
                    // The server's clock counts: a device's clock may be minutes off, more than a token lasts.
                    let good_for = Duration::from_secs(good_for.clamp(1, 600).unsigned_abs().into());
                    return Ok(Qr::Show { link: login::qr_link(&token.token.0), good_for });
                }
                Ok(AnyLoginToken::Success(success)) => {
                    return self.entered(Ok(success.authorization)).await.map(Qr::Entered);
                }
                Ok(AnyLoginToken::MigrateTo(there)) => {
                    let dc = u8::try_from(there.dc_id).map_err(|_| Error::UnknownDc(there.dc_id))?;
                    self.move_to(dc).await?;
                    answer = self.call(&ImportLoginToken { token: there.token }).await;
                }
                Err(error) => return self.entered(Err(error)).await.map(Qr::Entered),
            }
        }
        Err(Error::Login(LoginError::NoUser))
    }

    /// Waits at most `within` for the displayed QR code to be accepted; returns true if it was.
    ///
    /// # Errors
    /// [`Error::Closed`]: the connection is closed for good.
    pub async fn qr_accepted(&self, within: Duration) -> Result<bool, Error> {
        let accepted = async {
            while let Some(body) = self.next_update().await {
                if Updates::from_bytes(&body).is_ok_and(|updates| updates.has_login_token()) {
                    return Ok(true);
                }
            }
            Err(Error::Closed)
        };
        tokio::time::timeout(within, accepted).await.unwrap_or(Ok(false))
    }

    /// Signs out: the server dissociates the key from the account.
    ///
    /// # Errors
    /// See [`call`](Self::call).
    pub async fn log_out(&self) -> Result<(), Error> {
        self.call(&LogOut {}).await?;
        self.set_user(None);
        Ok(())
    }

    async fn entered(&self, answer: Result<AnyAuthorization, Error>) -> Result<Entered, Error> {
        match answer {
            Ok(answer) => self.enter(login::account(&answer)).await.map(Entered::In),
            Err(Error::NotSignedIn(error) | Error::Rpc(error))
                if Problem::of(&error) == Some(Problem::PasswordNeeded) =>
            {
                Ok(Entered::PasswordNeeded)
            }
            Err(error) => Err(error),
        }
    }

    /// Records the signed-in user. If the answer does not name one, the key is signed out: dropping it would leave an
    /// active session that no program holds.
    async fn enter(&self, account: Result<Account, LoginError>) -> Result<Account, Error> {
        match &account {
            Ok(Account { id, is_bot }) => self.set_user(Some(SavedUser { id: *id, is_bot: *is_bot })),
            Err(LoginError::NoUser | LoginError::Unreadable(_)) => drop(self.log_out().await),
            Err(_) => {}
        }
        account.map_err(Error::from)
    }

    /// Seconds since 1970 by the server's clock, as far as it is known.
    fn server_time(&self) -> i32 {
        let ahead = self.state().clock_offset.unwrap_or_default();
        let micros = Clock::unix().as_micros().saturating_add(ahead);
        i32::try_from(micros / 1_000_000).unwrap_or(i32::MAX)
    }
}
