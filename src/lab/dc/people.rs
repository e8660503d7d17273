//! Calls about users, names, groups and the data centre itself.

use super::types::{MAX_MEMBERS, PeerId, Turn, bad};
use super::view::config;
use super::world::World;
use crate::protocol::session::RpcError;
use crate::telegram::api::Boxed;
use crate::telegram::api::account::UpdateStatus;
use crate::telegram::api::chats::{
    AddChatUser, EditAdmin, EditChatAdmin, InviteToChannel, InvitedUsers, InvitedUsersBody,
};
use crate::telegram::api::connect::{Config, GetConfig, GetNearestDc, NearestDc};
use crate::telegram::api::contacts::{ResolveUsername, ResolvedPeer, ResolvedPeerBody};
use crate::telegram::api::peer::InputUser;
use crate::telegram::api::updates::{UpdateChannel, Updates, UpdatesList};
use crate::telegram::api::users::{
    AnyUser, FullUserBody, GetFullUser, GetUsers, UserEmpty, UserFull, UserFullWithPeers, UsersBody,
};
use crate::tl::{Combinator, Raw, Tl};
use alloc::vec;
use alloc::vec::Vec;

impl World {
    pub(super) fn get_config(&mut self, turn: &mut Turn<'_>, _: GetConfig) -> Result<Boxed<Config>, RpcError> {
        Ok(Boxed(config(&self.home, &self.others, self.reached_at, turn.dc_id, turn.now)))
    }

    pub(super) fn get_nearest_dc(
        &mut self,
        turn: &mut Turn<'_>,
        _: GetNearestDc,
    ) -> Result<Boxed<NearestDc>, RpcError> {
        Ok(Boxed(NearestDc { country: "ZZ".into(), this_dc: turn.dc_id, nearest_dc: self.home.dc_id }))
    }

    /// Being online is nobody's business here.
    pub(super) fn update_status(&mut self, _: &mut Turn<'_>, _: UpdateStatus) -> Result<bool, RpcError> {
        Ok(true)
    }

    pub(super) fn get_users(&mut self, turn: &mut Turn<'_>, call: GetUsers) -> Result<UsersBody, RpcError> {
        let seen = |user: &InputUser| match self.find_user(turn.me, user) {
            Ok(found) => Some(self.see_user(turn.me, found.id)),
            Err(_) => match user {
                InputUser::ById(user) => Some(UserEmpty { id: user.user_id }.into()),
                _ => None,
            },
        };
        let users: Vec<AnyUser> = call.id.iter().filter_map(seen).collect();
        let mut out = Vec::new();
        users.write(&mut out);
        Ok(UsersBody(Raw(out)))
    }

    /// All that this world knows of a user, which is little.
    pub(super) fn get_full_user(&mut self, turn: &mut Turn<'_>, call: GetFullUser) -> Result<FullUserBody, RpcError> {
        let id = self.find_user(turn.me, &call.id).map_err(|missing| missing.or("USER_ID_INVALID"))?.id;
        let full_user = Boxed(UserFull { id, ..UserFull::default() });
        let users = vec![self.see_user(turn.me, id)];
        Ok(FullUserBody(Raw(UserFullWithPeers { full_user, chats: Vec::new(), users }.to_boxed())))
    }

    pub(super) fn resolve_username(
        &mut self,
        turn: &mut Turn<'_>,
        call: ResolveUsername,
    ) -> Result<ResolvedPeerBody, RpcError> {
        if !is_username(&call.username) {
            return Err(bad("USERNAME_INVALID"));
        }
        if call.referer.is_some() {
            return Err(bad("STARREF_EXPIRED"));
        }
        let id = self.named(&call.username).ok_or_else(|| bad("USERNAME_NOT_OCCUPIED"))?;
        let (mut chats, mut users) = (Vec::new(), Vec::new());
        match id {
            PeerId::User(id) => users.push(self.see_user(turn.me, id)),
            group => chats.extend(self.see_chat(turn.me, group)),
        }
        Ok(ResolvedPeerBody(Raw(ResolvedPeer { peer: id.into(), chats, users }.to_boxed())))
    }

    pub(super) fn add_chat_user(
        &mut self,
        turn: &mut Turn<'_>,
        call: AddChatUser,
    ) -> Result<InvitedUsersBody, RpcError> {
        let group = PeerId::Chat(call.chat_id);
        if !self.members(group).contains(&turn.me) {
            return Err(bad("CHAT_ID_INVALID"));
        }
        let user = self.find_guest(turn.me, group, &call.user_id)?;
        if self.members(group).contains(&user) {
            return Err(bad("USER_ALREADY_PARTICIPANT"));
        }
        self.invite(turn, group, &[user])
    }

