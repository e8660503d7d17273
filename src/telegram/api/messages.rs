//! Messages and dialogs, and the calls that send and fetch them.
//!
//! Spec: api/bots, method/messages.startBot

use super::Boxed;
use super::account::PeerNotifySettings;
use super::chats::AnyChat;
use super::connect::Reaction;
use super::peer::{InputPeer, InputUser, Peer};
use super::updates::{State, Updates};
use super::users::{AnyUser, RestrictionReason};
#[cfg(feature = "dc")]
use crate::tl::Blob;
use crate::{tl, tl_head, tl_type};
use alloc::string::String;
use alloc::vec::Vec;

tl! {
    /// Starts a bot: the server sends `/start start_param` to it on behalf of the user.
    ///
    /// `peer` is the bot itself (or `inputPeerEmpty`), or a group to which the bot is then added. A call with the same
    /// `random_id` is executed only once. Spec: method/messages.startBot
    "messages.startBot#e6df7378 bot:InputUser peer:InputPeer random_id:long start_param:string = Updates;"
    struct StartBot { bot: InputUser, peer: InputPeer, random_id: i64, start_param: String } -> Updates

    /// Sends a text message.
    "messages.sendMessage#fef48f62 flags:# no_webpage:flags.1?true silent:flags.5?true background:flags.6?true clear_draft:flags.7?true noforwards:flags.14?true update_stickersets_order:flags.15?true invert_media:flags.16?true allow_paid_floodskip:flags.19?true peer:InputPeer reply_to:flags.0?InputReplyTo message:string random_id:long reply_markup:flags.2?ReplyMarkup entities:flags.3?Vector<MessageEntity> schedule_date:flags.10?int schedule_repeat_period:flags.24?int send_as:flags.13?InputPeer quick_reply_shortcut:flags.17?InputQuickReplyShortcut effect:flags.18?long allow_paid_stars:flags.21?long suggested_post:flags.22?SuggestedPost rich_message:flags.23?InputRichMessage = Updates;"
    struct SendMessage {
        no_webpage: bool, silent: bool, background: bool, clear_draft: bool, noforwards: bool,
        update_stickersets_order: bool, invert_media: bool, allow_paid_floodskip: bool, peer: InputPeer,
        reply_to: Option<InputReplyTo>, message: String, random_id: i64, reply_markup: Option<ReplyMarkup>,
        entities: Option<Vec<MessageEntity>>, schedule_date: Option<i32>, schedule_repeat_period: Option<i32>,
        send_as: Option<InputPeer>, quick_reply_shortcut: Option<InputQuickReplyShortcut>, effect: Option<i64>,
        allow_paid_stars: Option<i64>, suggested_post: Option<SuggestedPost>,
        rich_message: Option<InputRichMessage>,
    } -> Updates

    /// Fetches the list of dialogs.
    "messages.getDialogs#a0f4cb4f flags:# exclude_pinned:flags.0?true folder_id:flags.1?int offset_date:int offset_id:int offset_peer:InputPeer limit:int hash:long = messages.Dialogs;"
    struct GetDialogs {
        exclude_pinned: bool, folder_id: Option<i32>, offset_date: i32, offset_id: i32, offset_peer: InputPeer,
        limit: i32, hash: i64,
    } -> AnyDialogs
    /// Fetches the dialogs with the given peers.
    "messages.getPeerDialogs#e470bcfd peers:Vector<InputDialogPeer> = messages.PeerDialogs;"
    struct GetPeerDialogs { peers: Vec<InputDialogPeer> } -> Boxed<PeerDialogs>
    /// Dialog with a peer.
    "inputDialogPeer#fcaafeb7 peer:InputPeer = InputDialogPeer;"
    struct InputDialogWith { peer: InputPeer }
    /// All dialogs of a folder.
    "inputDialogPeerFolder#64600527 folder_id:int = InputDialogPeer;"
    struct InputDialogFolder { folder_id: i32 }
    /// Fetches messages of a dialog, newest first.
    "messages.getHistory#4423e6c5 peer:InputPeer offset_id:int offset_date:int add_offset:int limit:int max_id:int min_id:int hash:long = messages.Messages;"
    struct GetHistory {
        peer: InputPeer, offset_id: i32, offset_date: i32, add_offset: i32, limit: i32, max_id: i32,
        min_id: i32, hash: i64,
    } -> AnyMessages
    /// Asks for the messages of one dialog, or of all but channels, that hold some words, newest first.
    "messages.search#29ee847a flags:# peer:InputPeer q:string from_id:flags.0?InputPeer saved_peer_id:flags.2?InputPeer saved_reaction:flags.3?Vector<Reaction> top_msg_id:flags.1?int filter:MessagesFilter min_date:int max_date:int offset_id:int add_offset:int limit:int max_id:int min_id:int hash:long = messages.Messages;"
    struct Search {
        peer: InputPeer, q: String, from_id: Option<InputPeer>, saved_peer_id: Option<InputPeer>,
        saved_reaction: Option<Vec<Reaction>>, top_msg_id: Option<i32>, filter: MessagesFilter, min_date: i32,
        max_date: i32, offset_id: i32, add_offset: i32, limit: i32, max_id: i32, min_id: i32, hash: i64,
    } -> AnyMessages
    /// Changes of a group's photo.
    "inputMessagesFilterChatPhotos#3a20ecb8 = MessagesFilter;"
    struct InputMessagesFilterChatPhotos {}
    /// Shared contacts.
    "inputMessagesFilterContacts#e062db83 = MessagesFilter;"
    struct InputMessagesFilterContacts {}
    /// Files.
    "inputMessagesFilterDocument#9eddf188 = MessagesFilter;"
    struct InputMessagesFilterDocument {}
    /// All messages.
    "inputMessagesFilterEmpty#57e2f66c = MessagesFilter;"
    struct InputMessagesFilterEmpty {}
    /// Places.
    "inputMessagesFilterGeo#e7026d0d = MessagesFilter;"
    struct InputMessagesFilterGeo {}
    /// Animations.
    "inputMessagesFilterGif#ffc86587 = MessagesFilter;"
    struct InputMessagesFilterGif {}
    /// Music.
    "inputMessagesFilterMusic#3751b49e = MessagesFilter;"
    struct InputMessagesFilterMusic {}
    /// Messages that mention the reader.
    "inputMessagesFilterMyMentions#c1f8e69a = MessagesFilter;"
    struct InputMessagesFilterMyMentions {}
    /// Calls.
    "inputMessagesFilterPhoneCalls#80c99768 flags:# missed:flags.0?true = MessagesFilter;"
    struct InputMessagesFilterPhoneCalls { missed: bool }
    /// Photos.
    "inputMessagesFilterPhotos#9609a51c = MessagesFilter;"
    struct InputMessagesFilterPhotos {}
    /// Photos and videos.
    "inputMessagesFilterPhotoVideo#56e9f0e4 = MessagesFilter;"
    struct InputMessagesFilterPhotoVideo {}
    /// Pinned messages.
    "inputMessagesFilterPinned#1bb00451 = MessagesFilter;"
    struct InputMessagesFilterPinned {}
    /// Polls.
    "inputMessagesFilterPoll#fa2bc90a = MessagesFilter;"
    struct InputMessagesFilterPoll {}
    /// Round videos.
    "inputMessagesFilterRoundVideo#b549da53 = MessagesFilter;"
    struct InputMessagesFilterRoundVideo {}
    /// Voice messages and round videos.
    "inputMessagesFilterRoundVoice#7a7c17a4 = MessagesFilter;"
    struct InputMessagesFilterRoundVoice {}
    /// Messages with links.
    "inputMessagesFilterUrl#7ef0dd87 = MessagesFilter;"
    struct InputMessagesFilterUrl {}
    /// Videos.
    "inputMessagesFilterVideo#9fc00e65 = MessagesFilter;"
    struct InputMessagesFilterVideo {}
    /// Voice messages.
    "inputMessagesFilterVoice#50f5c392 = MessagesFilter;"
    struct InputMessagesFilterVoice {}

    /// A message.
    "message#7600b9d3 flags:# out:flags.1?true mentioned:flags.4?true media_unread:flags.5?true silent:flags.13?true post:flags.14?true from_scheduled:flags.18?true legacy:flags.19?true edit_hide:flags.21?true pinned:flags.24?true noforwards:flags.26?true invert_media:flags.27?true flags2:# offline:flags2.1?true video_processing_pending:flags2.4?true paid_suggested_post_stars:flags2.8?true paid_suggested_post_ton:flags2.9?true id:int from_id:flags.8?Peer from_boosts_applied:flags.29?int from_rank:flags2.12?string peer_id:Peer saved_peer_id:flags.28?Peer fwd_from:flags.2?MessageFwdHeader via_bot_id:flags.11?long via_business_bot_id:flags2.0?long guestchat_via_from:flags2.19?Peer reply_to:flags.3?MessageReplyHeader date:int message:string media:flags.9?MessageMedia reply_markup:flags.6?ReplyMarkup entities:flags.7?Vector<MessageEntity> views:flags.10?int forwards:flags.10?int replies:flags.23?MessageReplies edit_date:flags.15?int post_author:flags.16?string grouped_id:flags.17?long reactions:flags.20?MessageReactions restriction_reason:flags.22?Vector<RestrictionReason> ttl_period:flags.25?int quick_reply_shortcut_id:flags.30?int effect:flags2.2?long factcheck:flags2.3?FactCheck report_delivery_until_date:flags2.5?int paid_message_stars:flags2.6?long suggested_post:flags2.7?SuggestedPost schedule_repeat_period:flags2.10?int summary_from_language:flags2.11?string rich_message:flags2.13?RichMessage = Message;"
    struct Message {
        out: bool, mentioned: bool, media_unread: bool, silent: bool, post: bool, from_scheduled: bool,
        legacy: bool, edit_hide: bool, pinned: bool, noforwards: bool, invert_media: bool, offline: bool,
        video_processing_pending: bool, paid_suggested_post_stars: bool, paid_suggested_post_ton: bool, id: i32,
        from_id: Option<Peer>, from_boosts_applied: Option<i32>, from_rank: Option<String>, peer_id: Peer,
        saved_peer_id: Option<Peer>, fwd_from: Option<MessageFwdHeader>, via_bot_id: Option<i64>,
        via_business_bot_id: Option<i64>, guestchat_via_from: Option<Peer>,
        reply_to: Option<MessageReplyHeader>, date: i32, message: String, media: Option<MessageMedia>,
        reply_markup: Option<ReplyMarkup>, entities: Option<Vec<MessageEntity>>, views: Option<(i32, i32)>,
        replies: Option<MessageReplies>, edit_date: Option<i32>, post_author: Option<String>,
        grouped_id: Option<i64>, reactions: Option<MessageReactions>,
        restriction_reason: Option<Vec<Boxed<RestrictionReason>>>, ttl_period: Option<i32>,
        quick_reply_shortcut_id: Option<i32>, effect: Option<i64>, factcheck: Option<FactCheck>,
        report_delivery_until_date: Option<i32>, paid_message_stars: Option<i64>,
        suggested_post: Option<SuggestedPost>, schedule_repeat_period: Option<i32>,
        summary_from_language: Option<String>, rich_message: Option<RichMessage>,
    }
    /// Service message, which reports an event in the chat.
    "messageService#7a800e0a flags:# out:flags.1?true mentioned:flags.4?true media_unread:flags.5?true reactions_are_possible:flags.9?true silent:flags.13?true post:flags.14?true legacy:flags.19?true id:int from_id:flags.8?Peer peer_id:Peer saved_peer_id:flags.28?Peer reply_to:flags.3?MessageReplyHeader date:int action:MessageAction reactions:flags.20?MessageReactions ttl_period:flags.25?int = Message;"
    struct MessageService {
        out: bool, mentioned: bool, media_unread: bool, reactions_are_possible: bool, silent: bool, post: bool,
        legacy: bool, id: i32, from_id: Option<Peer>, peer_id: Peer, saved_peer_id: Option<Peer>,
        reply_to: Option<MessageReplyHeader>, date: i32, action: MessageAction,
        reactions: Option<MessageReactions>, ttl_period: Option<i32>,
    }
    /// Nonexistent message.
    "messageEmpty#90a6ca84 flags:# id:int peer_id:flags.0?Peer = Message;"
    struct MessageEmpty { id: i32, peer_id: Option<Peer> }

    /// Event: users were added to the group.
    "messageActionChatAddUser#15cefd00 users:Vector<long> = MessageAction;"
    struct MessageActionChatAddUser { users: Vec<i64> }
    /// Event: the basic group was created.
    "messageActionChatCreate#bd47cbad title:string users:Vector<long> = MessageAction;"
    struct MessageActionChatCreate { title: String, users: Vec<i64> }
    /// Event: the channel or supergroup was created.
    "messageActionChannelCreate#95d2ac92 title:string = MessageAction;"
    struct MessageActionChannelCreate { title: String }

    /// A dialog: the state of the chat with one peer.
    "dialog#fc89f7f3 flags:# pinned:flags.2?true unread_mark:flags.3?true view_forum_as_messages:flags.6?true peer:Peer top_message:int read_inbox_max_id:int read_outbox_max_id:int unread_count:int unread_mentions_count:int unread_reactions_count:int unread_poll_votes_count:int notify_settings:PeerNotifySettings pts:flags.0?int draft:flags.1?DraftMessage folder_id:flags.4?int ttl_period:flags.5?int = Dialog;"
    struct Dialog {
        pinned: bool, unread_mark: bool, view_forum_as_messages: bool, peer: Peer, top_message: i32,
        read_inbox_max_id: i32, read_outbox_max_id: i32, unread_count: i32, unread_mentions_count: i32,
        unread_reactions_count: i32, unread_poll_votes_count: i32, notify_settings: Boxed<PeerNotifySettings>,
        pts: Option<i32>, draft: Option<DraftMessage>, folder_id: Option<i32>, ttl_period: Option<i32>,
    }
    /// Complete list of dialogs.
    "messages.dialogs#15ba6c40 dialogs:Vector<Dialog> messages:Vector<Message> chats:Vector<Chat> users:Vector<User> = messages.Dialogs;"
    struct Dialogs {
        dialogs: Vec<AnyDialog>, messages: Vec<AnyMessage>, chats: Vec<AnyChat>, users: Vec<AnyUser>,
    }
    /// Part of the list of dialogs.
    "messages.dialogsSlice#71e094f3 count:int dialogs:Vector<Dialog> messages:Vector<Message> chats:Vector<Chat> users:Vector<User> = messages.Dialogs;"
    struct DialogsSlice {
        count: i32, dialogs: Vec<AnyDialog>, messages: Vec<AnyMessage>, chats: Vec<AnyChat>,
        users: Vec<AnyUser>,
    }
    /// Notice that the client's list of dialogs is up to date.
    "messages.dialogsNotModified#f0e3e596 count:int = messages.Dialogs;"
    struct DialogsNotModified { count: i32 }

    /// Dialogs with the requested peers.
    "messages.peerDialogs#3371c354 dialogs:Vector<Dialog> messages:Vector<Message> chats:Vector<Chat> users:Vector<User> state:updates.State = messages.PeerDialogs;"
    struct PeerDialogs {
        dialogs: Vec<AnyDialog>, messages: Vec<AnyMessage>, chats: Vec<AnyChat>, users: Vec<AnyUser>,
        state: Boxed<State>,
    }

    /// All messages of a dialog.
    "messages.messages#1d73e7ea messages:Vector<Message> topics:Vector<ForumTopic> chats:Vector<Chat> users:Vector<User> = messages.Messages;"
    struct Messages {
        messages: Vec<AnyMessage>, topics: Vec<ForumTopic>, chats: Vec<AnyChat>, users: Vec<AnyUser>,
    }
    /// Part of the messages of a dialog.
    "messages.messagesSlice#5f206716 flags:# inexact:flags.1?true count:int next_rate:flags.0?int offset_id_offset:flags.2?int search_flood:flags.3?SearchPostsFlood messages:Vector<Message> topics:Vector<ForumTopic> chats:Vector<Chat> users:Vector<User> = messages.Messages;"
    struct MessagesSlice {
        inexact: bool, count: i32, next_rate: Option<i32>, offset_id_offset: Option<i32>,
        search_flood: Option<SearchPostsFlood>, messages: Vec<AnyMessage>, topics: Vec<ForumTopic>,
        chats: Vec<AnyChat>, users: Vec<AnyUser>,
    }
    /// Part of the messages of a channel or supergroup.
    "messages.channelMessages#c776ba4e flags:# inexact:flags.1?true pts:int count:int offset_id_offset:flags.2?int messages:Vector<Message> topics:Vector<ForumTopic> chats:Vector<Chat> users:Vector<User> = messages.Messages;"
    struct ChannelMessages {
        inexact: bool, pts: i32, count: i32, offset_id_offset: Option<i32>, messages: Vec<AnyMessage>,
        topics: Vec<ForumTopic>, chats: Vec<AnyChat>, users: Vec<AnyUser>,
    }
    /// Missing attachment.
    "messageMediaEmpty#3ded6320 = MessageMedia;"
    struct MessageMediaEmpty {}
}

