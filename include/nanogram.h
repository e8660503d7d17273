/* nanogram: Telegram's MTProto 2.0 for programs in C. See examples/c/start_bot.c for the whole job.
 *
 *   nanogram_open, nanogram_call, nanogram_output, your socket, nanogram_input, nanogram_event
 *
 * Bytes in, bytes out, time in, events out: no thread, no socket, no clock, no callback but the one for randomness.
 * After whatever changes a connection: take bytes with nanogram_output until there are none, then events with
 * nanogram_event until their kind is 0, then ask nanogram_timeout when to call nanogram_handle_timeout.
 *
 * Pointers must point to as much as is said, for as long as the call lasts; text is UTF-8 and ends with a zero byte.
 * A connection is for one thread at a time; two connections know nothing of each other.
 * Where connections of several threads share one nanogram_config.context, the entropy callback must lock it. The
 * callback must not call a function with the connection that it is called for: NANOGRAM_STATUS_BUSY.
 *
 * Times are microseconds: `now` of a clock that never steps back, `unix_time` since 1970.
 *
 * This file is made from src/ffi by ffi/tests/header.rs.
 */

#ifndef NANOGRAM_H
#define NANOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef NANOGRAM_CALLER_ALLOCATES
/* Without its feature `std` the library has these from you. `align` is a power of two; null means that there is no
 * memory, and is answered with nanogram_panicked, which must not return. */
#ifdef __cplusplus
extern "C" {
#endif
void *nanogram_alloc(size_t size, size_t align);
void nanogram_dealloc(void *memory, size_t size, size_t align);
void nanogram_panicked(void);
#ifdef __cplusplus
}
#endif
#endif

// Size of an auth key in bytes.
#define NANOGRAM_AUTH_KEY 256

// Most bytes of a call.
#define NANOGRAM_MAX_CALL (4 << 20)

// Size of a host name in bytes, including the terminating zero byte.
#define NANOGRAM_HOST 256

// Size of a username in bytes: 32 and a terminating zero byte.
#define NANOGRAM_USERNAME 33

// Size of a start parameter in bytes: 64 and a terminating zero byte.
#define NANOGRAM_START_PARAM 65

// Most fingerprints of RSA keys that a realm names.
#define NANOGRAM_FINGERPRINTS 8

// Result of a function.
typedef enum {
  // Success.
  NANOGRAM_STATUS_OK = 0,
  // Null pointer where one is not allowed, or number out of range.
  NANOGRAM_STATUS_BAD_ARGUMENT = 1,
  // Text that is not UTF-8.
  NANOGRAM_STATUS_BAD_TEXT = 2,
  // Buffer too small: it holds the part that fits, terminated by a zero byte.
  NANOGRAM_STATUS_NO_SPACE = 3,
  // Malformed session string.
  NANOGRAM_STATUS_BAD_SESSION = 4,
  // Text that is not a PEM file with a public RSA key.
  NANOGRAM_STATUS_BAD_PEM = 5,
  // Text that is not a start link.
  NANOGRAM_STATUS_BAD_LINK = 6,
  // Malformed username.
  NANOGRAM_STATUS_BAD_USERNAME = 7,
  // Start parameter that the server would refuse; valid are 1 to 64 characters of A-Z, a-z, 0-9, _ and -.
  NANOGRAM_STATUS_BAD_START_PARAM = 8,
  // Peer that is not a bot.
  NANOGRAM_STATUS_NOT_A_BOT = 9,
  // Undecodable bytes.
  NANOGRAM_STATUS_BAD_BYTES = 10,
  // No access hash for this peer in the server's answer: calls cannot address it.
  NANOGRAM_STATUS_NO_ACCESS_HASH = 11,
  // Failure of the entropy callback.
  NANOGRAM_STATUS_NO_ENTROPY = 12,
  // Connection ended: close the socket; `nanogram_reconnect` continues on a new one.
  NANOGRAM_STATUS_CLOSED = 13,
  // Server failed to authenticate: it holds none of the public keys, or a check of the key exchange failed.
  NANOGRAM_STATUS_NOT_PROVEN = 14,
  // Transport error from the server; `nanogram_fault` returns its number.
  NANOGRAM_STATUS_FAULT = 15,
  // No value available.
  NANOGRAM_STATUS_NONE = 16,
  // Connection in use: the entropy callback must not call a function with it.
  NANOGRAM_STATUS_BUSY = 17,
  // Too many events are waiting: the bytes were not taken, and the connection stays open.
  NANOGRAM_STATUS_FULL = 18,
  // The key belongs to other servers than the public key: Telegram's, those of its test environment, or somebody's
  // own.
  // Nothing was opened; sign in there, and keep that key apart.
  NANOGRAM_STATUS_WRONG_REALM = 19,
} nanogram_status;

