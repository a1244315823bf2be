//! Whatever bytes are posted, they are decided and get a well-formed reply.

#![no_main]

#[path = "../../tests/hostile/decoding.rs"]
mod decoding;
mod wire_names;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| decoding::check(bytes));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    wire_names::mutate(data, size, max_size, seed)
});
