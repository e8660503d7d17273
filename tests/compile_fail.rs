//! What the compiler must refuse: a struct that is not what its schema line says.
//!
//! The words it says it with are part of the promise, and are those of one compiler; with another this test has nothing
//! to say, and neither if that compiler can quote the source of `core`.

use std::path::Path;
use std::process::Command;

/// The compiler whose words stand in `compile_fail/*.stderr`.
const RUSTC: &str = "rustc 1.95";

fn rustc(argument: &[&str]) -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    String::from_utf8(Command::new(rustc).args(argument).output().unwrap().stdout).unwrap()
}

#[test]
fn a_mistake_in_a_constructor_does_not_compile() {
    let quotes_core = Path::new(rustc(&["--print", "sysroot"]).trim()).join("lib/rustlib/src").exists();
    if rustc(&["--version"]).starts_with(RUSTC) && !quotes_core {
        trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
    } else {
        println!("skipped: the expected words are those of {RUSTC} without the component rust-src");
    }
}
