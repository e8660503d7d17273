//! A field under a flag must be an `Option`.
nanogram::tl! {
    "emojiStatus#e7ff068a flags:# document_id:long until:flags.0?int = EmojiStatus;"
    struct EmojiStatus { document_id: i64, until: i32 }
}
fn main() {}
