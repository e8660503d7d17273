//! Sessions: files, strings of other libraries, realms.

mod commands;
mod file;
mod realms;
mod strings;
