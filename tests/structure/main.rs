//! The structure of the source, and what the compiler must refuse.

mod compile_fail;
mod floors;
mod language;
