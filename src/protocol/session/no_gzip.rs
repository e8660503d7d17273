//! `gzip_packed` without the feature `gzip`: an error, as it cannot be read.

use super::events::SessionError;
use bytes::Bytes;

/// Nothing to count.
#[derive(Debug, Default)]
pub(crate) struct Inflatable(());

#[expect(clippy::unused_self, reason = "signature of the module with the feature")]
impl Inflatable {
    pub(crate) const fn reset(&mut self) {}
    pub(crate) const fn unzip(&mut self, _: &[u8]) -> Result<Bytes, SessionError> {
        Err(SessionError::Gzip)
    }
}
