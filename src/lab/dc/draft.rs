//! A message that is to be sent: what of it is kept, and what is refused because it is not.
//!
//! A message that lost its buttons on the way is not the message that was sent. What this data centre cannot keep it
//! refuses with the error that a real server has for a wrong one, and names it in the log; `docs/clients.md` lists all.

use super::log::Entry;
use super::mailbox::{Quote, Reply, What};
use super::types::{PeerId, bad};
use super::vectors::{limit, unreadable, unreadable_call};
use super::world::World;
use crate::protocol::session::RpcError;
use crate::telegram::api::messages::{
    InputReplyTo, InputReplyToMessage, MessageEntity, MessageEntityMentionName, SendMessage, SendMessageHead,
};
use crate::tl::{Combinator, Reader, Tl};
use alloc::string::String;
use alloc::vec::Vec;

/// Bits of the flags of `messages.sendMessage`.
const SILENT: u32 = 5;
const NOFORWARDS: u32 = 14;
const ENTITIES: u32 = 3;
const ALLOW_PAID_STARS: u32 = 21;
/// Fields of `messages.sendMessage` that are not kept here: bit of the flags, name, error.
const UNKEPT: &[(u32, &str, &str)] = &[
    (2, "reply_markup", "REPLY_MARKUP_INVALID"),
    (10, "schedule_date", "SCHEDULE_DATE_INVALID"),
    (24, "schedule_repeat_period", "SCHEDULE_DATE_INVALID"),
    (13, "send_as", "SEND_AS_PEER_INVALID"),
    (17, "quick_reply_shortcut", "SHORTCUT_INVALID"),
    (18, "effect", "EFFECT_ID_INVALID"),
    (22, "suggested_post", "SUGGESTED_POST_PEER_INVALID"),
    (23, "rich_message", "MEDIA_INVALID"),
];

/// Stored parts of a `messages.sendMessage` call.
pub(super) struct Draft {
    pub(super) head: SendMessageHead,
    pub(super) silent: bool,
    pub(super) noforwards: bool,
    pub(super) entities: Vec<MessageEntity>,
}

/// Position of an entity in UTF-16 code units.
macro_rules! span {
    ($entity:expr; $($kind:ident)*) => {
        match $entity {
            $(MessageEntity::$kind(entity) => (entity.offset, entity.length),)*
        }
    };
}

fn span(entity: &MessageEntity) -> (i32, i32) {
    span!(entity; Unknown Mention Hashtag BotCommand Url Email Bold Italic Code Phone Cashtag Underline Strike BankCard
        Spoiler DiffInsert DiffDelete Pre TextUrl MentionName CustomEmoji Blockquote DiffReplace FormattedDate
        InputMentionName)
}

impl World {
    /// Reads a call of `messages.sendMessage` behind its id.
    pub(super) fn read_draft(&mut self, r: &mut Reader<'_>) -> Result<Draft, RpcError> {
        let flags = r.peek().unwrap_or(0);
        let has = |bit: u32| flags >> bit & 1 == 1;
        let refused = |e| unreadable_call(SendMessage::ID, e);
        limit(r, SendMessage::ID);
        let head = SendMessageHead::read(r).map_err(refused)?;
        if let Some((_, field, error)) = UNKEPT.iter().find(|(bit, ..)| has(*bit)) {
            return Err(self.unkept(field, error));
        }
        limit(r, SendMessage::ID);
        let entities = if has(ENTITIES) { Vec::read(r).map_err(refused)? } else { Vec::new() };
        if has(ALLOW_PAID_STARS) {
            i64::read(r).map_err(unreadable)?; // Nothing costs anything here.
        }
        r.end().map_err(unreadable)?;
        Ok(Draft { head, silent: has(SILENT), noforwards: has(NOFORWARDS), entities })
    }

    /// The error for a field that is not kept; the log names the field.
    fn unkept(&mut self, field: &'static str, error: &str) -> RpcError {
        self.desk.entries.push(Entry::Unkept(field));
        bad(error)
    }

