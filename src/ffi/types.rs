//! Structs and constants of the C interface. `include/nanogram.h` is generated from this module.

use core::ffi::{c_char, c_void};

/// Size of an auth key in bytes.
pub const NANOGRAM_AUTH_KEY: usize = 256;
/// Most bytes of a call.
pub const NANOGRAM_MAX_CALL: usize = 4 << 20;
/// Size of a host name in bytes, including the terminating zero byte.
pub const NANOGRAM_HOST: usize = 256;
/// Size of a username in bytes: 32 and a terminating zero byte.
pub const NANOGRAM_USERNAME: usize = 33;
/// Size of a start parameter in bytes: 64 and a terminating zero byte.
pub const NANOGRAM_START_PARAM: usize = 65;
/// Most fingerprints of RSA keys that a realm names.
pub const NANOGRAM_FINGERPRINTS: usize = 8;

/// Result of a function.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Success.
    Ok = 0,
    /// Null pointer where one is not allowed, or number out of range.
    BadArgument = 1,
    /// Text that is not UTF-8.
    BadText = 2,
    /// Buffer too small: it holds the part that fits, terminated by a zero byte.
    NoSpace = 3,
    /// Malformed session string.
    BadSession = 4,
    /// Text that is not a PEM file with a public RSA key.
    BadPem = 5,
    /// Text that is not a start link.
    BadLink = 6,
    /// Malformed username.
    BadUsername = 7,
    /// Start parameter that the server would refuse; valid are 1 to 64 characters of A-Z, a-z, 0-9, _ and -.
    BadStartParam = 8,
    /// Peer that is not a bot.
    NotABot = 9,
    /// Undecodable bytes.
    BadBytes = 10,
    /// No access hash for this peer in the server's answer: calls cannot address it.
    NoAccessHash = 11,
    /// Failure of the entropy callback.
    NoEntropy = 12,
    /// Connection ended: close the socket; `nanogram_reconnect` continues on a new one.
    Closed = 13,
    /// Server failed to authenticate: it holds none of the public keys, or a check of the key exchange failed.
    NotProven = 14,
    /// Transport error from the server; `nanogram_fault` returns its number.
    Fault = 15,
    /// No value available.
    None = 16,
    /// Connection in use: the entropy callback must not call a function with it.
    Busy = 17,
    /// Too many events are waiting: the bytes were not taken, and the connection stays open.
    Full = 18,
    /// The key belongs to other servers than the public key: Telegram's, those of its test environment, or somebody's
    /// own.
    /// Nothing was opened; sign in there, and keep that key apart.
    WrongRealm = 19,
}

/// Framing of packets in the stream.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingKind {
    /// Length of 1 or 4 bytes.
    Abridged = 0,
    /// Length of 4 bytes.
    Intermediate = 1,
    /// Length of 4 bytes, and random padding after the packet.
    PaddedIntermediate = 2,
    /// Length, sequence number and CRC-32.
    Full = 3,
}

/// Callback that fills `len` bytes at `out` with cryptographically secure random bytes; returns `false` on failure. It
/// must not call a function with the connection that it is called for (`NANOGRAM_STATUS_BUSY`), nor leave by `longjmp`.
pub type EntropyFn = Option<unsafe extern "C" fn(context: *mut c_void, out: *mut u8, len: usize) -> bool>;

/// Owner of servers.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServersKind {
    /// Not known.
    Unknown = 0,
    /// Telegram.
    Telegram = 1,
    /// Somebody else, who runs a data centre such as `nanogram dc`.
    Own = 2,
}

/// Realm of a key: the servers that know it. All of it zero: not known. Keep it with the key.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RealmData {
    /// Owner of the servers. A `ServersKind`.
    pub servers: u32,
    /// True for the test environment; without meaning if the servers are not known.
    pub is_test: bool,
    /// Number of fingerprints. For `NANOGRAM_SERVERS_OWN`, 0 means that their keys are not known.
    pub count: u8,
    /// Fingerprints of the servers' RSA keys.
    pub fingerprints: [i64; NANOGRAM_FINGERPRINTS],
}

/// An account, as a session string of nanogram, Telethon, GramJS, Pyrogram or mtcute holds it. A secret: see
/// `nanogram_wipe`.
#[repr(C)]
pub struct SessionData {
    /// Auth key that is signed in to the account.
    pub auth_key: [u8; NANOGRAM_AUTH_KEY],
    /// User id; 0 if the string lacks it.
    pub user_id: i64,
    /// Application id used for the login; 0 if the string lacks it.
    pub api_id: i32,
    /// Port of the data centre.
    pub port: u16,
    /// Number of the data centre, from 1.
    pub dc_id: u8,
    /// True for the test environment.
    pub is_test: bool,
    /// Host of the data centre: a name or an address.
    pub host: [c_char; NANOGRAM_HOST],
    /// The servers that know the key, as far as the string says; for `nanogram_config.realm`.
    pub realm: RealmData,
}

