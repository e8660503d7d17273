//! Compile-time parsing of TL schema lines.
//!
//! All functions here are `const fn`: they run while the crate compiles, and only constructor ids and flag plans end up
//! in the binary. For the same reason they may index and panic: a failure here is a compile error that states what is
//! wrong with the line.
#![expect(clippy::indexing_slicing, clippy::panic, reason = "runs in the compiler")]

use crate::base::crc;

/// The Rust type of a field, in a form that can be compared with the schema line.
pub enum Shape {
    /// A type or constructor with its name in the schema.
    Named(&'static str),
    /// `Vector<T>`: boxed, prefixed with `1cb5c415`.
    Vector(&'static Shape),
    /// `vector<T>`: bare, without that prefix.
    BareVector(&'static Shape),
    /// A conditional field, `flags.N?T`.
    Optional(&'static Shape),
    /// Adjacent fields under one flag: `views:flags.10?int forwards:flags.10?int`.
    Together(&'static [Shape]),
    /// `Bool`, or `true` under a flag.
    Bool,
    /// `!X` or `Object`: any value, up to the end of the input.
    Rest,
}

/// Positions of the flag words of a line and the flag of each struct field.
#[derive(Debug, Clone, Copy)]
pub struct Plan<const N: usize> {
    /// Flag word and bit of each conditional field, as `(word, bit)`.
    pub flag: [Option<(u8, u8)>; N],
    /// Number of flag words before each field.
    pub words_before: [u8; N],
    /// Total number of flag words.
    pub words: u8,
}

/// Maximum number of flag words in a line.
pub const MAX_WORDS: usize = 3;

const fn starts(s: &[u8], at: usize, with: &[u8]) -> bool {
    let mut i = 0;
    while i < with.len() {
        if at + i >= s.len() || s[at + i] != with[i] {
            return false;
        }
        i += 1;
    }
    true
}

const fn find(s: &[u8], mut at: usize, c: u8) -> usize {
    while at < s.len() && s[at] != c {
        at += 1;
    }
    at
}

/// Returns true if `s[from..to]` is `name:flags.N?true`. Such a field takes no bytes and is not part of the id.
const fn is_true_flag(s: &[u8], from: usize, to: usize) -> bool {
    to - from > 5 && starts(s, to - 5, b"?true")
}

/// Computes the constructor id of `line` by the rule of the schema.
///
/// The rule: remove `#id` and every ` name:flags.N?true`, replace `bytes` as a field's type by `string` and `<` by a
/// space, remove `>`, `%`, `{`, `}` and the `;`, and compute the CRC-32. A few lines of the schema have ids assigned by
/// hand; `tl/README.md` lists them.
///
/// ```
/// use nanogram::tl::line;
/// assert_eq!(line::id("inputUser#f21158c6 user_id:long access_hash:long = InputUser;"), 0xf21158c6);
/// ```
pub const fn id(line: &str) -> u32 {
    let s = line.as_bytes();
    let mut crc = !0;
    let mut at = 0;
    let mut first = true;
    while at < s.len() && s[at] != b';' {
        let end = find(s, at, b' ');
        if !is_true_flag(s, at, end) {
            if !first {
                crc = crc::step(crc, b' ');
            }
            crc = crc_token(crc, s, at, end, first);
            first = false;
        }
        at = end + 1;
    }
    !crc
}

const fn crc_token(mut crc: u32, s: &[u8], from: usize, to: usize, first: bool) -> u32 {
    let mut i = from;
    while i < to && s[i] != b';' && !(first && s[i] == b'#') {
        let is_type = i > from && (s[i - 1] == b':' || s[i - 1] == b'?');
        // Telegram computes the ids with `string` in place of `bytes`, which has the same encoding.
        if is_type && starts(s, i, b"bytes") {
            let word = b"string";
            let mut j = 0;
            while j < word.len() {
                crc = crc::step(crc, word[j]);
                j += 1;
            }
            i += 5;
            continue;
        }
        crc = match s[i] {
            b'<' => crc::step(crc, b' '),
            b'>' | b'%' | b'{' | b'}' => crc,
            c => crc::step(crc, c),
        };
        i += 1;
    }
    crc
}

/// Matches the type at `s[at..]` against `shape` and returns the position after it.
const fn expect(s: &[u8], at: usize, shape: &Shape) -> usize {
    match shape {
        Shape::Named(name) => {
            // `%T` is a bare value of the type T.
            let at = if s[at] == b'%' { at + 1 } else { at };
            assert!(starts(s, at, name.as_bytes()), "the Rust type is not the type in the TL line");
            at + name.len()
        }
        Shape::Bool => {
            assert!(starts(s, at, b"Bool"), "bool stands for Bool");
            at + 4
        }
        Shape::Vector(of) => {
            assert!(starts(s, at, b"Vector<"), "Vec<T> stands for Vector<T>");
            let at = expect(s, at + 7, of);
            assert!(s[at] == b'>', "unclosed Vector<");
            at + 1
        }
        Shape::BareVector(of) => {
            assert!(starts(s, at, b"vector<"), "BareVec<T> stands for vector<T>");
            let at = expect(s, at + 7, of);
            assert!(s[at] == b'>', "unclosed vector<");
            at + 1
        }
        Shape::Rest => {
            if starts(s, at, b"!X") {
                return at + 2;
            }
            assert!(starts(s, at, b"Object"), "Raw stands for !X or Object");
            at + 6
        }
        Shape::Optional(_) | Shape::Together(_) => {
            panic!("Option<T> stands for flags.N?T, a tuple for several of them")
        }
    }
}

/// Returns true if the TL name `s[from..to]` equals the Rust name, ignoring case, a leading `r#` and a trailing `_`.
const fn is_named(s: &[u8], from: usize, to: usize, rust: &str) -> bool {
    let r = rust.as_bytes();
    // Names that are Rust keywords are written `r#type`, or `self_` where a raw identifier is not allowed.
    let skip = if starts(r, 0, b"r#") { 2 } else { 0 };
    let mut len = r.len() - skip;
    if len == to - from + 1 && r[r.len() - 1] == b'_' {
        len -= 1;
    }
    if len != to - from {
        return false;
    }
    let mut i = 0;
    while i < len {
        if !s[from + i].eq_ignore_ascii_case(&r[skip + i]) {
            return false;
        }
        i += 1;
    }
    true
}

/// Parses the `flagsW.B?` at `at` into `(word, bit)`.
const fn flag(s: &[u8], at: usize) -> (u8, u8) {
    assert!(starts(s, at, b"flags"), "a condition is flags.N?");
    // The words are called `flags`, `flags2`, `flags3`, so the digit 2 stands for index 1.
    let word = if s[at + 5] == b'.' { 0 } else { s[at + 5] - b'1' };
    assert!((word as usize) < MAX_WORDS, "more flag words than a plan holds");
    let mut i = find(s, at, b'.') + 1;
    let mut bit = 0;
    while s[i] != b'?' {
        bit = bit * 10 + (s[i] - b'0');
        i += 1;
    }
    (word, bit)
}

const fn is_same_flag(a: (u8, u8), b: (u8, u8)) -> bool {
    a.0 == b.0 && a.1 == b.1
}

/// Returns true if a field with contents has the same flag as the `true` at `s[from..to]`. The presence of that field
/// then implies the flag, so the struct omits the `true`.
const fn is_told_by_another(s: &[u8], from: usize, to: usize) -> bool {
    let wanted = flag(s, find(s, from, b':') + 1);
    let mut at = find(s, 0, b' ') + 1;
    while s[at] != b'=' {
        let end = find(s, at, b' ');
        let ty = find(s, at, b':') + 1;
        if at != from
            && ty < end
            && find(s, ty, b'?') < end
            && !is_true_flag(s, at, end)
            && is_same_flag(flag(s, ty), wanted)
        {
            return true;
        }
        at = end + 1;
    }
    let _ = to;
    false
}

/// Checks a struct against its schema line: names, order, types and flags must be the same.
///
/// With `head`, the struct may end before the line does and may omit `true` flags.
pub const fn plan<const N: usize>(line: &str, names: [&str; N], shapes: [Shape; N], head: bool) -> Plan<N> {
    let s = line.as_bytes();
    let mut p = Plan { flag: [None; N], words_before: [0; N], words: 0 };
    let mut at = find(s, 0, b' ') + 1;
    let mut n = 0;
    while s[at] != b'=' && !(head && n == N) {
        let mut end = find(s, at, b' ');
        let colon = find(s, at, b':');
        let named = n < N && colon < end && is_named(s, at, colon, names[n]);
        let is_left_out = is_true_flag(s, at, end) && (head || is_told_by_another(s, at, end)) && !named;
        if s[at] == b'{' || is_left_out {
            // a type parameter, or a flag that takes no bytes
        } else if colon + 2 == end && s[colon + 1] == b'#' {
            p.words += 1;
        } else {
            assert!(n < N, "the TL line has more fields than the struct");
            assert!(named, "a field's name or place differs from the TL line");
            p.words_before[n] = p.words;
            let ty = colon + 1;
            if find(s, ty, b'?') < end {
                let bit = flag(s, ty);
                let mut k = 0;
                while k < n {
                    // Two separate options could be set independently, which one flag cannot express.
                    if let Some(other) = p.flag[k] {
                        assert!(
                            head || !is_same_flag(other, bit),
                            "two fields share a flag: make them one Option of a tuple"
                        );
                    }
                    k += 1;
                }
                p.flag[n] = Some(bit);
                end = expect_conditional(s, ty, end, bit, &shapes[n]);
            } else {
                assert!(expect(s, ty, &shapes[n]) == end, "a field's type differs from the TL line");
            }
            n += 1;
        }
        at = end + 1;
    }
    assert!(n == N, "the struct has more fields than the TL line");
    p
}

/// Matches `flags.N?T`, or several adjacent ones, against `shape` and returns the position after the last one.
const fn expect_conditional(s: &[u8], at: usize, end: usize, bit: (u8, u8), shape: &Shape) -> usize {
    let ty = find(s, at, b'?') + 1;
    match shape {
        Shape::Bool => {
            assert!(end - ty == 4 && starts(s, ty, b"true"), "a bool under a flag stands for true");
            end
        }
        Shape::Optional(Shape::Together(parts)) => {
            let (mut ty, mut end, mut i) = (ty, end, 0);
            loop {
                assert!(expect(s, ty, &parts[i]) == end, "a type in the tuple differs from the TL line");
                i += 1;
                if i == parts.len() {
                    return end;
                }
                let next = find(s, end + 1, b':') + 1;
                assert!(is_same_flag(flag(s, next), bit), "the fields of a tuple stand side by side under one flag");
                ty = find(s, next, b'?') + 1;
                end = find(s, next, b' ');
            }
        }
        Shape::Optional(Shape::Bool) => {
            assert!(end - ty == 4 && starts(s, ty, b"Bool"), "Option<bool> stands for flags.N?Bool");
            end
        }
        Shape::Optional(of) => {
            assert!(expect(s, ty, of) == end, "a field's type differs from the TL line");
            end
        }
        _ => panic!("a field under a flag is an Option<T>, or a bool for true"),
    }
}

/// Returns the id written after `#` in the line.
pub const fn written_id(line: &str) -> u32 {
    let s = line.as_bytes();
    let mut at = find(s, 0, b'#') + 1;
    let mut id = 0;
    while s[at] != b' ' {
        id = id << 4
            | match s[at] {
                d @ b'0'..=b'9' => d - b'0',
                d @ b'a'..=b'f' => d - b'a' + 10,
                _ => panic!("an id is lower-case hex"),
            } as u32;
        at += 1;
    }
    id
}

/// Returns the type after `=`.
pub const fn result(line: &'static str) -> &'static str {
    let s = line.as_bytes();
    let start = find(s, 0, b'=') + 2;
    let (s, _) = s.split_at(find(s, 0, b';'));
    match core::str::from_utf8(s.split_at(start).1) {
        Ok(name) => name,
        Err(_) => panic!("a TL line is ASCII"),
    }
}

/// Returns the name before `#`.
pub const fn name(line: &'static str) -> &'static str {
    let s = line.as_bytes();
    match core::str::from_utf8(s.split_at(find(s, 0, b'#')).0) {
        Ok(name) => name,
        Err(_) => panic!("a TL line is ASCII"),
    }
}

/// Compares two strings at compile time.
pub const fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && starts(a.as_bytes(), 0, b.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_crc_of_the_line() {
        for (line, is) in [
            ("req_pq_multi#be7e8ef1 nonce:int128 = ResPQ;", 0xbe7e_8ef1),
            ("msg_container#73f1f8dc messages:vector<message> = MessageContainer;", 0x73f1_f8dc),
            ("gzip_packed#3072cfa1 packed_data:bytes = Object;", 0x3072_cfa1),
            ("invokeWithLayer#da9b0d0d {X:Type} layer:int query:!X = X;", 0xda9b_0d0d),
            (
                "username#b4073647 flags:# editable:flags.0?true active:flags.1?true username:string = Username;",
                0xb407_3647,
            ),
        ] {
            assert_eq!(id(line), is, "{line}");
            assert_eq!(written_id(line), is, "{line}");
        }
        assert_ne!(id("x bytes:Vector<bytes> = X;"), id("x bytes:Vector<string> = X;"));
    }

    #[test]
    fn fields_side_by_side_under_one_flag_are_one_tuple() {
        const LINE: &str = "a#0 flags:# x:flags.1?true y:flags.1?int z:flags.1?string w:long = A;";
        let p = plan(
            LINE,
            ["y", "w"],
            [Shape::Optional(&Shape::Together(&[Shape::Named("int"), Shape::Named("string")])), Shape::Named("long")],
            false,
        );
        assert_eq!(p.flag, [Some((0, 1)), None]);
        assert_eq!((p.words_before, p.words), ([1, 1], 1));
    }
}
