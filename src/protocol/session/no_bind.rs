//! Without the feature `pfs` there are no temporary keys: nothing is ever bound.

use super::endpoint::Endpoint;
use crate::base::entropy::{Entropy, EntropyFailed};
use bytes::Bytes;

pub(super) type BindRandom = [u8; 0];

#[derive(Debug, Default)]
pub(super) struct Binding(());

#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "signatures of the module with the feature")]
impl Binding {
    pub(super) const fn is_pending(&self) -> bool {
        false
    }
    pub(super) const fn settle(&mut self) {}
    pub(super) const fn draw(&self, _: &mut dyn Entropy) -> Result<BindRandom, EntropyFailed> {
        Ok([])
    }
    pub(super) fn body(&self, _: &Endpoint, _: i64, _: &BindRandom, call: Bytes) -> Bytes {
        call
    }
}
