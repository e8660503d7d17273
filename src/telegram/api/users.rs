//! Users and bots, and the calls that fetch them.

use super::Boxed;
use super::account::{PeerNotifySettings, PeerSettings};
use super::chats::{AnyChat, ChatAdminRights};
use super::peer::InputUser;
use crate::tl::{Blob, Combinator, DecodeError, Hidden, Reader, Tl};
use crate::{tl, tl_head, tl_type};
use alloc::string::String;
use alloc::vec::Vec;

tl! {
    /// Fetches users.
    "users.getUsers#d91a548 id:Vector<InputUser> = Vector<User>;"
    struct GetUsers { id: Vec<InputUser> } -> UsersBody
    /// Fetches the full profile of a user.
    "users.getFullUser#b60f5918 id:InputUser = users.UserFull;"
    struct GetFullUser { id: InputUser } -> FullUserBody

    // `bot` and `restricted` are left out: `bot_info_version` and `restriction_reason` have the same flags.
    /// A user or bot. It is a bot if `bot_info_version` is present, because flag 14 implies both.
    #[derive(Default)]
    "user#b1b8cc83 flags:# self:flags.10?true contact:flags.11?true mutual_contact:flags.12?true deleted:flags.13?true bot:flags.14?true bot_chat_history:flags.15?true bot_nochats:flags.16?true verified:flags.17?true restricted:flags.18?true min:flags.20?true bot_inline_geo:flags.21?true support:flags.23?true scam:flags.24?true apply_min_photo:flags.25?true fake:flags.26?true bot_attach_menu:flags.27?true premium:flags.28?true attach_menu_enabled:flags.29?true flags2:# bot_can_edit:flags2.1?true close_friend:flags2.2?true stories_hidden:flags2.3?true stories_unavailable:flags2.4?true contact_require_premium:flags2.10?true bot_business:flags2.11?true bot_has_main_app:flags2.13?true bot_forum_view:flags2.16?true bot_forum_can_manage_topics:flags2.17?true bot_can_manage_bots:flags2.18?true bot_guestchat:flags2.19?true bot_guard:flags2.20?true id:long access_hash:flags.0?long first_name:flags.1?string last_name:flags.2?string username:flags.3?string phone:flags.4?string photo:flags.5?UserProfilePhoto status:flags.6?UserStatus bot_info_version:flags.14?int restriction_reason:flags.18?Vector<RestrictionReason> bot_inline_placeholder:flags.19?string lang_code:flags.22?string emoji_status:flags.30?EmojiStatus usernames:flags2.0?Vector<Username> stories_max_id:flags2.5?RecentStory color:flags2.8?PeerColor profile_color:flags2.9?PeerColor bot_active_users:flags2.12?int bot_verification_icon:flags2.14?long send_paid_messages_stars:flags2.15?long linked_community_id:flags2.21?long = User;"
    struct User {
        self_: bool, contact: bool, mutual_contact: bool, deleted: bool, bot_chat_history: bool,
        bot_nochats: bool, verified: bool, min: bool, bot_inline_geo: bool, support: bool, scam: bool,
        apply_min_photo: bool, fake: bool, bot_attach_menu: bool, premium: bool, attach_menu_enabled: bool,
        bot_can_edit: bool, close_friend: bool, stories_hidden: bool, stories_unavailable: bool,
        contact_require_premium: bool, bot_business: bool, bot_has_main_app: bool, bot_forum_view: bool,
        bot_forum_can_manage_topics: bool, bot_can_manage_bots: bool, bot_guestchat: bool, bot_guard: bool,
        id: i64, access_hash: Option<i64>, first_name: Option<String>, last_name: Option<String>,
        username: Option<String>, phone: Option<Hidden>, photo: Option<AnyUserProfilePhoto>,
        status: Option<UserStatus>, bot_info_version: Option<i32>,
        restriction_reason: Option<Vec<Boxed<RestrictionReason>>>, bot_inline_placeholder: Option<String>,
        lang_code: Option<String>, emoji_status: Option<AnyEmojiStatus>,
        usernames: Option<Vec<Boxed<Username>>>, stories_max_id: Option<Boxed<RecentStory>>,
        color: Option<AnyPeerColor>, profile_color: Option<AnyPeerColor>, bot_active_users: Option<i32>,
        bot_verification_icon: Option<i64>, send_paid_messages_stars: Option<i64>,
        linked_community_id: Option<i64>,
    }
    /// Nonexistent user.
    "userEmpty#d3bc4b7a id:long = User;"
    struct UserEmpty { id: i64 }

    /// Reason for which a peer is restricted on a platform.
    "restrictionReason#d072acb4 platform:string reason:string text:string = RestrictionReason;"
    struct RestrictionReason { platform: String, reason: String, text: String }
    /// One of a peer's usernames.
    "username#b4073647 flags:# editable:flags.0?true active:flags.1?true username:string = Username;"
    struct Username { editable: bool, active: bool, username: String }
    /// The most recent story of a peer.
    "recentStory#711d692d flags:# live:flags.0?true max_id:flags.1?int = RecentStory;"
    struct RecentStory { live: bool, max_id: Option<i32> }

    /// Profile photo of a user.
    "userProfilePhoto#82d1f706 flags:# has_video:flags.0?true personal:flags.2?true photo_id:long stripped_thumb:flags.1?bytes dc_id:int = UserProfilePhoto;"
    struct UserProfilePhoto {
        has_video: bool, personal: bool, photo_id: i64, stripped_thumb: Option<Blob>, dc_id: i32,
    }
    /// Missing profile photo.
    "userProfilePhotoEmpty#4f11bae1 = UserProfilePhoto;"
    struct UserProfilePhotoEmpty {}

    /// Status of a user who was never online.
    "userStatusEmpty#9d05049 = UserStatus;"
    struct UserStatusEmpty {}
    /// Status of a user who is online until `expires` (seconds since 1970).
    "userStatusOnline#edb93949 expires:int = UserStatus;"
    struct UserStatusOnline { expires: i32 }
    /// Status of a user who has been offline since `was_online` (seconds since 1970).
    "userStatusOffline#8c703f was_online:int = UserStatus;"
    struct UserStatusOffline { was_online: i32 }
    /// Status of a user who was online within the last few days.
    "userStatusRecently#7b197dc8 flags:# by_me:flags.0?true = UserStatus;"
    struct UserStatusRecently { by_me: bool }
    /// Status of a user who was online within the last week.
    "userStatusLastWeek#541a1d1a flags:# by_me:flags.0?true = UserStatus;"
    struct UserStatusLastWeek { by_me: bool }
    /// Status of a user who was online within the last month.
    "userStatusLastMonth#65899777 flags:# by_me:flags.0?true = UserStatus;"
    struct UserStatusLastMonth { by_me: bool }

    /// Missing emoji status.
    "emojiStatusEmpty#2de11aae = EmojiStatus;"
    struct EmojiStatusEmpty {}
    /// Custom emoji shown next to the name.
    "emojiStatus#e7ff068a flags:# document_id:long until:flags.0?int = EmojiStatus;"
    struct EmojiStatus { document_id: i64, until: Option<i32> }
    /// Collectible gift shown next to the name.
    "emojiStatusCollectible#7184603b flags:# collectible_id:long document_id:long title:string slug:string pattern_document_id:long center_color:int edge_color:int pattern_color:int text_color:int until:flags.0?int = EmojiStatus;"
    struct EmojiStatusCollectible {
        collectible_id: i64, document_id: i64, title: String, slug: String, pattern_document_id: i64,
        center_color: i32, edge_color: i32, pattern_color: i32, text_color: i32, until: Option<i32>,
    }
    /// Collectible gift to set as the emoji status.
    "inputEmojiStatusCollectible#7141dbf flags:# collectible_id:long until:flags.0?int = EmojiStatus;"
    struct InputEmojiStatusCollectible { collectible_id: i64, until: Option<i32> }

    /// Colour of a peer's name.
    "peerColor#b54b5acf flags:# color:flags.0?int background_emoji_id:flags.1?long = PeerColor;"
    struct PeerColor { color: Option<i32>, background_emoji_id: Option<i64> }
    /// Colour of a peer's name from a collectible gift.
    "peerColorCollectible#b9c0639a flags:# collectible_id:long gift_emoji_id:long background_emoji_id:long accent_color:int colors:Vector<int> dark_accent_color:flags.0?int dark_colors:flags.1?Vector<int> = PeerColor;"
    struct PeerColorCollectible {
        collectible_id: i64, gift_emoji_id: i64, background_emoji_id: i64, accent_color: i32, colors: Vec<i32>,
        dark_accent_color: Option<i32>, dark_colors: Option<Vec<i32>>,
    }
    /// Collectible gift to set as the colour of the name.
    "inputPeerColorCollectible#b8ea86a9 collectible_id:long = PeerColor;"
    struct InputPeerColorCollectible { collectible_id: i64 }

    /// Full profile of a user, and the peers that it refers to.
    "users.userFull#3b6d152e full_user:UserFull chats:Vector<Chat> users:Vector<User> = users.UserFull;"
    struct UserFullWithPeers { full_user: Boxed<UserFull>, chats: Vec<AnyChat>, users: Vec<AnyUser> }
    /// Full profile of a user.
    #[derive(Default)]
    "userFull#6cbe645 flags:# blocked:flags.0?true phone_calls_available:flags.4?true phone_calls_private:flags.5?true can_pin_message:flags.7?true has_scheduled:flags.12?true video_calls_available:flags.13?true voice_messages_forbidden:flags.20?true translations_disabled:flags.23?true stories_pinned_available:flags.26?true blocked_my_stories_from:flags.27?true wallpaper_overridden:flags.28?true contact_require_premium:flags.29?true read_dates_private:flags.30?true flags2:# sponsored_enabled:flags2.7?true can_view_revenue:flags2.9?true bot_can_manage_emoji_status:flags2.10?true display_gifts_button:flags2.16?true noforwards_my_enabled:flags2.23?true noforwards_peer_enabled:flags2.24?true unofficial_security_risk:flags2.26?true id:long about:flags.1?string settings:PeerSettings personal_photo:flags.21?Photo profile_photo:flags.2?Photo fallback_photo:flags.22?Photo notify_settings:PeerNotifySettings bot_info:flags.3?BotInfo pinned_msg_id:flags.6?int common_chats_count:int folder_id:flags.11?int ttl_period:flags.14?int theme:flags.15?ChatTheme private_forward_name:flags.16?string bot_group_admin_rights:flags.17?ChatAdminRights bot_broadcast_admin_rights:flags.18?ChatAdminRights wallpaper:flags.24?WallPaper stories:flags.25?PeerStories business_work_hours:flags2.0?BusinessWorkHours business_location:flags2.1?BusinessLocation business_greeting_message:flags2.2?BusinessGreetingMessage business_away_message:flags2.3?BusinessAwayMessage business_intro:flags2.4?BusinessIntro birthday:flags2.5?Birthday personal_channel_id:flags2.6?long personal_channel_message:flags2.6?int stargifts_count:flags2.8?int starref_program:flags2.11?StarRefProgram bot_verification:flags2.12?BotVerification send_paid_messages_stars:flags2.14?long disallowed_gifts:flags2.15?DisallowedGiftsSettings stars_rating:flags2.17?StarsRating stars_my_pending_rating:flags2.18?StarsRating stars_my_pending_rating_date:flags2.18?int main_tab:flags2.20?ProfileTab saved_music:flags2.21?Document note:flags2.22?TextWithEntities bot_manager_id:flags2.25?long = UserFull;"
    struct UserFull {
        blocked: bool, phone_calls_available: bool, phone_calls_private: bool, can_pin_message: bool,
        has_scheduled: bool, video_calls_available: bool, voice_messages_forbidden: bool,
        translations_disabled: bool, stories_pinned_available: bool, blocked_my_stories_from: bool,
        wallpaper_overridden: bool, contact_require_premium: bool, read_dates_private: bool,
        sponsored_enabled: bool, can_view_revenue: bool, bot_can_manage_emoji_status: bool,
        display_gifts_button: bool, noforwards_my_enabled: bool, noforwards_peer_enabled: bool,
        unofficial_security_risk: bool, id: i64, about: Option<String>, settings: Boxed<PeerSettings>,
        personal_photo: Option<Photo>, profile_photo: Option<Photo>, fallback_photo: Option<Photo>,
        notify_settings: Boxed<PeerNotifySettings>, bot_info: Option<BotInfo>, pinned_msg_id: Option<i32>,
        common_chats_count: i32, folder_id: Option<i32>, ttl_period: Option<i32>, theme: Option<ChatTheme>,
        private_forward_name: Option<String>, bot_group_admin_rights: Option<Boxed<ChatAdminRights>>,
        bot_broadcast_admin_rights: Option<Boxed<ChatAdminRights>>, wallpaper: Option<WallPaper>,
        stories: Option<PeerStories>, business_work_hours: Option<BusinessWorkHours>,
        business_location: Option<BusinessLocation>, business_greeting_message: Option<BusinessGreetingMessage>,
        business_away_message: Option<BusinessAwayMessage>, business_intro: Option<BusinessIntro>,
        birthday: Option<Birthday>, personal_channel_id: Option<(i64, i32)>, stargifts_count: Option<i32>,
        starref_program: Option<StarRefProgram>, bot_verification: Option<BotVerification>,
        send_paid_messages_stars: Option<i64>, disallowed_gifts: Option<DisallowedGiftsSettings>,
        stars_rating: Option<StarsRating>, stars_my_pending_rating: Option<(StarsRating, i32)>,
        main_tab: Option<ProfileTab>, saved_music: Option<Document>, note: Option<TextWithEntities>,
        bot_manager_id: Option<i64>,
    }
}

