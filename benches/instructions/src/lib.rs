//! Empty: all code is in `benches/hot.rs`.
