//! `messages.search`: what was said and holds some words, newest first.
//!
//! A message is found if it holds each word of `q`, in any case of letters; servers look for words that begin so, and fold
//! more than the case. Nothing here has a photo, a file or a pin: filters for these find nothing, which is true. Filters
//! for what this data centre does not keep track of are refused, and the log names them.
//!
//! Spec: method/messages.search, api/search

use super::log::Entry;
use super::mailbox::{Letter, Mailbox, What};
use super::messages::Page;
use super::types::{PeerId, Turn, bad};
use super::world::World;
use crate::protocol::session::RpcError;
use crate::telegram::api::messages::{AnyMessages, MessageEntity, MessagesFilter, Search};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// The most characters of `q` that are looked at.
const MAX_QUERY: usize = 256;

impl World {
    /// Serves `messages.search`, in one dialog or, with `inputPeerEmpty`, in all private chats and basic groups.
    pub(super) fn search(&mut self, turn: &mut Turn<'_>, call: Search) -> Result<AnyMessages, RpcError> {
        let me = turn.me;
        let peer = self.find_peer(me, &call.peer).map_err(|missing| missing.or("PEER_ID_INVALID"))?;
        let from = match &call.from_id {
            None => None,
            Some(from) => match self.find_peer(me, from) {
                Ok(Some(PeerId::User(user))) => Some(user),
                _ => return Err(bad("FROM_PEER_INVALID")),
            },
        };
        self.check_searched(&call)?;
        let words = words(&call.q);
        // In one dialog an empty search finds all: Telethon looks so for one sender in a private chat.
        if peer.is_none() && words.is_empty() && from.is_none() && matches!(call.filter, MessagesFilter::Empty(_)) {
            return Err(bad("SEARCH_QUERY_EMPTY"));
        }
        let is_found = |letter: &&Letter| {
            (call.min_date <= 0 || letter.date > call.min_date)
                && (call.max_date <= 0 || letter.date < call.max_date)
                && from.is_none_or(|from| letter.from == from)
                && passes(&call.filter, letter)
                && holds(&words, letter)
        };
        let found: Vec<&Letter> = match peer {
            Some(peer) => self.letters(me, peer).rev().filter(is_found).collect(),
            None => {
                let all = self.boxes.get(&PeerId::User(me)).into_iter().flat_map(Mailbox::letters);
                all.rev().filter(is_found).collect()
            }
        };
        let page = Page {
            offset_id: call.offset_id,
            offset_date: 0,
            add_offset: call.add_offset,
            limit: call.limit,
            max_id: call.max_id,
            min_id: call.min_id,
        };
        Ok(self.messages(me, peer, &page.of(&found), found.len()))
    }

    /// Refuses a search by what is not kept here.
    fn check_searched(&mut self, call: &Search) -> Result<(), RpcError> {
        let unkept = [
            (call.saved_peer_id.is_some(), "saved_peer_id", "PEER_ID_INVALID"),
            (call.saved_reaction.is_some(), "saved_reaction", "REACTION_INVALID"),
            (call.top_msg_id.is_some_and(|id| id != 0), "top_msg_id", "TOPIC_ID_INVALID"),
            (matches!(call.filter, MessagesFilter::MyMentions(_)), "inputMessagesFilterMyMentions", FILTER),
            (matches!(call.filter, MessagesFilter::PhoneCalls(_)), "inputMessagesFilterPhoneCalls", FILTER),
            (matches!(call.filter, MessagesFilter::Contacts(_)), "inputMessagesFilterContacts", FILTER),
            (matches!(call.filter, MessagesFilter::Geo(_)), "inputMessagesFilterGeo", FILTER),
            (matches!(call.filter, MessagesFilter::Poll(_)), "inputMessagesFilterPoll", FILTER),
        ];
        match unkept.iter().find(|(is_there, ..)| *is_there) {
            Some((_, name, error)) => {
                self.desk.entries.push(Entry::Unsearched(name));
                Err(bad(error))
            }
            None => Ok(()),
        }
    }
}

/// The error for a filter that is not served.
const FILTER: &str = "INPUT_FILTER_INVALID";

/// The words of a query, in lower case.
fn words(query: &str) -> Vec<String> {
    let query: String = query.chars().take(MAX_QUERY).collect();
    query.to_lowercase().split_whitespace().map(ToOwned::to_owned).collect()
}

fn holds(words: &[String], letter: &Letter) -> bool {
    match &letter.what {
        _ if words.is_empty() => true,
        What::Text(text) => {
            let text = text.text.to_lowercase();
            words.iter().all(|word| text.contains(&**word))
        }
        What::Added(_) | What::Created(_) => false,
    }
}

fn passes(filter: &MessagesFilter, letter: &Letter) -> bool {
    match filter {
        MessagesFilter::Empty(_) => true,
        MessagesFilter::Url(_) => {
            let is_link = |entity: &MessageEntity| matches!(entity, MessageEntity::Url(_) | MessageEntity::TextUrl(_));
            matches!(&letter.what, What::Text(text) if text.entities.iter().any(is_link))
        }
        _ => false,
    }
}
