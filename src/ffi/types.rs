//! The structs and numbers that C sees. `include/nanogram.h` is made from this file and its neighbour.

use core::ffi::{c_char, c_void};

/// Bytes of an authorization key.
pub const NANOGRAM_AUTH_KEY: usize = 256;
/// Bytes of the longest call.
pub const NANOGRAM_MAX_CALL: usize = 4 << 20;
/// Bytes of a host name, its end marked by a zero byte.
pub const NANOGRAM_HOST: usize = 256;
/// Bytes of a username: 32 and a zero byte.
pub const NANOGRAM_USERNAME: usize = 33;
/// Bytes of a start parameter: 64 and a zero byte.
pub const NANOGRAM_START_PARAM: usize = 65;

/// What became of a function.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is done.
    Ok = 0,
    /// A pointer is null that must not be, or a number is out of its range.
    BadArgument = 1,
    /// The text is not UTF-8.
    BadText = 2,
    /// The buffer is too small; what fits is in it, its end marked.
    NoSpace = 3,
    /// The text is no session string.
    BadSession = 4,
    /// The text is no PEM file with a public RSA key.
    BadPem = 5,
    /// The text is no start link.
    BadLink = 6,
    /// The text is no username.
    BadUsername = 7,
    /// The start parameter is one that the server would refuse: 1 to 64 of A-Z, a-z, 0-9, _ and -.
    BadStartParam = 8,
    /// The peer is no bot.
    NotABot = 9,
    /// The bytes are not what they were to be.
    BadBytes = 10,
    /// The server names no access hash for this peer: it cannot be addressed.
    NoAccessHash = 11,
    /// The source of randomness failed.
    NoEntropy = 12,
    /// The connection is over: close the socket; `nanogram_reconnect` begins again on a new one.
    Closed = 13,
    /// The server does not prove who it is: none of the public keys is its own, or a check of the key exchange failed.
    NotProven = 14,
    /// The server said no with a transport error; its number is in `nanogram_fault`.
    Fault = 15,
    /// There is none.
    None = 16,
    /// The connection is in use: the entropy callback must not come back with it.
    Busy = 17,
    /// Too many events wait: the bytes were not taken, and the connection goes on.
    Full = 18,
}

/// How packets are cut in the stream.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingKind {
    /// One or four bytes of length.
    Abridged = 0,
    /// Four bytes of length.
    Intermediate = 1,
    /// Four bytes of length and random bytes after the packet.
    PaddedIntermediate = 2,
    /// Length, number and checksum.
    Full = 3,
}

/// Fills `len` bytes at `out` with cryptographic randomness; `false` if there is none. It must not call a function with the
/// connection that it is called for (`NANOGRAM_STATUS_BUSY`), nor must it return by `longjmp`.
pub type EntropyFn = Option<unsafe extern "C" fn(context: *mut c_void, out: *mut u8, len: usize) -> bool>;

/// An account, as a session string of nanogram, Telethon, GramJS, Pyrogram or mtcute holds it. A secret: see
/// `nanogram_wipe`.
#[repr(C)]
pub struct SessionData {
    /// The key that the data centre knows the account by.
    pub auth_key: [u8; NANOGRAM_AUTH_KEY],
    /// The user's id, 0 if the string does not say.
    pub user_id: i64,
    /// The application that signed in, 0 if the string does not say.
    pub api_id: i32,
    /// The port of the data centre.
    pub port: u16,
    /// The number of the data centre, from 1.
    pub dc_id: u8,
    /// Whether it belongs to the test environment.
    pub is_test: bool,
    /// The host of the data centre: a name or an address.
    pub host: [c_char; NANOGRAM_HOST],
}

/// What a start link says.
#[repr(C)]
pub struct LinkData {
    /// The bot, without `@`.
    pub bot: [c_char; NANOGRAM_USERNAME],
    /// The start parameter; empty for the plain `/start`.
    pub start_param: [c_char; NANOGRAM_START_PARAM],
    /// The bot is to be started in a group that the user picks.
    pub is_group: bool,
}

