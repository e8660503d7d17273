//! Updates: changes sent by the server unasked, and results of calls that change chats.
//!
//! Spec: api/updates

use super::chats::AnyChat;
use super::connect::MessageRange;
use super::messages::{
    AnyDialog, AnyMessage, Message, MessageEntity, MessageFwdHeader, MessageHead, MessageMedia, MessageReplyHeader,
};
use super::peer::{InputChannel, Peer};
use super::users::AnyUser;
use super::{Boxed, raw};
use crate::tl::line::Shape;
use crate::tl::table::{API, TypeId};
use crate::tl::{Combinator, DecodeError, Fault, Raw, Reader, Tl};
use crate::{tl, tl_head, tl_type};
use alloc::string::String;
use alloc::vec::Vec;

tl! {
    /// Requests the current update state of the account.
    "updates.getState#edd4882a = updates.State;"
    struct GetState {} -> Boxed<State>
    /// Update state of the account.
    "updates.state#a56c2a3e pts:int qts:int date:int seq:int unread_count:int = updates.State;"
    struct State { pts: i32, qts: i32, date: i32, seq: i32, unread_count: i32 }
    /// Requests the updates missed since a state.
    "updates.getDifference#19c2f763 flags:# pts:int pts_limit:flags.1?int pts_total_limit:flags.0?int date:int qts:int qts_limit:flags.2?int = updates.Difference;"
    struct GetDifference {
        pts: i32, pts_limit: Option<i32>, pts_total_limit: Option<i32>, date: i32, qts: i32,
        qts_limit: Option<i32>,
    } -> AnyDifference

    /// Empty difference: no updates were missed.
    "updates.differenceEmpty#5d75a138 date:int seq:int = updates.Difference;"
    struct DifferenceEmpty { date: i32, seq: i32 }
    /// The missed updates.
    "updates.difference#f49ca0 new_messages:Vector<Message> new_encrypted_messages:Vector<EncryptedMessage> other_updates:Vector<Update> chats:Vector<Chat> users:Vector<User> state:updates.State = updates.Difference;"
    struct Difference {
        new_messages: Vec<AnyMessage>, new_encrypted_messages: Vec<EncryptedMessage>,
        other_updates: Vec<Update>, chats: Vec<AnyChat>, users: Vec<AnyUser>, state: Boxed<State>,
    }
    /// Some of the missed updates. The rest must be requested from `intermediate_state`.
    "updates.differenceSlice#a8fb1981 new_messages:Vector<Message> new_encrypted_messages:Vector<EncryptedMessage> other_updates:Vector<Update> chats:Vector<Chat> users:Vector<User> intermediate_state:updates.State = updates.Difference;"
    struct DifferenceSlice {
        new_messages: Vec<AnyMessage>, new_encrypted_messages: Vec<EncryptedMessage>,
        other_updates: Vec<Update>, chats: Vec<AnyChat>, users: Vec<AnyUser>, intermediate_state: Boxed<State>,
    }
    /// Notice that too many updates were missed. The client must start again from `pts`.
    "updates.differenceTooLong#4afe8f6d pts:int = updates.Difference;"
    struct DifferenceTooLong { pts: i32 }

    /// Requests the updates missed in a channel or supergroup.
    "updates.getChannelDifference#3173d78 flags:# force:flags.0?true channel:InputChannel filter:ChannelMessagesFilter pts:int limit:int = updates.ChannelDifference;"
    struct GetChannelDifference {
        force: bool, channel: InputChannel, filter: AnyChannelMessagesFilter, pts: i32, limit: i32,
    } -> AnyChannelDifference
    /// Filter that accepts all messages.
    "channelMessagesFilterEmpty#94d42ee7 = ChannelMessagesFilter;"
    struct ChannelMessagesFilterEmpty {}
    /// Filter that accepts messages in the given ranges.
    "channelMessagesFilter#cd77d957 flags:# exclude_new_messages:flags.1?true ranges:Vector<MessageRange> = ChannelMessagesFilter;"
    struct ChannelMessagesFilter { exclude_new_messages: bool, ranges: Vec<Boxed<MessageRange>> }
    // `final` is a keyword in Rust, hence the underscore.
    /// Empty difference of a channel: no updates were missed.
    "updates.channelDifferenceEmpty#3e11affb flags:# final:flags.0?true pts:int timeout:flags.1?int = updates.ChannelDifference;"
    struct ChannelDifferenceEmpty { final_: bool, pts: i32, timeout: Option<i32> }
    /// The missed updates of a channel.
    "updates.channelDifference#2064674e flags:# final:flags.0?true pts:int timeout:flags.1?int new_messages:Vector<Message> other_updates:Vector<Update> chats:Vector<Chat> users:Vector<User> = updates.ChannelDifference;"
    struct ChannelDifference {
        final_: bool, pts: i32, timeout: Option<i32>, new_messages: Vec<AnyMessage>, other_updates: Vec<Update>,
        chats: Vec<AnyChat>, users: Vec<AnyUser>,
    }
    /// Notice that too many updates of a channel were missed. The client must start again from the dialog's state.
    "updates.channelDifferenceTooLong#a4bcc6fe flags:# final:flags.0?true timeout:flags.1?int dialog:Dialog messages:Vector<Message> chats:Vector<Chat> users:Vector<User> = updates.ChannelDifference;"
    struct ChannelDifferenceTooLong {
        final_: bool, timeout: Option<i32>, dialog: AnyDialog, messages: Vec<AnyMessage>, chats: Vec<AnyChat>,
        users: Vec<AnyUser>,
    }

    /// Notice that there are too many updates to send. The client must request the difference.
    "updatesTooLong#e317af7e = Updates;"
    struct UpdatesTooLong {}
    /// Text message in a private chat.
    "updateShortMessage#313bc7f8 flags:# out:flags.1?true mentioned:flags.4?true media_unread:flags.5?true silent:flags.13?true id:int user_id:long message:string pts:int pts_count:int date:int fwd_from:flags.2?MessageFwdHeader via_bot_id:flags.11?long reply_to:flags.3?MessageReplyHeader entities:flags.7?Vector<MessageEntity> ttl_period:flags.25?int = Updates;"
    struct UpdateShortMessage {
        out: bool, mentioned: bool, media_unread: bool, silent: bool, id: i32, user_id: i64, message: String,
        pts: i32, pts_count: i32, date: i32, fwd_from: Option<MessageFwdHeader>, via_bot_id: Option<i64>,
        reply_to: Option<MessageReplyHeader>, entities: Option<Vec<MessageEntity>>, ttl_period: Option<i32>,
    }
    /// Text message in a basic group.
    "updateShortChatMessage#4d6deea5 flags:# out:flags.1?true mentioned:flags.4?true media_unread:flags.5?true silent:flags.13?true id:int from_id:long chat_id:long message:string pts:int pts_count:int date:int fwd_from:flags.2?MessageFwdHeader via_bot_id:flags.11?long reply_to:flags.3?MessageReplyHeader entities:flags.7?Vector<MessageEntity> ttl_period:flags.25?int = Updates;"
    struct UpdateShortChatMessage {
        out: bool, mentioned: bool, media_unread: bool, silent: bool, id: i32, from_id: i64, chat_id: i64,
        message: String, pts: i32, pts_count: i32, date: i32, fwd_from: Option<MessageFwdHeader>,
        via_bot_id: Option<i64>, reply_to: Option<MessageReplyHeader>, entities: Option<Vec<MessageEntity>>,
        ttl_period: Option<i32>,
    }
    /// A single update.
    "updateShort#78d4dec1 update:Update date:int = Updates;"
    struct UpdateShort { update: Update, date: i32 }
    /// Several updates covering a range of `seq` numbers.
    "updatesCombined#725b04c3 updates:Vector<Update> users:Vector<User> chats:Vector<Chat> date:int seq_start:int seq:int = Updates;"
    struct UpdatesCombined {
        updates: Vec<Update>, users: Vec<AnyUser>, chats: Vec<AnyChat>, date: i32, seq_start: i32, seq: i32,
    }
    /// Several updates.
    "updates#74ae4240 updates:Vector<Update> users:Vector<User> chats:Vector<Chat> date:int seq:int = Updates;"
    struct UpdatesList { updates: Vec<Update>, users: Vec<AnyUser>, chats: Vec<AnyChat>, date: i32, seq: i32 }
    /// Confirmation that a text message was sent.
    "updateShortSentMessage#9015e101 flags:# out:flags.1?true id:int pts:int pts_count:int date:int media:flags.9?MessageMedia entities:flags.7?Vector<MessageEntity> ttl_period:flags.25?int = Updates;"
    struct UpdateShortSentMessage {
        out: bool, id: i32, pts: i32, pts_count: i32, date: i32, media: Option<MessageMedia>,
        entities: Option<Vec<MessageEntity>>, ttl_period: Option<i32>,
    }

    /// New message in a private chat or basic group.
    "updateNewMessage#1f2b0afd message:Message pts:int pts_count:int = Update;"
    struct UpdateNewMessage { message: AnyMessage, pts: i32, pts_count: i32 }
    /// New message in a channel or supergroup.
    "updateNewChannelMessage#62ba04d9 message:Message pts:int pts_count:int = Update;"
    struct UpdateNewChannelMessage { message: AnyMessage, pts: i32, pts_count: i32 }
    /// Id of the message that was sent with `random_id`.
    "updateMessageID#4e90bfd6 id:int random_id:long = Update;"
    struct UpdateMessageId { id: i32, random_id: i64 }
    /// Change of a basic group, whose data must be fetched again.
    "updateChat#f89a6a4e chat_id:long = Update;"
    struct UpdateChat { chat_id: i64 }
    /// Change of a channel, whose data must be fetched again.
    "updateChannel#635b4c09 channel_id:long = Update;"
    struct UpdateChannel { channel_id: i64 }
    /// Acceptance of a login token by another device. The token must now be requested again.
    "updateLoginToken#564fe691 = Update;"
    struct UpdateLoginToken {}
    /// Notification from the service to the user. With `popup`, it explains an error 406.
    "updateServiceNotification#ebe46819 flags:# popup:flags.0?true invert_media:flags.2?true inbox_date:flags.1?int type:string message:string media:MessageMedia entities:Vector<MessageEntity> = Update;"
    struct UpdateServiceNotification {
        popup: bool, invert_media: bool, inbox_date: Option<i32>, type_: String, message: String, media: MessageMedia,
        entities: Vec<MessageEntity>,
    }
}

