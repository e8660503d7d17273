//! The checklist: each row has a test that runs, and `docs/security.md` is written from the rows.

use crate::rows::ROWS;
use nanogram::lab::dc::faults::FAULTS;
use std::fmt::Write;
use std::path::Path;

/// Row of the checklist: number, rule, and the tests that cover it.
pub(crate) type Row = (&'static str, &'static str, &'static [&'static str]);

/// Number of rows in each part of the checklist.
const PARTS: [(char, usize); 6] = [('A', 23), ('B', 20), ('C', 22), ('D', 14), ('E', 13), ('F', 11)];

/// Returns true if `source` has an active test of this name.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with("()"))
    });
    let above = |at: usize| lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
    at.is_some_and(|at| {
        let is_test = |line: &&str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        above(at).any(is_test) && !above(at).any(|line| line.starts_with("#[ignore"))
    })
}

#[test]
fn every_row_of_the_checklist_has_a_test_that_runs() {
    let expected: Vec<String> =
        PARTS.iter().flat_map(|(part, most)| (1..=*most).map(move |n| format!("{part}{n}"))).collect();
    let listed: Vec<_> = ROWS.iter().map(|row| row.0).collect();
    assert_eq!(listed, expected);
    for (row, _, tests) in ROWS {
        println!("{row:4} {}", tests.join("\n     "));
        assert!(!tests.is_empty() || *row == "F6", "{row} has no test");
        for test in *tests {
            let (path, name) = test.split_once("::").unwrap();
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
            let source = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{row} {}: {e}", path.display()));
            assert!(has_test(&source, name), "{row}: {test} is no test that runs");
        }
    }
    for fault in FAULTS {
        assert!(listed.contains(&fault.row), "{}", fault.name);
    }
}

#[test]
fn the_search_for_tests_finds_tests_alone() {
    let source = "#[test]\nfn good() {\n}\n#[tokio::test]\nasync fn too() {\n}\nfn helper() {\n}\n#[test]\n#[ignore]\nfn idle() {\n}\n";
    assert!(has_test(source, "good") && has_test(source, "too"));
    assert!(!has_test(source, "helper") && !has_test(source, "idle") && !has_test(source, "goo"));
}

#[test]
fn the_checklist_in_the_documents_is_this_one() {
    let mut text = String::from(HEAD);
    let mut part = "";
    for (row, rule, tests) in ROWS {
        if row[..1] != *part {
            part = &row[..1];
            let title = TITLES.iter().find(|(of, _)| *of == part).unwrap().1;
            let _ =
                write!(text, "\n## {part}. {title}\n\n| row | rule | faults | tests |\n| --- | --- | --- | --- |\n");
        }
        let faults: Vec<_> = FAULTS.iter().filter(|f| f.row == *row).map(|f| format!("`{}`", f.name)).collect();
        let tests: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
        let _ = writeln!(text, "| {row} | {rule} | {} | {} |", faults.join(" "), tests.join("<br>"));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    if std::env::var_os("NANOGRAM_WRITE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == text, "docs/security.md differs: run this test with NANOGRAM_WRITE=1");
}

const TITLES: [(&str, &str); 6] = [
    ("A", "Key exchange"),
    ("B", "Encrypted messages"),
    ("C", "Session, salts, service messages"),
    ("D", "Transport and parser"),
    ("E", "Forward secrecy, passwords, signing in"),
    ("F", "Faults of other implementations"),
];

const HEAD: &str = "\
# The security checklist

The rules that the security guidelines, the protocol's pages and the published attacks set for a client. Each row has the
[faults](faults.md) of the test data centre (`nanogram dc --fault NAME`) that break the rule, and the tests that hold it;
other clients can be tried with the same faults. SG: the security guidelines. 4A: Albrecht et al., 2021. JO: Jakobsen and
Orlandi, 2015.

A test reads the sources and fails if one of these tests is missing.
`NANOGRAM_WRITE=1 cargo test --all-features --test security` writes this file.
";
