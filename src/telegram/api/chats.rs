//! Basic groups, supergroups and channels, and the rights in them.
//!
//! A basic group has up to 200 members and a separate range of ids, and its message ids are counted per member. A
//! supergroup is a channel in which all members can write: it has an `access_hash` and message ids shared by all
//! members.
//!
//! Spec: api/channel, api/rights

use super::Boxed;
use super::peer::{InputChannel, InputUser};
use super::updates::Updates;
use super::users::{AnyEmojiStatus, AnyPeerColor, RecentStory, RestrictionReason, Username};
use crate::tl::table::{API, TypeId};
use crate::tl::{Blob, Combinator, DecodeError, Reader, Tl};
use crate::{tl, tl_head, tl_type};
use alloc::string::String;
use alloc::vec::Vec;

tl! {
    /// Adds a user to a basic group. The new member sees the last `fwd_limit` messages.
    "messages.addChatUser#cbc6d107 chat_id:long user_id:InputUser fwd_limit:int = messages.InvitedUsers;"
    struct AddChatUser { chat_id: i64, user_id: InputUser, fwd_limit: i32 } -> InvitedUsersBody
    /// Adds users to a supergroup or channel.
    "channels.inviteToChannel#c9e33d54 channel:InputChannel users:Vector<InputUser> = messages.InvitedUsers;"
    struct InviteToChannel { channel: InputChannel, users: Vec<InputUser> } -> InvitedUsersBody
    /// User who could not be added to a group.
    "missingInvitee#628c9224 flags:# premium_would_allow_invite:flags.0?true premium_required_for_pm:flags.1?true user_id:long = MissingInvitee;"
    struct MissingInvitee { premium_would_allow_invite: bool, premium_required_for_pm: bool, user_id: i64 }
    /// Result of adding users to a group: updates, and the users who could not be added.
    "messages.invitedUsers#7f5defa6 updates:Updates missing_invitees:Vector<MissingInvitee> = messages.InvitedUsers;"
    struct InvitedUsers { updates: Updates, missing_invitees: Vec<Boxed<MissingInvitee>> }
    /// Makes a user an administrator of a supergroup or channel with the given rights.
    "channels.editAdmin#9a98ad68 flags:# channel:InputChannel user_id:InputUser admin_rights:ChatAdminRights rank:flags.0?string = Updates;"
    struct EditAdmin {
        channel: InputChannel, user_id: InputUser, admin_rights: Boxed<ChatAdminRights>, rank: Option<String>,
    } -> Updates
    /// Makes a user an administrator of a basic group, or revokes that.
    "messages.editChatAdmin#a85bd1c2 chat_id:long user_id:InputUser is_admin:Bool = Bool;"
    struct EditChatAdmin { chat_id: i64, user_id: InputUser, is_admin: bool } -> bool

    /// Rights of an administrator.
    #[derive(Default)]
    "chatAdminRights#5fb224d5 flags:# change_info:flags.0?true post_messages:flags.1?true edit_messages:flags.2?true delete_messages:flags.3?true ban_users:flags.4?true invite_users:flags.5?true pin_messages:flags.7?true add_admins:flags.9?true anonymous:flags.10?true manage_call:flags.11?true other:flags.12?true manage_topics:flags.13?true post_stories:flags.14?true edit_stories:flags.15?true delete_stories:flags.16?true manage_direct_messages:flags.17?true manage_ranks:flags.18?true manage_linked_peers:flags.19?true manage_welcome_messages:flags.20?true = ChatAdminRights;"
    struct ChatAdminRights {
        change_info: bool, post_messages: bool, edit_messages: bool, delete_messages: bool, ban_users: bool,
        invite_users: bool, pin_messages: bool, add_admins: bool, anonymous: bool, manage_call: bool,
        other: bool, manage_topics: bool, post_stories: bool, edit_stories: bool, delete_stories: bool,
        manage_direct_messages: bool, manage_ranks: bool, manage_linked_peers: bool,
        manage_welcome_messages: bool,
    }
    /// Restrictions of a member.
    #[derive(Default)]
    "chatBannedRights#9f120418 flags:# view_messages:flags.0?true send_messages:flags.1?true send_media:flags.2?true send_stickers:flags.3?true send_gifs:flags.4?true send_games:flags.5?true send_inline:flags.6?true embed_links:flags.7?true send_polls:flags.8?true change_info:flags.10?true invite_users:flags.15?true pin_messages:flags.17?true manage_topics:flags.18?true send_photos:flags.19?true send_videos:flags.20?true send_roundvideos:flags.21?true send_audios:flags.22?true send_voices:flags.23?true send_docs:flags.24?true send_plain:flags.25?true edit_rank:flags.26?true send_reactions:flags.27?true manage_linked_peers:flags.28?true until_date:int = ChatBannedRights;"
    struct ChatBannedRights {
        view_messages: bool, send_messages: bool, send_media: bool, send_stickers: bool, send_gifs: bool,
        send_games: bool, send_inline: bool, embed_links: bool, send_polls: bool, change_info: bool,
        invite_users: bool, pin_messages: bool, manage_topics: bool, send_photos: bool, send_videos: bool,
        send_roundvideos: bool, send_audios: bool, send_voices: bool, send_docs: bool, send_plain: bool,
        edit_rank: bool, send_reactions: bool, manage_linked_peers: bool, until_date: i32,
    }

    /// A basic group.
    "chat#41cbf256 flags:# creator:flags.0?true left:flags.2?true deactivated:flags.5?true call_active:flags.23?true call_not_empty:flags.24?true noforwards:flags.25?true id:long title:string photo:ChatPhoto participants_count:int date:int version:int migrated_to:flags.6?InputChannel admin_rights:flags.14?ChatAdminRights default_banned_rights:flags.18?ChatBannedRights = Chat;"
    struct Chat {
        creator: bool, left: bool, deactivated: bool, call_active: bool, call_not_empty: bool, noforwards: bool,
        id: i64, title: String, photo: AnyChatPhoto, participants_count: i32, date: i32, version: i32,
        migrated_to: Option<InputChannel>, admin_rights: Option<Boxed<ChatAdminRights>>,
        default_banned_rights: Option<Boxed<ChatBannedRights>>,
    }
    /// Nonexistent basic group.
    "chatEmpty#29562865 id:long = Chat;"
    struct ChatEmpty { id: i64 }
    /// Basic group that is not accessible to this account.
    "chatForbidden#6592a1a7 id:long title:string = Chat;"
    struct ChatForbidden { id: i64, title: String }
    // `restricted` is left out: `restriction_reason` has the same flag.
    /// A channel or supergroup.
    #[derive(Default)]
    "channel#d49f34c6 flags:# creator:flags.0?true left:flags.2?true broadcast:flags.5?true verified:flags.7?true megagroup:flags.8?true restricted:flags.9?true signatures:flags.11?true min:flags.12?true scam:flags.19?true has_link:flags.20?true has_geo:flags.21?true slowmode_enabled:flags.22?true call_active:flags.23?true call_not_empty:flags.24?true fake:flags.25?true gigagroup:flags.26?true noforwards:flags.27?true join_to_send:flags.28?true join_request:flags.29?true forum:flags.30?true flags2:# stories_hidden:flags2.1?true stories_hidden_min:flags2.2?true stories_unavailable:flags2.3?true signature_profiles:flags2.12?true autotranslation:flags2.15?true broadcast_messages_allowed:flags2.16?true monoforum:flags2.17?true forum_tabs:flags2.19?true id:long access_hash:flags.13?long title:string username:flags.6?string photo:ChatPhoto date:int restriction_reason:flags.9?Vector<RestrictionReason> admin_rights:flags.14?ChatAdminRights banned_rights:flags.15?ChatBannedRights default_banned_rights:flags.18?ChatBannedRights participants_count:flags.17?int usernames:flags2.0?Vector<Username> stories_max_id:flags2.4?RecentStory color:flags2.7?PeerColor profile_color:flags2.8?PeerColor emoji_status:flags2.9?EmojiStatus level:flags2.10?int subscription_until_date:flags2.11?int bot_verification_icon:flags2.13?long send_paid_messages_stars:flags2.14?long linked_monoforum_id:flags2.18?long linked_community_id:flags2.20?long = Chat;"
    struct Channel {
        creator: bool, left: bool, broadcast: bool, verified: bool, megagroup: bool, signatures: bool,
        min: bool, scam: bool, has_link: bool, has_geo: bool, slowmode_enabled: bool, call_active: bool,
        call_not_empty: bool, fake: bool, gigagroup: bool, noforwards: bool, join_to_send: bool,
        join_request: bool, forum: bool, stories_hidden: bool, stories_hidden_min: bool,
        stories_unavailable: bool, signature_profiles: bool, autotranslation: bool,
        broadcast_messages_allowed: bool, monoforum: bool, forum_tabs: bool, id: i64, access_hash: Option<i64>,
        title: String, username: Option<String>, photo: AnyChatPhoto, date: i32,
        restriction_reason: Option<Vec<Boxed<RestrictionReason>>>, admin_rights: Option<Boxed<ChatAdminRights>>,
        banned_rights: Option<Boxed<ChatBannedRights>>, default_banned_rights: Option<Boxed<ChatBannedRights>>,
        participants_count: Option<i32>, usernames: Option<Vec<Boxed<Username>>>,
        stories_max_id: Option<Boxed<RecentStory>>, color: Option<AnyPeerColor>,
        profile_color: Option<AnyPeerColor>, emoji_status: Option<AnyEmojiStatus>, level: Option<i32>,
        subscription_until_date: Option<i32>, bot_verification_icon: Option<i64>,
        send_paid_messages_stars: Option<i64>, linked_monoforum_id: Option<i64>,
        linked_community_id: Option<i64>,
    }
    /// Channel or supergroup that is not accessible to this account.
    "channelForbidden#17d493d5 flags:# broadcast:flags.5?true megagroup:flags.8?true monoforum:flags.10?true id:long access_hash:long title:string until_date:flags.16?int = Chat;"
    struct ChannelForbidden {
        broadcast: bool, megagroup: bool, monoforum: bool, id: i64, access_hash: i64, title: String,
        until_date: Option<i32>,
    }

    /// Photo of a group or channel.
    "chatPhoto#1c6e1c11 flags:# has_video:flags.0?true photo_id:long stripped_thumb:flags.1?bytes dc_id:int = ChatPhoto;"
    struct ChatPhoto { has_video: bool, photo_id: i64, stripped_thumb: Option<Blob>, dc_id: i32 }
    /// Missing photo of a group or channel.
    "chatPhotoEmpty#37c1011c = ChatPhoto;"
    struct ChatPhotoEmpty {}
}