tl_type! {
    /// An update of one of the supported kinds.
    "Update" enum Update {
        NewMessage(UpdateNewMessage), NewChannelMessage(UpdateNewChannelMessage), MessageId(UpdateMessageId),
        Chat(UpdateChat), Channel(UpdateChannel), LoginToken(UpdateLoginToken),
        ServiceNotification(UpdateServiceNotification),
    }
    /// Result of [`GetDifference`].
    "updates.Difference" enum AnyDifference {
        Empty(DifferenceEmpty), Difference(Difference), Slice(DifferenceSlice), TooLong(DifferenceTooLong),
    }
    /// Filter for the messages of a channel.
    "ChannelMessagesFilter" enum AnyChannelMessagesFilter {
        Empty(ChannelMessagesFilterEmpty), Ranges(ChannelMessagesFilter),
    }
    /// Result of [`GetChannelDifference`].
    "updates.ChannelDifference" enum AnyChannelDifference {
        Empty(ChannelDifferenceEmpty), Difference(ChannelDifference), TooLong(ChannelDifferenceTooLong),
    }
}

unread! { "EncryptedMessage" EncryptedMessage; }

tl_head! {
    /// The fields of a private text message up to the text.
    "updateShortMessage#313bc7f8 flags:# out:flags.1?true mentioned:flags.4?true media_unread:flags.5?true silent:flags.13?true id:int user_id:long message:string pts:int pts_count:int date:int fwd_from:flags.2?MessageFwdHeader via_bot_id:flags.11?long reply_to:flags.3?MessageReplyHeader entities:flags.7?Vector<MessageEntity> ttl_period:flags.25?int = Updates;"
    struct ShortMessageHead { out: bool, id: i32, user_id: i64, message: String }
    /// The fields of a basic group's text message up to the text.
    "updateShortChatMessage#4d6deea5 flags:# out:flags.1?true mentioned:flags.4?true media_unread:flags.5?true silent:flags.13?true id:int from_id:long chat_id:long message:string pts:int pts_count:int date:int fwd_from:flags.2?MessageFwdHeader via_bot_id:flags.11?long reply_to:flags.3?MessageReplyHeader entities:flags.7?Vector<MessageEntity> ttl_period:flags.25?int = Updates;"
    struct ShortChatMessageHead { out: bool, id: i32, from_id: i64, chat_id: i64, message: String }
    /// The id and state in the confirmation of a sent text message.
    "updateShortSentMessage#9015e101 flags:# out:flags.1?true id:int pts:int pts_count:int date:int media:flags.9?MessageMedia entities:flags.7?Vector<MessageEntity> ttl_period:flags.25?int = Updates;"
    struct ShortSentMessageHead { id: i32, pts: i32, pts_count: i32, date: i32 }
    /// The fields of a service notification up to the text.
    "updateServiceNotification#ebe46819 flags:# popup:flags.0?true invert_media:flags.2?true inbox_date:flags.1?int type:string message:string media:MessageMedia entities:Vector<MessageEntity> = Update;"
    struct ServiceNotificationHead { popup: bool, inbox_date: Option<i32>, type_: String, message: String }
}

