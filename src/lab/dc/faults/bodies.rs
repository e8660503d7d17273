//! Bodies that no server should send, or not to this client, or not now.
//!
//! Spec: mtproto/service_messages, mtproto/service_messages_about_messages

use super::Count;
use super::forge::{bomb, container, gzip_packed, honest};
use crate::base::side::Side;
use crate::crypto::auth_key::AuthKey;
use crate::protocol::session::packet::{self, Header};
use crate::telegram::api::updates::UpdatesTooLong;
use crate::tl::{BareVec, Blob, Combinator, Raw, Reader, Tl};
use crate::wire::mt::gzip::deflate;
use crate::wire::mt::message::{MSG_CONTAINER, Message, RpcResult, read_container};
use crate::wire::mt::service::{
    BadMsgNotification, BadServerSalt, FutureSalt, FutureSalts, HttpWait, MsgDetailedInfo, MsgResendReq, MsgsAck,
    MsgsStateInfo, MsgsStateReq, NewSessionCreated, Pong, RpcErrorBare,
};
use alloc::vec;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};

/// A salt that only an attacker has.
pub(super) const HOSTILE_SALT: i64 = 0x0bad_5a17_0bad_5a17;
/// Messages of a flood.
const FLOOD: usize = 1000;
/// `msg_copy#e06046b2 orig_message:Message = MessageCopy;`, which nobody sends any more.
const MSG_COPY: u32 = 0xe060_46b2;

/// A packet with an answer, opened.
pub(in crate::lab::dc) struct Scene {
    pub(super) header: Header,
    pub(super) body: Bytes,
    /// The messages in it.
    messages: Vec<Message>,
    /// Which of them is an answer.
    answer: usize,
    /// Message that it answers.
    req_msg_id: i64,
}

impl Scene {
    /// Opens what the data centre has sealed; `None` if there is no answer in it.
    pub(super) fn of(key: &AuthKey, packet: &Bytes) -> Option<Self> {
        let opened = packet::open(key, Side::Server, BytesMut::from(&packet[..])).ok()?;
        let (header, body) = (opened.header, opened.body);
        let messages = match Reader::new(&body).peek()? {
            MSG_CONTAINER => read_container(&body).ok()?,
            _ => vec![Message { msg_id: header.msg_id, seqno: header.seqno, body: body.clone() }],
        };
        let answer = messages.iter().position(|message| Reader::new(&message.body).peek() == Some(RpcResult::ID))?;
        let mut r = Reader::new(&messages.get(answer)?.body);
        r.u32().ok()?;
        let req_msg_id = r.i64().ok()?;
        Some(Self { header, body, messages, answer, req_msg_id })
    }

    /// The call that is answered.
    pub(super) const fn req_msg_id(&self) -> i64 {
        self.req_msg_id
    }

    /// The `n`th id above that of the packet.
    pub(super) fn id(&self, n: i64) -> i64 {
        self.header.msg_id.saturating_add(4 * n)
    }

    /// Id and body, as if made the given number of seconds later.
    pub(super) fn shifted(&self, seconds: i64) -> (i64, Vec<u8>) {
        let shift = |msg_id: i64| msg_id.saturating_add(seconds << 32);
        let body = match Reader::new(&self.body).peek() {
            Some(MSG_CONTAINER) => {
                self.repacked(|messages| messages.iter_mut().for_each(|(m, _)| m.msg_id = shift(m.msg_id)))
            }
            _ => self.body.to_vec(),
        };
        (shift(self.header.msg_id), body)
    }

    /// The container of its messages, after `change`.
    fn repacked(&self, change: impl FnOnce(&mut Vec<(Message, i32)>)) -> Vec<u8> {
        let mut messages: Vec<_> = self.messages.iter().cloned().map(honest).collect();
        change(&mut messages);
        container(i32::try_from(messages.len()).unwrap_or(i32::MAX), &messages)
    }

