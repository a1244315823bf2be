//! Hostile bytes: posted, or in place of a database file. What is checked here in some thousand cases the
//! targets in `fuzz/` check for as long as they are let.

mod support;

#[path = "hostile/applying.rs"]
mod applying;
#[path = "hostile/damage.rs"]
mod damage;
#[path = "hostile/decoding.rs"]
mod decoding;
#[path = "support/model.rs"]
mod plain;

use std::path::Path;

use opportunity_engine::strategies::{any_body, body_of, mixed_request};
use opportunity_engine::{OpportunityId, VenueId};
use proptest::collection::vec;
use proptest::prelude::*;
use support::runs;

fn cases(usual: usize, long: usize) -> ProptestConfig {
    let cases = u32::try_from(runs(usual, long)).unwrap();
    ProptestConfig {
        cases,
        failure_persistence: None,
        // A long run draws very many values that are not used.
        max_local_rejects: u32::MAX,
        ..ProptestConfig::default()
    }
}

/// Bodies that meet in a few opportunities, hostile ones among them, one a line.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let venue = (1..=2_i64).prop_map(|venue| VenueId::new(venue).unwrap());
    let id = (1..=6_i64).prop_map(|id| OpportunityId::new(id).unwrap());
    let request = mixed_request((venue, id));
    let body = prop_oneof![
        7 => request.prop_flat_map(|request| body_of(&request)),
        1 => any_body(),
    ];
    vec(body.prop_map(on_one_line), 1..24).prop_map(|bodies| bodies.join(&b'\n'))
}

/// In a body that is valid a line break is white space.
fn on_one_line(body: Vec<u8>) -> Vec<u8> {
    body.into_iter().map(|byte| if byte == b'\n' { b' ' } else { byte }).collect()
}

/// Damage in a few places near the start of the file or of its pages, where the structure is; or in many
/// places, of which the most are in rows.
fn damage() -> impl Strategy<Value = Vec<u8>> {
    let structure =
        prop_oneof![0..200_u16, (0..27_u16, 0..16_u16).prop_map(|(page, at)| page * 1_024 + at),];
    let edit = |place: BoxedStrategy<u16>| {
        (place, any::<u8>()).prop_map(|(place, byte)| [&place.to_be_bytes()[..], &[byte]].concat())
    };
    let edits = prop_oneof![
        vec(edit(structure.boxed()), 0..6),
        vec(edit((10_240..27_648_u16).boxed()), 1..16),
    ];
    let cut = prop_oneof![3 => Just(0_u16), 1 => any::<u16>()];
    (cut, edits).prop_map(|(cut, edits)| [&cut.to_be_bytes()[..], &edits.concat()].concat())
}

proptest! {
    #![proptest_config(cases(2_000, 1_000_000))]

    /// Seen to fail for a decoder that takes a key given twice, a byte-order mark, or more text after the object,
    /// and for messages that repeat a key of any length.
    #[test]
    fn any_bytes_are_decided_and_get_a_well_formed_reply(body in any_body()) {
        decoding::check(&body);
    }
}

proptest! {
    #![proptest_config(cases(100, 50_000))]

    /// Seen to fail for an update that may clear the last owner, or what may never be cleared, and for one that
    /// clears nothing.
    #[test]
    fn any_bodies_lead_where_a_plain_map_says(bodies in lines()) {
        applying::check(&bodies);
    }
}

proptest! {
    #![proptest_config(cases(400, 100_000))]

    /// Seen to fail for a row that is read without a check of its times, or of its texts' UTF-8, and for one
    /// that takes it for granted that what is stored is valid; for a value that breaks the rules and is told as
    /// something else than damage.
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
