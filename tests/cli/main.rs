//! The program `nanogram` as users run it.

mod commands;
mod dc;
mod errors;
mod escape;
#[cfg(target_os = "linux")]
mod flood;
mod secrets;
