//! Inflating `gzip_packed`, once, within a budget for each packet.
//!
//! Spec: mtproto/service_messages#packed-object

use super::events::SessionError;
use crate::tl::{Combinator, Reader};
use crate::wire::mt::gzip::{MAX_INFLATED, inflate};
use crate::wire::mt::message::GzipPacked;
use bytes::Bytes;

/// Bytes that the compressed values of one packet may still inflate to.
#[derive(Debug, Default)]
pub(crate) struct Inflatable(usize);

impl Inflatable {
    /// Starts another packet.
    pub(crate) const fn reset(&mut self) {
        self.0 = MAX_INFLATED;
    }
    /// Inflates `gzip_packed`; a value that is compressed twice is refused.
    pub(crate) fn unzip(&mut self, body: &[u8]) -> Result<Bytes, SessionError> {
        let mut r = Reader::new(body);
        r.expect(GzipPacked::ID)?;
        let value = inflate(r.bytes()?, self.0).map_err(|_| SessionError::Gzip)?;
        self.0 -= value.len();
        match Reader::new(&value).peek() {
            None | Some(GzipPacked::ID) => Err(SessionError::Gzip),
            Some(_) => Ok(value.into()),
        }
    }
}
