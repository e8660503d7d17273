//! Telegram's MTProto 2.0 from scratch: a `no_std` protocol core, a tokio client, and a test data centre.
//!
//! Received bytes become frames, frames become packets, packets become messages, and messages become results and updates.
//! Each step is a module that depends only on the modules below it.
//!
//! ```text
//!             socket bytes                                   your code
//!                  │ handle_input(now, &[u8])                    ▲ Event · typed reply
//!                  ▼                                             │
//!    wire::transport     bytes to frames             protocol::connection
//!                  │                                             ▲
//!                  ▼                                             │
//!    protocol::handshake no key yet: key exchange                │
//!    protocol::session   decrypt and check: key, msg_key,        │
//!                        session, message id, time, replay       │
//!                  │                                             │
//!                  ▼                                             │
//!                container ─▶ gzip ─▶ service message? ──────────┘ results and updates
//! ```
//!
//! | module | contents |
//! | --- | --- |
//! | [`base`] | time, entropy, checksums, escaping |
//! | [`tl`](mod@tl), [`crypto`] | serialization; ciphers, key derivation, RSA, Diffie-Hellman, SRP |
//! | [`wire`] | transports, message ids, MTProto's own constructors |
//! | [`protocol`] | client state machines: key exchange, session, connection |
//! | [`telegram`] | API constructors, data centres, links, sign-in, starting a bot, session storage |
//! | `client` | tokio client |
//! | `ffi` | C ABI, the only module with `unsafe` |
//! | [`lab`] | test data centre, faults, captures, fuzz bodies; no other module uses it |
//!
//! **Where to begin.** To use the client: `client`. To embed the protocol: [`protocol::connection`], which takes time,
//! entropy and bytes as arguments and never blocks. To learn the protocol: [`tl`](mod@tl), [`crypto`],
//! [`protocol::handshake`] and [`protocol::session`], each with the pages of the spec; `cargo run --example
//! handshake_walk` explains the official sample of a key exchange byte by byte. To test a client: `lab::dc`, in process or
//! on loopback. To decode a recording: `lab::capture`.
//!
//! **Dependencies.** `#![no_std]` with `alloc`; below the client there is no `unsafe`, clock, socket or global state. AES,
//! SHA and randomness come from the RustCrypto and `rand` crates; cipher modes, number arithmetic and the protocol are
//! implemented here.
//!
//! **Features** are additive, and each builds alone.
//!
//! | feature | adds |
//! | --- | --- |
//! | `client` | `client`: tokio, the system's clock and entropy, the session file |
//! | `gzip` | compressed messages |
//! | `pfs` | forward secrecy: temporary keys |
//! | `srp` | two-factor passwords: `Client::check_password` |
//! | `schema` | the schema at run time: values with names; JSON needs `tools` |
//! | `tools` | `lab::capture`, JSON (`to_json`) |
//! | `dc` | `lab::dc` and `lab::server` |
//! | `tokio` | the crate tokio alone, for a driver such as `examples/minimal.rs` |
//! | `ffi` | `ffi` |
//! | `sqlite` (default) | session databases of other libraries, read by the program |
//! | `cli` (default) | the program `nanogram`, with all of the above except `ffi` |
#![no_std]
#![cfg_attr(not(feature = "ffi"), forbid(unsafe_code))]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation
    )
)]

extern crate alloc;
#[cfg(any(test, feature = "client", feature = "fuzzing"))]
extern crate std;

pub mod base;
#[cfg(feature = "client")]
pub mod client;
#[cfg(not(all(fuzzing, feature = "fuzzing")))]
pub mod crypto;
// Fuzzers see a thousand times as many key exchanges when powers are looked up: the same files, but for the numbers.
#[cfg(all(fuzzing, feature = "fuzzing"))]
#[path = "lab/fuzz/crypto/mod.rs"]
pub mod crypto;
#[cfg(feature = "ffi")]
pub mod ffi;
pub mod lab;
pub mod protocol;
pub mod telegram;
pub mod tl;
pub mod wire;

/// The code in the README is code.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
