//! Every fault, in the order of the security checklist.

use super::How::{self, Again, Call, Conduct as On, Conn, Exchange, HangUp, Packet, Reply};
use super::out::Damage;
use super::packets::Twist;
use super::replies::Tamper;
use super::{Conduct, Count, Fault, Meet, bodies};
use crate::lab::dc::script::Cut;
use crate::lab::server::lies::{At, Lie, Number};
use crate::wire::transport::Framing;
use alloc::vec;
use alloc::vec::Vec;

/// No number follows: a length that no packet has.
fn huge_frame(framing: Framing) -> Vec<u8> {
    if framing == Framing::ABRIDGED { vec![0x7f, 0xff, 0xff, 0xff] } else { vec![0xff, 0xff, 0xff, 0x7f] }
}
/// A frame of no bytes.
fn empty_frame(framing: Framing) -> Vec<u8> {
    if framing == Framing::ABRIDGED { vec![0] } else { vec![0; 4] }
}
/// A frame of 4000 bytes, of which four come.
fn half_frame(framing: Framing) -> Vec<u8> {
    if framing == Framing::ABRIDGED {
        vec![0x7f, 0xe8, 0x03, 0, 1, 2, 3, 4]
    } else {
        vec![0xa0, 0x0f, 0, 0, 1, 2, 3, 4]
    }
}
/// Answer of a web server.
fn web_page(_: Framing) -> Vec<u8> {
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec()
}

const fn fault(name: &'static str, row: &'static str, says: &'static str, how: How) -> Fault {
    Fault { name, row, says, how }
}

