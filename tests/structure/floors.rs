//! The structure of the crate: two wings and their floors. A file uses only modules on the floors below its own, or its
//! own module. The protocol wing (everything outside `lab`) never names the laboratory.
//!
//! The test reads every `crate::…` path under `src/`, in groups and macros too. It skips comments (a doc may link
//! anywhere) and test modules (a test may use a higher floor).
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. `tl` and `crypto` stand side by side and do not know each other.
const FLOORS: &[(&str, &[&str])] = &[
    ("base", &["base::crc", "base::entropy", "base::escape", "base::private", "base::side", "base::time"]),
    ("tl and crypto", &["tl", "crypto"]),
    (
        "vocabulary",
        &["wire::msg_id", "wire::mt", "wire::transport", "telegram::api", "telegram::dcs", "telegram::link"],
    ),
    ("machines", &["protocol::handshake", "protocol::session"]),
    ("connection", &["protocol::connection", "protocol::keylog", "telegram::store"]),
    ("jobs", &["telegram::login", "telegram::start"]),
    ("hints", &["telegram::hints"]),
    ("client and C", &["client", "ffi"]),
    ("lab: server halves", &["lab::numbers", "lab::server"]),
    ("lab: captures", &["lab::capture"]),
    ("lab: data centre", &["lab::dc"]),
    ("lab: fuzzing", &["lab::fuzz"]),
];

/// Folders that hold modules with floors of their own.
const WINGS: &[&str] = &["base", "wire", "protocol", "telegram", "lab"];

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
        // The program is a crate of its own on top of the library; `lib.rs` and the wings' `mod.rs` only list modules.
        let Some(own) = unit_of_file(&file) else { continue };
        for used in units_used(&code) {
            if let Some((at, to, _)) = EXCEPTIONS.iter().find(|(at, to, _)| *at == file && *to == used) {
                excused.insert((*at, *to));
            } else if used != own {
                faults.extend(verdict(&own, &used).map(|why| format!("{file}: crate::{used}: {why}")));
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
    let declared = |file: &str, prefix: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let names = code_of(&text);
        let names = names.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        names.map(|name| format!("{prefix}{name}")).collect()
    };
    let mut found = declared("lib.rs", "");
    for wing in WINGS {
        assert!(found.remove(*wing), "no wing {wing} in lib.rs");
        found.extend(declared(&format!("{wing}/mod.rs"), &format!("{wing}::")));
    }
    let listed: BTreeSet<String> = FLOORS.iter().flat_map(|(_, names)| names.iter().map(|n| (*n).into())).collect();
    assert_eq!(found, listed, "modules in src (left) and floors in this test (right)");
}

#[test]
fn the_crypto_of_fuzzers_is_that_of_the_crate_but_for_two_files() {
    let listed = |file: &str| -> Vec<String> {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let names = code_of(&text).replace("#[cfg(test)]\nmod mont_proof;\n", "");
        let names = names.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';').map(String::from));
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let fuzzers = fs::read_to_string(root().join("lab/fuzz/crypto/mod.rs")).unwrap();
    let mut theirs = listed("lab/fuzz/crypto/mod.rs");
    for extra in ["exact_factor", "exact_mont", "oracle"] {
        theirs.retain(|name| name != extra);
    }
    assert_eq!(theirs, listed("crypto/mod.rs"));
    for name in theirs.iter().filter(|name| !["factor", "mont"].contains(&name.as_str())) {
        assert!(fuzzers.contains(&format!("#[path = \"../../../crypto/{name}.rs\"]")), "{name}");
    }
    for (file, text) in sources().iter().filter(|(file, _)| !file.starts_with("lab/") && file != "lib.rs") {
        assert!(!text.contains("fuzzing"), "{file}: fuzzing is the laboratory's");
    }
}