// Framing of packets in the stream.
typedef enum {
  // Length of 1 or 4 bytes.
  NANOGRAM_FRAMING_ABRIDGED = 0,
  // Length of 4 bytes.
  NANOGRAM_FRAMING_INTERMEDIATE = 1,
  // Length of 4 bytes, and random padding after the packet.
  NANOGRAM_FRAMING_PADDED_INTERMEDIATE = 2,
  // Length, sequence number and CRC-32.
  NANOGRAM_FRAMING_FULL = 3,
} nanogram_framing;

// Kind of a peer.
typedef enum {
  // User that is not a bot.
  NANOGRAM_PEER_KIND_USER = 0,
  // Bot.
  NANOGRAM_PEER_KIND_BOT = 1,
  // Basic group; it has no access hash.
  NANOGRAM_PEER_KIND_CHAT = 2,
  // Supergroup or channel.
  NANOGRAM_PEER_KIND_CHANNEL = 3,
  // The signed-in user; id and access hash are ignored.
  NANOGRAM_PEER_KIND_ME = 4,
} nanogram_peer_kind;

// Kind of an event.
typedef enum {
  // No event.
  NANOGRAM_EVENT_KIND_NOTHING = 0,
  // Auth key created: `nanogram_saved` returns it.
  NANOGRAM_EVENT_KIND_AUTHORIZED = 1,
  // Temporary key bound to the permanent key.
  NANOGRAM_EVENT_KIND_BOUND = 2,
  // Binding of the temporary key refused: the server no longer knows the permanent key, or the key is only seconds
  // old. To try again, call `nanogram_drop_temporary`, then `nanogram_reconnect`.
  NANOGRAM_EVENT_KIND_NOT_BOUND = 3,
  // Call answered; `body` holds the result.
  NANOGRAM_EVENT_KIND_REPLY = 4,
  // Call refused by the server: `code` and `message` hold its error, `nanogram_hint` returns advice.
  NANOGRAM_EVENT_KIND_REFUSED = 5,
  // Call without a result for a reason other than a server error; `message` describes it.
  NANOGRAM_EVENT_KIND_FAILED = 6,
  // Update, such as a message of the bot; `body` holds it.
  NANOGRAM_EVENT_KIND_UPDATE = 7,
  // New session begun by the server: updates may have been missed.
  NANOGRAM_EVENT_KIND_NEW_SESSION = 8,
  // Key exchange started.
  NANOGRAM_EVENT_KIND_EXCHANGE = 9,
  // Temporary key created, but not bound yet.
  NANOGRAM_EVENT_KIND_TEMPORARY = 10,
  // Event without a number in this version.
  NANOGRAM_EVENT_KIND_OTHER = 11,
} nanogram_event_kind;

// Owner of servers.
typedef enum {
  // Not known.
  NANOGRAM_SERVERS_UNKNOWN = 0,
  // Telegram.
  NANOGRAM_SERVERS_TELEGRAM = 1,
  // Somebody else, who runs a data centre such as `nanogram dc`.
  NANOGRAM_SERVERS_OWN = 2,
} nanogram_servers;

// A connection to one data centre.
typedef struct nanogram nanogram;

// Realm of a key: the servers that know it. All of it zero: not known. Keep it with the key.
typedef struct {
  // Owner of the servers. A `nanogram_servers`.
  uint32_t servers;
  // True for the test environment; without meaning if the servers are not known.
  bool is_test;
  // Number of fingerprints. For `NANOGRAM_SERVERS_OWN`, 0 means that their keys are not known.
  uint8_t count;
  // Fingerprints of the servers' RSA keys.
  int64_t fingerprints[NANOGRAM_FINGERPRINTS];
} nanogram_realm;

// Callback that fills `len` bytes at `out` with cryptographically secure random bytes; returns `false` on failure. It
// must not call a function with the connection that it is called for (`NANOGRAM_STATUS_BUSY`), nor leave by `longjmp`.
typedef bool (*nanogram_entropy)(void *context, uint8_t *out, size_t len);

