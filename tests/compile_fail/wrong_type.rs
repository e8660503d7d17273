//! A `long` has eight bytes.
nanogram::tl! {
    "inputUser#f21158c6 user_id:long access_hash:long = InputUser;"
    struct InputUser { user_id: i32, access_hash: i64 }
}
fn main() {}
