//! Errors without secrets: a word in the wrong place may be a session, a key or a code, and errors end up in logs.

use std::env;

/// Replacement for a secret.
const HIDDEN: &str = "(hidden)";

/// Replaces words of the command line and of nanogram's environment variables that look like secrets.
pub(crate) fn redact(text: &str) -> String {
    let given = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let ours = env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NANOGRAM_"));
    let words = given.chain(ours.map(|(_, value)| value.to_string_lossy().into_owned()));
    hide(text, words, is_secret)
}

/// Like [`redact`], for an error of the command line's parser: there a number may be a login code typed too early.
pub(crate) fn redact_misplaced(text: &str, words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    let codes = codes(&words);
    let ours = env::vars().filter(|(name, _)| name.starts_with("NANOGRAM_")).map(|(_, value)| value);
    hide(text, words.into_iter().chain(ours), |word| is_secret(word) || codes.iter().any(|code| code == word))
}

/// Options of `login` with numbers that are not secret.
const COUNTS: [&str; 4] = ["--api-id", "--dc-id", "--flood-wait", "--timeout"];

/// Numbers that may be a login code or a phone number: in place of a command, and anywhere in `login` except after an
/// option that takes another number. Other numbers, as in `--timeout 99999999`, are not secret.
fn codes(words: &[String]) -> Vec<String> {
    let is_login = words.iter().any(|word| word == "login");
    let mut before = "";
    let mut codes = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let (option, value) = word.split_once('=').unwrap_or((before, word));
        let may_be = at == 0 || (is_login && !COUNTS.contains(&option));
        if may_be && is_number(value) {
            codes.push(value.into());
        }
        before = word;
    }
    codes
}

fn hide(text: &str, words: impl Iterator<Item = String>, is_secret: impl Fn(&str) -> bool) -> String {
    let mut secrets: Vec<String> = words.flat_map(parts).filter(|part| is_secret(part)).collect();
    // The longest first, as one secret may contain another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let text = secrets.iter().fold(text.to_string(), |text, secret| text.replace(secret.as_str(), HIDDEN));
    // What was typed as one word may be cut where it is told: at a colon, an equals sign, a space.
    let is_piece = |run: &&str| run.len() >= PIECE && secrets.iter().any(|secret| secret.contains(run));
    let pieces: Vec<String> = runs(&text).filter(is_piece).map(String::from).collect();
    pieces.iter().fold(text, |text, piece| text.replace(piece.as_str(), HIDDEN))
}

/// Shortest piece of a secret that is hidden.
const PIECE: usize = 8;

/// The word, what is behind its `=` signs, what is between white space, and its runs of digits of base64.
fn parts(word: String) -> Vec<String> {
    let values = word.match_indices('=').filter_map(|(at, _)| word.get(at + 1..)).map(String::from);
    let pieces = word.split_whitespace().map(String::from);
    let mut parts: Vec<String> =
        values.chain(pieces).chain(runs(&word).filter(is_like_string).map(String::from)).collect();
    parts.push(word);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// Returns true if a run of base64 digits is long enough for a piece of a session string, or dense between its
/// slashes: paths have
/// slashes, too.
fn is_like_string(run: &&str) -> bool {
    (run.len() >= 60 && !run.starts_with('/') && is_dense(run)) || run.split('/').any(is_dense)
}

/// Runs of digits of base64 and base64url, without the hyphens of an option before them.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !"+/_-".contains(c)).map(|run| run.trim_start_matches("--"))
}

/// Returns true if `word` has the form of a session string, a key, an api_hash, a bot token, a login token or a phone
/// number; paths,
/// addresses, links and shorter numbers have not.
fn is_secret(word: &str) -> bool {
    // An api_hash, a key, or a part of one.
    let is_blob = word.len() >= 16 && word.bytes().all(|b| b.is_ascii_hexdigit());
    if is_blob || (word.starts_with('+') && is_number(word)) {
        return true;
    }
    if let Some((id, token)) = word.split_once(':')
        && id.len() >= 5
        && id.bytes().all(|b| b.is_ascii_digit())
        && token.len() >= 20
    {
        return true;
    }
    // Links, paths and addresses are judged part by part.
    word.contains("-----BEGIN") || word.split(['/', '.', ':', '?', '&', ' ', ',']).any(is_dense) || is_dense(word)
}

