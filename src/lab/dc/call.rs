//! One call: taken out of its wrappers, judged, and handed to whom it is for.
//!
//! ```text
//! invokeWithLayer( initConnection( invokeWithoutUpdates( contacts.resolveUsername )))
//! └── caller.layer   └── caller.app    └── no subscription  └── METHODS ──▶ World::resolve_username ──▶ Outcome
//! ```

use super::layers;
use super::log::Entry;
use super::login::migrate;
use super::methods::{ABROAD, OPEN, UNBOUND, methods};
pub use super::methods::{method_id, method_name};
use super::script::Act;
pub use super::types::{App, Caller, Push};
use super::types::{Turn, bad};
pub use super::vectors::{MAX_ELEMENTS, VECTORS};
use super::vectors::{read, unreadable, unreadable_call};
use super::world::World;
use crate::protocol::session::RpcError;
use crate::telegram::api::account::{GetPassword, UpdateStatus};
use crate::telegram::api::auth::{
    AcceptLoginToken, BindTempAuthKey, CancelCode, CheckPassword, DropTempAuthKeys, ExportAuthorization,
    ExportLoginToken, ImportAuthorization, ImportBotAuthorization, ImportLoginToken, LogOut, ResendCode, SendCode,
    SignIn,
};
use crate::telegram::api::chats::{AddChatUser, EditAdmin, EditChatAdmin, InviteToChannel};
use crate::telegram::api::connect::{
    GetConfig, GetNearestDc, InitConnection, InvokeAfterMsg, InvokeAfterMsgs, InvokeWithLayer, InvokeWithMessagesRange,
    InvokeWithTakeout, InvokeWithoutUpdates,
};
use crate::telegram::api::contacts::ResolveUsername;
use crate::telegram::api::messages::{
    GetDialogs, GetHistory, GetPeerDialogs, MessageMediaEmpty, Search, SendMessage, StartBot,
};
use crate::telegram::api::updates::{
    GetChannelDifference, GetDifference, GetState, UpdateServiceNotification, UpdateShort, Updates,
};
use crate::telegram::api::users::{GetFullUser, GetUsers};
use crate::tl::{Call, Combinator, Raw, Reader, Tl};
use crate::wire::mt::gzip;
use crate::wire::mt::message::GzipPacked;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// `initConnection` without `params`, which TDLib 1.8.0 sends in layer 135: the same bytes as today's without them.
/// Spec: api/invoking#saving-client-info
const INIT_CONNECTION_OF_TDLIB: u32 = 0x7851_88b8;
/// The most wrappers around one call.
const MAX_WRAPPERS: usize = 8;
/// The longest call, wrappers and all: a part of a file is half of that at the most.
const MAX_CALL: usize = 1 << 20;
/// Characters kept of each text in which a program says what it is.
const MAX_APP: usize = 128;

/// Outcome of a call.
#[derive(Debug)]
pub struct Outcome {
    /// The answer.
    pub reply: Result<Vec<u8>, RpcError>,
    /// The id of the call inside all wrappers; 0 if there was none.
    pub method: u32,
    /// True if the calling session wants updates.
    pub wants_updates: bool,
    /// Updates to send after the answer, in this order.
    pub pushes: Vec<Push>,
    /// Keys whose QR codes were accepted: their owners are told.
    pub accepted: Vec<[u8; 8]>,
    /// For the log.
    pub entries: Vec<Entry>,
    /// Action of the [script](World::script) instead of the answer.
    pub act: Option<Act>,
    /// Notification for the calling session right after an error 406.
    pub notice: Option<Updates>,
    /// A call about keys, taken out of its wrappers: it is not for the world, which knows none.
    pub about_keys: Option<Raw>,
}

/// Returns true if the error invalidates the key of the call.
///
/// Spec: api/errors#406-not-acceptable: the session "was already invalidated by the server and the user must generate a
/// new auth key".
pub(super) fn ends_the_key(error: &RpcError) -> bool {
    error.code == 406 && error.message == "AUTH_KEY_DUPLICATED"
}