/// The constructor of an `Updates` value, one of seven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdatesKind {
    /// `updatesTooLong`: too many updates to send.
    TooLong,
    /// `updateShortMessage`: a text message in a private chat.
    ShortMessage,
    /// `updateShortChatMessage`: a text message in a basic group.
    ShortChatMessage,
    /// `updateShort`: a single update.
    Short,
    /// `updatesCombined`: several updates with a range of `seq` numbers.
    Combined,
    /// `updates`: several updates.
    List,
    /// `updateShortSentMessage`: confirmation of a sent text message.
    ShortSentMessage,
}

impl UpdatesKind {
    /// The seven constructors: id, name in the schema, kind.
    const ALL: [(u32, &'static str, Self); 7] = [
        (UpdatesTooLong::ID, "updatesTooLong", Self::TooLong),
        (UpdateShortMessage::ID, "updateShortMessage", Self::ShortMessage),
        (UpdateShortChatMessage::ID, "updateShortChatMessage", Self::ShortChatMessage),
        (UpdateShort::ID, "updateShort", Self::Short),
        (UpdatesCombined::ID, "updatesCombined", Self::Combined),
        (UpdatesList::ID, "updates", Self::List),
        (UpdateShortSentMessage::ID, "updateShortSentMessage", Self::ShortSentMessage),
    ];

    /// Reads the constructor id from the front of `r`.
    ///
    /// # Errors
    /// The id is not one of the seven, or the bytes end early.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = r.u32()?;
        let row = Self::ALL.iter().find(|row| row.0 == id);
        row.map(|row| row.2).ok_or(r.fault_before(Fault::Id(id)))
    }
    /// Returns true if `id` is one of the seven constructor ids.
    pub fn is(id: u32) -> bool {
        Self::ALL.iter().any(|row| row.0 == id)
    }
    /// Returns the constructor id.
    pub fn id(self) -> u32 {
        Self::ALL.iter().find(|row| row.2 == self).map_or(0, |row| row.0)
    }
    /// Returns the name of the constructor in the schema.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|row| row.2 == self).map_or("", |row| row.1)
    }
}