// A client declares these types in `SendMessage` but never creates values of them, so it does not need their code.
#[cfg(feature = "dc")]
tl! {
    /// Entity of an unknown kind.
    "messageEntityUnknown#bb92ba95 offset:int length:int = MessageEntity;"
    struct MessageEntityUnknown { offset: i32, length: i32 }
    /// Mention of a username, `@name`.
    "messageEntityMention#fa04579d offset:int length:int = MessageEntity;"
    struct MessageEntityMention { offset: i32, length: i32 }
    /// Hashtag, `#word`.
    "messageEntityHashtag#6f635b0d offset:int length:int = MessageEntity;"
    struct MessageEntityHashtag { offset: i32, length: i32 }
    /// Bot command, `/command`.
    "messageEntityBotCommand#6cef8ac7 offset:int length:int = MessageEntity;"
    struct MessageEntityBotCommand { offset: i32, length: i32 }
    /// URL in the text.
    "messageEntityUrl#6ed02538 offset:int length:int = MessageEntity;"
    struct MessageEntityUrl { offset: i32, length: i32 }
    /// E-mail address.
    "messageEntityEmail#64e475c2 offset:int length:int = MessageEntity;"
    struct MessageEntityEmail { offset: i32, length: i32 }
    /// Bold text.
    "messageEntityBold#bd610bc9 offset:int length:int = MessageEntity;"
    struct MessageEntityBold { offset: i32, length: i32 }
    /// Italic text.
    "messageEntityItalic#826f8b60 offset:int length:int = MessageEntity;"
    struct MessageEntityItalic { offset: i32, length: i32 }
    /// Monospace text.
    "messageEntityCode#28a20571 offset:int length:int = MessageEntity;"
    struct MessageEntityCode { offset: i32, length: i32 }
    /// Phone number.
    "messageEntityPhone#9b69e34b offset:int length:int = MessageEntity;"
    struct MessageEntityPhone { offset: i32, length: i32 }
    /// Cashtag, `$WORD`.
    "messageEntityCashtag#4c4e743f offset:int length:int = MessageEntity;"
    struct MessageEntityCashtag { offset: i32, length: i32 }
    /// Underlined text.
    "messageEntityUnderline#9c4e7e8b offset:int length:int = MessageEntity;"
    struct MessageEntityUnderline { offset: i32, length: i32 }
    /// Strikethrough text.
    "messageEntityStrike#bf0693d4 offset:int length:int = MessageEntity;"
    struct MessageEntityStrike { offset: i32, length: i32 }
    /// Bank card number.
    "messageEntityBankCard#761e6af4 offset:int length:int = MessageEntity;"
    struct MessageEntityBankCard { offset: i32, length: i32 }
    /// Spoiler, hidden until tapped.
    "messageEntitySpoiler#32ca960f offset:int length:int = MessageEntity;"
    struct MessageEntitySpoiler { offset: i32, length: i32 }
    /// Inserted text.
    "messageEntityDiffInsert#71777116 offset:int length:int = MessageEntity;"
    struct MessageEntityDiffInsert { offset: i32, length: i32 }
    /// Deleted text.
    "messageEntityDiffDelete#652c1c5 offset:int length:int = MessageEntity;"
    struct MessageEntityDiffDelete { offset: i32, length: i32 }
    /// Code block.
    "messageEntityPre#73924be0 offset:int length:int language:string = MessageEntity;"
    struct MessageEntityPre { offset: i32, length: i32, language: String }
    /// Text that links to a URL.
    "messageEntityTextUrl#76a6d327 offset:int length:int url:string = MessageEntity;"
    struct MessageEntityTextUrl { offset: i32, length: i32, url: String }
    /// Mention of a user by name.
    "messageEntityMentionName#dc7b1140 offset:int length:int user_id:long = MessageEntity;"
    struct MessageEntityMentionName { offset: i32, length: i32, user_id: i64 }
    /// Custom emoji.
    "messageEntityCustomEmoji#c8cf05f8 offset:int length:int document_id:long = MessageEntity;"
    struct MessageEntityCustomEmoji { offset: i32, length: i32, document_id: i64 }
    /// Block quotation.
    "messageEntityBlockquote#f1ccaaac flags:# collapsed:flags.0?true offset:int length:int = MessageEntity;"
    struct MessageEntityBlockquote { collapsed: bool, offset: i32, length: i32 }
    /// Replaced text.
    "messageEntityDiffReplace#c6c1e5a7 offset:int length:int old_text:string = MessageEntity;"
    struct MessageEntityDiffReplace { offset: i32, length: i32, old_text: String }
    /// Formatted date.
    "messageEntityFormattedDate#904ac7c7 flags:# relative:flags.0?true short_time:flags.1?true long_time:flags.2?true short_date:flags.3?true long_date:flags.4?true day_of_week:flags.5?true offset:int length:int date:int = MessageEntity;"
    struct MessageEntityFormattedDate { relative: bool, short_time: bool, long_time: bool, short_date: bool, long_date: bool, day_of_week: bool,
        offset: i32, length: i32, date: i32 }
    /// Mention of a user by name, in a message to send.
    "inputMessageEntityMentionName#208e68c9 offset:int length:int user_id:InputUser = MessageEntity;"
    struct InputMessageEntityMentionName { offset: i32, length: i32, user_id: InputUser }

    /// Reply to a message.
    "inputReplyToMessage#3bd4b7c2 flags:# reply_to_msg_id:int top_msg_id:flags.0?int reply_to_peer_id:flags.1?InputPeer quote_text:flags.2?string quote_entities:flags.3?Vector<MessageEntity> quote_offset:flags.4?int monoforum_peer_id:flags.5?InputPeer todo_item_id:flags.6?int poll_option:flags.7?bytes = InputReplyTo;"
    struct InputReplyToMessage {
        reply_to_msg_id: i32, top_msg_id: Option<i32>, reply_to_peer_id: Option<InputPeer>,
        quote_text: Option<String>, quote_entities: Option<Vec<MessageEntity>>, quote_offset: Option<i32>,
        monoforum_peer_id: Option<InputPeer>, todo_item_id: Option<i32>, poll_option: Option<Blob>,
    }
    /// Reply to a story.
    "inputReplyToStory#5881323a peer:InputPeer story_id:int = InputReplyTo;"
    struct InputReplyToStory { peer: InputPeer, story_id: i32 }
    /// Message to the direct messages of a channel.
    "inputReplyToMonoForum#69d66c45 monoforum_peer_id:InputPeer = InputReplyTo;"
    struct InputReplyToMonoForum { monoforum_peer_id: InputPeer }
    /// Reply to an ephemeral message, which only one member sees.
    "inputReplyToEphemeralMessage#4119b95e id:int = InputReplyTo;"
    struct InputReplyToEphemeralMessage { id: i32 }
    /// Reference to the message that a message replies to.
    "messageReplyHeader#1b97dd66 flags:# reply_to_scheduled:flags.2?true forum_topic:flags.3?true quote:flags.9?true reply_to_ephemeral:flags.13?true reply_to_msg_id:flags.4?int reply_to_peer_id:flags.0?Peer reply_from:flags.5?MessageFwdHeader reply_media:flags.8?MessageMedia reply_to_top_id:flags.1?int quote_text:flags.6?string quote_entities:flags.7?Vector<MessageEntity> quote_offset:flags.10?int todo_item_id:flags.11?int poll_option:flags.12?bytes = MessageReplyHeader;"
    struct MessageReplyToMessage {
        reply_to_scheduled: bool, forum_topic: bool, quote: bool, reply_to_ephemeral: bool,
        reply_to_msg_id: Option<i32>, reply_to_peer_id: Option<Peer>, reply_from: Option<MessageFwdHeader>,
        reply_media: Option<MessageMedia>, reply_to_top_id: Option<i32>, quote_text: Option<String>,
        quote_entities: Option<Vec<MessageEntity>>, quote_offset: Option<i32>, todo_item_id: Option<i32>,
        poll_option: Option<Blob>,
    }
}