/// The sentence for the user that belongs to an error 406. Spec: api/errors#406-not-acceptable
fn notice(now: i32, error: &RpcError) -> Option<Updates> {
    let update = UpdateServiceNotification {
        popup: true,
        invert_media: false,
        inbox_date: None,
        type_: error.message.clone(),
        message: format!("The data centre cannot do this: {}.", error.message),
        media: MessageMediaEmpty {}.into(),
        entities: Vec::new(),
    };
    let has_one = error.code == 406 && !ends_the_key(error);
    has_one.then(|| (&UpdateShort { update: update.into(), date: now }).into())
}

macro_rules! serve {
    ($($call:ident => $serve:ident,)*) => {
        /// Serves one call: the types say that each method returns its reply.
        fn serve(world: &mut World, turn: &mut Turn<'_>, id: u32, r: &mut Reader<'_>) -> Result<Vec<u8>, RpcError> {
            let mut reply = Vec::new();
            match id {
                $($call::ID => {
                    let call = read::<$call>(r)?;
                    r.end().map_err(unreadable)?;
                    let said: <$call as Call>::Reply = world.$serve(turn, call)?;
                    said.write(&mut reply);
                })*
                SendMessage::ID => {
                    let draft = world.read_draft(r)?;
                    let said: <SendMessage as Call>::Reply = world.send_message(turn, draft)?;
                    said.write(&mut reply);
                }
                id => return Err(bad(&format!("INPUT_METHOD_INVALID_{id}"))),
            }
            if let Some(tamper) = world.faults.tamper(id) {
                reply = tamper.reply(world, turn, reply);
            }
            world.layers.reply(turn.caller.layer, id, reply).map_err(|unsaid| {
                world.desk.entries.push(Entry::Unsaid(unsaid));
                RpcError::new(500, &format!("LAYER_{}_LACKS_THE_REPLY", unsaid.layer))
            })
        }
    };
}

methods!(serve);

impl World {
    /// Updates for a client that speaks `layer`.
    pub fn updates_in(&mut self, layer: Option<i32>, updates: &Updates) -> Vec<u8> {
        self.layers.updates(layer, updates)
    }

    /// Executes one call: `body` is a function with its id, `now` seconds since 1970.
    pub fn call(&mut self, caller: &mut Caller, now: i32, body: &[u8]) -> Outcome {
        let mut outcome = Outcome {
            reply: Ok(Vec::new()),
            method: 0,
            wants_updates: true,
            pushes: Vec::new(),
            accepted: Vec::new(),
            entries: Vec::new(),
            act: None,
            notice: None,
            about_keys: None,
        };
        outcome.reply = self.unwrapped(caller, now, body, &mut outcome);
        if let (true, Err(error)) = (outcome.wants_updates, &outcome.reply) {
            outcome.notice = notice(now, error);
        }
        outcome.wants_updates &= caller.user_id.is_some();
        outcome.pushes = core::mem::take(&mut self.pushes);
        outcome.accepted = core::mem::take(&mut self.desk.nudges);
        outcome.entries.append(&mut self.desk.entries);
        outcome
    }

    /// Lets the next `times` calls of a method come to `act`, after what was said of it before. `method` is its id.
    pub fn script(&mut self, method: u32, act: Act, times: u32) {
        self.script.add(method, act, times);
    }

    fn unwrapped(
        &mut self,
        caller: &mut Caller,
        now: i32,
        body: &[u8],
        outcome: &mut Outcome,
    ) -> Result<Vec<u8>, RpcError> {
        if body.len() > MAX_CALL {
            return Err(bad("INPUT_REQUEST_TOO_LONG"));
        }
        let mut query = Raw(body.to_vec());
        let mut is_opened = false;
        for _ in 0..MAX_WRAPPERS {
            let mut r = Reader::new(&query.0);
            let id = r.u32().map_err(unreadable)?;
            outcome.method = id;
            if [BindTempAuthKey::ID, DropTempAuthKeys::ID].contains(&id) {
                outcome.about_keys = Some(query);
                return Ok(Vec::new());
            }
            // TDLib packs a call first, and wraps it then.
            if id == GzipPacked::ID && !core::mem::replace(&mut is_opened, true) {
                let packed = r.bytes().map_err(unreadable)?;
                query = Raw(gzip::inflate(packed, MAX_CALL).map_err(|_| bad("INPUT_FETCH_ERROR"))?);
                continue;
            }
            if let Some(inner) = unwrap(caller, id, &mut r, outcome)? {
                query = inner;
                continue;
            }
            let query_of_today = self.layers.call_of_today(caller.layer, &query.0);
            let query = query_of_today.map_err(|(method, e)| unreadable_call(method, e))?.map_or(query, Raw);
            let mut r = Reader::new(&query.0);
            outcome.method = r.u32().map_err(unreadable)?;
            return self.execute(caller, now, outcome.method, &mut r, outcome);
        }
        Err(bad("INPUT_FETCH_ERROR"))
    }