/// An unparsed `Updates` value.
///
/// A client that receives it as the result of a call knows that the call succeeded. [`texts`](Self::texts) reads
/// further.
///
/// ```
/// use nanogram::telegram::api::updates::{Updates, UpdatesKind};
/// use nanogram::tl::Tl;
/// let updates = Updates::from_bytes(&0xe317af7eu32.to_le_bytes()).unwrap();
/// assert_eq!(updates.kind, UpdatesKind::TooLong);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Updates {
    /// The constructor.
    pub kind: UpdatesKind,
    /// The fields without the id, up to the end of the message.
    pub body: Raw,
}

impl Tl for Updates {
    const SHAPE: Shape = Shape::Named("Updates");
    const LEAST: usize = 4;
    fn write(&self, out: &mut Vec<u8>) {
        self.kind.id().write(out);
        self.body.write(out);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { kind: UpdatesKind::read(r)?, body: Raw::read(r)? })
    }
}

macro_rules! keep {
    ($($of:ident $kind:ident;)*) => {$(
        impl From<&$of> for Updates {
            fn from(value: &$of) -> Self {
                Self { kind: UpdatesKind::$kind, body: raw(value) }
            }
        }
    )*};
}
keep! {
    UpdatesTooLong TooLong;
    UpdateShortMessage ShortMessage;
    UpdateShortChatMessage ShortChatMessage;
    UpdateShort Short;
    UpdatesCombined Combined;
    UpdatesList List;
    UpdateShortSentMessage ShortSentMessage;
}

