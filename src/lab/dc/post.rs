//! Delivery of messages: copies in mailboxes, updates, answers of bots.
//!
//! ```text
//! post ──▶ a copy for each who may read it ──▶ tell ──▶ the caller's copies: into its reply
//!                                               ├────▶ the caller's other sessions ┐
//!                                               └────▶ everybody else              ┴▶ Push
//! answer ──▶ each bot that heard it ──▶ post ──▶ tell
//! ```

use super::bots;
use super::mailbox::{Letter, Mailbox, What};
use super::types::{PeerId, Push};
use super::world::World;
use crate::telegram::api::updates::{UpdateMessageId, Updates, UpdatesList};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// A letter, once for each who can read it.
pub(super) type Copies = Vec<(i64, Letter)>;

impl World {
    /// Says `what`, and returns the letter as each reader has it.
    pub(super) fn post(&mut self, date: i32, from: i64, to: PeerId, what: &What) -> Copies {
        match to {
            PeerId::User(other) => self.post_privately(date, from, other, what, what),
            PeerId::Chat(_) => {
                let (members, shared) = (self.members(to), self.next_shared());
                members.into_iter().filter_map(|member| self.put(date, member, from, to, shared, what)).collect()
            }
            PeerId::Channel(_) => {
                let shared = self.next_shared();
                let letter = self.boxes.entry(to).or_default().put(date, from, to, shared, what.clone());
                self.members(to).into_iter().map(|member| (member, letter.clone())).collect()
            }
        }
    }

    /// Says `said` to `to`, who hears `heard`: a bot is told more than its user sees.
    pub(super) fn post_privately(&mut self, date: i32, from: i64, to: i64, said: &What, heard: &What) -> Copies {
        let shared = self.next_shared();
        let mut copies: Copies = self.put(date, from, from, PeerId::User(to), shared, said).into_iter().collect();
        if to != from {
            copies.extend(self.put(date, to, from, PeerId::User(from), shared, heard));
        }
        copies
    }

    /// The number that the copies of the next message share.
    const fn next_shared(&mut self) -> u64 {
        self.posts += 1;
        self.posts
    }

    /// Puts a letter into the mailbox of `owner`, if it has one.
    fn put(
        &mut self,
        date: i32,
        owner: i64,
        from: i64,
        peer: PeerId,
        shared: u64,
        what: &What,
    ) -> Option<(i64, Letter)> {
        self.users.get(&owner).filter(|user| !user.is_deleted)?;
        let mailbox = self.boxes.entry(PeerId::User(owner)).or_default();
        Some((owner, mailbox.put(date, from, peer, shared, what.clone())))
    }

    /// Members of a group.
    pub(super) fn members(&self, group: PeerId) -> Vec<i64> {
        self.groups.get(&group).map(|group| group.members.iter().copied().collect()).unwrap_or_default()
    }

    /// The mailbox of a user.
    pub(super) fn mailbox(&mut self, user: i64) -> &mut Mailbox {
        self.boxes.entry(PeerId::User(user)).or_default()
    }

    /// Pushes what was posted to all who can read it; what is left is the reply to `me`.
    ///
    /// `random_id` is that of the last letter. Updates are always told in full: Kurigram stumbles over the short forms.
    pub(super) fn tell(&mut self, now: i32, me: i64, posted: &[Copies], random_id: Option<i64>) -> Updates {
        let mut readers: Vec<i64> = posted.iter().flatten().map(|(reader, _)| *reader).collect();
        readers.sort_unstable();
        readers.dedup();
        let mut reply = self.list(now, me, &[]);
        for reader in readers {
            let letters: Vec<&Letter> = posted
                .iter()
                .filter_map(|copies| copies.iter().find(|(who, _)| *who == reader))
                .map(|l| &l.1)
                .collect();
            let updates = (&self.list(now, reader, &letters)).into();
            self.pushes.push(Push { user_id: reader, updates, not_to_caller: reader == me });
            if reader == me {
                reply = self.list(now, me, &letters);
                if let (Some(random_id), Some(last)) = (random_id, letters.last()) {
                    reply.updates.insert(0, UpdateMessageId { id: last.id, random_id }.into());
                }
            }
        }
        (&reply).into()
    }

    /// Letters with everybody they mention.
    fn list(&self, now: i32, reader: i64, letters: &[&Letter]) -> UpdatesList {
        let (chats, users) = self.mentioned(reader, letters.iter().copied());
        let updates = letters.iter().map(|letter| self.news(reader, letter)).collect();
        UpdatesList { updates, users, chats, date: now, seq: 0 }
    }

    /// Lets the bots in `to` hear `text` of `from`, and say what they say to it.
    pub(super) fn answer(&mut self, now: i32, from: i64, to: PeerId, text: &str) {
        let (hearers, is_private, answer_to) = match to {
            PeerId::User(other) => (vec![other], true, PeerId::User(from)),
            group => (self.members(group), false, group),
        };
        for bot in hearers.into_iter().filter(|bot| *bot != from) {
            let Some(user) = self.users.get(&bot).filter(|user| !user.is_deleted) else { continue };
            let username = user.username.as_deref().unwrap_or_default();
            if let Some(answer) = bots::answer(user.manner, username, text, is_private) {
                let copies = self.post(now, bot, answer_to, &What::from(&*answer));
                let _ = self.tell(now, bot, &[copies], None);
            }
        }
    }

    /// Adds `user` to `group` on behalf of `by`.
    pub(super) fn join(&mut self, now: i32, by: i64, group: PeerId, user: i64) -> Copies {
        if let Some(group) = self.groups.get_mut(&group) {
            group.members.insert(user);
            group.version = group.version.saturating_add(1);
        }
        self.post(now, by, group, &What::Added(vec![user]))
    }

    /// The command that starts a bot in a group: `/start@name param`.
    pub(super) fn start_command(&self, bot: i64, param: &str) -> String {
        let username = self.users.get(&bot).and_then(|bot| bot.username.as_deref()).unwrap_or_default();
        format!("/start@{username} {param}")
    }
}
