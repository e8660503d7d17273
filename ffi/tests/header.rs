//! The header says what the code says: it is made from it. With `NANOGRAM_WRITE=1` it is written anew.

use std::path::Path;

#[test]
fn the_header_is_made_of_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let builder = cbindgen::Builder::new().with_config(config).with_src(root.join("../src/ffi/mod.rs"));
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let mut made = for_c(&String::from_utf8(made).unwrap());
    let kinds = [
        ("FramingKind", "framing"),
        ("PeerKind", "peer_kind"),
        ("EventKind", "event_kind"),
        ("ServersKind", "servers"),
    ];
    for (here, in_c) in kinds {
        made = made.replace(&format!("`{here}`"), &format!("`nanogram_{in_c}`"));
    }
    let path = root.join("../include/nanogram.h");
    if std::env::var_os("NANOGRAM_WRITE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == made,
        "write include/nanogram.h anew: NANOGRAM_WRITE=1 cargo test --manifest-path ffi/Cargo.toml"
    );
}

/// Without Rust's section on safety, whose every word the head of the header says.
fn for_c(header: &str) -> String {
    let mut out = String::new();
    let mut is_safety = false;
    for line in header.lines() {
        if line == "// # Safety" {
            // The empty comment before it goes, too.
            out.truncate(out.strip_suffix("//\n").map_or(out.len(), str::len));
            is_safety = true;
        }
        is_safety &= line.starts_with("//");
        if !is_safety {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}
