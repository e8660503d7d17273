//! Notices of the client's progress, for an observer.

use super::Error;
use crate::protocol::keylog::Entry;
use crate::protocol::session::RpcError;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

/// Progress notice: something that takes time, or that happened on the way to an answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// Opening a connection.
    Connecting {
        /// Data centre number.
        dc_id: u8,
        /// Address, `host:port`.
        addr: &'a str,
    },
    /// Connection open.
    Connected {
        /// Data centre number.
        dc_id: u8,
        /// Address, `host:port`.
        addr: &'a str,
    },
    /// Key exchange started.
    KeyExchange {
        /// Data centre number.
        dc_id: u8,
        /// True for a temporary key.
        is_temporary: bool,
    },
    /// Temporary key bound to the permanent key.
    Bound {
        /// Data centre number.
        dc_id: u8,
        /// Expiry, in seconds since 1970.
        expires_at: i32,
    },
    /// Flood wait that the client sleeps through.
    FloodWait {
        /// Length in seconds.
        seconds: u32,
        /// Error returned by the server.
        error: &'a RpcError,
    },
    /// Retry after an internal error of the server.
    Retrying {
        /// Attempt number, starting at 1.
        attempt: u32,
        /// Back-off before the retry.
        after: Duration,
        /// Error returned by the server.
        why: &'a RpcError,
    },
    /// Connection lost or not established; the client connects again.
    Reconnecting {
        /// Number of consecutive failures, starting at 1.
        attempt: u32,
        /// Back-off before the next attempt.
        after: Duration,
        /// Reason of the failure.
        why: &'a Error,
    },
    /// Migrated to this data centre.
    MovedTo(u8),
    /// Text for the user that explains a 406 error.
    Notification(&'a str),
}

/// Observer of a client. Called between two packets; it must not block.
pub struct Watcher<T: ?Sized = dyn for<'a> Fn(&Notice<'a>) + Send + Sync>(Option<Arc<T>>);

impl Watcher {
    /// Creates an observer from a function.
    pub fn new(watch: impl Fn(&Notice<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watch)))
    }
    pub(super) fn tell(&self, notice: &Notice<'_>) {
        if let Some(watch) = &self.0 {
            watch(notice);
        }
    }
}

/// Observer of the keys in use, for a [key log](crate::protocol::keylog). Off by default.
pub type KeyWatcher = Watcher<dyn Fn(&Entry) + Send + Sync>;

impl KeyWatcher {
    /// Creates an observer that receives every key that is loaded or created.
    pub fn of_keys(watch: impl Fn(&Entry) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watch)))
    }
    pub(super) fn note(&self, entry: &Entry) {
        if let Some(watch) = &self.0 {
            watch(entry);
        }
    }
}

/// Observer that is off.
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

/// Text that the server showed the user, and the number of such texts including it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) count: u64,
    pub(super) text: String,
}
