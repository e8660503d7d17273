//! Migration to another data centre, with the account if a user is signed in, and with the unanswered calls.
//!
//! ```text
//! 303 ──▶ known? ──▶ address? else help.getConfig, here ──▶ signed in? auth.exportAuthorization, here
//!     ──▶ connect there, all other calls wait ──▶ auth.importAuthorization ──▶ home, and the calls go on
//! ```
//!
//! Spec: api/datacenter

use super::Error;
use super::inner::Inner;
use super::notice::Notice;
use super::orders::Control;
use crate::telegram::api::Boxed;
use crate::telegram::api::auth::{AnyAuthorization, ExportAuthorization, ExportedAuthorization, ImportAuthorization};
use crate::telegram::api::connect::GetConfig;
use crate::telegram::dcs::Offer;
use crate::telegram::login;
use crate::telegram::store::state::{ConfigAge, SavedUser};
use crate::tl::{Call, Tl};
use alloc::sync::Arc;
use alloc::vec::Vec;
use tokio::sync::oneshot;
use tokio::time::timeout;

impl Inner {
    /// Migrates from `from` to `to`, unless the client has left `from` meanwhile. Once begun, it completes even if the
    /// caller gives up.
    pub(super) async fn move_to(self: Arc<Self>, from: u8, to: i32, with_user: bool) -> Result<(), Error> {
        // Spawned, because a migration dropped halfway would leave the driver waiting for `Control::Settled`.
        tokio::spawn(async move {
            let _one_at_a_time = self.moving.lock().await;
            // Several calls may have been refused with the same 303: the first one migrates for all.
            if self.shared.with(|state| state.home) != from {
                return Ok(());
            }
            self.do_move(from, to, with_user).await
        })
        .await
        .map_err(|_| Error::Closed)?
    }

    async fn do_move(&self, from: u8, to: i32, with_user: bool) -> Result<(), Error> {
        // Row C19 of docs/security.md: a client migrates to known data centres only, and learns addresses only under a
        // key.
        let to = self.shared.with(|state| state.dcs.known(to)).ok_or(Error::UnknownDc(to))?;
        if to == from {
            return Ok(());
        }
        let has_address = || self.shared.with(|state| state.dcs.address(to).is_some());
        if !has_address() {
            self.refresh_dcs().await?;
            if !has_address() {
                return Err(Error::UnknownDc(to.into()));
            }
        }
        let ticket = if with_user { self.export(to).await? } else { None };
        self.go(to).await?;
        let arrived = match ticket {
            Some(ticket) => self.import(ticket).await,
            None => Ok(()),
        };
        // If the way back fails as well, calls go to the new data centre.
        if arrived.is_ok() || self.go(from).await.is_err() {
            self.shared.with(|state| state.home = to);
        }
        self.control.send(Control::Settled).await.map_err(|_| self.shared.why_over())?;
        if arrived.is_ok() {
            self.watcher.tell(&Notice::MovedTo(to));
        }
        arrived
    }

    /// Connects to the data centre; from now on all calls wait except those of the migration.
    async fn go(&self, to: u8) -> Result<(), Error> {
        let (reply, there) = oneshot::channel();
        self.control.send(Control::Move { to, reply }).await.map_err(|_| self.shared.why_over())?;
        there.await.map_err(|_| self.shared.why_over())?
    }

    /// Exports the authorization for use in data centre `to`; `None` if no user is signed in.
    async fn export(&self, to: u8) -> Result<Option<ExportedAuthorization>, Error> {
        match self.of_mover(&ExportAuthorization { dc_id: to.into() }).await {
            Ok(Boxed(ticket)) => Ok(Some(ticket)),
            // The key has no account, or no longer: migrate without one.
            Err(Error::NotSignedIn(e)) if e.is("AUTH_KEY_UNREGISTERED") => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn import(&self, ticket: ExportedAuthorization) -> Result<(), Error> {
        let ExportedAuthorization { id, bytes } = ticket;
        let answer: AnyAuthorization = self.of_mover(&ImportAuthorization { id, bytes }).await?;
        let account = login::account(&answer)?;
        let user = SavedUser { id: account.id, is_bot: account.is_bot };
        self.shared.with(|state| state.user = Some(user));
        Ok(())
    }

    async fn of_mover<C: Call>(&self, call: &C) -> Result<C::Reply, Error> {
        let answer = timeout(self.call_within, self.send_first(call.to_boxed().into())).await;
        let body = answer.map_err(|_| Error::Timeout)?.result?;
        C::Reply::from_bytes(&body).map_err(Error::Decode)
    }

    /// Stores the answer of `help.getConfig` in the table of data centres.
    pub(super) async fn refresh_dcs(&self) -> Result<(), Error> {
        let Boxed(config) = self.of_mover(&GetConfig {}).await?;
        let offers: Vec<_> = config
            .dc_options
            .iter()
            .map(|Boxed(dc)| Offer {
                dc_id: dc.id,
                ip_address: &dc.ip_address,
                port: dc.port,
                is_special: dc.media_only || dc.tcpo_only || dc.cdn,
            })
            .collect();
        self.shared.with(|state| {
            state.dcs.refresh(config.test_mode, offers);
            state.config = Some(ConfigAge { date: config.date, expires: config.expires });
        });
        Ok(())
    }
}
