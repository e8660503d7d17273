//! From frames to steps: opens packets, decodes values, matches calls with results.

use super::cut::{Cut, Piece, cut};
use super::exchange::Exchanges;
pub use super::step::{Answered, Content, Item, Plain, Sealed, Step, What};
use super::{Recording, Secrets};
use crate::base::side::Side;
use crate::protocol::session::packet::{self, Header, INNER, OUTER};
use crate::tl::schema::{MAX_NODES, Object, Schema, Type, Value};
use crate::tl::{Combinator, DecodeError, Fault, Reader, VECTOR};
use crate::wire::mt::gzip::{self, GzipError, MAX_INFLATED};
use crate::wire::mt::message::{self, GzipPacked, MSG_CONTAINER, Message, RpcResult};
use crate::wire::transport::Frame;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::cell::Cell;

/// Deepest nesting accepted. Container, `rpc_result` and `gzip_packed` nest in valid traffic; nothing valid is deeper.
const MAX_DEPTH: u8 = 4;
/// Most bytes that all compressed values of a recording may inflate to; later ones are reported by name and length.
const MAX_ALL_INFLATED: usize = 64 << 20;

/// Decodes `recording` with `secrets`, which need not be the recording's own, one connection after the other.
#[must_use]
pub fn decode<'s>(recording: &Recording, secrets: &Secrets, schema: &'s Schema<'static>) -> Vec<Step<'s>> {
    steps(recording, secrets, schema).collect()
}

/// Like [`decode`], but lazy: a step is decoded when it is requested, so memory use does not grow with their number.
pub fn steps<'s>(
    recording: &Recording,
    secrets: &Secrets,
    schema: &'s Schema<'static>,
) -> impl Iterator<Item = Step<'s>> {
    let (calls, exchanges) = (BTreeMap::new(), Exchanges::default());
    let (room, left, nodes) = (0, MAX_ALL_INFLATED, Cell::new(0));
    let mut decoder = Decoder { schema, secrets, calls, exchanges, room, left, nodes };
    let connections = recording.connections.iter().enumerate();
    let pieces = connections.flat_map(|(number, connection)| cut(connection).into_iter().map(move |cut| (number, cut)));
    pieces.map(move |(number, piece)| decoder.step(number, piece))
}

/// State kept between frames and between connections, as a session outlives its connection.
struct Decoder<'a, 's> {
    schema: &'s Schema<'static>,
    secrets: &'a Secrets,
    calls: BTreeMap<i64, Answered<'s>>,
    exchanges: Exchanges,
    /// Bytes that the current packet may still inflate to.
    room: usize,
    /// Bytes that the rest of the recording may inflate to.
    left: usize,
    /// Values that the current packet may still hold, over all messages of a container.
    nodes: Cell<usize>,
}