    /// Packet with another body for the answer.
    fn answered(&self, body: Vec<u8>) -> Vec<u8> {
        self.repacked(|messages| {
            if let Some(answer) = messages.get_mut(self.answer) {
                *answer = honest(Message { body: body.into(), ..answer.0.clone() });
            }
        })
    }

    fn result(&self, req_msg_id: i64, result: Vec<u8>) -> Vec<u8> {
        RpcResult { req_msg_id, result: Raw(result) }.to_boxed()
    }

    /// Content of the answer.
    fn value(&self) -> Vec<u8> {
        let body = self.messages.get(self.answer).map(|answer| answer.body.clone()).unwrap_or_default();
        body.get(12..).unwrap_or_default().to_vec()
    }
}

fn one(value: &impl Combinator) -> Vec<Bytes> {
    vec![value.to_boxed().into()]
}

// B17: nothing says that the call has come.

pub(super) fn without_acks(scene: &Scene) -> Vec<u8> {
    scene.repacked(|messages| messages.retain(|(m, _)| Reader::new(&m.body).peek() != Some(MsgsAck::ID)))
}

// C1: refusals of what the client never sent.

pub(super) fn forged_salt(scene: &Scene) -> Vec<Bytes> {
    let bad_msg_id = scene.req_msg_id - (1 << 32);
    one(&BadServerSalt { bad_msg_id, bad_msg_seqno: 1, error_code: 48, new_server_salt: HOSTILE_SALT })
}
pub(super) fn forged_refusals(scene: &Scene) -> Vec<Bytes> {
    let bad_msg_id = scene.req_msg_id - (1 << 32);
    let codes = [16, 17, 18, 19, 20, 32, 33, 34, 35, 64];
    let refused = codes.map(|error_code| BadMsgNotification { bad_msg_id, bad_msg_seqno: 1, error_code });
    refused.iter().flat_map(one).collect()
}
/// After the answer, when nothing can be refused any more.
pub(super) fn late_refusal(scene: &Scene) -> Vec<Bytes> {
    one(&BadMsgNotification { bad_msg_id: scene.req_msg_id, bad_msg_seqno: 1, error_code: 32 })
}

// C5, C6: what the client did not ask for.

pub(super) fn new_session(scene: &Scene) -> Vec<Bytes> {
    let (first_msg_id, unique_id) = (scene.req_msg_id, 0x5e55);
    one(&NewSessionCreated { first_msg_id, unique_id, server_salt: scene.header.salt })
}
pub(super) fn unasked_salts(scene: &Scene) -> Vec<Bytes> {
    let salt = FutureSalt { valid_since: 0, valid_until: i32::MAX, salt: HOSTILE_SALT };
    one(&FutureSalts { req_msg_id: scene.req_msg_id - (1 << 32), now: 0, salts: BareVec(vec![salt]) })
}

// C7, C8: answers to nobody, and second answers.

pub(super) fn unknown_results(scene: &Scene) -> Vec<Bytes> {
    let unknown = (1..).map(|n| scene.req_msg_id - (n << 34)).take(FLOOD);
    unknown.map(|id| scene.result(id, UpdatesTooLong {}.to_boxed()).into()).collect()
}
pub(super) fn second_result(scene: &Scene) -> Vec<Bytes> {
    let error = RpcErrorBare { error_code: 400, error_message: "SECOND_ANSWER".into() };
    vec![scene.result(scene.req_msg_id, error.to_boxed()).into()]
}

// C9: containers.