/// A text message, as far as its first fields describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The message id.
    pub id: i32,
    /// True if the current user sent the message.
    pub out: bool,
    /// The sender. It can be missing in a private chat.
    pub from: Option<Peer>,
    /// The chat: a group, or the other user of a private chat.
    pub peer: Peer,
    /// The text of the message.
    pub text: String,
}

impl Updates {
    /// Returns the text messages in these updates, in order.
    ///
    /// TL values have no length prefix, so the table is used to find the end of each update. Reading stops after an
    /// update that is not in this layer; the messages found before it are returned.
    pub fn texts(&self) -> Vec<Text> {
        let mut found = Vec::new();
        let _ = self.read_texts(&mut found);
        found
    }

    fn read_texts(&self, found: &mut Vec<Text>) -> Result<(), DecodeError> {
        let mut r = Reader::new(&self.body.0);
        match self.kind {
            UpdatesKind::ShortMessage => {
                let m = ShortMessageHead::read(&mut r)?;
                let peer = Peer::user(m.user_id);
                // `user_id` is the other user. The sender of an outgoing message is the account itself.
                let from = (!m.out).then(|| peer.clone());
                found.push(Text { id: m.id, out: m.out, from, peer, text: m.message });
                Ok(())
            }
            UpdatesKind::ShortChatMessage => {
                let m = ShortChatMessageHead::read(&mut r)?;
                let (from, peer) = (Some(Peer::user(m.from_id)), Peer::chat(m.chat_id));
                found.push(Text { id: m.id, out: m.out, from, peer, text: m.message });
                Ok(())
            }
            _ => self.each(|id, r| {
                if let UpdateNewMessage::ID | UpdateNewChannelMessage::ID = id
                    && r.u32()? == Message::ID
                {
                    let m = MessageHead::read(r)?;
                    found.push(Text { id: m.id, out: m.out, from: m.from_id, peer: m.peer_id, text: m.message });
                }
                Ok(())
            }),
        }
    }

    /// Returns the texts of service notifications, such as the explanation of an error 406.
    pub fn notifications(&self) -> Vec<String> {
        let mut found = Vec::new();
        let _ = self.each(|id, r| {
            if id == ServiceNotificationHead::ID {
                found.push(ServiceNotificationHead::read(r)?.message);
            }
            Ok(())
        });
        found
    }

    /// Returns true if an `updateLoginToken` is present, that is, if the QR code was accepted.
    pub fn has_login_token(&self) -> bool {
        let mut has_one = false;
        let _ = self.each(|id, _| {
            has_one |= id == UpdateLoginToken::ID;
            Ok(())
        });
        has_one
    }

    /// Calls `look` with the id of each update and a reader of its fields.
    fn each(&self, mut look: impl FnMut(u32, &mut Reader<'_>) -> Result<(), DecodeError>) -> Result<(), DecodeError> {
        let mut r = Reader::new(&self.body.0);
        let count = match self.kind {
            UpdatesKind::Short => 1,
            UpdatesKind::Combined | UpdatesKind::List => r.vector(4)?,
            _ => 0,
        };
        for _ in 0..count {
            let mut head = r.clone();
            // An update of another layer has an unknown length, so the updates after it cannot be found. Its id can
            // still be read.
            let has_end = API.skip(&mut r, TypeId::UPDATE).is_ok();
            look(head.u32()?, &mut head)?;
            if !has_end {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
