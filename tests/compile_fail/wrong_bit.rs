//! The real schema line has `flags.0`; the id does not match.
nanogram::tl! {
    "emojiStatus#e7ff068a flags:# document_id:long until:flags.1?int = EmojiStatus;"
    struct EmojiStatus { document_id: i64, until: Option<i32> }
}
fn main() {}
