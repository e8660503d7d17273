//! A head may stop early, but must not skip a field.
nanogram::tl_head! {
    "inputUser#f21158c6 user_id:long access_hash:long = InputUser;"
    struct InputUserHead { access_hash: i64 }
}
fn main() {}
