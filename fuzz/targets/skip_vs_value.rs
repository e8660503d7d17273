#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| nanogram::fuzzing::skip_vs_value(data));
