//! What the server says unasked, and what calls have changed.
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
    /// Asks how far the account's updates have come.
    "updates.getState#edd4882a = updates.State;"
    struct GetState {} -> Boxed<State>
    /// How far the account's updates have come.
    "updates.state#a56c2a3e pts:int qts:int date:int seq:int unread_count:int = updates.State;"
    struct State { pts: i32, qts: i32, date: i32, seq: i32, unread_count: i32 }
    /// Asks for what was missed since a state.
    "updates.getDifference#19c2f763 flags:# pts:int pts_limit:flags.1?int pts_total_limit:flags.0?int date:int qts:int qts_limit:flags.2?int = updates.Difference;"
    struct GetDifference {
        pts: i32, pts_limit: Option<i32>, pts_total_limit: Option<i32>, date: i32, qts: i32,
        qts_limit: Option<i32>,
    } -> AnyDifference

    /// Nothing was missed.
    "updates.differenceEmpty#5d75a138 date:int seq:int = updates.Difference;"
    struct DifferenceEmpty { date: i32, seq: i32 }
    /// This was missed.
    "updates.difference#f49ca0 new_messages:Vector<Message> new_encrypted_messages:Vector<EncryptedMessage> other_updates:Vector<Update> chats:Vector<Chat> users:Vector<User> state:updates.State = updates.Difference;"
    struct Difference {
        new_messages: Vec<AnyMessage>, new_encrypted_messages: Vec<EncryptedMessage>,
        other_updates: Vec<Update>, chats: Vec<AnyChat>, users: Vec<AnyUser>, state: Boxed<State>,
    }
    /// This and more was missed: ask again from `intermediate_state`.
    "updates.differenceSlice#a8fb1981 new_messages:Vector<Message> new_encrypted_messages:Vector<EncryptedMessage> other_updates:Vector<Update> chats:Vector<Chat> users:Vector<User> intermediate_state:updates.State = updates.Difference;"
    struct DifferenceSlice {
        new_messages: Vec<AnyMessage>, new_encrypted_messages: Vec<EncryptedMessage>,
        other_updates: Vec<Update>, chats: Vec<AnyChat>, users: Vec<AnyUser>, intermediate_state: Boxed<State>,
    }
    /// Too much was missed: begin anew from here.
    "updates.differenceTooLong#4afe8f6d pts:int = updates.Difference;"
    struct DifferenceTooLong { pts: i32 }

    /// Asks for what was missed of a channel or supergroup.
    "updates.getChannelDifference#3173d78 flags:# force:flags.0?true channel:InputChannel filter:ChannelMessagesFilter pts:int limit:int = updates.ChannelDifference;"
    struct GetChannelDifference {
        force: bool, channel: InputChannel, filter: AnyChannelMessagesFilter, pts: i32, limit: i32,
    } -> AnyChannelDifference
    /// All messages.
    "channelMessagesFilterEmpty#94d42ee7 = ChannelMessagesFilter;"
    struct ChannelMessagesFilterEmpty {}
    /// Messages of these ranges.
    "channelMessagesFilter#cd77d957 flags:# exclude_new_messages:flags.1?true ranges:Vector<MessageRange> = ChannelMessagesFilter;"
    struct ChannelMessagesFilter { exclude_new_messages: bool, ranges: Vec<Boxed<MessageRange>> }
    /// Nothing was missed.
    "updates.channelDifferenceEmpty#3e11affb flags:# final:flags.0?true pts:int timeout:flags.1?int = updates.ChannelDifference;"
    struct ChannelDifferenceEmpty { final_: bool, pts: i32, timeout: Option<i32> }
    /// This was missed.
    "updates.channelDifference#2064674e flags:# final:flags.0?true pts:int timeout:flags.1?int new_messages:Vector<Message> other_updates:Vector<Update> chats:Vector<Chat> users:Vector<User> = updates.ChannelDifference;"
    struct ChannelDifference {
        final_: bool, pts: i32, timeout: Option<i32>, new_messages: Vec<AnyMessage>, other_updates: Vec<Update>,
        chats: Vec<AnyChat>, users: Vec<AnyUser>,
    }
    /// Too much was missed: begin anew from here.
    "updates.channelDifferenceTooLong#a4bcc6fe flags:# final:flags.0?true timeout:flags.1?int dialog:Dialog messages:Vector<Message> chats:Vector<Chat> users:Vector<User> = updates.ChannelDifference;"
    struct ChannelDifferenceTooLong {
        final_: bool, timeout: Option<i32>, dialog: AnyDialog, messages: Vec<AnyMessage>, chats: Vec<AnyChat>,
        users: Vec<AnyUser>,
    }

    /// Too much to tell: ask for the difference.
    "updatesTooLong#e317af7e = Updates;"
    struct UpdatesTooLong {}
    /// A text in a private chat.
    "updateShortMessage#313bc7f8 flags:# out:flags.1?true mentioned:flags.4?true media_unread:flags.5?true silent:flags.13?true id:int user_id:long message:string pts:int pts_count:int date:int fwd_from:flags.2?MessageFwdHeader via_bot_id:flags.11?long reply_to:flags.3?MessageReplyHeader entities:flags.7?Vector<MessageEntity> ttl_period:flags.25?int = Updates;"
    struct UpdateShortMessage {
        out: bool, mentioned: bool, media_unread: bool, silent: bool, id: i32, user_id: i64, message: String,
        pts: i32, pts_count: i32, date: i32, fwd_from: Option<MessageFwdHeader>, via_bot_id: Option<i64>,
        reply_to: Option<MessageReplyHeader>, entities: Option<Vec<MessageEntity>>, ttl_period: Option<i32>,
    }
    /// A text in a basic group.
    "updateShortChatMessage#4d6deea5 flags:# out:flags.1?true mentioned:flags.4?true media_unread:flags.5?true silent:flags.13?true id:int from_id:long chat_id:long message:string pts:int pts_count:int date:int fwd_from:flags.2?MessageFwdHeader via_bot_id:flags.11?long reply_to:flags.3?MessageReplyHeader entities:flags.7?Vector<MessageEntity> ttl_period:flags.25?int = Updates;"
    struct UpdateShortChatMessage {
        out: bool, mentioned: bool, media_unread: bool, silent: bool, id: i32, from_id: i64, chat_id: i64,
        message: String, pts: i32, pts_count: i32, date: i32, fwd_from: Option<MessageFwdHeader>,
        via_bot_id: Option<i64>, reply_to: Option<MessageReplyHeader>, entities: Option<Vec<MessageEntity>>,
        ttl_period: Option<i32>,
    }
    /// One update.
    "updateShort#78d4dec1 update:Update date:int = Updates;"
    struct UpdateShort { update: Update, date: i32 }
    /// Several updates of several states.
    "updatesCombined#725b04c3 updates:Vector<Update> users:Vector<User> chats:Vector<Chat> date:int seq_start:int seq:int = Updates;"
    struct UpdatesCombined {
        updates: Vec<Update>, users: Vec<AnyUser>, chats: Vec<AnyChat>, date: i32, seq_start: i32, seq: i32,
    }
    /// Several updates.
    "updates#74ae4240 updates:Vector<Update> users:Vector<User> chats:Vector<Chat> date:int seq:int = Updates;"
    struct UpdatesList { updates: Vec<Update>, users: Vec<AnyUser>, chats: Vec<AnyChat>, date: i32, seq: i32 }
    /// Your text was sent.
    "updateShortSentMessage#9015e101 flags:# out:flags.1?true id:int pts:int pts_count:int date:int media:flags.9?MessageMedia entities:flags.7?Vector<MessageEntity> ttl_period:flags.25?int = Updates;"
    struct UpdateShortSentMessage {
        out: bool, id: i32, pts: i32, pts_count: i32, date: i32, media: Option<MessageMedia>,
        entities: Option<Vec<MessageEntity>>, ttl_period: Option<i32>,
    }

    /// A message in a private chat or basic group.
    "updateNewMessage#1f2b0afd message:Message pts:int pts_count:int = Update;"
    struct UpdateNewMessage { message: AnyMessage, pts: i32, pts_count: i32 }
    /// A message in a channel or supergroup.
    "updateNewChannelMessage#62ba04d9 message:Message pts:int pts_count:int = Update;"
    struct UpdateNewChannelMessage { message: AnyMessage, pts: i32, pts_count: i32 }
    /// The message that was sent with `random_id` has this id.
    "updateMessageID#4e90bfd6 id:int random_id:long = Update;"
    struct UpdateMessageId { id: i32, random_id: i64 }
    /// A basic group has changed: ask again what you know of it.
    "updateChat#f89a6a4e chat_id:long = Update;"
    struct UpdateChat { chat_id: i64 }
    /// A channel has changed: ask again what you know of it.
    "updateChannel#635b4c09 channel_id:long = Update;"
    struct UpdateChannel { channel_id: i64 }
    /// Somebody took the login token: ask for it again.
    "updateLoginToken#564fe691 = Update;"
    struct UpdateLoginToken {}
    /// The server says something to the user: with `popup`, the sentence that belongs to an error 406.
    "updateServiceNotification#ebe46819 flags:# popup:flags.0?true invert_media:flags.2?true inbox_date:flags.1?int type:string message:string media:MessageMedia entities:Vector<MessageEntity> = Update;"
    struct UpdateServiceNotification {
        popup: bool, invert_media: bool, inbox_date: Option<i32>, type_: String, message: String, media: MessageMedia,
        entities: Vec<MessageEntity>,
    }
}