#[cfg(feature = "dc")]
tl_type! {
    /// Entity: a formatted or special part of a message's text. Offsets and lengths are in UTF-16 code units.
    "MessageEntity" enum MessageEntity {
        Unknown(MessageEntityUnknown),
        Mention(MessageEntityMention),
        Hashtag(MessageEntityHashtag),
        BotCommand(MessageEntityBotCommand),
        Url(MessageEntityUrl),
        Email(MessageEntityEmail),
        Bold(MessageEntityBold),
        Italic(MessageEntityItalic),
        Code(MessageEntityCode),
        Phone(MessageEntityPhone),
        Cashtag(MessageEntityCashtag),
        Underline(MessageEntityUnderline),
        Strike(MessageEntityStrike),
        BankCard(MessageEntityBankCard),
        Spoiler(MessageEntitySpoiler),
        DiffInsert(MessageEntityDiffInsert),
        DiffDelete(MessageEntityDiffDelete),
        Pre(MessageEntityPre),
        TextUrl(MessageEntityTextUrl),
        MentionName(MessageEntityMentionName),
        CustomEmoji(MessageEntityCustomEmoji),
        Blockquote(MessageEntityBlockquote),
        DiffReplace(MessageEntityDiffReplace),
        FormattedDate(MessageEntityFormattedDate),
        InputMentionName(InputMessageEntityMentionName),
    }
    /// Target of the reply in a message to send.
    "InputReplyTo" enum InputReplyTo {
        Message(InputReplyToMessage), Story(InputReplyToStory), MonoForum(InputReplyToMonoForum),
        Ephemeral(InputReplyToEphemeralMessage),
    }
}

