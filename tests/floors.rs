//! The crate is a house: a file uses only the floors below it, or its own module. Nobody else watches this, so a
//! test reads `src/` and fails on a path that leads up or sideways.
//!
//! What it reads: every `crate::…` path (also in groups and in macros), and every `super::…` that leaves its module.
//! What it does not: comments (a doc may point anywhere) and test modules (a test may stand on a higher floor).
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. On floor 0, `tl` and `crypto` stand on the same ground and do not know each other.
const FLOORS: &[(&str, &[&str])] = &[
    ("0 (ground)", &["crc", "entropy", "escape", "side", "time"]),
    ("0", &["tl", "crypto"]),
    ("1", &["api", "dcs", "link", "mt", "transport"]),
    ("2", &["handshake", "session"]),
    ("3", &["connection", "keylog", "private", "store"]),
    ("4", &["capture", "login", "start"]),
    ("4 (on top)", &["hints"]),
    ("5", &["client", "dc", "ffi"]),
    ("5 (on top)", &["fuzzing"]),
];

/// Macros of the crate root and the module each belongs to (`tl!` is named as its module is).
const MACROS: &[(&str, &str)] = &[("tl_head", "tl"), ("tl_type", "tl")];

/// File, the module it uses against the rule, and why it must.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

#[test]
fn every_file_uses_only_the_floors_below_it() {
    let mut faults = Vec::new();
    let mut excused = BTreeSet::new();
    for (file, text) in sources() {
        let code = code_of(&text);
        if code.contains("super::super") {
            faults.push(format!("{file}: super::super: name the module from the crate root"));
        }
        // The program is a crate of its own on floor 6, and `lib.rs` only lists the modules.
        if file.starts_with("bin/") || file == "lib.rs" {
            continue;
        }
        let own = file.split(['/', '.']).next().unwrap();
        for used in modules_used(&file, &code) {
            if let Some((at, to, _)) = EXCEPTIONS.iter().find(|(at, to, _)| *at == file && *to == used) {
                excused.insert((*at, *to));
            } else if used != own {
                faults.extend(verdict(own, &used).map(|why| format!("{file}: crate::{used}: {why}")));
            }
        }
    }
    for (at, to, _) in EXCEPTIONS {
        if !excused.contains(&(*at, *to)) {
            faults.push(format!("{at}: the exception for {to} excuses nothing: remove it"));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_module_has_a_floor() {
    let lib = fs::read_to_string(root().join("lib.rs")).unwrap();
    let declared: BTreeSet<_> = code_of(&lib)
        .lines()
        .filter_map(|line| Some(line.strip_prefix("pub mod ")?.trim_end_matches(';').into()))
        .collect();
    let listed: BTreeSet<String> = FLOORS.iter().flat_map(|(_, names)| names.iter().map(|n| (*n).into())).collect();
    assert_eq!(declared, listed, "modules in src/lib.rs (left) and floors in this test (right)");
}

#[test]
fn a_path_is_found_wherever_it_hides() {
    let used = |file: &str, text: &str| modules_used(file, &code_of(text)).into_iter().collect::<Vec<_>>();
    assert_eq!(
        used("session/rpc.rs", "use crate::{time::Instant, tl::{Reader, Tl}, crypto};"),
        ["crypto", "time", "tl"]
    );
    assert_eq!(used("link.rs", "let x: super::dc::Dc = super::local();"), ["dc"], "above link.rs is the crate");
    assert_eq!(used("session/rpc.rs", "use super::dc;"), [""; 0], "above session/rpc.rs is session");
    assert_eq!(used("mt/auth.rs", "crate::tl! { } crate::tl_type! { } $crate::tl::Tl"), ["tl"]);
    assert_eq!(used("side.rs", "use crate::Session;"), ["Session"], "a re-export hides its floor");
    assert_eq!(
        used("side.rs", "/// [`crate::dc`]\nuse core::fmt;\n#[cfg(test)]\nmod tests { use crate::dc; }"),
        [""; 0]
    );
    assert!(verdict("tl", "crypto").is_some() && verdict("crypto", "tl").is_some() && verdict("crc", "tl").is_some());
    assert!(verdict("session", "connection").is_some() && verdict("session", "handshake").is_some());
    assert!(verdict("side", "Session").is_some());
    assert!(verdict("tl", "crc").is_none() && verdict("session", "crypto").is_none());
}

/// Why `own` may not use `used`; `None` if it may.
fn verdict(own: &str, used: &str) -> Option<String> {
    let floor = |name: &str| FLOORS.iter().position(|(_, names)| names.contains(&name));
    match (floor(own), floor(used)) {
        (None, _) => Some(format!("{own} has no floor")),
        (_, None) => Some("no module of that name: name the module that defines it".into()),
        (Some(at), Some(to)) if to < at => None,
        (Some(at), Some(to)) => Some(format!("floor {} may not use floor {}", FLOORS[at].0, FLOORS[to].0)),
    }
}

/// The first segment of each path that starts at the crate root.
fn modules_used(file: &str, code: &str) -> BTreeSet<String> {
    let mut used: BTreeSet<String> = heads_after(code, "crate::").into_iter().collect();
    // In src/x.rs and src/x/mod.rs, `super` is the crate root: such a path counts if it names a module of the house.
    let deep = file.matches('/').count() - usize::from(file.ends_with("/mod.rs"));
    if deep == 0 {
        let listed = |name: &String| FLOORS.iter().any(|(_, names)| names.contains(&name.as_str()));
        used.extend(heads_after(code, "super::").into_iter().filter(listed));
    }
    used
}

/// `a` after `prefix a::b`, `a` and `c` after `prefix {a::{b}, c}`; a macro is its module.
fn heads_after(code: &str, prefix: &str) -> Vec<String> {
    let mut heads = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        if rest.starts_with('{') {
            let (mut depth, mut starts) = (0, true);
            for (i, c) in rest.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => starts = true,
                    c if depth == 1 && starts && !c.is_whitespace() => {
                        heads.push(word(&rest[i..]));
                        starts = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            heads.push(word(rest));
        }
    }
    heads
}

fn word(text: &str) -> String {
    let word = text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
    MACROS.iter().find(|(name, _)| *name == word).map_or(word, |(_, module)| module).into()
}

/// The text without comments, up to its test module.
fn code_of(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| line.split("//").next().unwrap()).collect();
    let opens_tests = |pair: &[&str]| {
        pair[0].starts_with("#[cfg(")
            && pair[0].contains("test")
            && pair[1].starts_with("mod ")
            && pair[1].contains('{')
    };
    let end = lines.windows(2).position(opens_tests).unwrap_or(lines.len());
    lines[..end].join("\n")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every file under `src/`: its path from there, and its text.
fn sources() -> Vec<(String, String)> {
    let (mut found, mut todo) = (Vec::new(), vec![root()]);
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(found.len() > 20, "src/ was not read");
    found
}