tl_type! {
    /// One update, of those that we write.
    "Update" enum Update {
        NewMessage(UpdateNewMessage), NewChannelMessage(UpdateNewChannelMessage), MessageId(UpdateMessageId),
        Chat(UpdateChat), Channel(UpdateChannel), LoginToken(UpdateLoginToken),
        ServiceNotification(UpdateServiceNotification),
    }
    /// What was missed.
    "updates.Difference" enum AnyDifference {
        Empty(DifferenceEmpty), Difference(Difference), Slice(DifferenceSlice), TooLong(DifferenceTooLong),
    }
    /// Which messages of a channel.
    "ChannelMessagesFilter" enum AnyChannelMessagesFilter {
        Empty(ChannelMessagesFilterEmpty), Ranges(ChannelMessagesFilter),
    }
    /// What was missed of a channel.
    "updates.ChannelDifference" enum AnyChannelDifference {
        Empty(ChannelDifferenceEmpty), Difference(ChannelDifference), TooLong(ChannelDifferenceTooLong),
    }
}

unread! { "EncryptedMessage" EncryptedMessage; }

tl_head! {
    /// A text in a private chat, up to the text.
    "updateShortMessage#313bc7f8 flags:# out:flags.1?true mentioned:flags.4?true media_unread:flags.5?true silent:flags.13?true id:int user_id:long message:string pts:int pts_count:int date:int fwd_from:flags.2?MessageFwdHeader via_bot_id:flags.11?long reply_to:flags.3?MessageReplyHeader entities:flags.7?Vector<MessageEntity> ttl_period:flags.25?int = Updates;"
    struct ShortMessageHead { out: bool, id: i32, user_id: i64, message: String }
    /// A text in a basic group, up to the text.
    "updateShortChatMessage#4d6deea5 flags:# out:flags.1?true mentioned:flags.4?true media_unread:flags.5?true silent:flags.13?true id:int from_id:long chat_id:long message:string pts:int pts_count:int date:int fwd_from:flags.2?MessageFwdHeader via_bot_id:flags.11?long reply_to:flags.3?MessageReplyHeader entities:flags.7?Vector<MessageEntity> ttl_period:flags.25?int = Updates;"
    struct ShortChatMessageHead { out: bool, id: i32, from_id: i64, chat_id: i64, message: String }
    /// Your text was sent: its id.
    "updateShortSentMessage#9015e101 flags:# out:flags.1?true id:int pts:int pts_count:int date:int media:flags.9?MessageMedia entities:flags.7?Vector<MessageEntity> ttl_period:flags.25?int = Updates;"
    struct ShortSentMessageHead { id: i32, pts: i32, pts_count: i32, date: i32 }
    /// What the service tells the user, up to its text.
    "updateServiceNotification#ebe46819 flags:# popup:flags.0?true invert_media:flags.2?true inbox_date:flags.1?int type:string message:string media:MessageMedia entities:Vector<MessageEntity> = Update;"
    struct ServiceNotificationHead { popup: bool, inbox_date: Option<i32>, type_: String, message: String }
}