tl_type! {
    /// A message of any kind.
    "Message" enum AnyMessage { Message(Message), Service(MessageService), Empty(MessageEmpty) }
    /// Event reported by a service message.
    "MessageAction" enum MessageAction {
        ChatAddUser(MessageActionChatAddUser), ChatCreate(MessageActionChatCreate),
        ChannelCreate(MessageActionChannelCreate),
    }
    /// Attachment of a message. Only the empty one is supported; decoding any other fails.
    "MessageMedia" enum MessageMedia { Empty(MessageMediaEmpty) }
    /// An entry in the list of dialogs.
    "Dialog" enum AnyDialog { Dialog(Dialog) }
    /// Peer or folder whose dialogs are requested.
    "InputDialogPeer" enum InputDialogPeer { With(InputDialogWith), Folder(InputDialogFolder) }
    /// Result of [`GetDialogs`].
    "messages.Dialogs" enum AnyDialogs {
        Dialogs(Dialogs), Slice(DialogsSlice), NotModified(DialogsNotModified),
    }
    /// Which messages a search looks at.
    "MessagesFilter" enum MessagesFilter {
        ChatPhotos(InputMessagesFilterChatPhotos),
        Contacts(InputMessagesFilterContacts),
        Document(InputMessagesFilterDocument),
        Empty(InputMessagesFilterEmpty),
        Geo(InputMessagesFilterGeo),
        Gif(InputMessagesFilterGif),
        Music(InputMessagesFilterMusic),
        MyMentions(InputMessagesFilterMyMentions),
        PhoneCalls(InputMessagesFilterPhoneCalls),
        Photos(InputMessagesFilterPhotos),
        PhotoVideo(InputMessagesFilterPhotoVideo),
        Pinned(InputMessagesFilterPinned),
        Poll(InputMessagesFilterPoll),
        RoundVideo(InputMessagesFilterRoundVideo),
        RoundVoice(InputMessagesFilterRoundVoice),
        Url(InputMessagesFilterUrl),
        Video(InputMessagesFilterVideo),
        Voice(InputMessagesFilterVoice),
    }
    /// The answer to [`GetHistory`].
    "messages.Messages" enum AnyMessages { Messages(Messages), Slice(MessagesSlice), Channel(ChannelMessages) }
}

