#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| spatiald_fuzz::run(spatiald_fuzz::readers::audio, bytes));