    pub(super) fn invite_to_channel(
        &mut self,
        turn: &mut Turn<'_>,
        call: InviteToChannel,
    ) -> Result<InvitedUsersBody, RpcError> {
        let group = self.find_channel(turn.me, &call.channel).map_err(|missing| missing.or("CHANNEL_INVALID"))?;
        let mut guests = Vec::new();
        for user in &call.users {
            let guest = self.find_guest(turn.me, group, user)?;
            if !guests.contains(&guest) && !self.members(group).contains(&guest) {
                guests.push(guest);
            }
        }
        self.invite(turn, group, &guests)
    }

    /// Users that `me` wants to add to `group`, if that is allowed.
    fn find_guest(&self, me: i64, group: PeerId, user: &InputUser) -> Result<i64, RpcError> {
        let guest = self.find_user(me, user).map_err(|missing| missing.or("USER_ID_INVALID"))?;
        if guest.is_deleted {
            return Err(bad("INPUT_USER_DEACTIVATED"));
        }
        let group = self.group(group).ok_or_else(|| bad("PEER_ID_INVALID"))?;
        if !group.is_host(me) {
            return Err(bad("CHAT_ADMIN_REQUIRED"));
        }
        if group.members.len() >= MAX_MEMBERS {
            return Err(bad("USERS_TOO_MUCH"));
        }
        Ok(guest.id)
    }

    fn invite(&mut self, turn: &Turn<'_>, group: PeerId, guests: &[i64]) -> Result<InvitedUsersBody, RpcError> {
        let posted: Vec<_> = guests.iter().map(|guest| self.join(turn.now, turn.me, group, *guest)).collect();
        let updates = self.tell(turn.now, turn.me, &posted, None);
        let missing_invitees = Vec::new();
        Ok(InvitedUsersBody(Raw(InvitedUsers { updates, missing_invitees }.to_boxed())))
    }

    /// `channels.editAdmin`: with any right at all, one may do anything here. Who is not in the group is added.
    pub(super) fn edit_admin(&mut self, turn: &mut Turn<'_>, call: EditAdmin) -> Result<Updates, RpcError> {
        let (now, me) = (turn.now, turn.me);
        let id = self.find_channel(me, &call.channel).map_err(|missing| missing.or("CHANNEL_INVALID"))?;
        let user = self.find_user(me, &call.user_id).map_err(|missing| missing.or("USER_ID_INVALID"))?;
        if user.is_deleted {
            return Err(bad("INPUT_USER_DEACTIVATED"));
        }
        let user = user.id;
        if !self.group(id).is_some_and(|group| group.is_admin(me)) {
            return Err(bad("CHAT_ADMIN_REQUIRED"));
        }
        if !self.members(id).contains(&user) {
            let copies = self.join(now, me, id, user);
            let _ = self.tell(now, me, &[copies], None);
        }
        let has_rights = call.admin_rights != Boxed::default();
        if let Some(group) = self.group_mut(id) {
            if has_rights {
                group.admins.insert(user)
            } else {
                group.admins.remove(&user)
            };
        }
        let PeerId::Channel(channel_id) = id else { return Err(bad("CHANNEL_INVALID")) };
        Ok((&UpdatesList {
            updates: vec![UpdateChannel { channel_id }.into()],
            users: vec![self.see_user(me, user)],
            chats: self.see_chat(me, id).into_iter().collect(),
            date: now,
            seq: 0,
        })
            .into())
    }

    pub(super) fn edit_chat_admin(&mut self, turn: &mut Turn<'_>, call: EditChatAdmin) -> Result<bool, RpcError> {
        let id = PeerId::Chat(call.chat_id);
        let user = self.find_user(turn.me, &call.user_id).map_err(|missing| missing.or("USER_ID_INVALID"))?.id;
        let group = self.groups.get_mut(&id).filter(|group| group.members.contains(&turn.me));
        let group = group.ok_or_else(|| bad("CHAT_ID_INVALID"))?;
        if group.creator != turn.me {
            return Err(bad("CHAT_ADMIN_REQUIRED"));
        }
        if !group.members.contains(&user) {
            return Err(bad("USER_NOT_PARTICIPANT"));
        }
        if call.is_admin {
            group.admins.insert(user)
        } else {
            group.admins.remove(&user)
        };
        Ok(true)
    }
}

/// Returns true for a valid username: a letter, then letters, digits and single `_`, 4 to 32 in all.
fn is_username(name: &str) -> bool {
    (4..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
        && !name.ends_with('_')
        && !name.contains("__")
}
