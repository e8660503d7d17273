//! State of the test data centre: users, bots, groups and their messages.
//!
//! ```text
//! World ─┬─ users    id ─▶ User            a human, or a bot with a manner
//!        ├─ groups   PeerId ─▶ Group       basic groups and supergroups
//!        └─ boxes    PeerId ─▶ Mailbox     one for each user; one for each supergroup, shared by its members
//! ```
//!
//! A world has no clock, no socket and no entropy: time comes with each call, and what would be random (access hashes)
//! is drawn from the seed it was made with. [`World::call`] is all of its API; see [`residents`](super::residents) for
//! who is there by default.

use super::mailbox::{Letter, Mailbox, What};
use super::types::Missing;
pub use super::types::{Group, Home, MAX_MEMBERS, Manner, PeerId, User};
use crate::telegram::api::peer::{
    DirectPeer, InputChannel, InputChannelById, InputPeer, InputPeerChannel, InputPeerChat, InputPeerUser, InputUser,
    InputUserById,
};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use sha2::{Digest, Sha256};

/// Everybody, and everything said.
#[derive(Debug)]
pub struct World {
    /// Address that the configuration names.
    pub home: Home,
    /// Other data centres of the same world, which have other keys.
    pub others: Vec<Home>,
    seed: [u8; 32],
    pub(super) users: BTreeMap<i64, User>,
    pub(super) groups: BTreeMap<PeerId, Group>,
    pub(super) boxes: BTreeMap<PeerId, Mailbox>,
    /// Messages ever posted.
    pub(super) posts: u64,
    pub(super) pushes: Vec<super::types::Push>,
    /// The address by which the caller reached the data centre.
    pub(super) reached_at: Option<core::net::IpAddr>,
    pub(super) layers: super::layers::Layers,
    pub(super) desk: super::desk::Desk,
    pub(super) script: super::script::Script,
    pub(super) faults: super::faults::Faults,
}

impl World {
    /// Nobody yet. Access hashes come from `seed`.
    pub fn empty(seed: [u8; 32]) -> Self {
        Self {
            home: Home::default(),
            others: Vec::new(),
            seed,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            boxes: BTreeMap::new(),
            posts: 0,
            pushes: Vec::new(),
            reached_at: None,
            layers: super::layers::Layers::default(),
            desk: super::desk::Desk::new(seed),
            script: super::script::Script::default(),
            faults: super::faults::Faults::default(),
        }
    }

    /// The data centre of this number.
    pub fn place(&self, dc_id: i32) -> Option<&Home> {
        [&self.home].into_iter().chain(&self.others).find(|home| home.dc_id == dc_id)
    }

    /// Lets a user in; one of the same id is replaced.
    pub fn add_user(&mut self, user: User) {
        self.boxes.entry(PeerId::User(user.id)).or_default();
        self.users.insert(user.id, user);
    }

    /// Makes a basic group ([`PeerId::Chat`]) or a supergroup ([`PeerId::Channel`]); a user id changes nothing.
    pub fn add_group(&mut self, id: PeerId, group: Group) {
        if matches!(id, PeerId::User(_)) {
            return;
        }
        let (creator, date, title) = (group.creator, group.date, group.title.clone());
        if let PeerId::Channel(_) = id {
            self.boxes.entry(id).or_default();
        }
        self.groups.insert(id, group);
        let _ = self.post(date, creator, id, &What::Created(title));
    }