tl_type! {
    /// A basic group, supergroup or channel.
    "Chat" enum AnyChat {
        Chat(Chat), Empty(ChatEmpty), Forbidden(ChatForbidden), Channel(Channel), ChannelForbidden(ChannelForbidden),
    }
    /// Photo of a group or channel, if any.
    "ChatPhoto" enum AnyChatPhoto { Photo(ChatPhoto), Empty(ChatPhotoEmpty) }
}

impl Default for AnyChatPhoto {
    fn default() -> Self {
        Self::Empty(ChatPhotoEmpty {})
    }
}

tl_head! {
    /// The fields of a channel or supergroup that calls need.
    "channel#d49f34c6 flags:# creator:flags.0?true left:flags.2?true broadcast:flags.5?true verified:flags.7?true megagroup:flags.8?true restricted:flags.9?true signatures:flags.11?true min:flags.12?true scam:flags.19?true has_link:flags.20?true has_geo:flags.21?true slowmode_enabled:flags.22?true call_active:flags.23?true call_not_empty:flags.24?true fake:flags.25?true gigagroup:flags.26?true noforwards:flags.27?true join_to_send:flags.28?true join_request:flags.29?true forum:flags.30?true flags2:# stories_hidden:flags2.1?true stories_hidden_min:flags2.2?true stories_unavailable:flags2.3?true signature_profiles:flags2.12?true autotranslation:flags2.15?true broadcast_messages_allowed:flags2.16?true monoforum:flags2.17?true forum_tabs:flags2.19?true id:long access_hash:flags.13?long title:string username:flags.6?string photo:ChatPhoto date:int restriction_reason:flags.9?Vector<RestrictionReason> admin_rights:flags.14?ChatAdminRights banned_rights:flags.15?ChatBannedRights default_banned_rights:flags.18?ChatBannedRights participants_count:flags.17?int usernames:flags2.0?Vector<Username> stories_max_id:flags2.4?RecentStory color:flags2.7?PeerColor profile_color:flags2.8?PeerColor emoji_status:flags2.9?EmojiStatus level:flags2.10?int subscription_until_date:flags2.11?int bot_verification_icon:flags2.13?long send_paid_messages_stars:flags2.14?long linked_monoforum_id:flags2.18?long linked_community_id:flags2.20?long = Chat;"
    struct ChannelHead {
        left: bool, broadcast: bool, megagroup: bool, min: bool, id: i64, access_hash: Option<i64>,
    }
}

kept! {
    /// Result of adding users to a group, unparsed. [`missing`](Self::missing) reads the users who could not be added.
    "messages.InvitedUsers" InvitedUsersBody;
}

impl InvitedUsersBody {
    /// Returns the users who could not be added. The table is used to skip the updates before them.
    ///
    /// # Errors
    /// The bytes are not such a result, or belong to another layer.
    pub fn missing(&self) -> Result<Vec<Boxed<MissingInvitee>>, DecodeError> {
        let mut r = Reader::new(&self.0.0);
        r.expect(InvitedUsers::ID)?;
        API.skip(&mut r, TypeId::UPDATES)?;
        let missing = Vec::read(&mut r)?;
        r.end().map(|()| missing)
    }
}
