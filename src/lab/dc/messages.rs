//! `messages.startBot`, `messages.sendMessage`, and reading what was said.

use super::draft::Draft;
use super::mailbox::{Letter, Text, What};
pub use super::types::MAX_TEXT;
use super::types::{PeerId, Turn, bad};
use super::view::count;
use super::world::World;
use crate::protocol::session::RpcError;
use crate::telegram::api::Boxed;
use crate::telegram::api::account::PeerNotifySettings;
use crate::telegram::api::messages::{
    AnyDialog, AnyDialogs, AnyMessages, ChannelMessages, Dialog, Dialogs, DialogsSlice, GetDialogs, GetHistory,
    GetPeerDialogs, InputDialogPeer, InputDialogWith, Messages, MessagesSlice, PeerDialogs, StartBot,
};
use crate::telegram::api::updates::{UpdateShortSentMessage, Updates};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

/// The longest start parameter.
pub const MAX_START_PARAM: usize = 64;
/// The most messages that one call fetches.
const MAX_FETCHED: i64 = 100;

impl World {
    /// `messages.startBot`: says START to a bot, in private or in a group that the bot then joins.
    ///
    /// Its errors are those of the page and no others; see [`residents`](super::residents) for who causes which.
    /// Spec: method/messages.startBot
    pub(super) fn start_bot(&mut self, turn: &mut Turn<'_>, call: StartBot) -> Result<Updates, RpcError> {
        let (now, me) = (turn.now, turn.me);
        if self.user(me).is_some_and(super::world::User::is_bot) {
            return Err(bad("BOT_METHOD_INVALID"));
        }
        let bot = self.find_user(me, &call.bot).map_err(|missing| missing.or("BOT_INVALID"))?;
        if !bot.is_bot() {
            return Err(bad("BOT_INVALID"));
        }
        if bot.is_deleted {
            return Err(bad("INPUT_USER_DEACTIVATED"));
        }
        let bot = bot.id;
        let peer = self.find_peer(me, &call.peer).map_err(|missing| missing.or("PEER_ID_INVALID"))?;
        let peer = peer.unwrap_or(PeerId::User(bot));
        check_start_param(&call.start_param)?;
        let in_private = match peer {
            PeerId::User(id) if id == bot => true,
            PeerId::User(_) => return Err(bad("PEER_ID_INVALID")),
            group => {
                self.check_entry(me, group, bot)?;
                false
            }
        };
        if call.random_id == 0 {
            return Err(bad("RANDOM_ID_EMPTY"));
        }
        if !self.mailbox(me).note_sent(call.random_id) {
            return Err(RpcError::new(500, "RANDOM_ID_DUPLICATE"));
        }
        let (posted, heard) = if in_private {
            let heard = format!("/start {}", call.start_param);
            let (said, told) = (What::from("/start"), What::from(&*heard));
            (vec![self.post_privately(now, me, bot, &said, &told)], heard)
        } else {
            let mut posted = Vec::new();
            if self.group(peer).is_some_and(|group| !group.members.contains(&bot)) {
                posted.push(self.join(now, me, peer, bot));
            }
            let heard = self.start_command(bot, &call.start_param);
            posted.push(self.post(now, me, peer, &What::from(&*heard)));
            (posted, heard)
        };
        let reply = self.tell(now, me, &posted, Some(call.random_id));
        self.answer(now, me, peer, &heard);
        Ok(reply)
    }

    /// Returns true if `me` may write in `group`, and `bot` is in it or may be added.
    fn check_entry(&self, me: i64, group: PeerId, bot: i64) -> Result<(), RpcError> {
        let group = self.group(group).ok_or_else(|| bad("PEER_ID_INVALID"))?;
        if !group.is_writer(me) {
            return Err(RpcError::new(403, "CHAT_WRITE_FORBIDDEN"));
        }
        if !group.members.contains(&bot) && !group.is_host(me) {
            return Err(bad("CHAT_ADMIN_REQUIRED"));
        }
        Ok(())
    }

