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

// Bytes of an authorization key.
#define NANOGRAM_AUTH_KEY 256

// Bytes of the longest call.
#define NANOGRAM_MAX_CALL (4 << 20)

// Bytes of a host name, its end marked by a zero byte.
#define NANOGRAM_HOST 256

// Bytes of a username: 32 and a zero byte.
#define NANOGRAM_USERNAME 33

// Bytes of a start parameter: 64 and a zero byte.
#define NANOGRAM_START_PARAM 65

// What became of a function.
typedef enum {
  // It is done.
  NANOGRAM_STATUS_OK = 0,
  // A pointer is null that must not be, or a number is out of its range.
  NANOGRAM_STATUS_BAD_ARGUMENT = 1,
  // The text is not UTF-8.
  NANOGRAM_STATUS_BAD_TEXT = 2,
  // The buffer is too small; what fits is in it, its end marked.
  NANOGRAM_STATUS_NO_SPACE = 3,
  // The text is no session string.
  NANOGRAM_STATUS_BAD_SESSION = 4,
  // The text is no PEM file with a public RSA key.
  NANOGRAM_STATUS_BAD_PEM = 5,
  // The text is no start link.
  NANOGRAM_STATUS_BAD_LINK = 6,
  // The text is no username.
  NANOGRAM_STATUS_BAD_USERNAME = 7,
  // The start parameter is one that the server would refuse: 1 to 64 of A-Z, a-z, 0-9, _ and -.
  NANOGRAM_STATUS_BAD_START_PARAM = 8,
  // The peer is no bot.
  NANOGRAM_STATUS_NOT_A_BOT = 9,
  // The bytes are not what they were to be.
  NANOGRAM_STATUS_BAD_BYTES = 10,
  // The server names no access hash for this peer: it cannot be addressed.
  NANOGRAM_STATUS_NO_ACCESS_HASH = 11,
  // The source of randomness failed.
  NANOGRAM_STATUS_NO_ENTROPY = 12,
  // The connection is over: close the socket; `nanogram_reconnect` begins again on a new one.
  NANOGRAM_STATUS_CLOSED = 13,
  // The server does not prove who it is: none of the public keys is its own, or a check of the key exchange failed.
  NANOGRAM_STATUS_NOT_PROVEN = 14,
  // The server said no with a transport error; its number is in `nanogram_fault`.
  NANOGRAM_STATUS_FAULT = 15,
  // There is none.
  NANOGRAM_STATUS_NONE = 16,
  // The connection is in use: the entropy callback must not come back with it.
  NANOGRAM_STATUS_BUSY = 17,
  // Too many events wait: the bytes were not taken, and the connection goes on.
  NANOGRAM_STATUS_FULL = 18,
} nanogram_status;

// How packets are cut in the stream.
typedef enum {
  // One or four bytes of length.
  NANOGRAM_FRAMING_ABRIDGED = 0,
  // Four bytes of length.
  NANOGRAM_FRAMING_INTERMEDIATE = 1,
  // Four bytes of length and random bytes after the packet.
  NANOGRAM_FRAMING_PADDED_INTERMEDIATE = 2,
  // Length, number and checksum.
  NANOGRAM_FRAMING_FULL = 3,
} nanogram_framing;

// Which kind of peer.
typedef enum {
  // A user who is no bot.
  NANOGRAM_PEER_KIND_USER = 0,
  // A bot.
  NANOGRAM_PEER_KIND_BOT = 1,
  // A basic group; it has no access hash.
  NANOGRAM_PEER_KIND_CHAT = 2,
  // A supergroup or channel.
  NANOGRAM_PEER_KIND_CHANNEL = 3,
  // Oneself; nothing else is looked at.
  NANOGRAM_PEER_KIND_ME = 4,
} nanogram_peer_kind;

// What happened.
typedef enum {
  // Nothing.
  NANOGRAM_EVENT_KIND_NOTHING = 0,
  // A key was made: `nanogram_saved` has it.
  NANOGRAM_EVENT_KIND_AUTHORIZED = 1,
  // A temporary key is bound to the permanent one.
  NANOGRAM_EVENT_KIND_BOUND = 2,
  // The server does not bind a temporary key: it knows the permanent one no more, or the key is seconds old. To try
  // again: `nanogram_drop_temporary`, then `nanogram_reconnect`.
  NANOGRAM_EVENT_KIND_NOT_BOUND = 3,
  // A call is answered; `body` has the result.
  NANOGRAM_EVENT_KIND_REPLY = 4,
  // The server refused a call: `code` and `message` say why, and `nanogram_hint` what can be done.
  NANOGRAM_EVENT_KIND_REFUSED = 5,
  // A call has no result, for a reason that is not the server's word; `message` says which.
  NANOGRAM_EVENT_KIND_FAILED = 6,
  // Something that was not asked for; `body` has it: a message of the bot, for instance.
  NANOGRAM_EVENT_KIND_UPDATE = 7,
  // The server began a new session: updates may have been missed.
  NANOGRAM_EVENT_KIND_NEW_SESSION = 8,
  // A key exchange begins.
  NANOGRAM_EVENT_KIND_EXCHANGE = 9,
  // A temporary key is made, and not bound yet.
  NANOGRAM_EVENT_KIND_TEMPORARY = 10,
  // Something that this version has no number for.
  NANOGRAM_EVENT_KIND_OTHER = 11,
} nanogram_event_kind;

// A connection to one data centre.
typedef struct nanogram nanogram;

// Fills `len` bytes at `out` with cryptographic randomness; `false` if there is none. It must not call a function with the
// connection that it is called for (`NANOGRAM_STATUS_BUSY`), nor must it return by `longjmp`.
typedef bool (*nanogram_entropy)(void *context, uint8_t *out, size_t len);

