//! What surrounds the one call, with a history and with keys: each of it does all that it does or nothing,
//! and says which.

use std::path::{Path, PathBuf};

use opportunity_engine::{
    BackupError, Engine, Error, ExportError, Filter, Forecast, IdempotencyKey, ImportError,
    ListError, ListOrder, Outcome, Sequence, StageId, Verification, Version,
};

use super::allocator::Fault;
use super::book::Effect;
use super::{EVERY, OVERFLOWING, World, at_once, sampled, sweep, unsynced};
use crate::support::{id, venue};

/// An engine that keeps a history, with a row that overflows.
fn world() -> World {
    let mut world = World::new(unsynced().history(true));
    let overflowing = world.book.update(1, OVERFLOWING);
    world.each(vec![overflowing], Fault::NONE, at_once);
    world
}

/// Requests under keys, each sent with the fault and again without. Caught: an outcome that is not recorded
/// with the change.
pub(super) fn keys() {
    let world = &mut world();
    let mut keys = (1..).map(|number: u64| IdempotencyKey::new(number.to_string()).unwrap());
    sweep(world, "an add under a key", EVERY, |world, fault| {
        let effect = world.book.add(10);
        let request = effect.request().idempotency_key(keys.next().unwrap());
        let first = fault.during(|| world.engine().add_or_update(request.clone()));
        match &first {
            Ok(_) => {}
            Err(Error::Aborted(why)) => world.expect_out_of_memory(why),
            Err(other) => panic!("{other:?}"),
        }
        let again = world.engine().add_or_update(request).unwrap();
        assert!(first.as_ref().is_ok_and(|first| *first == again) || first.is_err());
        world.book.note(effect, &again);
        world.go_on(&[]);
        first.is_ok()
    });
    sweep(world, "a repeated request", EVERY, |world, fault| {
        let effect = world.book.update(1, OVERFLOWING);
        let request = effect.request().idempotency_key(keys.next().unwrap());
        let first = world.engine().add_or_update(request.clone()).unwrap();
        world.book.note(effect, &first);
        let again = fault.during(|| world.engine().add_or_update(request));
        match &again {
            Ok(again) => assert_eq!(*again, first),
            Err(Error::Aborted(why)) => world.expect_out_of_memory(why),
            Err(other) => panic!("{other:?}"),
        }
        world.go_on(&[]);
        again.is_ok()
    });
}

/// With a condition that takes no memory for each row: the rows become more while memory runs out.
fn all() -> Filter {
    Filter::new().stage_id(StageId::new(69).unwrap())
}

pub(super) fn reads() {
    let world = &mut world();
    for order in [ListOrder::Id, ListOrder::LastChange] {
        sweep(world, "a page of a list", EVERY, |world, fault| {
            let list = world.engine().list(venue(), all()).order(order).page_size(2);
            let page = fault.during(|| list.page()).map_err(|error| match error {
                ListError::Store(error) => error,
                other => panic!("{other:?}"),
            });
            world.has_read(page, |book, page| {
                assert_eq!(page.items.len(), 2);
                for found in &page.items {
                    book.check_one(found.id().get(), Some(found));
                }
            })
        });
    }
    sweep(world, "the number of a list", EVERY, |world, fault| {
        let list = world.engine().list(venue(), all());
        let count = fault.during(|| list.count());
        world.has_read(count, |book, count| assert_eq!(count, book.ids().len() as u64))
    });
    sweep(world, "a page of changes", EVERY, |world, fault| {
        let last = world.engine().last_change().unwrap().unwrap().get();
        let after = Sequence::new(last - 3).ok();
        let expected = world.engine().changes(after, 2).unwrap();
        let changes = fault.during(|| world.engine().changes(after, 2));
        world.has_read(changes, |_, changes| assert_eq!(changes, expected))
    });
    sweep(world, "a forecast", EVERY, |world, fault| {
        let request = world.book.update(1, OVERFLOWING).request();
        let forecast =
            fault.during(|| world.engine().check(request)).map_err(|error| match error {
                Error::Aborted(error) => error,
                other => panic!("{other:?}"),
            });
        world.has_read(forecast, |_, forecast| {
            assert!(matches!(forecast, Forecast::Updated { .. }), "{forecast:?}");
        })
    });
}

