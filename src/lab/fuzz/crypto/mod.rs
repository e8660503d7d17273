//! The crate's `crypto` while fuzzing (`--cfg fuzzing`, which cargo-fuzz sets): every file is that of `src/crypto` but
//! two, whose numbers are looked up where they would take long to compute.
//!
//! ```text
//! src/lib.rs ──▶ mod crypto ──┬─ usually        src/crypto/mod.rs
//!                             └─ while fuzzing  this list: mont and factor from here, all others from src/crypto
//! ```
//!
//! So nothing in `src/crypto` knows of fuzzing. `tests/structure/floors.rs` holds this list against the one in
//! `src/crypto/mod.rs`.

#![allow(dead_code, unreachable_pub, reason = "of the exact numbers, only what is not looked up is used")]

#[path = "../../../crypto/auth_key.rs"]
pub mod auth_key;
#[path = "../../../crypto/ct.rs"]
pub mod ct;
#[path = "../../../crypto/ctr.rs"]
pub mod ctr;
#[path = "../../../crypto/dh.rs"]
pub mod dh;
#[path = "../../../crypto/factor.rs"]
mod exact_factor;
#[path = "../../../crypto/mont.rs"]
mod exact_mont;
pub mod factor;
#[path = "../../../crypto/ige.rs"]
pub mod ige;
#[path = "../../../crypto/kdf.rs"]
pub mod kdf;
#[cfg(target_pointer_width = "64")]
#[path = "../../../crypto/lifts.rs"]
mod lifts;
#[path = "../../../crypto/limb.rs"]
mod limb;
pub(crate) mod mont;
pub(crate) mod oracle;
#[path = "../../../crypto/pem.rs"]
pub(crate) mod pem;
#[path = "../../../crypto/prime.rs"]
pub(crate) mod prime;
#[path = "../../../crypto/rsa.rs"]
pub mod rsa;
#[cfg(feature = "srp")]
#[path = "../../../crypto/srp.rs"]
pub mod srp;

pub(crate) use pem::strip_zeros;