/// Sibling files that import each other in a circle, each group with the reason it stays.
const CIRCLES: &[(&[&str], &str)] = &[(
    &["telegram::api::chats", "telegram::api::messages", "telegram::api::updates", "telegram::api::users"],
    "the TL types refer to each other",
)];

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources = sources();
    let modules: BTreeSet<String> = sources.iter().map(|(file, _)| module_of_file(file)).collect();
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in &sources {
        let own = module_of_file(file);
        let code = code_of(text);
        for path in absolute_paths(file, &code) {
            // The file that defines the name: the longest module the path begins with.
            let mut to = path.as_str();
            while !modules.contains(to) {
                let Some((head, _)) = to.rsplit_once("::") else { break };
                to = head;
            }
            let related = own.starts_with(&format!("{to}::")) || to.starts_with(&format!("{own}::"));
            if modules.contains(to) && to != own && !related {
                arrows.entry(own.clone()).or_default().insert(to.to_owned());
            }
        }
    }
    let mut circles = circles(&arrows);
    for (files, reason) in CIRCLES {
        let listed: Vec<String> = files.iter().map(|f| (*f).to_owned()).collect();
        let at = circles.iter().position(|c| *c == listed);
        assert!(at.is_some(), "no circle of {files:?} any more ({reason}): remove it\nfound: {circles:#?}");
        circles.remove(at.unwrap());
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_path_is_found_wherever_it_hides() {
    let used = |text: &str| units_used(&code_of(text)).into_iter().collect::<Vec<_>>();
    assert_eq!(used("use crate::{base::time::Instant, tl::{Reader, Tl}, crypto};"), ["base::time", "crypto", "tl"]);
    assert_eq!(used("use crate::{base::{crc, time::{self, Instant}}};"), ["base::crc", "base::time"]);
    assert_eq!(used("crate::tl! { } crate::tl_type! { } $crate::tl::Tl"), ["tl"]);
    assert_eq!(used("use crate::Session;"), ["Session"], "a re-export hides its floor");
    assert_eq!(
        used("/// [`crate::lab::dc`]\nuse core::fmt;\n#[cfg(test)]\nmod tests { use crate::lab::dc; }"),
        [""; 0]
    );
    assert!(verdict("tl", "crypto").is_some() && verdict("crypto", "tl").is_some());
    assert!(verdict("base::crc", "tl").is_some() && verdict("client", "lab::dc").is_some());
    assert!(verdict("protocol::session", "protocol::connection").is_some());
    assert!(verdict("base::side", "Session").is_some());
    assert!(verdict("tl", "base::crc").is_none() && verdict("protocol::session", "crypto").is_none());
    assert_eq!(unit_of_file("lab/dc/call.rs").as_deref(), Some("lab::dc"));
    assert_eq!(unit_of_file("lab/mod.rs"), None);
    let mut own = absolute_paths("lab/dc/call.rs", "use super::{log::Entry, world}; use self::x::Y;");
    own.sort();
    assert_eq!(own, ["lab::dc::call::x::Y", "lab::dc::log::Entry", "lab::dc::world"]);
    let arrows = |pairs: &[(&str, &str)]| {
        let mut map: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in pairs {
            map.entry((*from).into()).or_default().insert((*to).into());
        }
        map
    };
    assert_eq!(circles(&arrows(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])), [["a", "b", "c"]]);
    assert!(circles(&arrows(&[("a", "b"), ("a", "c"), ("b", "c")])).is_empty());
}

/// Reason why `own` may not use `used`; `None` if it may.
fn verdict(own: &str, used: &str) -> Option<String> {
    let floor = |name: &str| FLOORS.iter().position(|(_, names)| names.contains(&name));
    match (floor(own), floor(used)) {
        (None, _) => Some(format!("{own} has no floor")),
        (_, None) => Some("no module of that name: name the module that defines it".into()),
        (Some(at), Some(to)) if to < at => None,
        (Some(at), Some(to)) => Some(format!("floor {} may not use floor {}", FLOORS[at].0, FLOORS[to].0)),
    }
}

