//! Nothing: all of it is in `benches/hot.rs`.
