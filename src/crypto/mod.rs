//! Cryptography: the numbers of the key exchange and of two-factor passwords.
pub mod dh;
pub mod factor;
mod mont;
mod prime;
#[cfg(feature = "srp")]
pub mod srp;