#[cfg(not(feature = "dc"))]
unread! {
    "InputReplyTo" InputReplyTo;
    "MessageEntity" MessageEntity;
}
unread! {
    "DraftMessage" DraftMessage;
    "FactCheck" FactCheck;
    "ForumTopic" ForumTopic;
    "InputQuickReplyShortcut" InputQuickReplyShortcut;
    "InputRichMessage" InputRichMessage;
    "MessageReactions" MessageReactions;
    "MessageReplies" MessageReplies;
    "ReplyMarkup" ReplyMarkup;
    "RichMessage" RichMessage;
    "SearchPostsFlood" SearchPostsFlood;
    "SuggestedPost" SuggestedPost;
}

measured! {
    /// Origin of a forwarded message.
    "MessageFwdHeader" FORWARD MessageFwdHeader;
    /// Reference to the message or story that a message replies to.
    "MessageReplyHeader" REPLY MessageReplyHeader;
}

tl_head! {
    /// The fields of a message up to its text.
    "message#7600b9d3 flags:# out:flags.1?true mentioned:flags.4?true media_unread:flags.5?true silent:flags.13?true post:flags.14?true from_scheduled:flags.18?true legacy:flags.19?true edit_hide:flags.21?true pinned:flags.24?true noforwards:flags.26?true invert_media:flags.27?true flags2:# offline:flags2.1?true video_processing_pending:flags2.4?true paid_suggested_post_stars:flags2.8?true paid_suggested_post_ton:flags2.9?true id:int from_id:flags.8?Peer from_boosts_applied:flags.29?int from_rank:flags2.12?string peer_id:Peer saved_peer_id:flags.28?Peer fwd_from:flags.2?MessageFwdHeader via_bot_id:flags.11?long via_business_bot_id:flags2.0?long guestchat_via_from:flags2.19?Peer reply_to:flags.3?MessageReplyHeader date:int message:string media:flags.9?MessageMedia reply_markup:flags.6?ReplyMarkup entities:flags.7?Vector<MessageEntity> views:flags.10?int forwards:flags.10?int replies:flags.23?MessageReplies edit_date:flags.15?int post_author:flags.16?string grouped_id:flags.17?long reactions:flags.20?MessageReactions restriction_reason:flags.22?Vector<RestrictionReason> ttl_period:flags.25?int quick_reply_shortcut_id:flags.30?int effect:flags2.2?long factcheck:flags2.3?FactCheck report_delivery_until_date:flags2.5?int paid_message_stars:flags2.6?long suggested_post:flags2.7?SuggestedPost schedule_repeat_period:flags2.10?int summary_from_language:flags2.11?string rich_message:flags2.13?RichMessage = Message;"
    struct MessageHead {
        out: bool, id: i32, from_id: Option<Peer>, from_boosts_applied: Option<i32>, from_rank: Option<String>,
        peer_id: Peer, saved_peer_id: Option<Peer>, fwd_from: Option<MessageFwdHeader>, via_bot_id: Option<i64>,
        via_business_bot_id: Option<i64>, guestchat_via_from: Option<Peer>,
        reply_to: Option<MessageReplyHeader>, date: i32, message: String,
    }
    /// The fields of [`SendMessage`] up to `random_id`. Entities, buttons and dates stay unread.
    "messages.sendMessage#fef48f62 flags:# no_webpage:flags.1?true silent:flags.5?true background:flags.6?true clear_draft:flags.7?true noforwards:flags.14?true update_stickersets_order:flags.15?true invert_media:flags.16?true allow_paid_floodskip:flags.19?true peer:InputPeer reply_to:flags.0?InputReplyTo message:string random_id:long reply_markup:flags.2?ReplyMarkup entities:flags.3?Vector<MessageEntity> schedule_date:flags.10?int schedule_repeat_period:flags.24?int send_as:flags.13?InputPeer quick_reply_shortcut:flags.17?InputQuickReplyShortcut effect:flags.18?long allow_paid_stars:flags.21?long suggested_post:flags.22?SuggestedPost rich_message:flags.23?InputRichMessage = Updates;"
    struct SendMessageHead { peer: InputPeer, reply_to: Option<InputReplyTo>, message: String, random_id: i64 }
}
