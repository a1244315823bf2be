//! Bodies that are posted one after the other, one a line, lead where a plain map says.

#![no_main]

#[path = "../../tests/hostile/applying.rs"]
mod applying;
#[path = "../../tests/support/model.rs"]
mod plain;
mod wire_names;

libfuzzer_sys::fuzz_target!(|bodies: &[u8]| applying::check(bodies));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    wire_names::mutate(data, size, max_size, seed)
});
