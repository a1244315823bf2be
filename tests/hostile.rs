//! Hostile bytes: posted, or in place of a database file. What is checked here in some thousand cases the
//! targets in `fuzz/` check for as long as they are let.

mod support;

#[path = "hostile/applying.rs"]
mod applying;
#[path = "hostile/bodies.rs"]
mod bodies;
#[path = "hostile/damage.rs"]
mod damage;
#[path = "hostile/decoding.rs"]
mod decoding;
#[path = "support/model.rs"]
mod plain;

use std::path::Path;

use bodies::hostile_body;
use opportunity_engine::strategies::{body_of, valid_add, valid_update};
use opportunity_engine::{OpportunityId, VenueId};
use proptest::collection::vec;
use proptest::prelude::*;
use support::runs;

fn cases(usual: usize, long: usize) -> ProptestConfig {
    let cases = u32::try_from(runs(usual, long)).unwrap();
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Bodies that meet in a few opportunities, hostile ones among them.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let update = (1..=5_i64, 1..=6_i64).prop_flat_map(|(venue, id)| {
        valid_update(VenueId::new(venue).unwrap(), OpportunityId::new(id).unwrap())
    });
    let valid = prop_oneof![valid_add().boxed(), update.boxed()];
    let body = prop_oneof![
        4 => valid.prop_flat_map(|request| body_of(&request)).boxed(),
        1 => hostile_body().boxed(),
    ];
    vec(body, 1..24).prop_map(|bodies| bodies.join(&b'\n'))
}

/// Damage in a few places, mostly near the start of the file or of its pages, where the structure is.
fn damage() -> impl Strategy<Value = Vec<u8>> {
    let place = prop_oneof![
        0..200_usize,
        (0..64_usize, 0..16_usize).prop_map(|(page, at)| page * 1_024 + at),
        0..65_536_usize
    ];
    let edit =
        (place, any::<u8>()).prop_map(|(place, byte)| vec![(place >> 8) as u8, place as u8, byte]);
    let cut = prop_oneof![3 => Just(0_u16), 1 => any::<u16>()];
    (cut, vec(edit, 0..8))
        .prop_map(|(cut, edits)| [cut.to_be_bytes().to_vec(), edits.concat()].concat())
}

proptest! {
    #![proptest_config(cases(2_000, 1_000_000))]

    /// Seen to fail for a decoder that reads keys given twice as one, and one that takes a byte-order mark.
    #[test]
    fn any_bytes_are_decided_and_get_a_well_formed_reply(body in hostile_body()) {
        decoding::check(&body);
    }
}

proptest! {
    #![proptest_config(cases(100, 50_000))]

    #[test]
    fn any_bodies_lead_where_a_plain_map_says(bodies in lines()) {
        applying::check(&bodies);
    }

    #[test]
    fn a_damaged_file_gives_typed_errors_or_well_formed_answers(damage in damage()) {
        damage::check(&damage);
    }
}

/// The files that fuzzing starts from. They are not part of the crate; without them there is nothing to check.
#[test]
fn the_seeds_of_the_fuzz_targets_pass() {
    for target in ["decode", "decode_then_apply", "damaged_file"] {
        let check = match target {
            "decode" => decoding::check,
            "decode_then_apply" => applying::check,
            _ => damage::check,
        };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
        let Ok(seeds) = std::fs::read_dir(&folder) else {
            eprintln!("skipped: there is no {}", folder.display());
            continue;
        };
        for seed in seeds {
            check(&std::fs::read(seed.unwrap().path()).unwrap());
        }
    }
}
