//! The world as one viewer sees it, in the constructors of layer 229.
//!
//! What differs in the layer of a client is translated when it leaves, see [`layers`](super::layers).

use super::mailbox::{Letter, Reply, Text, What};
use super::types::{Group, Home, PeerId};
use super::world::World;
use crate::telegram::api::Boxed;
use crate::telegram::api::chats::{AnyChat, AnyChatPhoto, Channel, Chat, ChatBannedRights, ChatForbidden};
use crate::telegram::api::connect::{Config, DcOption};
use crate::telegram::api::messages::{
    AnyMessage, Message, MessageAction, MessageActionChannelCreate, MessageActionChatAddUser, MessageActionChatCreate,
    MessageReplyHeader, MessageReplyToMessage, MessageService,
};
use crate::telegram::api::peer::Peer;
use crate::telegram::api::updates::{Update, UpdateNewChannelMessage, UpdateNewMessage};
use crate::telegram::api::users::{AnyUser, User, UserEmpty};
use crate::tl::{Combinator, Hidden, Raw};
use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::IpAddr;

impl World {
    /// A user as `viewer` sees it.
    pub(super) fn see_user(&self, viewer: i64, id: i64) -> AnyUser {
        let Some(user) = self.users.get(&id) else { return UserEmpty { id }.into() };
        User {
            self_: id == viewer,
            deleted: user.is_deleted,
            id,
            access_hash: Some(self.access_hash(viewer, PeerId::User(id))),
            first_name: (!user.is_deleted).then(|| user.first_name.clone()),
            username: user.username.clone(),
            phone: user.phone.clone().filter(|_| id == viewer).map(Hidden),
            bot_info_version: user.is_bot().then_some(1),
            ..User::default()
        }
        .into()
    }

    /// A group as `viewer` sees it.
    pub(super) fn see_chat(&self, viewer: i64, id: PeerId) -> Option<AnyChat> {
        let group = self.groups.get(&id)?;
        let is_in = group.members.contains(&viewer);
        let chat = match id {
            PeerId::User(_) => return None,
            PeerId::Chat(id) if !is_in => ChatForbidden { id, title: group.title.clone() }.into(),
            PeerId::Chat(id) => Chat {
                creator: group.creator == viewer,
                left: false,
                deactivated: false,
                call_active: false,
                call_not_empty: false,
                noforwards: false,
                id,
                title: group.title.clone(),
                photo: AnyChatPhoto::default(),
                participants_count: count(group.members.len()),
                date: group.date,
                version: group.version,
                migrated_to: None,
                admin_rights: None,
                default_banned_rights: Some(banned(group)),
            }
            .into(),
            PeerId::Channel(channel_id) => Channel {
                creator: group.creator == viewer,
                left: !is_in,
                megagroup: true,
                id: channel_id,
                access_hash: Some(self.access_hash(viewer, id)),
                title: group.title.clone(),
                username: group.username.clone(),
                date: group.date,
                default_banned_rights: Some(banned(group)),
                participants_count: Some(count(group.members.len())),
                ..Channel::default()
            }
            .into(),
        };
        Some(chat)
    }

    /// Everybody that letters mention, as `viewer` sees them: groups and users.
    pub(super) fn mentioned<'a>(
        &self,
        viewer: i64,
        letters: impl IntoIterator<Item = &'a Letter>,
    ) -> (Vec<AnyChat>, Vec<AnyUser>) {
        self.introduce(viewer, Self::met(letters))
    }

    /// Everybody that letters mention.
    pub(super) fn met<'a>(letters: impl IntoIterator<Item = &'a Letter>) -> BTreeSet<PeerId> {
        let mut peers = BTreeSet::new();
        for letter in letters {
            peers.extend([letter.peer, PeerId::User(letter.from)]);
            if let What::Added(added) = &letter.what {
                peers.extend(added.iter().map(|user| PeerId::User(*user)));
            }
        }
        peers
    }

    /// The groups and the users among `peers`, as `viewer` sees them.
    pub(super) fn introduce(&self, viewer: i64, peers: BTreeSet<PeerId>) -> (Vec<AnyChat>, Vec<AnyUser>) {
        let (mut chats, mut users) = (Vec::new(), Vec::new());
        for peer in peers {
            match peer {
                PeerId::User(id) => users.push(self.see_user(viewer, id)),
                group => chats.extend(self.see_chat(viewer, group)),
            }
        }
        (chats, users)
    }

    /// The update that tells `viewer` of a letter.
    pub(super) fn news(&self, viewer: i64, letter: &Letter) -> Update {
        let (message, pts) = (self.see_letter(viewer, letter), letter.pts);
        match letter.peer {
            PeerId::Channel(_) => UpdateNewChannelMessage { message, pts, pts_count: 1 }.into(),
            _ => UpdateNewMessage { message, pts, pts_count: 1 }.into(),
        }
    }

    /// A letter as a message.
    pub(super) fn see_letter(&self, viewer: i64, letter: &Letter) -> AnyMessage {
        let out = letter.from == viewer;
        // A private message that comes in is from whom it is with: servers leave the sender out.
        let is_told_by_peer = letter.peer == PeerId::User(letter.from);
        let from_id = (!is_told_by_peer || out).then(|| Peer::user(letter.from));
        let action = match &letter.what {
            What::Text(text) => return text_message(letter, out, from_id, text).into(),
            What::Added(users) => MessageActionChatAddUser { users: users.clone() }.into(),
            What::Created(title) => self.created(letter.peer, title),
        };
        MessageService {
            out,
            mentioned: false,
            media_unread: false,
            reactions_are_possible: false,
            silent: false,
            post: false,
            legacy: false,
            id: letter.id,
            from_id,
            peer_id: letter.peer.into(),
            saved_peer_id: None,
            reply_to: None,
            date: letter.date,
            action,
            reactions: None,
            ttl_period: None,
        }
        .into()
    }

    fn created(&self, group: PeerId, title: &str) -> MessageAction {
        match group {
            PeerId::Channel(_) => MessageActionChannelCreate { title: title.into() }.into(),
            _ => MessageActionChatCreate { title: title.into(), users: self.members(group) }.into(),
        }
    }
}

