//! Cryptography: key exchange, key derivation, encryption and RSA. All functions are pure; entropy is an argument.
//!
//! ```text
//!                     nonce, server_nonce: sent openly          new_nonce: 32 random bytes of the client
//!                                      │                               │
//!  RSA key, pinned ── rsa_pad ─────────┼── hides new_nonce from everybody except the server
//!                                      ▼                               ▼
//!                              kdf::tmp_aes(new_nonce, server_nonce) ── ige ── hides g, p, g^a and g^b
//!                                                                               │ dh: checks, then g^ab mod p
//!                                                                               ▼
//!                                                                     AuthKey, 256 bytes, for years
//!                                                                               │
//!         one message:  plaintext ── kdf::msg_key ── kdf::aes(auth_key, side, msg_key) ── ige ── the packet
//! ```
//!
//! The primitives AES, SHA-1 and SHA-256 come from the `aes`, `sha1` and `sha2` crates. The cipher mode, key
//! derivation, padding and number arithmetic are implemented here. [`ctr`] only obfuscates the transport.
//!
//! Secrets are wiped on drop and compared with [`ct::same`], and their `Debug` output does not reveal them.
//!
//! Spec: mtproto/auth_key, mtproto/description, mtproto/security_guidelines

pub mod auth_key;
pub mod ct;
pub mod ctr;
pub mod dh;
pub mod factor;
pub mod ige;
pub mod kdf;
#[cfg(target_pointer_width = "64")]
mod lifts;
mod limb;
pub(crate) mod mont;
#[cfg(test)]
mod mont_proof;
pub(crate) mod pem;
pub(crate) mod prime;
pub mod rsa;
#[cfg(feature = "srp")]
pub mod srp;

pub(crate) use pem::strip_zeros;
