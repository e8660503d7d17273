//! Server halves of the protocol: the key exchange, the private RSA keys behind it, the lies it can be told to tell, and
//! the check of passwords.

pub mod handshake;
pub mod lies;
pub mod rsa;
pub mod srp;