    /// A user by id.
    pub fn user(&self, id: i64) -> Option<&User> {
        self.users.get(&id)
    }
    /// A group by id.
    pub fn group(&self, id: PeerId) -> Option<&Group> {
        self.groups.get(&id)
    }
    /// A group by id, to change the rules in it.
    pub fn group_mut(&mut self, id: PeerId) -> Option<&mut Group> {
        self.groups.get_mut(&id)
    }
    /// Everybody.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// Owner of a username, case-insensitive.
    pub fn named(&self, username: &str) -> Option<PeerId> {
        let is = |name: &Option<String>| name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(username));
        let user = self.users.values().find(|user| is(&user.username)).map(|user| PeerId::User(user.id));
        user.or_else(|| self.groups.iter().find(|(_, group)| is(&group.username)).map(|(id, _)| *id))
    }

    /// The hash that opens `of` to `viewer`, and to nobody else.
    pub fn access_hash(&self, viewer: i64, of: PeerId) -> i64 {
        let (tag, id) = match of {
            PeerId::User(id) => (b'u', id),
            PeerId::Chat(id) => (b'g', id),
            PeerId::Channel(id) => (b'c', id),
        };
        let hash = Sha256::new()
            .chain_update(self.seed)
            .chain_update(viewer.to_le_bytes())
            .chain_update([tag])
            .chain_update(id.to_le_bytes())
            .finalize();
        hash.first_chunk().map_or(0, |hash| i64::from_le_bytes(*hash))
    }

    /// Name of a user in the calls of `viewer`.
    pub fn input_user(&self, viewer: i64, user_id: i64) -> InputUser {
        InputUserById { user_id, access_hash: self.access_hash(viewer, PeerId::User(user_id)) }.into()
    }
    /// Name of a peer in the calls of `viewer`.
    pub fn input_peer(&self, viewer: i64, of: PeerId) -> InputPeer {
        let access_hash = self.access_hash(viewer, of);
        match of {
            PeerId::User(user_id) => InputPeerUser { user_id, access_hash }.into(),
            PeerId::Chat(chat_id) => InputPeerChat { chat_id }.into(),
            PeerId::Channel(channel_id) => InputPeerChannel { channel_id, access_hash }.into(),
        }
    }

    /// The user that `me` means.
    pub(super) fn find_user(&self, me: i64, user: &InputUser) -> Result<&User, Missing> {
        let id = match user {
            InputUser::Me(_) => me,
            InputUser::ById(InputUserById { user_id, access_hash }) => {
                self.opened(me, PeerId::User(*user_id), *access_hash)?;
                *user_id
            }
            InputUser::FromMessage(from) => self.shown_user(me, &from.peer, from.msg_id, from.user_id)?,
            InputUser::Empty(_) => return Err(Missing::Peer),
        };
        self.users.get(&id).ok_or(Missing::Peer)
    }

    /// The peer that `me` means; `None` if it means nobody.
    pub(super) fn find_peer(&self, me: i64, peer: &InputPeer) -> Result<Option<PeerId>, Missing> {
        let id = match peer {
            InputPeer::Empty(_) => return Ok(None),
            InputPeer::Me(_) => PeerId::User(me),
            InputPeer::User(InputPeerUser { user_id, access_hash }) => {
                self.opened(me, PeerId::User(*user_id), *access_hash)?
            }
            InputPeer::Chat(InputPeerChat { chat_id }) => self.entered(me, PeerId::Chat(*chat_id))?,
            InputPeer::Channel(InputPeerChannel { channel_id, access_hash }) => {
                self.opened(me, PeerId::Channel(*channel_id), *access_hash)?
            }
            InputPeer::UserFromMessage(from) => {
                PeerId::User(self.shown_user(me, &from.peer, from.msg_id, from.user_id)?)
            }
            // No message of this world shows a channel.
            InputPeer::ChannelFromMessage(from) => {
                self.find_direct(me, &from.peer)?;
                return Err(Missing::Message);
            }
        };
        Ok(Some(id))
    }

    /// The supergroup that `me` means.
    pub(super) fn find_channel(&self, me: i64, channel: &InputChannel) -> Result<PeerId, Missing> {
        match channel {
            InputChannel::ById(InputChannelById { channel_id, access_hash }) => {
                self.opened(me, PeerId::Channel(*channel_id), *access_hash)
            }
            InputChannel::Empty(_) | InputChannel::FromMessage(_) => Err(Missing::Peer),
        }
    }

    fn find_direct(&self, me: i64, peer: &DirectPeer) -> Result<PeerId, Missing> {
        let peer = match peer.clone() {
            DirectPeer::Empty(p) => p.into(),
            DirectPeer::Me(p) => p.into(),
            DirectPeer::User(p) => p.into(),
            DirectPeer::Chat(p) => p.into(),
            DirectPeer::Channel(p) => p.into(),
        };
        self.find_peer(me, &peer)?.ok_or(Missing::Peer)
    }

    /// The user `id`, if message `msg_id` in `peer` shows it.
    fn shown_user(&self, me: i64, peer: &DirectPeer, msg_id: i32, id: i64) -> Result<i64, Missing> {
        let peer = self.find_direct(me, peer)?;
        let letter = self.letters(me, peer).find(|letter| letter.id == msg_id).ok_or(Missing::Message)?;
        let is_shown = letter.from == id || matches!(&letter.what, What::Added(users) if users.contains(&id));
        if is_shown { Ok(id) } else { Err(Missing::Message) }
    }

    /// `of`, if it is there and `hash` is the one that opens it to `me`.
    fn opened(&self, me: i64, of: PeerId, hash: i64) -> Result<PeerId, Missing> {
        let is_there = match of {
            PeerId::User(id) => self.users.contains_key(&id),
            _ => self.groups.contains_key(&of),
        };
        if is_there && hash == self.access_hash(me, of) { Ok(of) } else { Err(Missing::Peer) }
    }

    /// `of`, if `me` is in it.
    fn entered(&self, me: i64, of: PeerId) -> Result<PeerId, Missing> {
        let is_in = self.groups.get(&of).is_some_and(|group| group.members.contains(&me));
        if is_in { Ok(of) } else { Err(Missing::Peer) }
    }

    /// Messages of `peer` that `me` can read, oldest first.
    pub(super) fn letters(&self, me: i64, peer: PeerId) -> impl DoubleEndedIterator<Item = &Letter> {
        let owner = match peer {
            PeerId::Channel(_) => peer,
            _ => PeerId::User(me),
        };
        self.boxes.get(&owner).into_iter().flat_map(Mailbox::letters).filter(move |letter| letter.peer == peer)
    }
}