// What a connection must know before its first byte. Set all of it to zero, then what is needed.
typedef struct {
  // 256 bytes: a key made before. Null: a key is made, and nobody is signed in with it.
  const uint8_t *auth_key;
  // The salt last in use, or 0; a wrong one costs a round trip.
  int64_t salt;
  // The server's time minus the local one in seconds, if `has_time_offset`.
  int64_t time_offset;
  // Whether `time_offset` is known.
  bool has_time_offset;
  // The number of the data centre, from 1.
  uint8_t dc_id;
  // Whether it belongs to the test environment.
  bool is_test;
  // How packets are cut. A `nanogram_framing`.
  uint32_t framing;
  // Perfect forward secrecy: messages go under keys that live this many seconds; 0: under the account's own key.
  int32_t temporary;
  // The public RSA key of the data centre, as PEM text. Null: Telegram's keys.
  const char *pem;
  // The application's id, from my.telegram.org. 0: calls are sent as they are, without `initConnection`.
  int32_t api_id;
  // What the user sees in the list of his sessions. Null: "nanogram".
  const char *device_model;
  // The source of randomness. It must be one for cryptography.
  nanogram_entropy entropy;
  // Handed to `entropy`. Connections of several threads may share it only if `entropy` takes a lock.
  void *context;
} nanogram_config;

// What happened, and with what. Pointers are good until the next call with the same connection.
typedef struct {
  // What happened. An `nanogram_event_kind`.
  uint32_t kind;
  // Which call, if it is the end of one.
  uint64_t call;
  // The server's error code, if it refused: 303, 400, 401, 403, 406, 420, 500.
  int32_t code;
  // A boxed TL value, or null.
  const uint8_t *body;
  // Its bytes.
  size_t len;
  // The server's error, such as `START_PARAM_INVALID`, or null; its end is marked by a zero byte.
  const char *message;
  // The call may have been executed by an earlier sending, whose answer was lost: `RANDOM_ID_DUPLICATE` then means
  // that it was.
  bool in_doubt;
} nanogram_event_data;

// What is worth keeping for the next connection. A secret: see `nanogram_wipe`.
typedef struct {
  // The key.
  uint8_t auth_key[NANOGRAM_AUTH_KEY];
  // The salt in use.
  int64_t salt;
  // The server's time minus the local one in seconds, if `has_time_offset`.
  int64_t time_offset;
  // Whether `time_offset` is known.
  bool has_time_offset;
} nanogram_saved_data;

// Somebody or something to talk to.
typedef struct {
  // What it is. A `nanogram_peer_kind`.
  uint32_t kind;
  // Its id.
  int64_t id;
  // Its hash, valid for this account alone.
  int64_t access_hash;
} nanogram_peer;

// An account, as a session string of nanogram, Telethon, GramJS, Pyrogram or mtcute holds it. A secret: see
// `nanogram_wipe`.
typedef struct {
  // The key that the data centre knows the account by.
  uint8_t auth_key[NANOGRAM_AUTH_KEY];
  // The user's id, 0 if the string does not say.
  int64_t user_id;
  // The application that signed in, 0 if the string does not say.
  int32_t api_id;
  // The port of the data centre.
  uint16_t port;
  // The number of the data centre, from 1.
  uint8_t dc_id;
  // Whether it belongs to the test environment.
  bool is_test;
  // The host of the data centre: a name or an address.
  char host[NANOGRAM_HOST];
} nanogram_session_data;

// What a start link says.
typedef struct {
  // The bot, without `@`.
  char bot[NANOGRAM_USERNAME];
  // The start parameter; empty for the plain `/start`.
  char start_param[NANOGRAM_START_PARAM];
  // The bot is to be started in a group that the user picks.
  bool is_group;
} nanogram_link_data;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Makes a connection that is about to begin. `now` are microseconds of a clock that never steps back, `unix_time` those since
// 1970 as far as they are known.
nanogram_status nanogram_open(const nanogram_config *config,
                              uint64_t now,
                              int64_t unix_time,
                              nanogram **out);

// Ends a connection, wipes its keys and frees it. Null is no connection, and nothing happens; nor does it from within the
// entropy callback.
void nanogram_close(nanogram *handle);

// Whether the socket should be read: `false` while earlier input waits for events to be taken. A program that asks
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

// The number of the last transport error, such as -404 or -429; 0 if there was none. It is not authenticated: anybody on
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

// Says in a sentence what a status means. The text is never freed.
const char *nanogram_says(uint32_t status);

// Wipes what holds a secret.
void nanogram_wipe(void *secret, size_t len);

// Reads a session string.
nanogram_status nanogram_session(const char *string, nanogram_session_data *out);

// Reads a start link, such as `https://t.me/some_bot?start=payload`.
nanogram_status nanogram_link(const char *link, nanogram_link_data *out);

// Reads the answer to `nanogram_resolve`.
nanogram_status nanogram_resolved(const uint8_t *body, size_t len, nanogram_peer *out);

// Gives the name of an answer of type `Updates`, such as `updates` or `updateShortSentMessage`.
nanogram_status nanogram_updates_name(const uint8_t *body, size_t len, char *out, size_t space);

// Gives the text that `bot` sent, if an update holds one; `NANOGRAM_STATUS_NONE` if it does not.
nanogram_status nanogram_answer(const uint8_t *body, size_t len, int64_t bot, char *out, size_t space);

// Gives what can be done about an error of the server, in a sentence; `NANOGRAM_STATUS_NONE` if nothing is known of it.
nanogram_status nanogram_hint(int32_t code,
                              const char *message,
                              char *out,
                              size_t space);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* NANOGRAM_H */
