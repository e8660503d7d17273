//! What a client tells while it works, to whoever wants to know.

use super::Error;
use crate::protocol::keylog::Entry;
use crate::protocol::session::RpcError;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

/// Something that takes time, or that has happened on the way to an answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// A socket is asked for.
    Connecting {
        /// The data centre.
        dc_id: u8,
        /// Its address.
        addr: &'a str,
    },
    /// It is open.
    Connected {
        /// The data centre.
        dc_id: u8,
        /// Its address.
        addr: &'a str,
    },
    /// A key exchange begins.
    KeyExchange {
        /// With this data centre.
        dc_id: u8,
        /// For a temporary key.
        is_temporary: bool,
    },
    /// A temporary key is bound to the permanent one.
    Bound {
        /// In this data centre.
        dc_id: u8,
        /// When it ends, in seconds since 1970.
        expires_at: i32,
    },
    /// The server wants a pause, and it is made.
    FloodWait {
        /// So long.
        seconds: u32,
        /// The server's own words.
        error: &'a RpcError,
    },
    /// The server failed; the call is made again.
    Retrying {
        /// The how manieth time, from 1.
        attempt: u32,
        /// After this pause.
        after: Duration,
        /// The server's own words.
        why: &'a RpcError,
    },
    /// The connection was lost or could not be had; another is made.
    Reconnecting {
        /// The how manieth failure in a row, from 1.
        attempt: u32,
        /// After this pause.
        after: Duration,
        /// What happened.
        why: &'a Error,
    },
    /// The client has moved to this data centre.
    MovedTo(u8),
    /// The server tells the user something: why it said no with code 406.
    Notification(&'a str),
}

/// Whom a client tells. It is called between two packets, and must not block.
pub struct Watcher<T: ?Sized = dyn for<'a> Fn(&Notice<'a>) + Send + Sync>(Option<Arc<T>>);

impl Watcher {
    /// Tells `watch`.
    pub fn new(watch: impl Fn(&Notice<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watch)))
    }
    pub(super) fn tell(&self, notice: &Notice<'_>) {
        if let Some(watch) = &self.0 {
            watch(notice);
        }
    }
}

/// Whom a client tells its keys, for a [key log](crate::protocol::keylog): nobody, unless the owner asks.
pub type KeyWatcher = Watcher<dyn Fn(&Entry) + Send + Sync>;

impl KeyWatcher {
    /// Tells `watch` every key that is loaded or made.
    pub fn of_keys(watch: impl Fn(&Entry) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watch)))
    }
    pub(super) fn note(&self, entry: &Entry) {
        if let Some(watch) = &self.0 {
            watch(entry);
        }
    }
}

/// Nobody.
impl<T: ?Sized> Default for Watcher<T> {
    fn default() -> Self {
        Self(None)
    }
}
impl<T: ?Sized> Clone for Watcher<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
impl<T: ?Sized> fmt::Debug for Watcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Watcher(somebody)" } else { "Watcher(nobody)" })
    }
}

/// A server's word to the user, and how many there were with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) count: u64,
    pub(super) text: String,
}