    /// `messages.sendMessage`: text with entities, which may answer a message.
    pub(super) fn send_message(&mut self, turn: &mut Turn<'_>, draft: Draft) -> Result<Updates, RpcError> {
        let Draft { head: call, silent, noforwards, entities } = draft;
        let (now, me) = (turn.now, turn.me);
        let peer = self.find_peer(me, &call.peer).map_err(|missing| missing.or("PEER_ID_INVALID"))?;
        let peer = peer.ok_or_else(|| bad("PEER_ID_INVALID"))?;
        match peer {
            PeerId::User(id) if self.user(id).is_some_and(|user| user.is_deleted) => {
                return Err(bad("INPUT_USER_DEACTIVATED"));
            }
            PeerId::User(_) => {}
            group if self.group(group).is_some_and(|group| !group.is_writer(me)) => {
                return Err(RpcError::new(403, "CHAT_WRITE_FORBIDDEN"));
            }
            _ => {}
        }
        if call.message.is_empty() {
            return Err(bad("MESSAGE_EMPTY"));
        }
        if call.message.chars().count() > MAX_TEXT {
            return Err(bad("MESSAGE_TOO_LONG"));
        }
        let entities = self.checked_entities(me, &call.message, entities)?;
        let reply_to = self.find_reply(me, peer, call.reply_to)?;
        if call.random_id == 0 {
            return Err(bad("RANDOM_ID_EMPTY"));
        }
        if !self.mailbox(me).note_sent(call.random_id) {
            return Err(RpcError::new(500, "RANDOM_ID_DUPLICATE"));
        }
        let text = Text { text: call.message.clone(), entities: entities.clone(), reply_to, silent, noforwards };
        let copies = self.post(now, me, peer, &What::Text(text));
        let mine = copies.iter().find(|(reader, _)| *reader == me).map(|(_, letter)| (letter.id, letter.pts));
        let mut reply = self.tell(now, me, &[copies], Some(call.random_id));
        if let (PeerId::User(_), Some((id, pts))) = (peer, mine) {
            reply = (&UpdateShortSentMessage {
                out: true,
                id,
                pts,
                pts_count: 1,
                date: now,
                media: None,
                entities: (!entities.is_empty()).then_some(entities),
                ttl_period: None,
            })
                .into();
        }
        self.answer(now, me, peer, &call.message);
        Ok(reply)
    }

    /// `messages.getHistory`: newest first.
    ///
    /// `offset_id`, or without one `offset_date`, names a place in the list, `add_offset` moves it (negative: to newer
    /// messages), and `limit` messages from there are given; what is before the newest message counts, too, so that no
    /// page repeats another. Spec: api/offsets
    pub(super) fn get_history(&mut self, turn: &mut Turn<'_>, call: GetHistory) -> Result<AnyMessages, RpcError> {
        let me = turn.me;
        let peer = self.find_peer(me, &call.peer).map_err(|missing| missing.or("PEER_ID_INVALID"))?;
        let peer = peer.ok_or_else(|| bad("PEER_ID_INVALID"))?;
        let page = Page {
            offset_id: call.offset_id,
            offset_date: call.offset_date,
            add_offset: call.add_offset,
            limit: call.limit,
            max_id: call.max_id,
            min_id: call.min_id,
        };
        let all: Vec<&Letter> = self.letters(me, peer).rev().collect();
        Ok(self.messages(me, Some(peer), &page.of(&all), all.len()))
    }

    /// Some of `all` messages that a call asks for, in `peer` or, without one, in several dialogs.
    pub(super) fn messages(&self, me: i64, peer: Option<PeerId>, letters: &[&Letter], all: usize) -> AnyMessages {
        let (chats, users) = self.mentioned(me, letters.iter().copied());
        let messages: Vec<_> = letters.iter().map(|letter| self.see_letter(me, letter)).collect();
        let topics = Vec::new();
        match peer {
            Some(peer @ PeerId::Channel(_)) => ChannelMessages {
                inexact: false,
                pts: self.boxes.get(&peer).map_or(0, super::mailbox::Mailbox::pts),
                count: count(all),
                offset_id_offset: None,
                messages,
                topics,
                chats,
                users,
            }
            .into(),
            _ if messages.len() == all => Messages { messages, topics, chats, users }.into(),
            _ => MessagesSlice {
                inexact: false,
                count: count(all),
                next_rate: None,
                offset_id_offset: None,
                search_flood: None,
                messages,
                topics,
                chats,
                users,
            }
            .into(),
        }
    }

    /// `messages.getDialogs`: the newest message of each peer, newest first. The archive, which is folder 1, is empty.
    pub(super) fn get_dialogs(&mut self, turn: &mut Turn<'_>, call: GetDialogs) -> Result<AnyDialogs, RpcError> {
        let me = turn.me;
        let mut tops = match call.folder_id {
            None | Some(0) => self.newest(me),
            Some(1) => Vec::new(),
            Some(_) => return Err(bad("FOLDER_ID_INVALID")),
        };
        let all = tops.len();
        // Ids of different mailboxes may be the same: the peer tells two dialogs of one second apart.
        let peer = self.find_peer(me, &call.offset_peer).ok().flatten();
        if call.offset_date != 0 {
            let offset = (call.offset_date, call.offset_id);
            tops.retain(|letter| match (letter.date, letter.id) {
                place if place == offset => peer.is_some_and(|peer| letter.peer < peer),
                place => place < offset,
            });
        }
        tops.truncate(usize::try_from(i64::from(call.limit).clamp(0, MAX_FETCHED)).unwrap_or(0));
        let (chats, users) = self.mentioned(me, tops.iter().copied());
        let messages = tops.iter().map(|letter| self.see_letter(me, letter)).collect();
        let dialogs: Vec<_> = tops.iter().map(|letter| self.dialog(letter.peer, letter.id)).collect();
        Ok(if dialogs.len() == all {
            Dialogs { dialogs, messages, chats, users }.into()
        } else {
            DialogsSlice { count: count(all), dialogs, messages, chats, users }.into()
        })
    }