    /// Entities as readers are told them, if they fit `text`.
    pub(super) fn checked_entities(
        &mut self,
        me: i64,
        text: &str,
        entities: Vec<MessageEntity>,
    ) -> Result<Vec<MessageEntity>, RpcError> {
        let len = i64::try_from(text.encode_utf16().count()).unwrap_or(i64::MAX);
        let mut checked = Vec::with_capacity(entities.len());
        for entity in entities {
            let (offset, length) = span(&entity);
            if offset < 0 || length <= 0 || i64::from(offset) + i64::from(length) > len {
                return Err(bad("ENTITY_BOUNDS_INVALID"));
            }
            checked.push(match entity {
                MessageEntity::InputMentionName(name) => {
                    let user = self.find_user(me, &name.user_id).map_err(|_| bad("ENTITY_MENTION_USER_INVALID"))?;
                    MessageEntityMentionName { offset, length, user_id: user.id }.into()
                }
                MessageEntity::MentionName(name) if self.user(name.user_id).is_none() => {
                    return Err(bad("ENTITY_MENTION_USER_INVALID"));
                }
                // There are no documents here; and dates and changes are made by servers.
                MessageEntity::CustomEmoji(_) => return Err(self.unkept("entities.document_id", "DOCUMENT_INVALID")),
                MessageEntity::FormattedDate(_)
                | MessageEntity::DiffInsert(_)
                | MessageEntity::DiffDelete(_)
                | MessageEntity::DiffReplace(_) => return Err(self.unkept("entities", "ENTITY_BOUNDS_INVALID")),
                other => other,
            });
        }
        Ok(checked)
    }

    /// The message in `peer` that is answered. A `reply_to_msg_id` of 0 answers none.
    pub(super) fn find_reply(
        &mut self,
        me: i64,
        peer: PeerId,
        reply_to: Option<InputReplyTo>,
    ) -> Result<Option<Reply>, RpcError> {
        let call = match reply_to {
            None => return Ok(None),
            Some(InputReplyTo::Message(call)) => call,
            Some(InputReplyTo::Story(_)) => return Err(self.unkept("reply_to.story_id", "STORY_ID_INVALID")),
            Some(InputReplyTo::MonoForum(_)) => {
                return Err(self.unkept("reply_to.monoforum_peer_id", "REPLY_TO_MONOFORUM_PEER_INVALID"));
            }
            Some(InputReplyTo::Ephemeral(_)) => {
                return Err(self.unkept("reply_to.ephemeral", "REPLY_MESSAGE_ID_INVALID"));
            }
        };
        self.check_kept(me, peer, &call)?;
        if call.reply_to_msg_id == 0 {
            return Ok(None);
        }
        let letter = self.letters(me, peer).find(|letter| letter.id == call.reply_to_msg_id);
        let letter = letter.ok_or_else(|| bad("REPLY_MESSAGE_ID_INVALID"))?;
        let shared = letter.shared;
        let answered = if let What::Text(text) = &letter.what { text.text.clone() } else { String::new() };
        let quote = match call.quote_text {
            None => None,
            Some(text) if text.is_empty() || !answered.contains(&text) => return Err(bad("QUOTE_TEXT_INVALID")),
            Some(text) => {
                let entities = self.checked_entities(me, &text, call.quote_entities.unwrap_or_default())?;
                Some(Quote { text, entities, offset: call.quote_offset })
            }
        };
        Ok(Some(Reply { shared, msg_id: 0, quote }))
    }

    /// Refuses an answer to something that is not kept here.
    fn check_kept(&mut self, me: i64, peer: PeerId, call: &InputReplyToMessage) -> Result<(), RpcError> {
        let elsewhere = call.reply_to_peer_id.as_ref().is_some_and(|of| self.find_peer(me, of) != Ok(Some(peer)));
        let fields = [
            (elsewhere, "reply_to.reply_to_peer_id", "REPLY_MESSAGE_ID_INVALID"),
            (call.top_msg_id.is_some_and(|id| id != 0), "reply_to.top_msg_id", "TOPIC_ID_INVALID"),
            (call.monoforum_peer_id.is_some(), "reply_to.monoforum_peer_id", "REPLY_TO_MONOFORUM_PEER_INVALID"),
            (call.todo_item_id.is_some(), "reply_to.todo_item_id", "REPLY_MESSAGE_ID_INVALID"),
            (call.poll_option.is_some(), "reply_to.poll_option", "REPLY_MESSAGE_ID_INVALID"),
        ];
        match fields.iter().find(|(is_there, ..)| *is_there) {
            Some((_, field, error)) => Err(self.unkept(field, error)),
            None => Ok(()),
        }
    }
}