/// `lab::dc` for `lab/dc/call.rs`; `None` for the program and for files that only list modules.
fn unit_of_file(file: &str) -> Option<String> {
    let module = module_of_file(file);
    let (head, rest) = module.split_once("::").unwrap_or((&module, ""));
    match head {
        "bin" | "" => None,
        wing if WINGS.contains(&wing) => {
            rest.split("::").next().filter(|r| !r.is_empty()).map(|r| format!("{wing}::{r}"))
        }
        other => Some(other.to_owned()),
    }
}

/// `lab::dc::call` for `lab/dc/call.rs`, `lab::dc` for `lab/dc/mod.rs`, nothing for `lib.rs`.
fn module_of_file(file: &str) -> String {
    let path = file.trim_end_matches(".rs").replace('/', "::");
    let path = path.strip_suffix("::mod").unwrap_or(&path);
    if path == "lib" { String::new() } else { path.to_owned() }
}

/// The module with a floor that each path from the crate root names.
fn units_used(code: &str) -> BTreeSet<String> {
    let unit = |path: String| {
        let mut parts = path.split("::");
        let head = parts.next().unwrap_or_default();
        match parts.next() {
            Some(next) if WINGS.contains(&head) => format!("{head}::{next}"),
            _ => head.to_owned(),
        }
    };
    paths_after(code, "crate::").into_iter().map(unit).collect()
}

/// Every path of the file that names something in this crate, from the crate root.
fn absolute_paths(file: &str, code: &str) -> Vec<String> {
    let own = module_of_file(file);
    let above = own.rsplit_once("::").map_or("", |(head, _)| head);
    let join = |head: &str, tail: String| if head.is_empty() { tail } else { format!("{head}::{tail}") };
    let mut paths = paths_after(code, "crate::");
    paths.extend(paths_after(code, "super::").into_iter().map(|p| join(above, p)));
    paths.extend(paths_after(code, "self::").into_iter().map(|p| join(&own, p)));
    paths
}

/// `a::b` after `prefix a::b`; `a::b` and `c` after `prefix {a::{b}, c}`; a macro is its module.
fn paths_after(code: &str, prefix: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if !before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            expand(&code[at + prefix.len()..], "", &mut paths);
        }
    }
    paths
}

/// Reads one use tree at the beginning of `text` into `paths`; returns what follows it.
fn expand<'a>(text: &'a str, head: &str, paths: &mut Vec<String>) -> &'a str {
    let text = text.trim_start();
    let Some(mut rest) = text.strip_prefix('{') else {
        let name = word(text);
        let rest = &text[text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())..];
        let path = match (head, name.as_str()) {
            (_, "" | "self") => head.to_owned(),
            ("", _) => name,
            _ => format!("{head}::{name}"),
        };
        return match rest.strip_prefix("::") {
            Some(more) if more.starts_with(|c: char| c == '{' || c == '_' || c.is_alphabetic()) => {
                expand(more, &path, paths)
            }
            _ => {
                paths.push(path);
                rest
            }
        };
    };
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return after;
        }
        let before = rest.len();
        rest = expand(rest, head, paths).trim_start();
        // A renaming, or the comma.
        rest = rest.strip_prefix("as ").map_or(rest, |r| r.trim_start_matches(|c: char| c != ',' && c != '}'));
        rest = rest.strip_prefix(',').unwrap_or(rest);
        if rest.len() == before || rest.is_empty() {
            return rest;
        }
    }
}

/// Groups of nodes that reach each other, each sorted.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach = |from: &String| {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![from]);
        while let Some(at) = todo.pop() {
            for to in arrows.get(at).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    todo.push(to);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<_, _> = arrows.keys().map(|from| (from.clone(), reach(from))).collect();
    let mut found = BTreeSet::new();
    for (from, there) in &reached {
        let circle: Vec<_> =
            there.iter().filter(|to| reached.get(*to).is_some_and(|back| back.contains(from))).cloned().collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
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
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(found.len() > 20, "src/ was not read");
    found
}
