//! What one user, or one supergroup, has been told: letters, numbered and counted.
//!
//! Two numbers keep a client in step. A letter's `id` is what it is called by. `pts` counts changes: each letter raises
//! it by one, a client that sees a gap asks for the difference, and the difference is the letters of a higher `pts`.
//! Basic groups and private chats are counted for each user apart, supergroups for all their members together.
//!
//! Spec: api/updates#update-handling

use super::types::PeerId;
use crate::telegram::api::messages::MessageEntity;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// The most letters kept; older ones are forgotten.
pub const MAX_LETTERS: usize = 1000;
/// The most bytes of words in them.
pub const MAX_LETTER_BYTES: usize = 1 << 20;
/// The most `random_id`s remembered of a user.
pub const MAX_SENT: usize = 1000;

/// One message as it lies in one mailbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// What it is called by in this mailbox.
    pub id: i32,
    /// What the mailbox's `pts` became with it.
    pub pts: i32,
    /// When.
    pub date: i32,
    /// Who said it.
    pub from: i64,
    /// With whom: of a private chat, the other side.
    pub peer: PeerId,
    /// Number shared by the copies of one message in all mailboxes; grows with time.
    pub shared: u64,
    /// What was said or done.
    pub what: What,
}

/// Words, and what goes with them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Text {
    /// The words.
    pub text: String,
    /// What parts of them are.
    pub entities: Vec<MessageEntity>,
    /// The message that they answer.
    pub reply_to: Option<Reply>,
    /// The reader is not to be disturbed.
    pub silent: bool,
    /// They may not be forwarded.
    pub noforwards: bool,
}

/// The message that another answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// Its number in all mailboxes.
    pub shared: u64,
    /// Its id in the mailbox of the answer.
    pub msg_id: i32,
    /// The part of it that is answered.
    pub quote: Option<Quote>,
}

/// A part of a message that is answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Quote {
    /// The words.
    pub text: String,
    /// What parts of them are.
    pub entities: Vec<MessageEntity>,
    /// Where in the message they stand, in UTF-16 code units.
    pub offset: Option<i32>,
}

/// What a letter says.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Words.
    Text(Text),
    /// These users were added.
    Added(Vec<i64>),
    /// The group of this title was made.
    Created(String),
}

impl From<&str> for What {
    fn from(text: &str) -> Self {
        Self::Text(Text { text: text.into(), ..Text::default() })
    }
}

/// Bytes that entities take, the texts in them included.
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

/// Letters of one user or supergroup.
#[derive(Debug, Default)]
pub struct Mailbox {
    letters: VecDeque<Letter>,
    /// Bytes of words in them.
    bytes: usize,
    /// Letters ever put in.
    count: i32,
    /// `random_id`s that were executed, oldest first.
    sent: VecDeque<i64>,
}

impl Mailbox {
    /// `pts` as it is now; it begins with 1.
    pub const fn pts(&self) -> i32 {
        self.count.saturating_add(1)
    }

    /// Puts a letter in and gives it its numbers.
    ///
    /// What it answers is named by its id here; if it is not here, it answers nothing.
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

    /// The letters, oldest first.
    pub fn letters(&self) -> impl DoubleEndedIterator<Item = &Letter> {
        self.letters.iter()
    }

    /// The letters after `pts`, oldest first; `None` if some of them are forgotten.
    pub fn since(&self, pts: i32) -> Option<impl Iterator<Item = &Letter>> {
        let oldest = self.letters.front().map_or(self.pts(), |letter| letter.pts - 1);
        (oldest <= pts).then(|| self.letters.iter().filter(move |letter| letter.pts > pts))
    }

    /// Notes a `random_id`; false if it was noted before.
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
