//! Methods that the data centre serves: one table, from which names and handlers are made.

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
use crate::telegram::api::messages::{GetDialogs, GetHistory, GetPeerDialogs, Search, SendMessage, StartBot};
use crate::telegram::api::updates::{GetChannelDifference, GetDifference, GetState};
use crate::telegram::api::users::{GetFullUser, GetUsers};
use crate::tl::schema::{self, Schema};
use crate::tl::{Combinator, line};

/// Hands the table of methods and of the functions of `World` that serve them to the macro `$each`.
macro_rules! methods {
    ($each:ident) => {
        $each! {
            GetPassword => get_password,
            UpdateStatus => update_status,
            AcceptLoginToken => accept_login_token,
            CancelCode => cancel_code,
            CheckPassword => check_password,
            ExportAuthorization => export_authorization,
            ExportLoginToken => export_login_token,
            ImportAuthorization => import_authorization,
            ImportBotAuthorization => import_bot_authorization,
            ImportLoginToken => import_login_token,
            LogOut => log_out,
            ResendCode => resend_code,
            SendCode => send_code,
            SignIn => sign_in,
            EditAdmin => edit_admin,
            InviteToChannel => invite_to_channel,
            ResolveUsername => resolve_username,
            GetConfig => get_config,
            GetNearestDc => get_nearest_dc,
            AddChatUser => add_chat_user,
            EditChatAdmin => edit_chat_admin,
            GetDialogs => get_dialogs,
            GetHistory => get_history,
            GetPeerDialogs => get_peer_dialogs,
            Search => search,
            StartBot => start_bot,
            GetChannelDifference => get_channel_difference,
            GetDifference => get_difference,
            GetState => get_state,
            GetFullUser => get_full_user,
            GetUsers => get_users,
        }
    };
}
pub(super) use methods;

macro_rules! names {
    ($($call:ident => $serve:ident,)*) => {
        /// Name in the schema of a method that is served here.
        pub fn method_name(id: u32) -> Option<&'static str> {
            match id {
                $($call::ID => Some(const { line::name($call::LINE) }),)*
                // Served with the keys, before calls get to the world.
                BindTempAuthKey::ID => Some(const { line::name(BindTempAuthKey::LINE) }),
                DropTempAuthKeys::ID => Some(const { line::name(DropTempAuthKeys::LINE) }),
                SendMessage::ID => Some(const { line::name(SendMessage::LINE) }),
                _ => None,
            }
        }
    };
}
methods!(names);

/// Constructors that wrap calls.
pub(super) const WRAPPERS: &[u32] = &[
    InvokeWithLayer::ID,
    InitConnection::ID,
    InvokeWithoutUpdates::ID,
    InvokeAfterMsg::ID,
    InvokeAfterMsgs::ID,
    InvokeWithMessagesRange::ID,
    InvokeWithTakeout::ID,
];

/// The id of a method of the API, served here or not; `None` if there is none, or it only wraps another.
pub fn method_id(name: &str) -> Option<u32> {
    let schema = Schema::parse(schema::API).ok()?;
    let method = schema.named(name).filter(|line| line.is_function)?;
    (!WRAPPERS.contains(&method.id)).then_some(method.id)
}

/// Methods for temporary keys that stand for none yet.
pub(super) const UNBOUND: &[u32] = &[GetConfig::ID, GetNearestDc::ID];

/// Methods that need nobody signed in.
pub(super) const OPEN: &[u32] = &[
    GetConfig::ID,
    GetNearestDc::ID,
    GetPassword::ID,
    CancelCode::ID,
    CheckPassword::ID,
    ExportLoginToken::ID,
    ImportAuthorization::ID,
    ImportBotAuthorization::ID,
    ImportLoginToken::ID,
    ResendCode::ID,
    SendCode::ID,
    SignIn::ID,
];

/// Methods that may also be called at a data centre that is not the user's.
pub(super) const ABROAD: &[u32] = &[LogOut::ID, ExportAuthorization::ID];
