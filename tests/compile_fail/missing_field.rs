//! A struct must have all fields of its schema line.
nanogram::tl! {
    "inputUser#f21158c6 user_id:long access_hash:long = InputUser;"
    struct InputUser { user_id: i64 }
}
fn main() {}
