//! One digit of the id is wrong.
nanogram::tl! {
    "inputUser#f21158c7 user_id:long access_hash:long = InputUser;"
    struct InputUser { user_id: i64, access_hash: i64 }
}
fn main() {}
