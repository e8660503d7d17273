//! Server halves of the protocol: the key exchange, the private RSA keys behind it, and the lies it can be told to tell.

pub mod handshake;
pub mod lies;
pub mod rsa;