tl_type! {
    /// A user, or an empty user.
    "User" enum AnyUser { User(User), Empty(UserEmpty) }
    /// Profile photo of a user, if any.
    "UserProfilePhoto" enum AnyUserProfilePhoto { Photo(UserProfilePhoto), Empty(UserProfilePhotoEmpty) }
    /// Time at which a user was last online.
    "UserStatus" enum UserStatus {
        Empty(UserStatusEmpty), Online(UserStatusOnline), Offline(UserStatusOffline), Recently(UserStatusRecently),
        LastWeek(UserStatusLastWeek), LastMonth(UserStatusLastMonth),
    }
    /// Emoji shown next to a name.
    "EmojiStatus" enum AnyEmojiStatus {
        Empty(EmojiStatusEmpty), Emoji(EmojiStatus), Collectible(EmojiStatusCollectible),
        Input(InputEmojiStatusCollectible),
    }
    /// Colour of a peer's name.
    "PeerColor" enum AnyPeerColor {
        Color(PeerColor), Collectible(PeerColorCollectible), Input(InputPeerColorCollectible),
    }
}

unread! {
    "Photo" Photo;
    "BotInfo" BotInfo;
    "ChatTheme" ChatTheme;
    "WallPaper" WallPaper;
    "PeerStories" PeerStories;
    "BusinessWorkHours" BusinessWorkHours;
    "BusinessLocation" BusinessLocation;
    "BusinessGreetingMessage" BusinessGreetingMessage;
    "BusinessAwayMessage" BusinessAwayMessage;
    "BusinessIntro" BusinessIntro;
    "Birthday" Birthday;
    "StarRefProgram" StarRefProgram;
    "BotVerification" BotVerification;
    "DisallowedGiftsSettings" DisallowedGiftsSettings;
    "StarsRating" StarsRating;
    "ProfileTab" ProfileTab;
    "Document" Document;
    "TextWithEntities" TextWithEntities;
}