/// Every fault, in the order of the security checklist.
#[rustfmt::skip]
pub static FAULTS: &[Fault] = &[
    fault("res-pq-nonce", "A1", "resPQ with a flipped bit in nonce", Exchange(Lie::Nonce(At::ResPq))),
    fault("dh-params-nonce", "A2", "server_DH_params_ok with a flipped bit in nonce", Exchange(Lie::Nonce(At::DhParams))),
    fault("dh-params-server-nonce", "A2", "server_DH_params_ok with a flipped bit in server_nonce", Exchange(Lie::ServerNonce(At::DhParams))),
    fault("inner-nonce", "A3", "server_DH_inner_data with a flipped bit in nonce", Exchange(Lie::InnerNonce)),
    fault("inner-server-nonce", "A3", "server_DH_inner_data with a flipped bit in server_nonce", Exchange(Lie::InnerServerNonce)),
    fault("dh-gen-nonce", "A4", "dh_gen_ok with a flipped bit in nonce", Exchange(Lie::Nonce(At::DhGen))),
    fault("dh-gen-server-nonce", "A4", "dh_gen_ok with a flipped bit in server_nonce", Exchange(Lie::ServerNonce(At::DhGen))),
    fault("dh-gen-hash", "A4", "dh_gen_ok with a flipped bit in new_nonce_hash1", Exchange(Lie::NewNonceHash)),
    fault("dh-gen-hash2", "A4", "dh_gen_ok with the hash of a retry", Exchange(Lie::HashOfRetry)),
    fault("forged-retry", "A5", "dh_gen_retry with a hash that proves nothing", Exchange(Lie::ForgedRetry)),
    fault("forged-fail", "A5", "dh_gen_fail with a hash that proves nothing", Exchange(Lie::ForgedFail)),
    fault("forged-params-fail", "A5", "server_DH_params_fail with a hash that proves nothing", Exchange(Lie::ParamsFail { proved: false })),
    fault("params-fail", "A5", "an honest server_DH_params_fail", Exchange(Lie::ParamsFail { proved: true })),
    fault("dh-gen-fail", "A5", "an honest dh_gen_fail", Again(0)),
    fault("retry-once", "A6", "an honest dh_gen_retry", Again(1)),
    fault("retry-thrice", "A6", "three honest dh_gen_retry, one after the other", Again(3)),
    fault("retry-forever", "A6", "an honest dh_gen_retry for every attempt", Again(100)),
    fault("answer-hash", "A7", "an encrypted answer whose hash is of something else", Exchange(Lie::AnswerHash)),
    fault("answer-hash-padding", "A7", "an encrypted answer whose hash covers the padding, too", Exchange(Lie::HashOverPadding)),
    fault("answer-padding", "A7", "an encrypted answer with more than 15 bytes of padding", Exchange(Lie::LongPadding)),
    fault("answer-empty", "A8", "an encrypted answer of no bytes", Exchange(Lie::AnswerLen(0))),
    fault("answer-8", "A8", "an encrypted answer of 8 bytes", Exchange(Lie::AnswerLen(8))),
    fault("answer-15", "A8", "an encrypted answer of 15 bytes", Exchange(Lie::AnswerLen(15))),
    fault("answer-16", "A8", "an encrypted answer of 16 bytes, too few for a hash", Exchange(Lie::AnswerLen(16))),
    fault("answer-32", "A8", "an encrypted answer of 32 bytes, too few for a value", Exchange(Lie::AnswerLen(32))),
    fault("prime-composite", "A9", "a dh_prime of 2048 bits that is not prime", Exchange(Lie::Prime(Number::Composite))),
    fault("prime-not-safe", "A9", "a dh_prime of 2048 bits whose half is not prime", Exchange(Lie::Prime(Number::NotSafe))),
    fault("prime-1024", "A9", "a safe dh_prime of 1024 bits", Exchange(Lie::Prime(Number::Safe1024))),
    fault("prime-2049", "A9", "a dh_prime of 2049 bits", Exchange(Lie::Prime(Number::Prime2049))),
    fault("prime-zero", "A9", "0 for dh_prime", Exchange(Lie::Prime(Number::Zero))),
    fault("g-0", "A10", "0 for g", Exchange(Lie::Generator(0))),
    fault("g-1", "A10", "1 for g", Exchange(Lie::Generator(1))),
    fault("g-8", "A10", "8 for g", Exchange(Lie::Generator(8))),
    fault("g-negative", "A10", "-1 for g", Exchange(Lie::Generator(-1))),
    fault("g-2", "A10", "2 for g, which generates another group of this prime", Exchange(Lie::Generator(2))),
    fault("g-a-0", "A11", "0 for g_a", Exchange(Lie::Public(Number::Zero))),
    fault("g-a-1", "A11", "1 for g_a", Exchange(Lie::Public(Number::One))),
    fault("g-a-p-minus-1", "A11", "p - 1 for g_a", Exchange(Lie::Public(Number::PMinusOne))),
    fault("g-a-p", "A11", "p itself for g_a", Exchange(Lie::Public(Number::P))),
    fault("g-a-low", "A11", "a g_a below 2^1984", Exchange(Lie::Public(Number::Low))),
    fault("g-a-high", "A11", "a g_a above p - 2^1984", Exchange(Lie::Public(Number::High))),
    fault("unknown-fingerprint", "A12", "resPQ offers only a key that nobody knows", Exchange(Lie::Fingerprint)),
    fault("pq-prime", "A13", "a prime for pq", Exchange(Lie::Pq(Number::Prime63))),
    fault("pq-zero", "A13", "0 for pq", Exchange(Lie::Pq(Number::Zero))),
    fault("pq-one", "A13", "1 for pq", Exchange(Lie::Pq(Number::One))),
    fault("pq-square", "A13", "the square of a prime for pq", Exchange(Lie::Pq(Number::Square))),
    fault("pq-three", "A13", "a product of three primes for pq", Exchange(Lie::Pq(Number::ThreePrimes))),
    fault("pq-64-bytes", "A13", "a pq of 64 bytes", Exchange(Lie::Pq(Number::Bytes64))),
    fault("plain-trailing", "A18", "88 bytes after resPQ, which clients leave alone", Exchange(Lie::Junk(At::ResPq, 88))),
    fault("plain-msg-id-1", "A18", "an even msg_id in front of resPQ", Exchange(Lie::MsgId(At::ResPq))),
    fault("plain-msg-id-2", "A18", "an even msg_id in front of server_DH_params_ok", Exchange(Lie::MsgId(At::DhParams))),
    fault("plain-msg-id-3", "A18", "an even msg_id in front of dh_gen_ok", Exchange(Lie::MsgId(At::DhGen))),
    fault("plain-len-beyond", "A18", "a plain message longer than its frame", Exchange(Lie::Len(At::ResPq, 4000))),
    fault("plain-len-negative", "A18", "a plain message of negative length", Exchange(Lie::Len(At::DhParams, -4))),
    fault("plain-len-huge", "A18", "a plain message of 2^31 - 1 bytes", Exchange(Lie::Len(At::DhGen, i32::MAX))),
    fault("encrypted-1", "A19", "an encrypted packet in place of resPQ", Exchange(Lie::Encrypted(At::ResPq))),
    fault("encrypted-2", "A19", "an encrypted packet in place of server_DH_params_ok", Exchange(Lie::Encrypted(At::DhParams))),
    fault("encrypted-3", "A19", "an encrypted packet in place of dh_gen_ok", Exchange(Lie::Encrypted(At::DhGen))),
    fault("plain-packet", "A19", "a plain message in place of an encrypted answer", Packet(Twist::Plain)),
    fault("stall-1", "A21", "no resPQ", Exchange(Lie::Stall(At::ResPq))),
    fault("stall-2", "A21", "no server_DH_params_ok", Exchange(Lie::Stall(At::DhParams))),
    fault("stall-3", "A21", "no dh_gen_ok", Exchange(Lie::Stall(At::DhGen))),

    fault("bad-msg-key", "B1", "an answer under a msg_key that is not that of its plaintext", Packet(Twist::Flip(8))),
    fault("flipped-first-block", "B1", "an answer with a flipped bit in its first block", Packet(Twist::Flip(24))),
    fault("flipped-last-byte", "B1", "an answer with a flipped bit in its last byte", Packet(Twist::Flip(usize::MAX))),
    fault("another-key-id", "B3", "an answer with another auth_key_id", Packet(Twist::Flip(0))),
    fault("broken-blocks", "B4", "an answer whose ciphertext is not whole blocks", Packet(Twist::Truncated)),
    fault("short-packet", "B4", "the first 24 bytes of an answer", Packet(Twist::Short(24))),
    fault("len-negative", "B5", "an answer of length -4", Packet(Twist::Len(-4))),
    fault("len-min", "B5", "an answer of length -2^31", Packet(Twist::Len(i32::MIN))),
    fault("len-not-4", "B5", "an answer with a length that is not a multiple of 4", Packet(Twist::LenMore(-2))),
    fault("len-beyond", "B5", "an answer longer than its packet", Packet(Twist::LenMore(4000))),
    fault("len-huge", "B5", "an answer of length 2^31 - 1", Packet(Twist::Len(i32::MAX))),
    fault("no-padding", "B6", "an answer whose length leaves no padding", Packet(Twist::LenBut(0))),
    fault("padding-8", "B6", "an answer whose length leaves 8 bytes of padding", Packet(Twist::LenBut(8))),
    fault("padding-1025", "B7", "an answer with a little over 1024 bytes of padding", Packet(Twist::Padding(1025))),
    fault("padding-4108", "B7", "an answer with 4108 bytes of padding", Packet(Twist::Padding(4108))),
    fault("wrong-session", "B8", "an answer for another session", Packet(Twist::Header(|h| h.session_id ^= 1))),
    fault("session-zero", "B8", "an answer for session 0", Packet(Twist::Header(|h| h.session_id = 0))),
    fault("msg-id-even", "B9", "an answer with a client's msg_id, a multiple of 4", Packet(Twist::Header(|h| h.msg_id &= !3))),
    fault("msg-id-2", "B9", "an answer with a msg_id that leaves 2", Packet(Twist::Header(|h| h.msg_id = h.msg_id & !3 | 2))),
    fault("replay", "B10", "an answer twice, byte for byte", Packet(Twist::Repeat(2))),
    fault("replay-50", "B10", "an answer 50 times", Packet(Twist::Repeat(50))),
    fault("replay-later", "B10", "an answer again after the next packet", Packet(Twist::Later(1))),
    fault("replay-reconnect", "B10", "an answer, the end of the connection, and the same packet first on the next", Packet(Twist::Elsewhere)),
    fault("replay-backwards", "B10", "an answer, and all packets before it again, the newest first", Packet(Twist::Storm)),
    fault("past-301", "B11", "an answer with a msg_id of 301 s ago", Packet(Twist::Shift(-301))),
    fault("past-year", "B11", "an answer with a msg_id of a year ago", Packet(Twist::Shift(-31_536_000))),
    fault("future-31", "B11", "an answer with a msg_id 31 s ahead", Packet(Twist::Shift(31))),
    fault("past-290", "B11", "an answer with a msg_id of 290 s ago, which is lawful", Packet(Twist::Shift(-290))),
    fault("repeated-inner", "B12", "a container that holds an answer twice, under one msg_id", Packet(Twist::Body(bodies::repeated_inner))),
    fault("inner-even", "B12", "a container whose messages have clients' ids", Packet(Twist::Body(bodies::even_inner))),
    fault("reflected", "B14", "an answer sealed as clients seal", Packet(Twist::Reflected)),
    fault("echo", "B14", "the client's own last packet in place of an answer", Packet(Twist::Echo)),
    fault("extra-block", "B16", "an answer with one block more", Packet(Twist::ExtraBlock)),
    fault("last-block", "B16", "an answer whose last block is noise", Packet(Twist::LastBlock)),
    fault("no-acks", "B17", "an answer without the acknowledgements that went with it", Packet(Twist::Body(bodies::without_acks))),
    fault("lost-answer", "B17", "an answer that never comes, nor any sign that the call did", Packet(Twist::Lost)),
    fault("overtaken", "B18", "an answer that the next packet overtakes", Packet(Twist::Overtaken)),
    fault("mtproto-1", "B19", "an answer in the way of MTProto 1", Packet(Twist::Version1)),

    fault("forged-salt", "C1", "bad_server_salt about a message that was never sent", Packet(Twist::Before(false, bodies::forged_salt))),
    fault("forged-refusals", "C1", "bad_msg_notification of every code about a message that was never sent", Packet(Twist::Before(false, bodies::forged_refusals))),
    fault("late-refusal", "C1", "bad_msg_notification about a call that is answered", Packet(Twist::After(false, bodies::late_refusal))),
    fault("new-salt", "C2", "a salt that is not taken any more, with bad_server_salt", On(Conduct::NewSalt)),
    fault("bad-msg-16", "C3", "a call refused with code 16: msg_id too low", On(Conduct::Refuse(16))),
    fault("bad-msg-17", "C3", "a call refused with code 17: msg_id too high", On(Conduct::Refuse(17))),
    fault("bad-msg-18", "C3", "a call refused with code 18: msg_id not a multiple of 4", On(Conduct::Refuse(18))),
    fault("bad-msg-19", "C3", "a call refused with code 19: msg_id of another container", On(Conduct::Refuse(19))),
    fault("bad-msg-20", "C3", "a call refused with code 20: message too old", On(Conduct::Refuse(20))),
    fault("bad-msg-32", "C4", "a call refused with code 32: seqno too low", On(Conduct::Refuse(32))),
    fault("bad-msg-33", "C4", "a call refused with code 33: seqno too high", On(Conduct::Refuse(33))),
    fault("bad-msg-34", "C4", "a call refused with code 34: seqno should be even", On(Conduct::Refuse(34))),
    fault("bad-msg-35", "C4", "a call refused with code 35: seqno should be odd", On(Conduct::Refuse(35))),
    fault("bad-msg-64", "C4", "a call refused with code 64: invalid container", On(Conduct::Refuse(64))),
    fault("bad-msg-999", "C4", "a call refused with a code that nobody knows", On(Conduct::Refuse(999))),
    fault("forgotten-session", "C5", "a server that has forgotten the session, and the call with it", On(Conduct::Forget)),
    fault("new-session", "C5", "new_session_created out of nowhere, the same three times", Packet(Twist::Before(true, |s| [bodies::new_session(s), bodies::new_session(s), bodies::new_session(s)].concat()))),
    fault("first-msg-id-of-container", "C5", "new_session_created names the container that held the first call", How::Greeting),
    fault("unasked-salts", "C6", "future_salts that nobody asked for", Packet(Twist::Before(false, bodies::unasked_salts))),
    fault("unknown-results", "C7", "a thousand answers to calls that nobody made", Packet(Twist::Before(true, bodies::unknown_results))),
    fault("second-answer", "C8", "an answer, and then an error to the same call", Packet(Twist::After(true, bodies::second_result))),
    fault("nested-container", "C9", "a container in a container", Packet(Twist::Body(bodies::nested))),
    fault("deep-container", "C9", "containers in each other, 200 deep", Packet(Twist::Body(bodies::deeply_nested))),
    fault("inner-id-higher", "C9", "a container whose messages have higher ids than it", Packet(Twist::Body(bodies::higher_inner))),
    fault("count-negative", "C9", "a container of -1 messages", Packet(Twist::Body(bodies::count_negative))),
    fault("count-huge", "C9", "a container of 2^31 - 1 messages, as it says", Packet(Twist::Body(bodies::count_huge))),
    fault("count-1100", "C9", "a container of over 1100 messages", Packet(Twist::Body(bodies::crowded))),
    fault("inner-len-beyond", "C9", "a container with a message longer than it", Packet(Twist::Body(bodies::len_beyond))),
    fault("inner-len-negative", "C9", "a container with a message of length -4", Packet(Twist::Body(bodies::len_negative))),
    fault("gzip-bomb", "C10", "a compressed message that opens to 64 MiB", Packet(Twist::Before(true, bodies::gzip_bomb))),
    fault("gzip-bombs", "C10", "16 compressed messages that open to 15 MiB each", Packet(Twist::Before(true, bodies::gzip_bombs))),
    fault("gzip-bomb-answer", "C10", "a compressed answer that opens to 64 MiB", Packet(Twist::Body(bodies::gzip_bomb_answer))),
    fault("gzip-nested", "C10", "compressed data in compressed data", Packet(Twist::Before(true, bodies::gzip_nested))),
    fault("gzip-crc", "C10", "a compressed answer with a wrong checksum", Packet(Twist::Body(bodies::gzip_crc))),
    fault("gzip-cut", "C10", "the first half of a compressed answer", Packet(Twist::Body(bodies::gzip_cut))),
    fault("strays", "C11", "future_salt, msg_copy, http_wait, rpc_error, a pong and an unknown value, each alone", Packet(Twist::Before(false, bodies::strays))),
    fault("empty-body", "C11", "a message of no bytes", Packet(Twist::Before(false, bodies::empty))),
    fault("detailed-info", "C12", "msg_detailed_info in place of an answer, which must be asked for", Packet(Twist::Body(bodies::announced))),
    fault("asks-states", "C13", "msgs_state_req about a call of the client", Packet(Twist::Before(false, bodies::asks_states))),
    fault("asks-resend", "C13", "msg_resend_req for a call of the client", Packet(Twist::Before(false, bodies::asks_resend))),
    fault("unasked-states", "C14", "msgs_state_info about a message that asked nothing, of 4000 states", Packet(Twist::Before(false, bodies::unasked_states))),
    fault("states-short", "C14", "a call that is lost, and one state too few when the client asks what became of its calls", On(Conduct::Miscount(Count::TooFew))),
    fault("states-long", "C14", "the same, and one state too many", On(Conduct::Miscount(Count::TooMany))),
    fault("content-flood", "C15", "100,000 messages that must be acknowledged", Packet(Twist::Before(false, bodies::content_flood))),
    fault("silence", "C16", "nothing any more, on an open connection", Packet(Twist::Silence)),
    fault("flood-wait", "C18", "FLOOD_WAIT_1 to any call", Call("", "FLOOD_WAIT_1")),
    fault("flood-wait-day", "C18", "FLOOD_WAIT_86400 to any call", Call("", "FLOOD_WAIT_86400")),
    fault("internal-error", "C18", "500 INTERNAL to any call", Call("", "INTERNAL")),
    fault("phone-migrate-999", "C19", "PHONE_MIGRATE_999 to auth.sendCode", Call("auth.sendCode", "PHONE_MIGRATE_999")),
    fault("user-migrate-999", "C19", "USER_MIGRATE_999 to any call", Call("", "USER_MIGRATE_999")),
    fault("hang-up", "C20", "a call is executed, and the connection ends before the answer", HangUp),

    fault("fault-1", "D1", "-1 in place of a packet, an error that nobody knows", Packet(Twist::Fault(-1))),
    fault("fault-404", "D2", "-404 in place of an answer, as anybody on the way can send it", Packet(Twist::Fault(-404))),
    fault("fault-429", "D3", "-429 in place of an answer: too many connections", Packet(Twist::Fault(-429))),
    fault("fault-444", "D3", "-444 in place of an answer: no such data centre", Packet(Twist::Fault(-444))),
    fault("frame-huge", "D4", "the longest frame that a length can say", Packet(Twist::Raw(huge_frame))),
    fault("half-frame", "D5", "a frame that never gets whole", Packet(Twist::Raw(half_frame))),
    fault("byte-by-byte", "D5", "everything one byte at a time", Conn(Meet::Grain(1))),
    fault("frame-empty", "D6", "a frame of no bytes", Packet(Twist::Raw(empty_frame))),
    fault("web-server", "D6", "HTTP in place of an answer", Packet(Twist::Raw(web_page))),
    fault("full-crc", "D7", "a frame of the full framing with a wrong checksum", Packet(Twist::Full(Damage::Crc))),
    fault("full-seq", "D7", "a frame of the full framing out of turn", Packet(Twist::Full(Damage::Seq))),
    fault("quick-ack", "D8", "a quick ack that nobody asked for", Packet(Twist::QuickAck(0x1234_5678))),
    fault("padded-tail", "D9", "up to 15 random bytes after the packet, where frames are padded", Packet(Twist::Tail)),
    fault("cut-short-body", "D11", "a service message that ends in the middle", Packet(Twist::Before(false, bodies::cut_short))),
    fault("vector-huge", "D11", "a vector of 2^31 - 1 items, as it says", Packet(Twist::Before(false, bodies::huge_vector))),
    fault("accept-and-stall", "D12", "a connection on which nothing is ever answered", Conn(Meet::Stall)),
    fault("cut-70", "D12", "a connection that ends after 70 bytes", Conn(Meet::Cut(Cut::BytesOut(70)))),
    fault("close-on-accept", "D13", "a connection that ends at once", Conn(Meet::Cut(Cut::BytesOut(0)))),

    fault("perm-empty", "E3", "AUTH_KEY_PERM_EMPTY to any call", Call("", "AUTH_KEY_PERM_EMPTY")),
    fault("bind-invalid", "E4", "ENCRYPTED_MESSAGE_INVALID to auth.bindTempAuthKey", Call("auth.bindTempAuthKey", "ENCRYPTED_MESSAGE_INVALID")),
    fault("srp-prime-composite", "E5", "a p of account.password that is not prime", Reply(Tamper::Prime(Number::Composite))),
    fault("srp-prime-not-safe", "E5", "a p of account.password whose half is not prime", Reply(Tamper::Prime(Number::NotSafe))),
    fault("srp-prime-1024", "E5", "a p of account.password of 1024 bits", Reply(Tamper::Prime(Number::Safe1024))),
    fault("srp-g", "E5", "a g of account.password that is 9", Reply(Tamper::Generator(9))),
    fault("srp-b-zero", "E6", "0 for srp_B", Reply(Tamper::SrpB(Number::Zero))),
    fault("srp-b-p", "E6", "p for srp_B", Reply(Tamper::SrpB(Number::P))),
    fault("srp-b-257", "E6", "an srp_B of 257 bytes", Reply(Tamper::LongSrpB)),
    fault("secure-random", "E7", "the same secure_random each time", Reply(Tamper::SecureRandom)),
    fault("kdf-unknown", "E9", "passwordKdfAlgoUnknown", Reply(Tamper::Algorithm)),
    fault("sent-code-success", "E10", "auth.sentCodeSuccess: signed in as Alice without a code", Reply(Tamper::SentCodeSuccess)),
    fault("sent-code-payment", "E10", "auth.sentCodePaymentRequired", Reply(Tamper::SentCodePayment)),
    fault("sign-up", "E10", "auth.authorizationSignUpRequired to a right code", Reply(Tamper::SignUp)),
    fault("qr-migrate-999", "E11", "auth.loginTokenMigrateTo data centre 999", Reply(Tamper::QrMigrate)),
    fault("key-duplicated", "E12", "AUTH_KEY_DUPLICATED to any call, and the key is gone", Call("", "AUTH_KEY_DUPLICATED")),
    fault("key-unregistered", "E12", "AUTH_KEY_UNREGISTERED to any call", Call("", "AUTH_KEY_UNREGISTERED")),
    fault("session-revoked", "E12", "SESSION_REVOKED to any call", Call("", "SESSION_REVOKED")),
    fault("user-deactivated", "E12", "USER_DEACTIVATED to any call", Call("", "USER_DEACTIVATED")),
];
