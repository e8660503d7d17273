//! `updates.getState`, `updates.getDifference`: how far one is behind, and what one missed.
//!
//! Spec: api/updates#recovering-gaps

use super::mailbox::{Letter, Mailbox};
use super::types::{PeerId, Turn, bad};
use super::world::World;
use crate::protocol::session::RpcError;
use crate::telegram::api::Boxed;
use crate::telegram::api::updates::{
    AnyChannelDifference, AnyDifference, ChannelDifference, ChannelDifferenceEmpty, Difference, DifferenceEmpty,
    DifferenceSlice, DifferenceTooLong, GetChannelDifference, GetDifference, GetState, State,
};
use alloc::vec::Vec;

/// The most messages in one difference.
const MAX_SLICE: usize = 100;

impl World {
    pub(super) fn get_state(&mut self, turn: &mut Turn<'_>, _: GetState) -> Result<Boxed<State>, RpcError> {
        Ok(self.state(turn))
    }

    /// State of the caller's updates.
    pub(super) fn state(&mut self, turn: &Turn<'_>) -> Boxed<State> {
        Boxed(state(self.mailbox(turn.me).pts(), turn.now))
    }

    pub(super) fn get_difference(
        &mut self,
        turn: &mut Turn<'_>,
        call: GetDifference,
    ) -> Result<AnyDifference, RpcError> {
        let (now, me) = (turn.now, turn.me);
        let pts = self.mailbox(me).pts();
        if call.pts <= 0 {
            return Err(bad("PERSISTENT_TIMESTAMP_EMPTY"));
        }
        if call.pts > pts {
            return Err(bad("PERSISTENT_TIMESTAMP_INVALID"));
        }
        if call.pts == pts {
            return Ok(DifferenceEmpty { date: now, seq: 0 }.into());
        }
        let Some((letters, is_all)) = self.missed(PeerId::User(me), call.pts, MAX_SLICE) else {
            return Ok(DifferenceTooLong { pts }.into());
        };
        let (chats, users) = self.mentioned(me, letters.iter().copied());
        let new_messages = letters.iter().map(|letter| self.see_letter(me, letter)).collect();
        let (new_encrypted_messages, other_updates) = (Vec::new(), Vec::new());
        let reached = letters.last().map_or(pts, |letter| letter.pts);
        let state = Boxed(state(reached, now));
        Ok(if is_all {
            Difference { new_messages, new_encrypted_messages, other_updates, chats, users, state }.into()
        } else {
            let intermediate_state = state;
            DifferenceSlice { new_messages, new_encrypted_messages, other_updates, chats, users, intermediate_state }
                .into()
        })
    }

    pub(super) fn get_channel_difference(
        &mut self,
        turn: &mut Turn<'_>,
        call: GetChannelDifference,
    ) -> Result<AnyChannelDifference, RpcError> {
        let me = turn.me;
        let id = self.find_channel(me, &call.channel).map_err(|missing| missing.or("CHANNEL_INVALID"))?;
        let pts = self.boxes.get(&id).map_or(1, Mailbox::pts);
        if call.pts <= 0 {
            return Err(bad("PERSISTENT_TIMESTAMP_EMPTY"));
        }
        if call.pts > pts {
            return Err(bad("PERSISTENT_TIMESTAMP_INVALID"));
        }
        let limit = usize::try_from(call.limit).unwrap_or(0).clamp(1, MAX_SLICE);
        // What is forgotten here cannot be told: the client goes on from what there is.
        let (letters, is_all) = self.missed(id, call.pts, limit).unwrap_or_default();
        let Some(last) = letters.last() else {
            return Ok(ChannelDifferenceEmpty { final_: true, pts, timeout: Some(30) }.into());
        };
        let (chats, users) = self.mentioned(me, letters.iter().copied());
        Ok(ChannelDifference {
            final_: is_all,
            pts: last.pts,
            timeout: Some(30),
            new_messages: letters.iter().map(|letter| self.see_letter(me, letter)).collect(),
            other_updates: Vec::new(),
            chats,
            users,
        }
        .into())
    }

    /// Up to `limit` letters after `pts`, and whether these are all; `None` if some are forgotten.
    fn missed(&self, owner: PeerId, pts: i32, limit: usize) -> Option<(Vec<&Letter>, bool)> {
        let mut letters: Vec<&Letter> = self.boxes.get(&owner)?.since(pts)?.take(limit + 1).collect();
        let is_all = letters.len() <= limit;
        letters.truncate(limit);
        Some((letters, is_all))
    }
}

fn state(pts: i32, date: i32) -> State {
    State { pts, qts: 0, date, seq: 0, unread_count: 0 }
}