/// Parsed start link.
#[repr(C)]
pub struct LinkData {
    /// Username of the bot, without `@`.
    pub bot: [c_char; NANOGRAM_USERNAME],
    /// Start parameter; empty for a plain `/start`.
    pub start_param: [c_char; NANOGRAM_START_PARAM],
    /// True if the bot is to be started in a group of the user's choice.
    pub is_group: bool,
}

/// Kind of a peer.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerKind {
    /// User that is not a bot.
    User = 0,
    /// Bot.
    Bot = 1,
    /// Basic group; it has no access hash.
    Chat = 2,
    /// Supergroup or channel.
    Channel = 3,
    /// The signed-in user; id and access hash are ignored.
    Me = 4,
}

/// Peer: a user, bot, group or channel.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct PeerData {
    /// Kind of the peer. A `PeerKind`.
    pub kind: u32,
    /// Id of the peer.
    pub id: i64,
    /// Access hash of the peer, valid for this account only.
    pub access_hash: i64,
}

/// Settings of a connection. Zero the whole struct, then set the fields that are needed.
#[repr(C)]
pub struct ConnectionConfig {
    /// Saved auth key of 256 bytes. Null: a key is created, without an account.
    pub auth_key: *const u8,
    /// The servers that `auth_key` is of, as `nanogram_session` or `nanogram_saved` gave them. At others it is refused:
    /// `NANOGRAM_STATUS_WRONG_REALM`.
    pub realm: RealmData,
    /// The salt last in use, or 0; a wrong one costs a round trip.
    pub salt: i64,
    /// Server time minus local time in seconds; valid if `has_time_offset` is set.
    pub time_offset: i64,
    /// True if `time_offset` is known.
    pub has_time_offset: bool,
    /// Number of the data centre, from 1.
    pub dc_id: u8,
    /// True for the test environment.
    pub is_test: bool,
    /// Framing of packets. A `FramingKind`.
    pub framing: u32,
    /// Lifetime of temporary keys in seconds (perfect forward secrecy); 0: messages are encrypted with the permanent
    /// key.
    pub temporary: i32,
    /// Public RSA key of the data centre, as PEM text. Null: Telegram's keys.
    pub pem: *const c_char,
    /// Application id, from my.telegram.org. 0: calls are sent without `initConnection`.
    pub api_id: i32,
    /// Device name in the user's list of sessions. Null: "nanogram".
    pub device_model: *const c_char,
    /// Entropy callback. It must be cryptographically secure.
    pub entropy: EntropyFn,
    /// Argument for `entropy`. Connections of several threads may share it only if `entropy` takes a lock.
    pub context: *mut c_void,
}

/// Kind of an event.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// No event.
    Nothing = 0,
    /// Auth key created: `nanogram_saved` returns it.
    Authorized = 1,
    /// Temporary key bound to the permanent key.
    Bound = 2,
    /// Binding of the temporary key refused: the server no longer knows the permanent key, or the key is only seconds
    /// old. To try again, call `nanogram_drop_temporary`, then `nanogram_reconnect`.
    NotBound = 3,
    /// Call answered; `body` holds the result.
    Reply = 4,
    /// Call refused by the server: `code` and `message` hold its error, `nanogram_hint` returns advice.
    Refused = 5,
    /// Call without a result for a reason other than a server error; `message` describes it.
    Failed = 6,
    /// Update, such as a message of the bot; `body` holds it.
    Update = 7,
    /// New session begun by the server: updates may have been missed.
    NewSession = 8,
    /// Key exchange started.
    Exchange = 9,
    /// Temporary key created, but not bound yet.
    Temporary = 10,
    /// Event without a number in this version.
    Other = 11,
}

/// Event with its data. Pointers are valid until the next call with the same connection.
#[repr(C)]
pub struct EventData {
    /// Kind of the event. An `EventKind`.
    pub kind: u32,
    /// Number of the call that the event ends.
    pub call: u64,
    /// Error code of the server for a refused call: 303, 400, 401, 403, 406, 420, 500.
    pub code: i32,
    /// Boxed TL value, or null.
    pub body: *const u8,
    /// Length of `body` in bytes.
    pub len: usize,
    /// Error of the server, such as `START_PARAM_INVALID`, terminated by a zero byte; or null.
    pub message: *const c_char,
    /// True if an earlier copy of the call, whose answer was lost, may have been executed: `RANDOM_ID_DUPLICATE` then
    /// means that it was.
    pub in_doubt: bool,
}

/// Data to save for the next connection. Secret: see `nanogram_wipe`.
#[repr(C)]
pub struct SavedData {
    /// Permanent auth key.
    pub auth_key: [u8; NANOGRAM_AUTH_KEY],
    /// Current salt.
    pub salt: i64,
    /// Server time minus local time in seconds; valid if `has_time_offset` is set.
    pub time_offset: i64,
    /// True if `time_offset` is known.
    pub has_time_offset: bool,
    /// The servers that know the key. If `nanogram_config.realm` did not name them, they are named once they have
    /// proved that
    /// they know the key: they made it, or a message came under it, which needs `nanogram_config.temporary` to be 0.
    pub realm: RealmData,
}
