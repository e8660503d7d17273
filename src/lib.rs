//! Telegram's MTProto 2.0, from the socket's bytes to a started bot, written from scratch.
//!
//! One direction: bytes become frames, frames packets, packets messages, messages results, results typed values. Each
//! arrow is a module that knows only those below it, and the way out is the same stairs walked down.
//!
//! ```text
//!             socket bytes                                   your code
//!                  │ handle_input(now, &[u8])                    ▲ Event · typed reply
//!                  ▼                                             │
//!  1 transport   cut the stream into frames                 connection            3
//!                  │                                             ▲
//!                  ▼                                             │
//!  2 handshake   no key yet: make one, believing nothing         │
//!                that is not proved                              │
//!                  │                                             │
//!                  ▼                                             │
//!  2 session     open: key, msg_key, session, id, time, repeat   │
//!                  │                                             │
//!                  ▼                                             │
//!                container ─▶ gzip ─▶ service message? ──────────┘ answers and updates
//!
//!  0 tl: how values lie in bytes      0 crypto: what hides and proves them      0 time, entropy: arguments
//!  1 mt, api: the constructors        4 start, login: the jobs, pure            5 client, dc: the world
//! ```
//!
//! **Where to begin.** To use it: `client`, and ten lines. To embed it: [`connection`], where time, entropy and bytes
//! are arguments and nothing blocks. To learn the protocol: [`tl`](mod@tl), then [`crypto`], [`handshake`], [`session`], each
//! with the spec's page named; `cargo run --example handshake_walk` walks through the official key exchange byte by
//! byte. To test a client, one's own or another: `dc`, a data centre in process or on loopback. To read a recording:
//! `capture`.
//!
//! **What it stands on.** `#![no_std]` with `alloc`, no `unsafe`, no clock, no socket, no global state below the
//! client. AES, SHA and the randomness come from the RustCrypto and `rand` crates; the modes, the numbers and the
//! protocol are here, where they can be read.
//!
//! **Features** only add, and each builds alone.
//!
//! | feature | brings |
//! | --- | --- |
//! | `client` | `client`: tokio, the operating system's clock and entropy; the session file |
//! | `gzip` | opens compressed answers |
//! | `pfs` | forward secrecy: temporary keys |
//! | `srp` | two-factor passwords: `Client::check_password` |
//! | `schema` | the schema's text at run time: values with names; JSON needs `tools` |
//! | `tools` | `capture`, JSON (`to_json`) |
//! | `dc` | `lab::dc`, and the servers' halves of the protocol |
//! | `tokio` | the crate tokio alone, for a driver of one's own as `examples/minimal.rs` has |
//! | `ffi` | `ffi`: the C ABI, the one module with `unsafe` |
//! | `cli` (default) | the program `nanogram`, and all of the above |
//! | `sqlite` (default) | the program reads the session databases of Telethon, Pyrogram and grammers |
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
