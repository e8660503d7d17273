//! On the wire, `user_id` comes first.
nanogram::tl! {
    "inputUser#f21158c6 user_id:long access_hash:long = InputUser;"
    struct InputUser { access_hash: i64, user_id: i64 }
}
fn main() {}
