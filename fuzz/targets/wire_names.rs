//! A dictionary of the wire names that is always that of the table of fields.

use opportunity_engine::Field;

/// One mutation in this many puts a name in; libFuzzer chooses the others.
const ONE_IN: usize = 4;

/// Mutates `data[..size]` in place and gives its new size.
pub(crate) fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = fastrand::Rng::with_seed(seed.into());
    let key = format!("\"{}\":", Field::ALL[random.usize(..Field::ALL.len())]);
    if random.usize(..ONE_IN) > 0 || size + key.len() > max_size {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let place = random.usize(..=size);
    data.copy_within(place..size, place + key.len());
    data[place..place + key.len()].copy_from_slice(key.as_bytes());
    size + key.len()
}