/// Which kind of peer.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerKind {
    /// A user who is no bot.
    User = 0,
    /// A bot.
    Bot = 1,
    /// A basic group; it has no access hash.
    Chat = 2,
    /// A supergroup or channel.
    Channel = 3,
    /// Oneself; nothing else is looked at.
    Me = 4,
}

/// Somebody or something to talk to.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct PeerData {
    /// What it is. A `PeerKind`.
    pub kind: u32,
    /// Its id.
    pub id: i64,
    /// Its hash, valid for this account alone.
    pub access_hash: i64,
}

/// What a connection must know before its first byte. Set all of it to zero, then what is needed.
#[repr(C)]
pub struct ConnectionConfig {
    /// 256 bytes: a key made before. Null: a key is made, and nobody is signed in with it.
    pub auth_key: *const u8,
    /// The salt last in use, or 0; a wrong one costs a round trip.
    pub salt: i64,
    /// The server's time minus the local one in seconds, if `has_time_offset`.
    pub time_offset: i64,
    /// Whether `time_offset` is known.
    pub has_time_offset: bool,
    /// The number of the data centre, from 1.
    pub dc_id: u8,
    /// Whether it belongs to the test environment.
    pub is_test: bool,
    /// How packets are cut. A `FramingKind`.
    pub framing: u32,
    /// Perfect forward secrecy: messages go under keys that live this many seconds; 0: under the account's own key.
    pub temporary: i32,
    /// The public RSA key of the data centre, as PEM text. Null: Telegram's keys.
    pub pem: *const c_char,
    /// The application's id, from my.telegram.org. 0: calls are sent as they are, without `initConnection`.
    pub api_id: i32,
    /// What the user sees in the list of his sessions. Null: "nanogram".
    pub device_model: *const c_char,
    /// The source of randomness. It must be one for cryptography.
    pub entropy: EntropyFn,
    /// Handed to `entropy`. Connections of several threads may share it only if `entropy` takes a lock.
    pub context: *mut c_void,
}

/// What happened.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Nothing.
    Nothing = 0,
    /// A key was made: `nanogram_saved` has it.
    Authorized = 1,
    /// A temporary key is bound to the permanent one.
    Bound = 2,
    /// The server does not bind a temporary key: it knows the permanent one no more, or the key is seconds old. To try
    /// again: `nanogram_drop_temporary`, then `nanogram_reconnect`.
    NotBound = 3,
    /// A call is answered; `body` has the result.
    Reply = 4,
    /// The server refused a call: `code` and `message` say why, and `nanogram_hint` what can be done.
    Refused = 5,
    /// A call has no result, for a reason that is not the server's word; `message` says which.
    Failed = 6,
    /// Something that was not asked for; `body` has it: a message of the bot, for instance.
    Update = 7,
    /// The server began a new session: updates may have been missed.
    NewSession = 8,
    /// A key exchange begins.
    Exchange = 9,
    /// A temporary key is made, and not bound yet.
    Temporary = 10,
    /// Something that this version has no number for.
    Other = 11,
}

/// What happened, and with what. Pointers are good until the next call with the same connection.
#[repr(C)]
pub struct EventData {
    /// What happened. An `EventKind`.
    pub kind: u32,
    /// Which call, if it is the end of one.
    pub call: u64,
    /// The server's error code, if it refused: 303, 400, 401, 403, 406, 420, 500.
    pub code: i32,
    /// A boxed TL value, or null.
    pub body: *const u8,
    /// Its bytes.
    pub len: usize,
    /// The server's error, such as `START_PARAM_INVALID`, or null; its end is marked by a zero byte.
    pub message: *const c_char,
    /// The call may have been executed by an earlier sending, whose answer was lost: `RANDOM_ID_DUPLICATE` then means
    /// that it was.
    pub in_doubt: bool,
}

/// What is worth keeping for the next connection. A secret: see `nanogram_wipe`.
#[repr(C)]
pub struct SavedData {
    /// The key.
    pub auth_key: [u8; NANOGRAM_AUTH_KEY],
    /// The salt in use.
    pub salt: i64,
    /// The server's time minus the local one in seconds, if `has_time_offset`.
    pub time_offset: i64,
    /// Whether `time_offset` is known.
    pub has_time_offset: bool,
}
