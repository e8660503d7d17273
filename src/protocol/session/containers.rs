//! Containers: several messages in one packet.
//!
//! A container is accepted whole or not at all: its messages have lower ids than it has, are of the same sender, and
//! none of them is a container. A container that is sent has the highest id of all, so ids are drawn in the order of
//! the messages and its own last.
//!
//! Spec: mtproto/service_messages#containers

use super::events::SessionError;
use crate::base::side::Side;
use crate::tl::Reader;
use crate::wire::msg_id;
use crate::wire::mt::message::{self, MESSAGE_HEADER, MSG_CONTAINER, Message};
use alloc::vec::Vec;
use bytes::Bytes;

/// Most messages in one packet.
pub const MAX_MESSAGES: usize = 100;
/// Most bytes of messages in a packet that carries several.
pub const MAX_BATCH: usize = 512 << 10;

/// Messages of a container from the end `from`; `None` for any other message.
pub(crate) fn unpack(outer: &Message, from: Side) -> Result<Option<Vec<Message>>, SessionError> {
    if Reader::new(&outer.body).u32()? != MSG_CONTAINER {
        return Ok(None);
    }
    let inner = message::read_container(&outer.body).map_err(|_| SessionError::Container)?;
    let is_lawful = |m: &Message| {
        m.msg_id < outer.msg_id
            && msg_id::is_from(m.msg_id, from)
            && Reader::new(&m.body).peek().is_some_and(|id| id != MSG_CONTAINER)
    };
    if inner.iter().all(is_lawful) { Ok(Some(inner)) } else { Err(SessionError::Container) }
}

/// Messages of one packet in the making.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) messages: Vec<Message>,
    bytes: usize,
    only_one: bool,
}

impl Batch {
    /// Creates an empty batch: for one message if `only_one`, otherwise for many.
    pub(crate) fn new(only_one: bool) -> Self {
        Self { only_one, ..Self::default() }
    }
    /// Returns true if a message of `len` bytes fits.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        self.messages.is_empty()
            || (!self.only_one && self.messages.len() < MAX_MESSAGES && self.bytes + len + MESSAGE_HEADER <= MAX_BATCH)
    }
    pub(crate) fn push(&mut self, message: Message) {
        self.bytes += message.body.len() + MESSAGE_HEADER;
        self.messages.push(message);
    }
    /// Builds the container of all messages.
    pub(crate) fn container(&self) -> Bytes {
        let mut out = Vec::with_capacity(8 + self.bytes);
        message::write_container(&self.messages, &mut out);
        out.into()
    }
}