/// Which of the seven constructors of `Updates`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdatesKind {
    /// `updatesTooLong`
    TooLong,
    /// `updateShortMessage`
    ShortMessage,
    /// `updateShortChatMessage`
    ShortChatMessage,
    /// `updateShort`
    Short,
    /// `updatesCombined`
    Combined,
    /// `updates`
    List,
    /// `updateShortSentMessage`
    ShortSentMessage,
}

impl UpdatesKind {
    /// All seven: id, name in the schema, kind.
    const ALL: [(u32, &'static str, Self); 7] = [
        (UpdatesTooLong::ID, "updatesTooLong", Self::TooLong),
        (UpdateShortMessage::ID, "updateShortMessage", Self::ShortMessage),
        (UpdateShortChatMessage::ID, "updateShortChatMessage", Self::ShortChatMessage),
        (UpdateShort::ID, "updateShort", Self::Short),
        (UpdatesCombined::ID, "updatesCombined", Self::Combined),
        (UpdatesList::ID, "updates", Self::List),
        (UpdateShortSentMessage::ID, "updateShortSentMessage", Self::ShortSentMessage),
    ];

    /// Takes the constructor's id from the front of `r`.
    ///
    /// # Errors
    /// It is none of the seven, or the bytes end.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = r.u32()?;
        let row = Self::ALL.iter().find(|row| row.0 == id);
        row.map(|row| row.2).ok_or(r.fault_before(Fault::Id(id)))
    }
    /// Whether a value with this id is one of the seven.
    pub fn is(id: u32) -> bool {
        Self::ALL.iter().any(|row| row.0 == id)
    }
    /// The constructor's id.
    pub fn id(self) -> u32 {
        Self::ALL.iter().find(|row| row.2 == self).map_or(0, |row| row.0)
    }
    /// The constructor's name in the schema.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|row| row.2 == self).map_or("", |row| row.1)
    }
}