    /// `messages.getPeerDialogs`: the newest message of the peers that are asked for. One without any has a line, too.
    pub(super) fn get_peer_dialogs(
        &mut self,
        turn: &mut Turn<'_>,
        call: GetPeerDialogs,
    ) -> Result<Boxed<PeerDialogs>, RpcError> {
        let me = turn.me;
        if call.peers.is_empty() {
            return Err(bad("INPUT_PEERS_EMPTY"));
        }
        let (mut peers, mut dialogs, mut tops) = (BTreeSet::new(), Vec::new(), Vec::new());
        for asked in &call.peers {
            let InputDialogPeer::With(InputDialogWith { peer }) = asked else { return Err(bad("FOLDER_ID_INVALID")) };
            let peer = self.find_peer(me, peer).map_err(|missing| missing.or("PEER_ID_INVALID"))?;
            let peer = peer.ok_or_else(|| bad("PEER_ID_INVALID"))?;
            if peers.insert(peer) {
                let top = self.letters(me, peer).next_back();
                dialogs.push(self.dialog(peer, top.map_or(0, |letter| letter.id)));
                tops.extend(top);
            }
        }
        let messages = tops.iter().map(|letter| self.see_letter(me, letter)).collect();
        peers.extend(World::met(tops));
        let (chats, users) = self.introduce(me, peers);
        Ok(Boxed(PeerDialogs { dialogs, messages, chats, users, state: self.state(turn) }))
    }

    /// The newest letter of each peer that `me` talks with, newest first.
    fn newest(&self, me: i64) -> Vec<&Letter> {
        let mut tops: alloc::collections::BTreeMap<PeerId, &Letter> = alloc::collections::BTreeMap::new();
        for letter in self.boxes.get(&PeerId::User(me)).into_iter().flat_map(super::mailbox::Mailbox::letters) {
            tops.insert(letter.peer, letter);
        }
        for (id, _) in self.groups.iter().filter(|(_, group)| group.members.contains(&me)) {
            if let Some(newest) = self.letters(me, *id).next_back() {
                tops.insert(*id, newest);
            }
        }
        let mut tops: Vec<_> = tops.into_values().collect();
        tops.sort_by_key(|letter| core::cmp::Reverse((letter.date, letter.id, letter.peer)));
        tops
    }

    /// The line of `peer`, whose newest message is `top_message`; 0 if there is none.
    fn dialog(&self, peer: PeerId, top_message: i32) -> AnyDialog {
        let pts = match peer {
            PeerId::Channel(_) => self.boxes.get(&peer).map(super::mailbox::Mailbox::pts),
            _ => None,
        };
        Dialog {
            pinned: false,
            unread_mark: false,
            view_forum_as_messages: false,
            peer: peer.into(),
            top_message,
            read_inbox_max_id: top_message,
            read_outbox_max_id: top_message,
            unread_count: 0,
            unread_mentions_count: 0,
            unread_reactions_count: 0,
            unread_poll_votes_count: 0,
            notify_settings: Boxed(PeerNotifySettings::default()),
            pts,
            draft: None,
            folder_id: None,
            ttl_period: None,
        }
        .into()
    }
}

/// Which of many messages a call asks for. Spec: api/offsets
pub(super) struct Page {
    pub(super) offset_id: i32,
    pub(super) offset_date: i32,
    pub(super) add_offset: i32,
    pub(super) limit: i32,
    pub(super) max_id: i32,
    pub(super) min_id: i32,
}

impl Page {
    /// Those of `letters`, which are newest first.
    pub(super) fn of<'l>(&self, letters: &[&'l Letter]) -> Vec<&'l Letter> {
        let is_asked = |letter: &&&Letter| {
            (self.max_id <= 0 || letter.id < self.max_id) && (self.min_id <= 0 || letter.id > self.min_id)
        };
        let is_newer = |letter: &&&Letter| match (self.offset_id, self.offset_date) {
            (0, 0) => false,
            (0, date) => letter.date >= date,
            (id, _) => letter.id >= id,
        };
        let limit = i64::from(self.limit).clamp(0, MAX_FETCHED);
        let newer = letters.iter().filter(is_asked).take_while(is_newer).count();
        let first = i64::from(count(newer)).saturating_add(self.add_offset.into());
        let at = |place: i64| usize::try_from(place).unwrap_or(0);
        let (skip, end) = (at(first), at(first.saturating_add(limit)));
        letters.iter().filter(is_asked).skip(skip).take(end - skip).copied().collect()
    }
}

/// Returns true for a valid start parameter. Spec: api/links#bot-links
fn check_start_param(param: &str) -> Result<(), RpcError> {
    if param.is_empty() {
        return Err(bad("START_PARAM_EMPTY"));
    }
    if param.len() > MAX_START_PARAM {
        return Err(bad("START_PARAM_TOO_LONG"));
    }
    let is_of_alphabet = param.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-');
    if is_of_alphabet { Ok(()) } else { Err(bad("START_PARAM_INVALID")) }
}
