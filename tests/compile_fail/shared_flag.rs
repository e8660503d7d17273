//! `a` and `b` could disagree about their flag: they are one `Option` of a tuple.
nanogram::tl! {
    "pair#eb0aacd9 flags:# a:flags.0?int b:flags.0?int = Pair;"
    struct Pair { a: Option<i32>, b: Option<i32> }
}
fn main() {}