impl<'s> Decoder<'_, 's> {
    fn step(&mut self, connection: usize, Cut { at, from, piece }: Cut) -> Step<'s> {
        let what = match piece {
            Piece::Start { framing, is_obfuscated } => What::Start { framing, is_obfuscated },
            Piece::Frame(frame) => self.frame(from, frame),
            Piece::Broken(broken) => What::Broken(broken),
        };
        Step { connection, at, from, what }
    }

    fn frame(&mut self, from: Side, frame: Frame) -> What<'s> {
        match frame {
            Frame::Packet(packet) => self.packet(from, packet, false),
            Frame::AckWanted(packet) => self.packet(from, packet, true),
            Frame::QuickAck(token) => What::QuickAck(token),
            Frame::Fault(fault) => What::Fault(fault),
        }
    }

    fn packet(&mut self, from: Side, packet: BytesMut, wants_ack: bool) -> What<'s> {
        let len = packet.len();
        let damaged = |auth_key_id, why| What::Damaged { auth_key_id, len, why };
        let Some(&auth_key_id) = packet.first_chunk() else { return damaged([0; 8], "shorter than any packet") };
        if auth_key_id == [0; 8] {
            return What::Plain(self.plain(&packet.freeze()));
        }
        // One budget per packet: nested `gzip_packed` must not multiply the limit.
        self.room = MAX_INFLATED.min(self.left);
        self.nodes.set(MAX_NODES);
        let Some(key) = self.secrets.key(auth_key_id) else { return What::Locked { auth_key_id, len } };
        match packet::open(key, from, packet) {
            Err(refused) => damaged(auth_key_id, refused.why()),
            Ok(opened) => {
                let Header { msg_id, seqno, .. } = opened.header;
                // `auth_key_id:8 | msg_key:16` outside, `salt:8 session_id:8 msg_id:8 seqno:4 len:4` inside.
                let padding = len.saturating_sub(OUTER + INNER + opened.body.len());
                let content = self.content(from, msg_id, &opened.body, &Type::Any, 0);
                let item = Item { msg_id, seqno, body: opened.body, content };
                What::Sealed(Box::new(Sealed { auth_key_id, header: opened.header, padding, wants_ack, item }))
            }
        }
    }

    /// `auth_key_id:8 = 0 | msg_id:8 | len:4 | body:len`
    fn plain(&mut self, packet: &Bytes) -> Plain<'s> {
        let mut r = Reader::new(packet);
        let mut head = || {
            let (_, msg_id, len) = (r.i64()?, r.i64()?, r.i32()?);
            let start = r.position();
            let len = r.take(usize::try_from(len).unwrap_or(usize::MAX))?.len();
            Ok((msg_id, packet.slice(start..start + len)))
        };
        let (msg_id, body) = match head() {
            Ok(found) => found,
            Err(why) => {
                let content = Content::Unread { id: None, name: None, len: packet.len(), why };
                return Plain { msg_id: 0, body: Bytes::new(), content, extra: 0, notes: Vec::new() };
            }
        };
        let mut r = Reader::new(&body);
        let (content, extra) = match self.schema.read(&mut r, &Type::Any) {
            Ok(value) => (Content::Value(value), r.rest().len()),
            Err(why) => (self.unread(&body, why), 0),
        };
        let notes = self.exchanges.follow(self.schema, self.secrets, &body);
        Plain { msg_id, body, content, extra, notes }
    }

    fn unread(&self, body: &[u8], why: DecodeError) -> Content<'s> {
        let id = Reader::new(body).peek();
        let name = id.and_then(|id| self.schema.find(id)).map(|(_, of)| of.name);
        Content::Unread { id, name, len: body.len(), why }
    }

    /// Decodes `body` as a value of type `ty`. Valid messages never nest deeper than [`MAX_DEPTH`].
    fn content(&mut self, from: Side, msg_id: i64, body: &Bytes, ty: &Type<'_>, depth: u8) -> Content<'s> {
        let mut r = Reader::new(body);
        if depth > MAX_DEPTH {
            return self.unread(body, r.fault(Fault::Depth));
        }
        let read = match r.peek() {
            Some(MSG_CONTAINER) => self.container(from, body, depth),
            Some(GzipPacked::ID) => self.gzip(from, msg_id, body, ty, depth),
            Some(RpcResult::ID) => self.result(from, msg_id, body, depth),
            // A vector does not name the type of its elements: the result type of the call does.
            Some(VECTOR) => self.schema.read_within(&mut r, ty, &self.nodes).map(Content::Value),
            _ => self.schema.read_within(&mut r, &Type::Any, &self.nodes).and_then(|value| match value {
                Value::Raw(_) => Err(Reader::new(body).fault(Fault::Id(Reader::new(body).u32()?))),
                value => {
                    r.end()?;
                    Ok(match packed_query(&value).map(Bytes::copy_from_slice) {
                        Some(query) => {
                            let packed = Box::new(self.content(from, msg_id, &query, &Type::Any, depth + 1));
                            Content::Wrapped { wrappers: value, packed }
                        }
                        None => Content::Value(value),
                    })
                }
            }),
        };
        let content = read.unwrap_or_else(|why| self.unread(body, why));
        // Remembered, as the type of a result follows from its call.
        if from == Side::Client
            && let Some(call) = self.call(&content)
        {
            self.calls.insert(msg_id, call);
        }
        content
    }

    fn container(&mut self, from: Side, body: &Bytes, depth: u8) -> Result<Content<'s>, DecodeError> {
        let item = |Message { msg_id, seqno, body }| {
            let content = self.content(from, msg_id, &body, &Type::Any, depth + 1);
            Item { msg_id, seqno, body, content }
        };
        Ok(Content::Container(message::read_container(body)?.into_iter().map(item).collect()))
    }

    fn gzip(
        &mut self,
        from: Side,
        msg_id: i64,
        body: &Bytes,
        ty: &Type<'_>,
        depth: u8,
    ) -> Result<Content<'s>, DecodeError> {
        let mut r = Reader::new(body);
        r.expect(GzipPacked::ID)?;
        let packed = r.bytes()?;
        r.end()?;
        let value = gzip::inflate(packed, self.room).map_err(|e| match e {
            GzipError::Broken => r.fault(Fault::Gzip),
            GzipError::TooLarge => r.fault(Fault::Inflated),
        })?;
        let value = Bytes::from(value);
        // Rows C10 and C22 of docs/security.md: everything that a packet inflates to shares one limit.
        self.room = self.room.saturating_sub(value.len());
        self.left = self.left.saturating_sub(value.len());
        let content = Box::new(self.content(from, msg_id, &value, ty, depth + 1));
        Ok(Content::Gzip { packed: packed.len(), len: value.len(), content })
    }

    fn result(&mut self, from: Side, msg_id: i64, body: &Bytes, depth: u8) -> Result<Content<'s>, DecodeError> {
        let mut r = Reader::new(body);
        r.expect(RpcResult::ID)?;
        let req_msg_id = r.i64()?;
        let call = self.calls.get(&req_msg_id).copied();
        let ty = call.and_then(|call| call.of).map_or(&Type::Any, |of| &of.result);
        let content = Box::new(self.content(from, msg_id, &body.slice(r.position()..), ty, depth + 1));
        Ok(Content::Result { req_msg_id, call, content })
    }

    /// Call made by a client's message, without its wrappers.
    fn call(&self, content: &Content<'s>) -> Option<Answered<'s>> {
        match content.unpacked() {
            Content::Value(Value::Object(object)) => innermost(object),
            Content::Unread { id: Some(id), .. } => {
                Some(Answered { id: *id, of: self.schema.find(*id).map(|(_, of)| of).filter(|of| of.is_function) })
            }
            _ => None,
        }
    }
}

/// Call inside a wrapper: the value of its field of type `!X`.
fn query<'a, 's>(call: &'a Object<'s>) -> Option<&'a Value<'s>> {
    let mut fields = call.of.fields.iter().zip(&call.fields);
    fields.find(|(field, _)| field.ty == Type::Any).and_then(|(_, value)| value.as_ref())
}

/// Serialized `gzip_packed` inside wrappers.
fn packed_query<'a>(value: &'a Value<'_>) -> Option<&'a [u8]> {
    match value {
        Value::Object(object) if object.of.is_function => packed_query(query(object)?),
        Value::Raw(raw) => (Reader::new(raw).peek() == Some(GzipPacked::ID)).then_some(raw),
        _ => None,
    }
}

/// Innermost call: `invokeWithLayer` wraps `initConnection`, which wraps the call itself.
fn innermost<'s>(object: &Object<'s>) -> Option<Answered<'s>> {
    if !object.of.is_function {
        return None;
    }
    match query(object) {
        Some(Value::Object(inner)) => innermost(inner),
        Some(Value::Raw(raw)) => Some(Answered { id: Reader::new(raw).peek()?, of: None }),
        _ => Some(Answered { id: object.of.id, of: Some(object.of) }),
    }
}