/// `Updates`, kept as it lies: the constructor, and its fields unread.
///
/// That a call returned one is all a client must know to see that it succeeded; [`texts`](Self::texts) reads further.
///
/// ```
/// use nanogram::telegram::api::updates::{Updates, UpdatesKind};
/// use nanogram::tl::Tl;
/// let updates = Updates::from_bytes(&0xe317af7eu32.to_le_bytes()).unwrap();
/// assert_eq!(updates.kind, UpdatesKind::TooLong);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Updates {
    /// Which constructor.
    pub kind: UpdatesKind,
    /// Its fields, without the id, to the end of the message.
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

/// A text message, as far as its head tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Its id.
    pub id: i32,
    /// Whether oneself sent it.
    pub out: bool,
    /// Who sent it; in a private chat the other side may be left out.
    pub from: Option<Peer>,
    /// Where: the group, or the other side of a private chat.
    pub peer: Peer,
    /// The text.
    pub text: String,
}

impl Updates {
    /// The text messages in it, in order.
    ///
    /// Values have no length, and the types of updates are many: the table finds where each ends. After one that is not
    /// of our layer nothing more is found; what was found before stands.
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

    /// What the service tells the user in it, such as why it refused a call with 406.
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

    /// Whether the QR code on the screen was accepted: `updateLoginToken`.
    pub fn has_login_token(&self) -> bool {
        let mut has_one = false;
        let _ = self.each(|id, _| {
            has_one |= id == UpdateLoginToken::ID;
            Ok(())
        });
        has_one
    }

