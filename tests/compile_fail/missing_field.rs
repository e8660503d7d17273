//! A struct ends where its line ends.
nanogram::tl! {
    "inputUser#f21158c6 user_id:long access_hash:long = InputUser;"
    struct InputUser { user_id: i64 }
}
fn main() {}