// Settings of a connection. Zero the whole struct, then set the fields that are needed.
typedef struct {
  // Saved auth key of 256 bytes. Null: a key is created, without an account.
  const uint8_t *auth_key;
  // The servers that `auth_key` is of, as `nanogram_session` or `nanogram_saved` gave them. At others it is refused:
  // `NANOGRAM_STATUS_WRONG_REALM`.
  nanogram_realm realm;
  // The salt last in use, or 0; a wrong one costs a round trip.
  int64_t salt;
  // Server time minus local time in seconds; valid if `has_time_offset` is set.
  int64_t time_offset;
  // True if `time_offset` is known.
  bool has_time_offset;
  // Number of the data centre, from 1.
  uint8_t dc_id;
  // True for the test environment.
  bool is_test;
  // Framing of packets. A `nanogram_framing`.
  uint32_t framing;
  // Lifetime of temporary keys in seconds (perfect forward secrecy); 0: messages are encrypted with the permanent
  // key.
  int32_t temporary;
  // Public RSA key of the data centre, as PEM text. Null: Telegram's keys.
  const char *pem;
  // Application id, from my.telegram.org. 0: calls are sent without `initConnection`.
  int32_t api_id;
  // Device name in the user's list of sessions. Null: "nanogram".
  const char *device_model;
  // Entropy callback. It must be cryptographically secure.
  nanogram_entropy entropy;
  // Argument for `entropy`. Connections of several threads may share it only if `entropy` takes a lock.
  void *context;
} nanogram_config;

// Event with its data. Pointers are valid until the next call with the same connection.
typedef struct {
  // Kind of the event. An `nanogram_event_kind`.
  uint32_t kind;
  // Number of the call that the event ends.
  uint64_t call;
  // Error code of the server for a refused call: 303, 400, 401, 403, 406, 420, 500.
  int32_t code;
  // Boxed TL value, or null.
  const uint8_t *body;
  // Length of `body` in bytes.
  size_t len;
  // Error of the server, such as `START_PARAM_INVALID`, terminated by a zero byte; or null.
  const char *message;
  // True if an earlier copy of the call, whose answer was lost, may have been executed: `RANDOM_ID_DUPLICATE` then
  // means that it was.
  bool in_doubt;
} nanogram_event_data;

// Data to save for the next connection. Secret: see `nanogram_wipe`.
typedef struct {
  // Permanent auth key.
  uint8_t auth_key[NANOGRAM_AUTH_KEY];
  // Current salt.
  int64_t salt;
  // Server time minus local time in seconds; valid if `has_time_offset` is set.
  int64_t time_offset;
  // True if `time_offset` is known.
  bool has_time_offset;
  // The servers that know the key. If `nanogram_config.realm` did not name them, they are named once they have
  // proved that
  // they know the key: they made it, or a message came under it, which needs `nanogram_config.temporary` to be 0.
  nanogram_realm realm;
} nanogram_saved_data;

// Peer: a user, bot, group or channel.
typedef struct {
  // Kind of the peer. A `nanogram_peer_kind`.
  uint32_t kind;
  // Id of the peer.
  int64_t id;
  // Access hash of the peer, valid for this account only.
  int64_t access_hash;
} nanogram_peer;

// An account, as a session string of nanogram, Telethon, GramJS, Pyrogram or mtcute holds it. A secret: see
// `nanogram_wipe`.
typedef struct {
  // Auth key that is signed in to the account.
  uint8_t auth_key[NANOGRAM_AUTH_KEY];
  // User id; 0 if the string lacks it.
  int64_t user_id;
  // Application id used for the login; 0 if the string lacks it.
  int32_t api_id;
  // Port of the data centre.
  uint16_t port;
  // Number of the data centre, from 1.
  uint8_t dc_id;
  // True for the test environment.
  bool is_test;
  // Host of the data centre: a name or an address.
  char host[NANOGRAM_HOST];
  // The servers that know the key, as far as the string says; for `nanogram_config.realm`.
  nanogram_realm realm;
} nanogram_session_data;

// Parsed start link.
typedef struct {
  // Username of the bot, without `@`.
  char bot[NANOGRAM_USERNAME];
  // Start parameter; empty for a plain `/start`.
  char start_param[NANOGRAM_START_PARAM];
  // True if the bot is to be started in a group of the user's choice.
  bool is_group;
} nanogram_link_data;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Makes a connection that is about to begin. `now` are microseconds of a clock that never steps back, `unix_time`
// those since
// 1970 as far as they are known.
nanogram_status nanogram_open(const nanogram_config *config,
                              uint64_t now,
                              int64_t unix_time,
                              nanogram **out);

