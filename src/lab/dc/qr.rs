//! Signing in with a QR code.
//!
//! Spec: api/qr-login

use super::desk::Qr;
use super::login::{QR_LIFETIME, check_app};
use super::types::keep;
use super::types::{Turn, User, bad};
use super::world::World;
use crate::crypto::ct;
use crate::protocol::session::RpcError;
use crate::telegram::api::Boxed;
use crate::telegram::api::auth::{
    AcceptLoginToken, AnyLoginToken, AppAuthorization, ExportLoginToken, ImportLoginToken, LoginToken,
    LoginTokenMigrateTo, LoginTokenSuccess,
};
use crate::tl::Blob;

impl World {
    pub(super) fn export_login_token(
        &mut self,
        turn: &mut Turn<'_>,
        call: ExportLoginToken,
    ) -> Result<AnyLoginToken, RpcError> {
        check_app(call.api_id, &call.api_hash)?;
        let (key, now) = (Some(turn.caller.key_id), turn.now);
        self.desk.qr.retain(|qr| qr.expires > now);
        let expires = now.saturating_add(QR_LIFETIME);
        let accepted = self.desk.qr.iter().find(|qr| qr.key == key && qr.accepted.is_some());
        let accepted = accepted.and_then(|qr| qr.accepted).filter(|user| !call.except_ids.contains(user));
        let token = self.desk.well.draw();
        let Some(user) = accepted else {
            keep(&mut self.desk.qr, Qr { token, key, app: turn.caller.app.clone(), expires, accepted: None });
            return Ok(LoginToken { expires, token: Blob(token.to_vec()) }.into());
        };
        self.desk.qr.retain(|qr| qr.key != key);
        let dc_id = self.home_of(user);
        if dc_id != turn.dc_id {
            keep(&mut self.desk.qr, Qr { token, key: None, app: None, expires, accepted: Some(user) });
            return Ok(LoginTokenMigrateTo { dc_id, token: Blob(token.to_vec()) }.into());
        }
        let authorization = self.enter_or_ask(turn, user)?;
        Ok(LoginTokenSuccess { authorization }.into())
    }

    pub(super) fn import_login_token(
        &mut self,
        turn: &mut Turn<'_>,
        call: ImportLoginToken,
    ) -> Result<AnyLoginToken, RpcError> {
        let at = self.desk.qr.iter().position(|qr| qr.key.is_none() && ct::same(&qr.token, &call.token.0));
        let qr = at.and_then(|at| self.desk.qr.remove(at)).ok_or_else(|| bad("AUTH_TOKEN_INVALID"))?;
        if qr.expires <= turn.now {
            return Err(bad("AUTH_TOKEN_EXPIRED"));
        }
        let user = qr.accepted.filter(|user| self.home_of(*user) == turn.dc_id);
        let user = user.ok_or_else(|| bad("AUTH_TOKEN_INVALID"))?;
        let authorization = self.enter_or_ask(turn, user)?;
        Ok(LoginTokenSuccess { authorization }.into())
    }

    pub(super) fn accept_login_token(
        &mut self,
        turn: &mut Turn<'_>,
        call: AcceptLoginToken,
    ) -> Result<Boxed<AppAuthorization>, RpcError> {
        if self.user(turn.me).is_some_and(User::is_bot) {
            return Err(bad("BOT_METHOD_INVALID"));
        }
        let qr = self.desk.qr.iter_mut().find(|qr| ct::same(&qr.token, &call.token.0));
        let qr = qr.ok_or_else(|| bad("AUTH_TOKEN_INVALIDX"))?;
        if qr.expires <= turn.now {
            return Err(bad("AUTH_TOKEN_EXPIRED"));
        }
        if qr.accepted.is_some() {
            return Err(bad("AUTH_TOKEN_ALREADY_ACCEPTED"));
        }
        (qr.accepted, qr.expires) = (Some(turn.me), turn.now.saturating_add(QR_LIFETIME));
        self.desk.nudges.extend(qr.key);
        let app = qr.app.clone().unwrap_or_default();
        Ok(Boxed(AppAuthorization {
            current: false,
            official_app: false,
            password_pending: self.desk.passwords.contains_key(&turn.me),
            encrypted_requests_disabled: false,
            call_requests_disabled: false,
            unconfirmed: false,
            hash: i64::from_le_bytes(self.desk.well.draw()),
            device_model: app.device_model,
            platform: "".into(),
            system_version: "".into(),
            api_id: app.api_id,
            app_name: "".into(),
            app_version: app.app_version,
            date_created: turn.now,
            date_active: turn.now,
            ip: "127.0.0.1".into(),
            country: "".into(),
            region: "".into(),
        }))
    }
}