tl_head! {
    /// The fields of a user that calls need: its kind and its access hash.
    "user#b1b8cc83 flags:# self:flags.10?true contact:flags.11?true mutual_contact:flags.12?true deleted:flags.13?true bot:flags.14?true bot_chat_history:flags.15?true bot_nochats:flags.16?true verified:flags.17?true restricted:flags.18?true min:flags.20?true bot_inline_geo:flags.21?true support:flags.23?true scam:flags.24?true apply_min_photo:flags.25?true fake:flags.26?true bot_attach_menu:flags.27?true premium:flags.28?true attach_menu_enabled:flags.29?true flags2:# bot_can_edit:flags2.1?true close_friend:flags2.2?true stories_hidden:flags2.3?true stories_unavailable:flags2.4?true contact_require_premium:flags2.10?true bot_business:flags2.11?true bot_has_main_app:flags2.13?true bot_forum_view:flags2.16?true bot_forum_can_manage_topics:flags2.17?true bot_can_manage_bots:flags2.18?true bot_guestchat:flags2.19?true bot_guard:flags2.20?true id:long access_hash:flags.0?long first_name:flags.1?string last_name:flags.2?string username:flags.3?string phone:flags.4?string photo:flags.5?UserProfilePhoto status:flags.6?UserStatus bot_info_version:flags.14?int restriction_reason:flags.18?Vector<RestrictionReason> bot_inline_placeholder:flags.19?string lang_code:flags.22?string emoji_status:flags.30?EmojiStatus usernames:flags2.0?Vector<Username> stories_max_id:flags2.5?RecentStory color:flags2.8?PeerColor profile_color:flags2.9?PeerColor bot_active_users:flags2.12?int bot_verification_icon:flags2.14?long send_paid_messages_stars:flags2.15?long linked_community_id:flags2.21?long = User;"
    struct UserHead {
        self_: bool, deleted: bool, bot: bool, bot_nochats: bool, min: bool, id: i64, access_hash: Option<i64>,
    }
}

