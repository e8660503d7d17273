//! Messages that contain others: containers, call results and compressed bodies.

use crate::tl;
use crate::tl::{Blob, DecodeError, Fault, Raw, Reader};
use alloc::vec::Vec;
use bytes::Bytes;

/// Constructor id of `msg_container`, which holds several messages in one packet.
pub const MSG_CONTAINER: u32 = 0x73f1_f8dc;
/// Maximum number of messages in a container.
pub const MAX_CONTAINER: usize = 1024;

tl! {
    /// Result of a call: the value it returns, `rpc_error`, or `gzip_packed` of the value.
    "rpc_result#f35c6d01 req_msg_id:long result:Object = RpcResult;"
    struct RpcResult { req_msg_id: i64, result: Raw }

    /// Gzip-compressed form of another value.
    "gzip_packed#3072cfa1 packed_data:bytes = Object;"
    struct GzipPacked { packed_data: Blob }
}

/// One message of a packet or container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Message id: the creation time in seconds times 2^32, with the sender in the low two bits.
    pub msg_id: i64,
    /// Twice the number of content messages sent before this one, plus one if this is a content message.
    pub seqno: i32,
    /// Body: one TL value.
    pub body: Bytes,
}

impl Message {
    /// Returns true if the receiver must acknowledge the message.
    pub const fn is_content(&self) -> bool {
        self.seqno & 1 == 1
    }
}

/// Bytes before the body of a message in a container: `msg_id:8 | seqno:4 | bytes:4`.
pub const MESSAGE_HEADER: usize = 16;

/// Parses a container: `73f1f8dc | count:4 | count × ( msg_id:8 | seqno:4 | bytes:4 | body )`.
///
/// The bodies are slices of `body`, without copying. The session checks the message ids.
///
/// Spec: mtproto/service_messages#containers
///
/// # Errors
/// `body` is not a container, the count or a length exceeds the available bytes, a body is not a multiple of 4 bytes
/// long, bytes follow the last message, or there are more than [`MAX_CONTAINER`] messages.
pub fn read_container(body: &Bytes) -> Result<Vec<Message>, DecodeError> {
    let mut r = Reader::new(body);
    r.expect(MSG_CONTAINER)?;
    let count = r.count(MESSAGE_HEADER)?;
    if count > MAX_CONTAINER {
        return Err(r.fault_before(Fault::Count));
    }
    let mut messages = Vec::with_capacity(count);
    for _ in 0..count {
        let (msg_id, seqno, len) = (r.i64()?, r.i32()?, r.i32()?);
        // Bodies are TL values and consist of whole words. A negative length is refused with the others.
        let len = usize::try_from(len).ok().filter(|len| len % 4 == 0).ok_or(r.fault_before(Fault::Length))?;
        let start = r.position();
        r.take(len)?;
        messages.push(Message { msg_id, seqno, body: body.slice(start..start + len) });
    }
    // The spec: a container is accepted or rejected as a whole.
    r.end()?;
    Ok(messages)
}

/// Appends a container of `messages` to `out`.
pub fn write_container(messages: &[Message], out: &mut Vec<u8>) {
    out.extend_from_slice(&MSG_CONTAINER.to_le_bytes());
    out.extend_from_slice(&u32::try_from(messages.len()).unwrap_or(u32::MAX).to_le_bytes());
    for m in messages {
        out.extend_from_slice(&m.msg_id.to_le_bytes());
        out.extend_from_slice(&m.seqno.to_le_bytes());
        out.extend_from_slice(&u32::try_from(m.body.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&m.body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_round_trips_and_no_cut_of_it_is_one() {
        let messages: Vec<_> = [(4i64, 1, &[1u8, 2, 3, 4][..]), (8, 2, &[])]
            .map(|(msg_id, seqno, body)| Message { msg_id, seqno, body: Bytes::copy_from_slice(body) })
            .into();
        let mut wire = Vec::new();
        write_container(&messages, &mut wire);
        let wire = Bytes::from(wire);
        assert_eq!(read_container(&wire).unwrap(), messages);
        for cut in 0..wire.len() {
            assert!(read_container(&wire.slice(..cut)).is_err(), "{cut}");
        }
        let mut longer = wire.to_vec();
        longer.extend([0; 4]);
        assert_eq!(read_container(&longer.into()).unwrap_err().fault, Fault::Trailing);
    }
}
