//! Message history of one user or one supergroup, with message ids and `pts`.
//!
//! Two numbers keep a client in step. A message's `id` names it. `pts` counts changes: each message raises it by one, a
//! client that sees a gap requests the difference, and the difference is the messages with a higher `pts`. Private chats
//! and basic groups are counted separately for each user, supergroups once for all their members.
//!
//! Spec: api/updates#update-handling

use super::types::PeerId;
use crate::telegram::api::messages::MessageEntity;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// Maximum number of messages kept; the oldest are dropped.
pub const MAX_LETTERS: usize = 1000;
/// Maximum total size of message contents, in bytes.
pub const MAX_LETTER_BYTES: usize = 1 << 20;
/// Maximum number of `random_id`s remembered for a user.
pub const MAX_SENT: usize = 1000;

/// One message in one mailbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Message id in this mailbox.
    pub id: i32,
    /// `pts` of the mailbox after this message.
    pub pts: i32,
    /// Date, in seconds since 1970.
    pub date: i32,
    /// Sender.
    pub from: i64,
    /// Chat of the message; in a private chat, the other user.
    pub peer: PeerId,
    /// Number shared by the copies of one message in all mailboxes; increases with time.
    pub shared: u64,
    /// Content.
    pub what: What,
}

/// Text of a message with its attributes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Formatting entities.
    pub entities: Vec<MessageEntity>,
    /// The message it replies to.
    pub reply_to: Option<Reply>,
    /// True if it is sent without a notification.
    pub silent: bool,
    /// True if it may not be forwarded.
    pub noforwards: bool,
}

/// Reference to the message that another one replies to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// Number of the message shared by all mailboxes.
    pub shared: u64,
    /// Message id in the mailbox of the reply.
    pub msg_id: i32,
    /// Quoted part of the message.
    pub quote: Option<Quote>,
}

/// Quoted part of a message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Quote {
    /// The quoted text.
    pub text: String,
    /// Formatting entities of the quote.
    pub entities: Vec<MessageEntity>,
    /// Offset in the message, in UTF-16 code units.
    pub offset: Option<i32>,
}

/// Content of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Text.
    Text(Text),
    /// Service message: these users were added.
    Added(Vec<i64>),
    /// Service message: the group was created with this title.
    Created(String),
}

impl From<&str> for What {
    fn from(text: &str) -> Self {
        Self::Text(Text { text: text.into(), ..Text::default() })
    }
}

/// Memory used by entities in bytes, including the strings in them.
fn entity_bytes(entities: &[MessageEntity]) -> usize {
    let text = |entity: &MessageEntity| match entity {
        MessageEntity::Pre(pre) => pre.language.len(),
        MessageEntity::TextUrl(link) => link.url.len(),
        _ => 0,
    };
    entities.iter().map(|entity| size_of::<MessageEntity>() + text(entity)).sum()
}

impl What {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(said) => {
                let quote = said.reply_to.as_ref().and_then(|reply| reply.quote.as_ref());
                let quoted = quote.map_or(0, |quote| quote.text.len() + entity_bytes(&quote.entities));
                said.text.len() + entity_bytes(&said.entities) + quoted
            }
            Self::Created(text) => text.len(),
            Self::Added(users) => users.len() * 8,
        }
    }
}

/// Messages of one user or supergroup.
#[derive(Debug, Default)]
pub struct Mailbox {
    letters: VecDeque<Letter>,
    /// Total size of their contents, in bytes.
    bytes: usize,
    /// Number of messages ever added.
    count: i32,
    /// Executed `random_id`s, oldest first.
    sent: VecDeque<i64>,
}

impl Mailbox {
    /// Current `pts`; starts at 1.
    pub const fn pts(&self) -> i32 {
        self.count.saturating_add(1)
    }

    /// Adds a message and assigns its `id` and `pts`.
    ///
    /// The reply target is resolved to its id in this mailbox; if it is not here, the reply reference is dropped.
    pub(super) fn put(&mut self, date: i32, from: i64, peer: PeerId, shared: u64, mut what: What) -> Letter {
        if let What::Text(text) = &mut what {
            text.reply_to = text.reply_to.take().and_then(|reply| {
                let at = self.letters.partition_point(|letter| letter.shared < reply.shared);
                let there = self.letters.get(at).filter(|there| there.shared == reply.shared && there.peer == peer)?;
                Some(Reply { msg_id: there.id, ..reply })
            });
        }
        self.count = self.count.saturating_add(1);
        let letter = Letter { id: self.count, pts: self.pts(), date, from, peer, shared, what };
        self.bytes += letter.what.bytes();
        while self.letters.len() >= MAX_LETTERS || self.bytes > MAX_LETTER_BYTES {
            let Some(oldest) = self.letters.pop_front() else { break };
            self.bytes -= oldest.what.bytes();
        }
        self.letters.push_back(letter.clone());
        letter
    }

    /// The messages, oldest first.
    pub fn letters(&self) -> impl DoubleEndedIterator<Item = &Letter> {
        self.letters.iter()
    }

    /// The messages after `pts`, oldest first; `None` if some of them were dropped.
    pub fn since(&self, pts: i32) -> Option<impl Iterator<Item = &Letter>> {
        let oldest = self.letters.front().map_or(self.pts(), |letter| letter.pts - 1);
        (oldest <= pts).then(|| self.letters.iter().filter(move |letter| letter.pts > pts))
    }

    /// Notes a `random_id`; returns false if it was already noted.
    pub(super) fn note_sent(&mut self, random_id: i64) -> bool {
        if self.sent.contains(&random_id) {
            return false;
        }
        if self.sent.len() >= MAX_SENT {
            self.sent.pop_front();
        }
        self.sent.push_back(random_id);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_forgets_its_oldest_letters_and_says_so() {
        let mut mailbox = Mailbox::default();
        assert_eq!(mailbox.since(1).unwrap().count(), 0);
        for n in 0..MAX_LETTERS + 10 {
            mailbox.put(0, 1, PeerId::User(2), 0, What::from(&*alloc::format!("{n}")));
        }
        assert_eq!(mailbox.letters().count(), MAX_LETTERS);
        assert!(mailbox.since(1).is_none());
        assert_eq!(mailbox.since(mailbox.pts() - 5).unwrap().count(), 5);
        let oldest = mailbox.letters().next().unwrap().pts;
        assert!(mailbox.since(oldest - 1).is_some() && mailbox.since(oldest - 2).is_none());
    }

    #[test]
    fn a_mailbox_of_long_letters_holds_fewer() {
        let mut mailbox = Mailbox::default();
        let text = What::from(&*"x".repeat(MAX_LETTER_BYTES / 8));
        (0..9).for_each(|_| drop(mailbox.put(0, 1, PeerId::User(2), 0, text.clone())));
        assert_eq!((mailbox.letters().count(), mailbox.bytes), (8, MAX_LETTER_BYTES));
        mailbox.put(0, 1, PeerId::User(2), 0, What::from("x"));
        assert_eq!((mailbox.letters().count(), mailbox.bytes), (8, MAX_LETTER_BYTES / 8 * 7 + 1));
    }

    #[test]
    fn a_random_id_is_noted_once() {
        let mut mailbox = Mailbox::default();
        for n in 0..2000 {
            assert!(mailbox.note_sent(n));
            assert!(!mailbox.note_sent(n));
        }
        assert_eq!(mailbox.sent.len(), MAX_SENT);
    }
}