pub(super) fn nested(scene: &Scene) -> Vec<u8> {
    let inner = scene.repacked(|_| ());
    container(1, &[honest(Message { msg_id: scene.id(1), seqno: 0, body: inner.into() })])
}
pub(super) fn deeply_nested(scene: &Scene) -> Vec<u8> {
    let inner = |body: Vec<u8>| container(1, &[honest(Message { msg_id: scene.id(1), seqno: 0, body: body.into() })]);
    (0..200).fold(scene.repacked(|_| ()), |body, _| inner(body))
}
pub(super) fn higher_inner(scene: &Scene) -> Vec<u8> {
    scene.repacked(|messages| messages.iter_mut().for_each(|(message, _)| message.msg_id = scene.id(3)))
}
pub(super) fn even_inner(scene: &Scene) -> Vec<u8> {
    scene.repacked(|messages| messages.iter_mut().for_each(|(message, _)| message.msg_id &= !3))
}
fn counted(scene: &Scene, count: i32) -> Vec<u8> {
    let mut body = scene.repacked(|_| ());
    body.splice(4..8, count.to_le_bytes());
    body
}
pub(super) fn count_negative(scene: &Scene) -> Vec<u8> {
    counted(scene, -1)
}
pub(super) fn count_huge(scene: &Scene) -> Vec<u8> {
    counted(scene, i32::MAX)
}
pub(super) fn crowded(scene: &Scene) -> Vec<u8> {
    let body: Bytes = UpdatesTooLong {}.to_boxed().into();
    scene.repacked(|messages| {
        let others =
            (1..=1100).map(|n| Message { msg_id: scene.header.msg_id - 4096 * n, seqno: 0, body: body.clone() });
        messages.extend(others.map(honest));
    })
}
fn measured(scene: &Scene, len: i32) -> Vec<u8> {
    scene.repacked(|messages| messages.iter_mut().for_each(|(_, said)| *said = len))
}
pub(super) fn len_beyond(scene: &Scene) -> Vec<u8> {
    measured(scene, 0x0010_0000)
}
pub(super) fn len_negative(scene: &Scene) -> Vec<u8> {
    measured(scene, -4)
}
/// B12: the answer twice in one container.
pub(super) fn repeated_inner(scene: &Scene) -> Vec<u8> {
    scene.repacked(|messages| messages.extend(scene.messages.iter().cloned().map(honest)))
}

// C10: compressed data.

pub(super) fn gzip_bomb(_: &Scene) -> Vec<Bytes> {
    vec![gzip_packed(bomb(64))]
}
pub(super) fn gzip_bombs(_: &Scene) -> Vec<Bytes> {
    (0..16).map(|_| gzip_packed(bomb(15))).collect()
}
pub(super) fn gzip_nested(_: &Scene) -> Vec<Bytes> {
    let inner = gzip_packed(deflate(&UpdatesTooLong {}.to_boxed()));
    vec![gzip_packed(deflate(&inner))]
}
fn packed_answer(scene: &Scene, change: fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut packed = deflate(&scene.value());
    change(&mut packed);
    scene.answered(scene.result(scene.req_msg_id, gzip_packed(packed).to_vec()))
}
pub(super) fn gzip_crc(scene: &Scene) -> Vec<u8> {
    packed_answer(scene, |packed| packed.iter_mut().rev().skip(4).take(1).for_each(|byte| *byte ^= 1))
}
pub(super) fn gzip_cut(scene: &Scene) -> Vec<u8> {
    packed_answer(scene, |packed| packed.truncate(packed.len() / 2))
}
pub(super) fn gzip_bomb_answer(scene: &Scene) -> Vec<u8> {
    packed_answer(scene, |packed| *packed = bomb(64))
}

// C11, D11: what has no business here.

