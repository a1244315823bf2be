//! A database file with damage gives typed errors or well-formed answers, whatever is asked of it.
//!
//! SQLite is compiled without the instrumentation, so what guides this one is the engine's code alone.

#![no_main]

#[path = "../../tests/hostile/damage.rs"]
mod damage;

libfuzzer_sys::fuzz_target!(|damage: &[u8]| damage::check(damage));
