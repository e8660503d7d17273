//! What the compiler must refuse: a struct that is not what its schema line says.
//!
//! The words it says it with are part of the promise, and are those of one compiler: with another this test fails, and
//! `TRYBUILD=overwrite` writes them anew for whoever changes the pinned one.

#[test]
fn a_mistake_in_a_constructor_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
