//! State and rules that both ends of a session share: key, ids, salts, replay window, padding.
//!
//! The client's [`Session`](super::Session) holds one, and so does the server's half in the laboratory.

use super::acks::Acks;
use super::containers::Batch;
use super::gzip::Inflatable;
use super::packet::{self, Header};
use super::padding::{Drawn, Padding};
use super::replay::{ReplayWindow, Seen, WINDOW};
use super::salts::Salts;
use super::seqno::Seqno;
use crate::base::side::Side;
use crate::base::time::{Instant, ServerClock, UnixTime};
use crate::crypto::auth_key::AuthKey;
use crate::tl::{Combinator, Reader};
use crate::wire::msg_id::{self, MsgIds};
use crate::wire::mt::message::Message;
use crate::wire::mt::service::{MsgsAck, state};
use bytes::Bytes;

/// One end of one session of one key.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) key: AuthKey,
    pub(crate) session_id: i64,
    pub(crate) clock: ServerClock,
    pub(crate) ids: MsgIds,
    pub(crate) seqno: Seqno,
    pub(crate) salts: Salts,
    pub(crate) window: ReplayWindow,
    pub(crate) acks: Acks,
    pub(crate) padding: Padding,
    /// Bytes that the compressed values of the packet in hand may still inflate to.
    pub(crate) inflatable: Inflatable,
}

impl Endpoint {
    pub(crate) fn new(key: AuthKey, salt: i64, clock: ServerClock, session_id: i64) -> Self {
        Self {
            key,
            session_id,
            clock,
            ids: MsgIds::default(),
            seqno: Seqno::default(),
            salts: Salts::new(salt),
            window: ReplayWindow::new(WINDOW),
            acks: Acks::default(),
            padding: Padding::default(),
            inflatable: Inflatable::default(),
        }
    }

    /// Starts over under another `session_id`: both ends count from 0 again.
    pub(crate) fn renew(&mut self, session_id: i64) -> i64 {
        self.seqno = Seqno::default();
        self.window = ReplayWindow::new(WINDOW);
        self.acks = Acks::default();
        core::mem::replace(&mut self.session_id, session_id)
    }

    /// Notes that a message must be acknowledged, if it must.
    pub(crate) fn acknowledge(&mut self, now: Instant, message: &Message) {
        if message.is_content() {
            self.acks.owe(now, message.msg_id);
        }
    }

    /// State of a message that the peer `from` sent, as `msgs_state_info` gives it.
    ///
    /// Spec: mtproto/service_messages_about_messages#informational-message-regarding-status-of-messages
    pub(crate) fn state_of(&self, msg_id: i64, from: Side) -> u8 {
        match (self.window.lowest(), self.window.highest()) {
            _ if self.window.contains(msg_id) => state::RECEIVED,
            // Messages of this end that are not kept any more.
            _ if !msg_id::is_from(msg_id, from) => state::UNKNOWN,
            (Some(lowest), _) if self.window.is_full() && msg_id < lowest => state::UNKNOWN,
            (_, Some(highest)) if msg_id < highest => state::NOT_RECEIVED,
            _ => state::TOO_HIGH,
        }
    }

    /// Next message id of the end `from`.
    pub(crate) fn next_id(&mut self, from: Side, unix: UnixTime, is_answer: bool) -> i64 {
        match from {
            Side::Client => self.ids.client(unix),
            Side::Server => self.ids.server(unix, is_answer),
        }
    }

    /// Acknowledgements that are due, as one message; `None` if there are none.
    pub(crate) fn take_acks(&mut self, from: Side, unix: UnixTime) -> Option<Message> {
        let msg_ids = self.acks.take();
        if msg_ids.is_empty() {
            return None;
        }
        let (msg_id, seqno) = (self.next_id(from, unix, true), self.seqno.next(false));
        Some(Message { msg_id, seqno, body: MsgsAck { msg_ids }.to_boxed().into() })
    }

    fn header(&mut self, unix: UnixTime, msg_id: i64, seqno: i32) -> Header {
        Header { salt: self.salts.at(unix), session_id: self.session_id, msg_id, seqno }
    }

    /// Seals the messages of `batch` as a packet from the end `from`: one alone as it is unless `always_contains`,
    /// several in a container, whose id is the highest, [`MsgIds::last`]. `None` if there are no messages.
    pub(crate) fn seal(
        &mut self,
        from: Side,
        unix: UnixTime,
        batch: &Batch,
        always_contains: bool,
        drawn: Drawn,
    ) -> Option<Bytes> {
        let (header, body) = match &*batch.messages {
            [] => return None,
            [only] if !always_contains => (self.header(unix, only.msg_id, only.seqno), only.body.clone()),
            _ => {
                let (msg_id, seqno) = (self.next_id(from, unix, false), self.seqno.next(false));
                (self.header(unix, msg_id, seqno), batch.container())
            }
        };
        Some(packet::seal_drawn(&self.key, from, &header, &body, &mut self.padding, drawn).0)
    }

    /// True if a message of a packet is to be read: it is new, or it is an answer too old to be remembered.
    ///
    /// A copy of an old message may come in a new container: it is acknowledged again and read once. Of those older than
    /// the window, only an answer is read: it counts once whatever its id, for its call is over then.
    pub(crate) fn is_to_be_read(&self, message: &Message, answer: Option<u32>) -> bool {
        match self.window.seen(message.msg_id) {
            Seen::New => true,
            Seen::TooOld => answer.is_some() && Reader::new(&message.body).peek() == answer,
            Seen::Repeated => false,
        }
    }
}