tl_head! {
    /// The fields of a user up to the first name.
    "user#b1b8cc83 flags:# self:flags.10?true contact:flags.11?true mutual_contact:flags.12?true deleted:flags.13?true bot:flags.14?true bot_chat_history:flags.15?true bot_nochats:flags.16?true verified:flags.17?true restricted:flags.18?true min:flags.20?true bot_inline_geo:flags.21?true support:flags.23?true scam:flags.24?true apply_min_photo:flags.25?true fake:flags.26?true bot_attach_menu:flags.27?true premium:flags.28?true attach_menu_enabled:flags.29?true flags2:# bot_can_edit:flags2.1?true close_friend:flags2.2?true stories_hidden:flags2.3?true stories_unavailable:flags2.4?true contact_require_premium:flags2.10?true bot_business:flags2.11?true bot_has_main_app:flags2.13?true bot_forum_view:flags2.16?true bot_forum_can_manage_topics:flags2.17?true bot_can_manage_bots:flags2.18?true bot_guestchat:flags2.19?true bot_guard:flags2.20?true id:long access_hash:flags.0?long first_name:flags.1?string last_name:flags.2?string username:flags.3?string phone:flags.4?string photo:flags.5?UserProfilePhoto status:flags.6?UserStatus bot_info_version:flags.14?int restriction_reason:flags.18?Vector<RestrictionReason> bot_inline_placeholder:flags.19?string lang_code:flags.22?string emoji_status:flags.30?EmojiStatus usernames:flags2.0?Vector<Username> stories_max_id:flags2.5?RecentStory color:flags2.8?PeerColor profile_color:flags2.9?PeerColor bot_active_users:flags2.12?int bot_verification_icon:flags2.14?long send_paid_messages_stars:flags2.15?long linked_community_id:flags2.21?long = User;"
    struct NamedUserHead { bot: bool, id: i64, access_hash: Option<i64>, first_name: Option<String> }
}

