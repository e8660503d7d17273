//! The schema names the field `access_hash`.
nanogram::tl! {
    "inputUser#f21158c6 user_id:long access_hash:long = InputUser;"
    struct InputUser { user_id: i64, hash: i64 }
}
fn main() {}