// Ends a connection, wipes its keys and frees it. Null is no connection, and nothing happens; nor does it from within
// the
// entropy callback.
void nanogram_close(nanogram *handle);

// Returns true if the socket should be read, false while earlier input waits for events to be taken. A program that
// asks
// before it reads never sees `NANOGRAM_STATUS_FULL`.
bool nanogram_wants_input(nanogram *handle);

// Takes bytes from the socket, cut anywhere. `NANOGRAM_STATUS_FULL`: they were not taken, and the connection goes on:
// take events and call `nanogram_handle_timeout` first.
nanogram_status nanogram_input(nanogram *handle,
                               uint64_t now,
                               const uint8_t *data,
                               size_t len);

// Gives bytes for the socket: at most `space` of them to `out`, and how many to `len`; 0 if there are none.
nanogram_status nanogram_output(nanogram *handle, uint64_t now, uint8_t *out, size_t space, size_t *len);

// Gives the next thing that has happened; its kind is 0 if nothing has.
nanogram_status nanogram_event(nanogram *handle, nanogram_event_data *out);

// When `nanogram_handle_timeout` must be called; `NANOGRAM_STATUS_NONE` if never.
nanogram_status nanogram_timeout(nanogram *handle, uint64_t *at);

// Does what is due.
nanogram_status nanogram_handle_timeout(nanogram *handle, uint64_t now);

// Begins again on a new socket. Calls that are unanswered go on: none is lost, none is executed twice.
nanogram_status nanogram_reconnect(nanogram *handle, uint64_t now);

// Forgets the temporary key: after `nanogram_reconnect` another is made and bound. The way on from
// `NANOGRAM_EVENT_KIND_NOT_BOUND`, and from the transport error -404 under a temporary key.
nanogram_status nanogram_drop_temporary(nanogram *handle);

// The number of the last transport error, such as -404 or -429; 0 if there was none. It is not authenticated: anybody
// on
// the way can send it, so it is no reason to forget a key.
int32_t nanogram_fault(nanogram *handle);

// Gives what is worth keeping for the next connection; `NANOGRAM_STATUS_NONE` as long as there is no key.
nanogram_status nanogram_saved(nanogram *handle, uint64_t now, int64_t unix_time, nanogram_saved_data *out);

// Makes a call of the API: `body` is a function in TL, id and all, at most `NANOGRAM_MAX_CALL` bytes and a multiple of 4;
// anything else is refused here, and the connection goes on. Its answer comes as an event with the same number.
nanogram_status nanogram_call(nanogram *handle,
                              const uint8_t *body,
                              size_t len,
                              uint64_t *call);

// Asks whose username this is; `nanogram_resolved` reads the answer.
nanogram_status nanogram_resolve(nanogram *handle, const char *username, uint64_t *call);

// Starts `bot` in `peer`, which for the private chat is the bot again, and hands it `start_param`. With the same
// `random_id` a start is executed once, however often it is sent.
nanogram_status nanogram_start_bot(nanogram *handle,
                                   const nanogram_peer *bot,
                                   const nanogram_peer *peer,
                                   int64_t random_id,
                                   const char *start_param,
                                   uint64_t *call);

// Draws a number for `nanogram_start_bot`, not 0.
nanogram_status nanogram_random_id(nanogram *handle, int64_t *out);

// Returns the meaning of a status as a sentence. The text is static: do not free it.
const char *nanogram_says(uint32_t status);

// Overwrites a secret with zeros.
void nanogram_wipe(void *secret, size_t len);

// Parses a session string.
nanogram_status nanogram_session(const char *string, nanogram_session_data *out);

// Parses a start link, such as `https://t.me/some_bot?start=payload`.
nanogram_status nanogram_link(const char *link, nanogram_link_data *out);

// Decodes the answer to `nanogram_resolve`.
nanogram_status nanogram_resolved(const uint8_t *body, size_t len, nanogram_peer *out);

// Writes the constructor name of an `Updates` answer, such as `updates` or `updateShortSentMessage`.
nanogram_status nanogram_updates_name(const uint8_t *body, size_t len, char *out, size_t space);

// Writes the text that `bot` sent, if the update holds one; otherwise returns `NANOGRAM_STATUS_NONE`.
nanogram_status nanogram_answer(const uint8_t *body, size_t len, int64_t bot, char *out, size_t space);

// Writes advice on an error of the server as a sentence; returns `NANOGRAM_STATUS_NONE` if there is none.
nanogram_status nanogram_hint(int32_t code, const char *message, char *out, size_t space);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* NANOGRAM_H */