pub(super) fn strays(scene: &Scene) -> Vec<Bytes> {
    let salt = FutureSalt { valid_since: 0, valid_until: i32::MAX, salt: HOSTILE_SALT };
    let mut copy = Vec::new();
    MSG_COPY.write(&mut copy);
    copy.extend_from_slice(&scene.body);
    vec![
        salt.to_boxed().into(),
        copy.into(),
        HttpWait { max_delay: 0, wait_after: 0, max_wait: 0 }.to_boxed().into(),
        RpcErrorBare { error_code: 500, error_message: "STRAY".into() }.to_boxed().into(),
        Pong { msg_id: scene.req_msg_id - (1 << 32), ping_id: -1 }.to_boxed().into(),
        Bytes::from_static(&[0x11, 0x22, 0x33, 0x44]),
    ]
}
pub(super) fn empty(_: &Scene) -> Vec<Bytes> {
    vec![Bytes::new()]
}
pub(super) fn cut_short(scene: &Scene) -> Vec<Bytes> {
    let whole =
        BadServerSalt { bad_msg_id: scene.req_msg_id, bad_msg_seqno: 1, error_code: 48, new_server_salt: HOSTILE_SALT };
    vec![whole.to_boxed().get(..16).unwrap_or_default().to_vec().into()]
}
/// A vector that says it has 2^31 - 1 items.
pub(super) fn huge_vector(_: &Scene) -> Vec<Bytes> {
    let mut body = Vec::new();
    MsgResendReq::ID.write(&mut body);
    0x1cb5_c415_u32.write(&mut body);
    i32::MAX.write(&mut body);
    vec![body.into()]
}

// C12 to C15: messages about messages.

/// The answer is announced, not sent.
pub(super) fn announced(scene: &Scene) -> Vec<u8> {
    let (msg_id, answer) = (scene.req_msg_id, scene.messages.get(scene.answer));
    let answer_msg_id = answer.map_or(0, |answer| answer.msg_id);
    let bytes = answer.map_or(0, |answer| i32::try_from(answer.body.len()).unwrap_or(i32::MAX));
    let info = MsgDetailedInfo { msg_id, answer_msg_id, bytes, status: 0 }.to_boxed();
    scene.repacked(|messages| {
        if let Some(answer) = messages.get_mut(scene.answer) {
            *answer = honest(Message { msg_id: scene.id(1), seqno: 0, body: info.into() });
        }
    })
}
pub(super) fn asks_states(scene: &Scene) -> Vec<Bytes> {
    one(&MsgsStateReq { msg_ids: vec![scene.req_msg_id, 4, -1] })
}
pub(super) fn asks_resend(scene: &Scene) -> Vec<Bytes> {
    one(&MsgResendReq { msg_ids: vec![scene.req_msg_id, 4, -1] })
}
pub(super) fn unasked_states(scene: &Scene) -> Vec<Bytes> {
    one(&MsgsStateInfo { req_msg_id: scene.req_msg_id, info: Blob(vec![1; 4000]) })
}
/// A packet that tells states, with one fewer or one more; `None`: it tells none.
pub(super) fn miscounted(key: &AuthKey, packet: &Bytes, count: Count) -> Option<(Header, Vec<u8>)> {
    let opened = packet::open(key, Side::Server, BytesMut::from(&packet[..])).ok()?;
    let told = |body: &Bytes| {
        let mut info = MsgsStateInfo::from_boxed(body).ok()?;
        match count {
            Count::TooFew => drop(info.info.0.pop()),
            Count::TooMany => info.info.0.push(1),
        }
        Some(Bytes::from(info.to_boxed()))
    };
    if let Some(body) = told(&opened.body) {
        return Some((opened.header, body.to_vec()));
    }
    let mut messages = read_container(&opened.body).ok()?;
    let (at, body) = messages.iter().enumerate().find_map(|(at, message)| Some((at, told(&message.body)?)))?;
    messages.get_mut(at)?.body = body;
    let messages: Vec<_> = messages.into_iter().map(honest).collect();
    Some((opened.header, container(i32::try_from(messages.len()).ok()?, &messages)))
}

/// A hundred containers of a thousand messages, each to be acknowledged.
pub(super) fn content_flood(scene: &Scene) -> Vec<Bytes> {
    let body: Bytes = UpdatesTooLong {}.to_boxed().into();
    let packet = |n: i64| {
        let inner = (0..1000).map(|m| {
            let msg_id = scene.id(1000 * n + m - (1 << 23));
            honest(Message { msg_id, seqno: 1, body: body.clone() })
        });
        Bytes::from(container(1000, &inner.collect::<Vec<_>>()))
    };
    (0..100).map(packet).collect()
}
