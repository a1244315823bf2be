//! A sync fails when the log has just started over: its header is new, and behind what follows it lie
//! frames of the time before.
//!
//! A failed commit is *aborted* if a fence after it is durable, because the fence takes its place in the log.
//! That has to hold for the first frames of a log, too.

use super::Story;
use super::history::{Event, FileNumber, Op};
use super::recorder::{Call, Failure, Fault};
use super::workload;
use crate::support::runs;

/// Whether the log had started over before an event, had been synced so often since, and reached further
/// before that.
fn had_just_started_over(events: &[Event], at: usize, syncs: usize) -> bool {
    let Event::SyncFailed(log) = events[at] else { return false };
    let is_log = |file: &FileNumber| file == &log;
    let name = |event: &Event| match event {
        Event::Linked(name, file) => is_log(file) && name.ends_with("-wal"),
        _ => false,
    };
    let header = |event: &Event| match event {
        Event::Changed(file, Op::Write { offset, .. }) => is_log(file) && *offset == 0,
        _ => false,
    };
    let cut = |event: &Event| match event {
        Event::Changed(file, Op::Truncate { .. }) => is_log(file),
        _ => false,
    };
    let sync = |event: &&Event| matches!(event, Event::Synced(file) if is_log(file));
    let end = |events: &[Event]| {
        let ends = events.iter().filter_map(|event| match event {
            Event::Changed(file, Op::Write { offset, bytes }) if is_log(file) => {
                Some(*offset + bytes.len() as u64)
            }
            _ => None,
        });
        ends.max().unwrap_or(0)
    };
    let Some(start) = events[..at].iter().rposition(header) else { return false };
    let (before, since) = (&events[..start], &events[start..at]);
    let before = &before[before.iter().rposition(cut).map_or(0, |cut| cut + 1)..];
    events.iter().any(name)
        && since.iter().filter(sync).count() == syncs
        && end(before) > end(since)
}

/// Caught: a failed commit told as aborted without a fence.
#[test]
fn a_sync_that_fails_when_the_log_has_just_started_over_is_settled_or_stops_writes() {
    const EIO: Failure = Failure::Error(libc::EIO);
    // The first sync is that of the header, the second that of the first commit. If the next one fails too,
    // that is the fence's.
    for (syncs, count) in [(0, 1), (1, 1), (0, 2), (1, 2)] {
        let (mut aborted, mut unknown) = (0, 0);
        for nth in 0..runs(3, 20) {
            let call = Call::SyncOfRestartedLog(syncs);
            let fault = Fault { call, first: nth, count, failure: EIO };
            let seed = 600 + nth as u64;
            let (story, _) =
                Story::of_a_failing_disk([fault], seed, |engine, ledger, recording| {
                    let mut lives = 1_000 * seed..;
                    while recording.calls() <= nth {
                        workload::run(engine, ledger, lives.next().unwrap(), 2, 5);
                    }
                });
            let events = story.history.events();
            let failed = events.iter().position(|event| matches!(event, Event::SyncFailed(_)));
            let failed = failed.unwrap();
            assert!(had_just_started_over(events, failed, syncs), "{syncs}, {nth}");
            let soon = failed..=events.len().min(failed + 15);
            let mut flaws = story.flaws_of_cuts(soon, runs(5, 50));
            flaws.extend(story.flaws(runs(10, 200)));
            assert!(flaws.is_empty(), "{syncs}, {nth}: {flaws:#?}");
            let told = |matches: fn(&Event) -> bool| events.iter().filter(|it| matches(it)).count();
            aborted += told(|event| matches!(event, Event::Aborted { .. }));
            unknown += told(|event| matches!(event, Event::Unknown));
        }
        println!(
            "sync {syncs} of a log that has started over fails {count} times: \
             {aborted} aborted, {unknown} unknown; losses: 0"
        );
        assert!(aborted > 0);
        assert_eq!(unknown > 0, count > 1);
    }
}