kept! {
    /// Unparsed user as the last field of a value.
    "User" UserTail;
    /// Unparsed `Vector<User>`, the result of [`GetUsers`].
    "Vector<User>" UsersBody;
    /// Unparsed `users.userFull`, the result of [`GetFullUser`].
    "users.UserFull" FullUserBody;
}

/// Reads the first fields of a boxed user from `r`; `None` for `userEmpty`.
fn head(r: &mut Reader<'_>) -> Result<Option<UserHead>, DecodeError> {
    if r.peek() == Some(UserEmpty::ID) {
        return Ok(None);
    }
    r.expect(User::ID)?;
    UserHead::read(r).map(Some)
}

impl UserTail {
    /// Reads the fields of the user that calls need; `None` for `userEmpty`.
    ///
    /// # Errors
    /// The bytes are not a user.
    pub fn head(&self) -> Result<Option<UserHead>, DecodeError> {
        head(&mut Reader::new(&self.0.0))
    }
}
impl From<&AnyUser> for UserTail {
    fn from(user: &AnyUser) -> Self {
        Self(super::raw(user))
    }
}

impl UsersBody {
    /// Reads the fields of the first user that calls need; `None` if there is none.
    ///
    /// # Errors
    /// The bytes are not a vector of users.
    pub fn first(&self) -> Result<Option<UserHead>, DecodeError> {
        let mut r = Reader::new(&self.0.0);
        if r.vector(AnyUser::LEAST)? == 0 { Ok(None) } else { head(&mut r) }
    }
    /// Reads the first name of the first user, if there is one.
    ///
    /// # Errors
    /// The bytes are not a vector of users.
    pub fn first_name(&self) -> Result<Option<String>, DecodeError> {
        let mut r = Reader::new(&self.0.0);
        // Only the start of the first user is read, so its type need not be known completely.
        if r.vector(AnyUser::LEAST)? == 0 || r.peek() == Some(UserEmpty::ID) {
            return Ok(None);
        }
        r.expect(User::ID)?;
        NamedUserHead::read(&mut r).map(|user| user.first_name)
    }
    /// Decodes all users completely.
    ///
    /// # Errors
    /// The bytes are not a vector of users.
    pub fn all(&self) -> Result<Vec<AnyUser>, DecodeError> {
        Vec::from_bytes(&self.0.0)
    }
}
