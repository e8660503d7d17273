//! Puts `memory.x` where the linker looks for it, and the names of the interrupts: there are none.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::copy("memory.x", out.join("memory.x")).expect("memory.x can be copied");
    fs::write(out.join("device.x"), "").expect("device.x can be written");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg=-Tlink.x");
    // Functions whose code is the same share it.
    println!("cargo:rustc-link-arg=--icf=all");
    println!("cargo:rerun-if-changed=memory.x");
}
