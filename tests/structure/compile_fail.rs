//! Compile errors for a struct that differs from its schema line.
//!
//! The error texts are part of the interface and depend on the compiler version: with another version this test fails.
//! `TRYBUILD=overwrite` regenerates them after a change of the pinned version.

#[test]
fn a_mistake_in_a_constructor_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