    /// Shows each update: its id, and the bytes behind it.
    fn each(&self, mut look: impl FnMut(u32, &mut Reader<'_>) -> Result<(), DecodeError>) -> Result<(), DecodeError> {
        let mut r = Reader::new(&self.body.0);
        let count = match self.kind {
            UpdatesKind::Short => 1,
            UpdatesKind::Combined | UpdatesKind::List => r.vector(4)?,
            _ => 0,
        };
        for _ in 0..count {
            let mut head = r.clone();
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
mod tests {
    use super::*;
    use crate::telegram::api::peer::PeerUser;
    use crate::tl::write_bytes;
    use alloc::vec;

    /// `message` with these flags and fields up to its text; `reply` stands where `reply_to` would.
    fn message(flags: u32, id: i32, text: &str, reply: &[u8]) -> Vec<u8> {
        let mut wire = Message::ID.to_le_bytes().to_vec();
        wire.extend((flags | 1 << 8).to_le_bytes());
        wire.extend(0u32.to_le_bytes());
        wire.extend(id.to_le_bytes());
        Peer::user(7).write(&mut wire);
        Peer::user(9).write(&mut wire);
        wire.extend(reply);
        wire.extend(0i32.to_le_bytes());
        write_bytes(text.as_bytes(), &mut wire);
        wire
    }

    /// `updateNewMessage` of a message with `rest` after its text.
    fn news(flags: u32, id: i32, text: &str, rest: &[u8]) -> Vec<u8> {
        let mut wire = UpdateNewMessage::ID.to_le_bytes().to_vec();
        wire.extend(message(flags, id, text, &[]));
        wire.extend(rest);
        wire.extend([0; 8]);
        wire
    }

    fn list(updates: &[Vec<u8>]) -> Updates {
        let mut wire = UpdatesList::ID.to_le_bytes().to_vec();
        tl::VECTOR.write(&mut wire);
        u32::try_from(updates.len()).unwrap().write(&mut wire);
        wire.extend(updates.concat());
        Updates::from_bytes(&wire).unwrap()
    }

    #[test]
    fn texts_are_found_among_other_updates_until_one_is_unknown() {
        let id = UpdateMessageId { id: 4, random_id: 5 }.to_boxed();
        let status = [0xe5, 0xbd, 0xfe, 0xd6, 1, 0, 0, 0]; // no update at all
        let plain = news(0, 4, "first", &[]);
        let mut entities = tl::VECTOR.to_le_bytes().to_vec();
        // messageEntityBotCommand#6cef8ac7 offset:int length:int
        entities.extend([1, 0, 0, 0, 0xc7, 0x8a, 0xef, 0x6c, 0, 0, 0, 0, 6, 0, 0, 0]);
        let marked = news(1 << 7, 6, "second", &entities);
        let after = news(0, 8, "never found", &[]);
        let found = list(&[id, plain, marked, status.to_vec(), after]).texts();
        let texts: Vec<_> = found.iter().map(|t| (t.id, t.text.as_str())).collect();
        assert_eq!(texts, [(4, "first"), (6, "second")]);
        assert_eq!(found[0].from, Some(Peer::User(PeerUser { user_id: 7 })));
        assert_eq!(list(&[vec![1, 2, 3, 4]]).texts(), []);
    }

    #[test]
    fn what_the_service_tells_is_found() {
        let mut wire = ServiceNotificationHead::ID.to_le_bytes().to_vec();
        wire.extend(3u32.to_le_bytes());
        wire.extend(9u32.to_le_bytes());
        for text in ["AUTH", "please update"] {
            write_bytes(text.as_bytes(), &mut wire);
        }
        // messageMediaEmpty#3ded6320, and no entities
        wire.extend(0x3ded_6320u32.to_le_bytes());
        tl::VECTOR.write(&mut wire);
        wire.extend([0; 4]);
        let two = list(&[UpdateLoginToken {}.to_boxed(), wire.clone()]);
        assert_eq!((two.notifications(), two.texts()), (vec!["please update".into()], vec![]));
        let short = [&UpdateShort::ID.to_le_bytes(), &wire[..], &[0; 4]].concat();
        assert_eq!(Updates::from_bytes(&short).unwrap().notifications(), ["please update"]);
    }

    #[test]
    fn a_reply_has_a_text_too() {
        // messageReplyHeader#… with no flags at all: what it answers is not said
        let line = include_str!("../../../tl/api.tl").lines().find(|l| l.starts_with("messageReplyHeader#")).unwrap();
        let mut reply = tl::line::written_id(line).to_le_bytes().to_vec();
        reply.extend([0; 4]);
        let mut wire = UpdateNewMessage::ID.to_le_bytes().to_vec();
        wire.extend(message(1 << 3, 4, "answer", &reply));
        wire.extend([0; 8]);
        assert_eq!(list(&[wire]).texts()[0].text, "answer");
    }

    #[test]
    fn the_seven_kinds_and_no_other_are_updates() {
        for (id, name, kind) in UpdatesKind::ALL {
            assert_eq!(Updates::from_bytes(&id.to_le_bytes()).unwrap().kind, kind);
            assert_eq!((kind.id(), kind.name()), (id, name));
        }
        assert!(Updates::from_bytes(&State::ID.to_le_bytes()).is_err());
    }
}