fn text_message(letter: &Letter, out: bool, from_id: Option<Peer>, text: &Text) -> Message {
    Message {
        out,
        mentioned: false,
        media_unread: false,
        silent: text.silent,
        post: false,
        from_scheduled: false,
        legacy: false,
        edit_hide: false,
        pinned: false,
        noforwards: text.noforwards,
        invert_media: false,
        offline: false,
        video_processing_pending: false,
        paid_suggested_post_stars: false,
        paid_suggested_post_ton: false,
        id: letter.id,
        from_id,
        from_boosts_applied: None,
        from_rank: None,
        peer_id: letter.peer.into(),
        saved_peer_id: None,
        fwd_from: None,
        via_bot_id: None,
        via_business_bot_id: None,
        guestchat_via_from: None,
        reply_to: text.reply_to.as_ref().map(reply_header),
        date: letter.date,
        message: text.text.clone(),
        media: None,
        reply_markup: None,
        entities: (!text.entities.is_empty()).then(|| text.entities.clone()),
        views: None,
        replies: None,
        edit_date: None,
        post_author: None,
        grouped_id: None,
        reactions: None,
        restriction_reason: None,
        ttl_period: None,
        quick_reply_shortcut_id: None,
        effect: None,
        factcheck: None,
        report_delivery_until_date: None,
        paid_message_stars: None,
        suggested_post: None,
        schedule_repeat_period: None,
        summary_from_language: None,
        rich_message: None,
    }
}

/// The message that another answers, as the wire has it.
fn reply_header(reply: &Reply) -> MessageReplyHeader {
    let quote = reply.quote.as_ref();
    let header = MessageReplyToMessage {
        reply_to_scheduled: false,
        forum_topic: false,
        quote: quote.is_some(),
        reply_to_ephemeral: false,
        reply_to_msg_id: Some(reply.msg_id),
        reply_to_peer_id: None,
        reply_from: None,
        reply_media: None,
        reply_to_top_id: None,
        quote_text: quote.map(|quote| quote.text.clone()),
        quote_entities: quote.map(|quote| quote.entities.clone()).filter(|entities| !entities.is_empty()),
        quote_offset: quote.and_then(|quote| quote.offset),
        todo_item_id: None,
        poll_option: None,
    };
    MessageReplyHeader(Raw(header.to_boxed()))
}

/// Restrictions of the members of a group.
fn banned(group: &Group) -> Boxed<ChatBannedRights> {
    let (no_write, no_invite) = (!group.may_write, !group.may_invite);
    let for_ever = i32::MAX;
    Boxed(ChatBannedRights {
        send_messages: no_write,
        send_media: no_write,
        send_plain: no_write,
        invite_users: no_invite,
        until_date: for_ever,
        ..ChatBannedRights::default()
    })
}

/// A count as the wire has it.
pub(super) fn count(of: usize) -> i32 {
    i32::try_from(of).unwrap_or(i32::MAX)
}

/// Configuration: addresses of the data centres, and the limits of real ones.
pub(super) fn config(home: &Home, others: &[Home], reached_at: Option<IpAddr>, this_dc: i32, now: i32) -> Config {
    // An address that stands for every one of this machine is none to connect to.
    let address = |home: &Home| {
        let is_any = home.ip_address.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified());
        reached_at.filter(|_| is_any).map_or_else(|| home.ip_address.clone(), |ip| ip.to_string())
    };
    let place = |home: &Home| {
        Boxed(DcOption {
            static_: true,
            id: home.dc_id,
            ip_address: address(home),
            ipv6: address(home).contains(':'),
            port: home.port.into(),
            ..DcOption::default()
        })
    };
    Config {
        date: now,
        expires: now.saturating_add(3600),
        test_mode: home.test_mode,
        this_dc,
        dc_options: [home].into_iter().chain(others).map(place).collect(),
        dc_txt_domain_name: "".into(),
        chat_size_max: 200,
        megagroup_size_max: 200_000,
        forwarded_count_max: 100,
        online_update_period_ms: 210_000,
        offline_blur_timeout_ms: 5_000,
        offline_idle_timeout_ms: 30_000,
        online_cloud_timeout_ms: 300_000,
        notify_cloud_delay_ms: 30_000,
        notify_default_delay_ms: 1_500,
        push_chat_period_ms: 60_000,
        push_chat_limit: 2,
        edit_time_limit: 172_800,
        revoke_time_limit: i32::MAX,
        revoke_pm_time_limit: i32::MAX,
        rating_e_decay: 2_419_200,
        stickers_recent_limit: 200,
        channels_read_media_period: 604_800,
        call_receive_timeout_ms: 20_000,
        call_ring_timeout_ms: 90_000,
        call_connect_timeout_ms: 30_000,
        call_packet_timeout_ms: 10_000,
        me_url_prefix: "https://t.me/".into(),
        caption_length_max: 1024,
        message_length_max: count(super::types::MAX_TEXT),
        webfile_dc_id: home.dc_id,
        ..Config::default()
    }
}
