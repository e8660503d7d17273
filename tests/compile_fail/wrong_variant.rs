//! `inputUserSelf` is not an `InputPeer`.
nanogram::tl! {
    "inputUserSelf#f7c1b13f = InputUser;"
    struct InputUserSelf {}
}
nanogram::tl_type! {
    "InputPeer" enum InputPeer { Me(InputUserSelf) }
}
fn main() {}
