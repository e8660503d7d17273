//! `a` and `b` share a flag and could disagree about it: they must be one `Option` of a tuple.
nanogram::tl! {
    "pair#eb0aacd9 flags:# a:flags.0?int b:flags.0?int = Pair;"
    struct Pair { a: Option<i32>, b: Option<i32> }
}
fn main() {}
