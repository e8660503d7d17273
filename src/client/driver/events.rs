//! Events of the connection: answers to callers, updates, keys and salts to save.

use super::binding::Binding;
use super::{Driver, Ready};
use crate::client::notice::{Notice, Word};
use crate::client::orders::Answer;
use crate::client::shared::{Clock, saved_salts};
use crate::client::{Error, MAX_UPDATE_BYTES};
use crate::protocol::connection::{Event, TemporaryKey};
use crate::protocol::session::{CallError, RpcError};
use crate::telegram::api::updates::Updates;
use crate::telegram::store::state::{DcKey, TempKey};
use crate::tl::Tl;
use alloc::vec;
use bytes::Bytes;
use core::sync::atomic::Ordering::Relaxed;

impl Driver {
    pub(super) fn deliver(&mut self, ready: &mut Option<Ready>) {
        let dc_id = self.dc;
        let mut has_news = false;
        while let Some(event) = self.connection.poll_event() {
            has_news = true;
            match event {
                Event::Exchange { is_temporary } => {
                    self.options.watcher.tell(&Notice::KeyExchange { dc_id, is_temporary });
                }
                Event::Authorized(saved) => {
                    self.is_authentic();
                    self.log_key(&saved.key, false);
                    let salts = vec![saved.salt.into()];
                    let made_at = self.server_secs();
                    let key = DcKey { made_at, salts, ..DcKey::new(saved.key) };
                    self.shared.with(|state| state.keys.insert(dc_id, key));
                    if let Some(ready) = ready.take() {
                        let _ = ready.send(Ok(()));
                    }
                }
                Event::Reply { call, result } => {
                    self.is_authentic();
                    // An answer under the key proves that the server knows it.
                    self.key_lost = 0;
                    if let Some(waiting) = self.waiting.remove(&call) {
                        let in_doubt = waiting.in_doubt || self.connection.was_in_doubt(call);
                        let _ = waiting.order.reply.send(Answer { result: self.judge(result), in_doubt });
                    }
                }
                Event::Update(body) => {
                    self.pass_on(&body);
                    self.hand_on(&body);
                }
                Event::Temporary(key) => {
                    self.log_key(&key.key, true);
                    self.binding.key = Some(key);
                }
                Event::Bound(TemporaryKey { key, salt, expires_at }) => {
                    self.is_authentic();
                    self.binding = Binding { good_at: Some(self.server_secs()), ..Binding::default() };
                    let temporary = TempKey { auth_key: key, expires_at, salts: vec![salt.into()] };
                    self.shared.with(|state| {
                        if let Some(key) = state.keys.get_mut(&dc_id) {
                            key.temporary = Some(temporary);
                        }
                    });
                    self.options.watcher.tell(&Notice::Bound { dc_id, expires_at });
                }
                Event::NotBound(error) => self.not_bound = self.unless_flood(error),
                Event::NewSession | Event::QuickAck(_) => {}
            }
        }
        if has_news {
            self.keep_salts();
        }
    }

    /// Resets the failure count. Only authentic data shows that the connection is good.
    fn is_authentic(&mut self) {
        self.failures = 0;
        self.shared.set_trouble(None);
    }

    /// Server time, in seconds since 1970.
    pub(super) fn server_secs(&self) -> i32 {
        i32::try_from(self.connection.unix(self.clock.now()).as_secs()).unwrap_or(i32::MAX)
    }

    /// Saves the salts of the key in use and the clock offset.
    fn keep_salts(&self) {
        let Some(session) = self.connection.session() else { return };
        let (key, clock, salts) = (session.key(), session.clock(), saved_salts(session.salts()));
        let offset = clock.at(self.clock.now()).as_micros() - Clock::unix().as_micros();
        self.shared.with(|state| {
            if clock.is_synced() {
                state.clock_offset = Some(offset);
            }
            let Some(saved) = state.keys.get_mut(&self.dc) else { return };
            match &mut saved.temporary {
                // Salts belong to a key, permanent or temporary.
                _ if saved.auth_key.is(key) => saved.salts = salts,
                Some(temporary) if temporary.auth_key.is(key) => temporary.salts = salts,
                _ => {}
            }
        });
    }

    /// Buffers an update for its reader, within the limits. Copies it: a slice would keep the whole packet in memory.
    fn hand_on(&self, body: &[u8]) {
        let unread = &self.shared.unread;
        let is_room = unread.fetch_add(body.len(), Relaxed).saturating_add(body.len()) <= MAX_UPDATE_BYTES;
        if !is_room || self.news.try_send(Bytes::copy_from_slice(body)).is_err() {
            unread.fetch_sub(body.len(), Relaxed);
        }
    }

    /// Passes on the texts that the server shows the user.
    fn pass_on(&self, body: &[u8]) {
        for text in Updates::from_bytes(body).map(|updates| updates.notifications()).unwrap_or_default() {
            self.options.watcher.tell(&Notice::Notification(&text));
            self.shared.word.send_modify(|word| *word = Word { count: word.count + 1, text });
        }
    }

    fn judge(&mut self, result: Result<Bytes, CallError>) -> Result<Bytes, Error> {
        if let Err(CallError::Refused(error)) = &result {
            match error.kind().0 {
                "CONNECTION_NOT_INITED" | "CONNECTION_LAYER_INVALID" => self.connection.introduce_again(),
                "AUTH_KEY_PERM_EMPTY" => self.drop_temporary(),
                _ if self.is_dead(error) => self.over = Some(Error::NotSignedIn(error.clone())),
                _ => {}
            }
        }
        result.map_err(Error::from)
    }

    /// Returns true if an error ends the use of the key. The key is then forgotten, and with it the signed-in user.
    fn is_dead(&self, error: &RpcError) -> bool {
        let is_home = self.shared.with(|state| state.home == self.dc);
        let has_user = is_home && self.shared.with(|state| state.user.is_some());
        let is_dead = match (error.code, error.kind().0) {
            (_, "AUTH_KEY_DUPLICATED") => true,
            (401, "AUTH_KEY_INVALID" | "SESSION_REVOKED" | "SESSION_EXPIRED") => true,
            (401, "USER_DEACTIVATED" | "USER_DEACTIVATED_BAN") => true,
            // For a key without an account, `AUTH_KEY_UNREGISTERED` is the normal state before a login.
            (401, "AUTH_KEY_UNREGISTERED") => has_user,
            _ => false,
        };
        if is_dead {
            self.forget_key(is_home);
        }
        is_dead
    }
}