/// What takes a connection of its own, some thousand allocations. Caught: a page that could not be got for
/// lack of memory, told as damage.
pub(super) fn copies() {
    let world = &mut world();
    sweep(world, "an export", sampled([13, 97, 97]), |world, fault| {
        let mut lines = Vec::new();
        let result = fault.during(|| world.engine().export(&mut lines));
        let result = result.map_err(|error| match error {
            ExportError::Store(error) => error,
            other => panic!("{other:?}"),
        });
        world.has_read(result, |book, count| {
            assert_eq!(count, book.ids().len() as u64);
            assert_eq!(count, lines.iter().filter(|&&byte| byte == b'\n').count() as u64);
        })
    });
    sweep(world, "a verification", sampled([23, 97, 97]), |world, fault| {
        let findings = fault.during(|| world.engine().verify(Verification::Full));
        world.has_read(findings, |_, findings| assert!(findings.is_sound(), "{findings:?}"))
    });
    sweep(world, "a backup", sampled([61, 197, 197]), |world, fault| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup.db");
        let result = fault.during(|| world.engine().backup_to(&path));
        let is_there = path.exists();
        let result = result.map_err(|error| match error {
            BackupError::Store(error) => error,
            other => panic!("{other:?}"),
        });
        assert_eq!(is_there, result.is_ok());
        assert_eq!(files(folder.path()).len(), usize::from(is_there), "something is left");
        world.has_read(result, |book, ()| book.check(&path, "a backup"))
    });
}

fn files(folder: &Path) -> Vec<PathBuf> {
    folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// What takes a write connection of its own. Caught: a counter of changes whose failure to be saved is not
/// noticed.
pub(super) fn writes_beside_the_writer() {
    let world = &mut world();
    let source = Engine::in_memory().unwrap();
    // A line of what a request adds, with an id of our choice.
    let line = |effect: &Effect, of: i64| {
        let added = source.add_or_update(effect.request()).unwrap().id();
        let added = source.get(venue(), added).unwrap().unwrap();
        let mut record = serde_json::to_value(added).unwrap();
        record["id"] = of.into();
        format!("{record}\n")
    };
    sweep(world, "an import", sampled([1, 97, 97]), |world, fault| {
        let first = world.book.ids().last().unwrap() + 1;
        let effects = [10, OVERFLOWING, 10].map(|bytes| world.book.add(bytes));
        let lines: String =
            effects.iter().zip(first..).map(|(effect, of)| line(effect, of)).collect();
        let result = fault.during(|| world.engine().import(lines.as_bytes()));
        match &result {
            Ok(count) => {
                assert_eq!(*count, 3);
                for (effect, of) in effects.into_iter().zip(first..) {
                    let version = Version::new(1).unwrap();
                    world.book.note(effect, &Outcome::Added { id: id(of), version });
                }
            }
            Err(ImportError::Aborted(why)) => world.expect_out_of_memory(why),
            // Nothing settles what a commit that failed means, but as long as there is power it is rolled back.
            Err(ImportError::Unknown(why)) => {
                world.expect_out_of_memory(why);
                assert_eq!(world.engine().get(venue(), id(first)).unwrap(), None);
            }
            Err(other) => panic!("{other:?}"),
        }
        world.go_on(&[]);
        result.is_ok()
    });
    sweep(world, "pruned changes", sampled([7, 97, 97]), |world, fault| {
        let first = || world.engine().changes(None, 1).unwrap()[0].sequence.get();
        let before = first();
        let up_to = Sequence::new(before + 1).unwrap();
        let pruned = fault.during(|| world.engine().prune_changes(up_to));
        assert_eq!(first(), if pruned.is_ok() { before + 2 } else { before });
        world.has_read(pruned, |_, count| assert_eq!(count, 2))
    });
}
