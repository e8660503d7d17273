//! The other side: a data centre for tests and demonstrations.

mod bots;
pub mod call;
mod history;
pub mod mailbox;
pub mod messages;
mod people;
mod post;
pub mod residents;
mod view;
pub mod world;

pub use call::{Caller, Outcome, Push};
pub use world::{PeerId, World};
