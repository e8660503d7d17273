//! Doc summaries stand alone in an index: none begins with a word that refers to something else.
use std::fs;
use std::path::{Path, PathBuf};

/// First words that make a summary depend on the name of its item.
const DEPENDENT: [&str; 11] =
    ["What", "Who", "Whom", "Whose", "Whether", "Where", "How", "It", "Its", "The same", "As"];

#[test]
fn doc_summaries_stand_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for dir in ["src", "tests", "benches", "examples", "ffi", "fuzz"] {
        collect(&root.join(dir), &mut files);
    }
    assert!(files.len() > 200, "{} files", files.len());
    let mut faults = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let mut before = "";
        for (nth, line) in text.lines().map(str::trim).enumerate() {
            let is_summary = |mark: &str| line.starts_with(mark) && !before.starts_with(&mark[..3]);
            if (is_summary("/// ") || is_summary("//! ")) && depends(&line[4..]) {
                faults.push(format!("{}:{}: {line}", path.strip_prefix(root).unwrap().display(), nth + 1));
            }
            before = line;
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_dependent_summary_is_found() {
    assert!(depends("What is sent.") && depends("The same, parsed.") && depends("Its name.") && depends("As above."));
    assert!(!depends("Returns the name.") && !depends("Asks the server.") && !depends("Items of a list."));
}

/// True if a summary begins with one of [`DEPENDENT`] as a whole word.
fn depends(summary: &str) -> bool {
    DEPENDENT.iter().any(|word| {
        summary.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

/// Rust files under `dir`, without build directories.
fn collect(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}
