//! The security checklist: one module for each part, and the table of rows that `docs/security.md` is written from.
//!
//! A test's name begins with its row, in two digits. `tests/dc_faults.rs` tests every fault of the data centre.

mod a_exchange;
mod b_packets;
mod c_service;
mod checklist;
mod d_transport;
mod e_accounts;
mod rows;
#[path = "../support/mod.rs"]
mod support;