/// Returns true if a file name looks like a part of a session string.
pub(crate) fn is_like_secret(name: &str) -> bool {
    name.len() > LONGEST_NAME && is_dense(name)
}

/// Longest word that is taken for the name of a file, whatever its letters are.
const LONGEST_NAME: usize = 40;

/// Long, and of the digits of base64 or base16.
fn is_dense(run: &str) -> bool {
    let has = |test: fn(&u8) -> bool| run.as_bytes().iter().any(&test);
    let is_hex = run.len() >= 32 && run.bytes().all(|b| b.is_ascii_hexdigit());
    let is_base64 = run.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b));
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    is_hex || (run.len() >= 24 && is_base64 && is_mixed)
}

/// Returns true for a number of at least 5 digits, with or without common separators.
fn is_number(word: &str) -> bool {
    let word = word.trim_start_matches('-');
    word.bytes().filter(u8::is_ascii_digit).count() >= 5
        && word.bytes().all(|b| b.is_ascii_digit() || b"+-() ".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_names_are_not() {
        let session = "1".to_string() + &"AQAOMTQ5LjE1NC4xNjcuNTEBu/x+9".repeat(13);
        let hash = "0123456789abcdef0123456789abcdef";
        let key = hash.repeat(16);
        let token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
        for secret in [session.as_str(), hash, &key, token] {
            for word in [secret.to_string(), format!("--sesion={secret}"), format!("x {secret}")] {
                let text = format!("unexpected argument '{word}' found: {secret}");
                let hidden = hide(&text, [word].into_iter(), is_secret);
                assert!(!hidden.contains(secret) && hidden.contains(HIDDEN), "{hidden}");
            }
        }
        // Cut by whoever tells it, or wrapped by whoever typed it.
        for (word, text) in [
            (format!("--{session}=="), format!("unexpected argument '--{session}'")),
            (
                format!("--x={}\n{}", &session[..100], &session[100..]),
                format!("no '{}\n{}'", &session[..100], &session[100..]),
            ),
            (format!("\"{session}\""), format!("no '\"{session}\"'")),
            (format!("a={}:{}", &session[..60], &session[60..]), format!("no `{}`", &session[..40])),
        ] {
            let hidden = hide(&text, [word].into_iter(), is_secret);
            assert!((0..session.len() - 12).all(|at| !hidden.contains(&session[at..at + 12])), "{hidden}");
        }
        let names = [
            "--definitely-no-such-flag",
            "https://t.me/echo_bot?start=hello_42",
            "/tmp/a1B2/dc.session",
            "/home/Anna/Documents2/some/project/dc.session",
            "sart",
            "127.0.0.1:44321",
            "user:1234567:1234567890123456789",
        ];
        for name in names {
            assert_eq!(hide(name, [name.to_string()].into_iter(), is_secret), name);
        }
        for secret in ["+10000000001", "+49 (151) 000-000", "1234567890123456", "0123456789abcdef"] {
            assert!(is_secret(secret), "{secret}");
        }
    }

    #[test]
    fn only_a_number_that_may_be_a_code_is_hidden() {
        let shown = |line: &str, number: &str| {
            redact_misplaced(&format!("'{number}'"), line.split(' ').map(String::from)).contains(number)
        };
        for line in ["54321", "login 54321", "login --qr 54321", "login --phone 54321", "login --phone=54321"] {
            assert!(!shown(line, "54321"), "{line}");
        }
        for line in
            ["start @b --timeout 99999999", "login --timeout 99999999", "login --timeout=99999999", "dc 99999999"]
        {
            assert!(shown(line, "99999999"), "{line}");
        }
    }
}