    fn execute(
        &mut self,
        caller: &mut Caller,
        now: i32,
        id: u32,
        r: &mut Reader<'_>,
        outcome: &mut Outcome,
    ) -> Result<Vec<u8>, RpcError> {
        if caller.app.is_none() {
            return Err(bad("CONNECTION_NOT_INITED"));
        }
        if caller.layer.is_none() {
            return Err(bad("CONNECTION_LAYER_INVALID"));
        }
        if caller.is_unbound && !UNBOUND.contains(&id) {
            return Err(RpcError::new(401, "AUTH_KEY_PERM_EMPTY"));
        }
        outcome.act = self.script.next(id).or_else(|| self.faults.act(method_name(id)));
        match &outcome.act {
            Some(Act::Refuse(error) | Act::RefuseAndTell(error, _)) => return Err(error.clone()),
            Some(Act::Ignore) => return Ok(Vec::new()),
            _ => {}
        }
        let dc_id = caller.dc_id.unwrap_or(self.home.dc_id);
        let me = caller.user_id.filter(|me| self.user(*me).is_some_and(|user| !user.is_deleted));
        if me.is_none() && method_name(id).is_some() && !OPEN.contains(&id) {
            return Err(RpcError::new(401, "AUTH_KEY_UNREGISTERED"));
        }
        if let Some(home) = me.map(|me| self.home_of(me)).filter(|home| *home != dc_id)
            && ![OPEN, ABROAD].concat().contains(&id)
        {
            return Err(migrate("USER", home));
        }
        serve(self, &mut Turn { now, me: me.unwrap_or(0), dc_id, caller }, id, r)
    }
}

/// The beginning of what a program says of itself: it is kept with the key, and shown with each QR code.
fn shortened(text: &str) -> String {
    text.chars().take(MAX_APP).collect()
}

/// Takes one wrapper off: what is inside, or `None` if it is none.
fn unwrap(caller: &mut Caller, id: u32, r: &mut Reader<'_>, outcome: &mut Outcome) -> Result<Option<Raw>, RpcError> {
    let inner = match id {
        InvokeWithLayer::ID => {
            let call = InvokeWithLayer::read(r).map_err(unreadable)?;
            if !layers::is_served(call.layer) {
                outcome.entries.push(Entry::Layer(call.layer));
                return Err(bad("CONNECTION_LAYER_INVALID"));
            }
            caller.layer = Some(call.layer);
            call.query
        }
        InitConnection::ID | INIT_CONNECTION_OF_TDLIB => {
            let call = read::<InitConnection>(r)?;
            let (device_model, app_version) = (shortened(&call.device_model), shortened(&call.app_version));
            caller.app = Some(App { api_id: call.api_id, device_model, app_version });
            call.query
        }
        InvokeWithoutUpdates::ID => {
            outcome.wants_updates = false;
            InvokeWithoutUpdates::read(r).map_err(unreadable)?.query
        }
        // Calls are executed in the order they come: what they wait for is done.
        InvokeAfterMsg::ID => InvokeAfterMsg::read(r).map_err(unreadable)?.query,
        InvokeAfterMsgs::ID => read::<InvokeAfterMsgs>(r)?.query,
        InvokeWithMessagesRange::ID => InvokeWithMessagesRange::read(r).map_err(unreadable)?.query,
        InvokeWithTakeout::ID => InvokeWithTakeout::read(r).map_err(unreadable)?.query,
        _ => return Ok(None),
    };
    Ok(Some(inner))
}
