//! What a hostile request costs is in proportion to its size: memory, allocations, the reply, time.

use std::hint::black_box;
use std::time::{Duration, Instant};

use opportunity_engine::{Decoder, Engine, Field, Reply, UnknownKeys, decide};

#[path = "hostile/decoding.rs"]
mod decoding;

const KIB: usize = 1 << 10;

/// Bodies of one kind and of about this size, never larger.
type Kind = (&'static str, fn(usize) -> Vec<u8>);

const KINDS: [Kind; 25] = [
    ("one unknown key", |size| object(size, |_| "\"a\":1".to_owned())),
    ("short unknown keys", |size| object(size, |nth| format!("\"{}\":1", letters(nth)))),
    ("unknown keys of a long common start", |size| {
        object(size, |nth| format!("\"{}{nth}\":1", "k".repeat(200)))
    }),
    ("unknown keys that are escaped in the reply", |size| {
        object(size, |nth| {
            let bits = (0..16).map(|bit| if nth >> bit & 1 == 0 { '\u{7f}' } else { '\u{9f}' });
            format!("\"{}{}\":1", bits.collect::<String>(), "\u{7f}".repeat(48))
        })
    }),
    ("unknown keys written with escapes", |size| {
        object(size, |nth| {
            format!("\"\\u{:04x}\\u{:04x}\":1", 0x4e00 + nth % 0x5000, 0x4e00 + nth / 0x5000)
        })
    }),
    ("one long unknown key", |size| member(&"\u{7f}".repeat(size - 20), "1")),
    ("one unknown key with nested values", |size| {
        object(size, |_| "\"a\":[[{\"b\":[1,2]}]]".to_owned())
    }),
    ("a name that is no text", |size| object(size, |_| "\"name\":5".to_owned())),
    ("a name that is wrong in every way", |size| {
        object(size, |nth| {
            format!(
                "\"name\":{}",
                ["5", "\" \"", "\"\\u0000\"", "\"\\ud800\"", "\"\"", "\"x\""][nth % 6]
            )
        })
    }),
    ("every field, wrong and twice", |size| {
        object(size, |nth| format!("\"{}\":[0]", Field::ALL[nth % Field::ALL.len()]))
    }),
    ("an empty field", |size| object(size, |_| "\"typeId\":null".to_owned())),
    ("long names", |size| object(size, |_| format!("\"name\":\"{}\"", "x".repeat(1_000)))),
    ("a long name", |size| member("name", &format!("\"{}\"", "x".repeat(size - 20)))),
    ("a long name of escapes", |size| {
        member("name", &format!("\"{}\"", "\\u0041".repeat((size - 20) / 6)))
    }),
    ("a long name of white space", |size| {
        member("name", &format!("\"{}\"", " ".repeat(size - 20)))
    }),
    ("many digits", |size| member("typeId", &"9".repeat(size - 20))),
    ("many digits of a channel", |size| member("channelId", &"9".repeat(size - 20))),
    ("many zeros in a text", |size| member("typeId", &format!("\"{}1\"", "0".repeat(size - 20)))),
    ("a long fraction", |size| member("typeId", &format!("1.{}e1", "0".repeat(size - 20)))),
    ("nested objects in a field", |size| {
        let depth = (size - 20) / 6;
        member("name", &format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)))
    }),
    ("nested objects in an unknown key", |size| {
        let depth = (size - 20) / 6;
        member("z", &format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)))
    }),
    ("nothing but [", |size| vec![b'['; size]),
    ("arrays in arrays", |size| [vec![b'['; size / 2], vec![b']'; size / 2]].concat()),
    ("white space", |size| vec![b'\n'; size]),
    ("a text that is cut off", |size| {
        member("name", &format!("\"{}", "\u{e9}".repeat(size / 2 - 20)))
    }),
];

fn member(key: &str, value: &str) -> Vec<u8> {
    format!("{{\"{key}\":{value}}}").into_bytes()
}

/// An object with as many of these members as there is room for.
fn object(size: usize, member: impl Fn(usize) -> String) -> Vec<u8> {
    let mut body = "{".to_owned();
    for nth in 0.. {
        let member = member(nth);
        if body.len() + member.len() + 2 > size {
            break;
        }
        if nth > 0 {
            body.push(',');
        }
        body.push_str(&member);
    }
    (body + "}").into_bytes()
}

/// The shortest names there are.
fn letters(mut nth: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut name = String::new();
    loop {
        name.push(char::from(LETTERS[nth % LETTERS.len()]));
        nth /= LETTERS.len();
        if nth == 0 {
            return name;
        }
        nth -= 1;
    }
}

/// Bytes to a reply, or to a command: all that happens to hostile ones, on the thread of the caller.
fn run(body: &[u8]) {
    for unknown_keys in [UnknownKeys::Reject, UnknownKeys::Ignore] {
        let decision = Decoder::new().unknown_keys(unknown_keys).decode(body).and_then(decide);
        if let Err(rejection) = decision {
            black_box(Reply::from(rejection).to_json());
        }
    }
}

/// Sizes at which buffers that grow by doubling are just full, or have just grown, among others.
const SIZES: [usize; 4] = [64 * KIB, 100 * KIB, 700 * KIB, 1_024 * KIB];

/// Memory for N bytes: 24 N + 16 KiB, in N / 4 + 100 allocations. Most of it is for unknown keys, which cost
/// eight bytes in the request at the least, and a violation each.
///
/// Seen to fail, by the allocations, for a reply that gathers the texts of its violations before it writes
/// them.
#[test]
fn memory_is_in_proportion() {
    for (name, kind) in KINDS {
        for size in SIZES {
            let body = kind(size);
            assert!((size - 2 * KIB..=size).contains(&body.len()), "{name}");
            let counted = allocation_counter::measure(|| run(&body));
            assert!(counted.bytes_max <= 24 * size as u64 + 16 * 1_024, "{name}: {counted:?}");
            assert!(counted.count_total <= size as u64 / 4 + 100, "{name}: {counted:?}");
            assert_eq!(counted.bytes_current, 0, "{name}");
        }
    }
}

/// A line of an import may be far longer than a request, so what is told of it is bounded. Memory for N bytes: 4 N, as
/// the line is gathered in a buffer that doubles, and 256 KiB.
///
/// Seen to fail, at twenty times the bytes, for a line of which every key that is not known is kept and told.
#[test]
fn memory_of_a_line_of_an_import_is_in_proportion() {
    let engine = Engine::in_memory().unwrap();
    for (name, kind) in KINDS {
        for size in [100 * KIB, 1_024 * KIB, 3_000 * KIB] {
            let line = kind(size);
            let mut text = 0;
            let counted = allocation_counter::measure(|| {
                text = engine.import(&*line).map_or_else(|error| error.to_string().len(), |_| 0);
            });
            assert!(counted.bytes_max <= 4 * size as u64 + 256 * 1_024, "{name}: {counted:?}");
            assert!(text < 64 * KIB, "{name}: a text of {text} bytes");
        }
    }
}

/// Seen to fail for a violation each time that an unknown key is given, and for messages that repeat a key of
/// any length.
#[test]
fn the_largest_requests_get_well_formed_replies_of_bounded_size() {
    for (_, kind) in KINDS {
        decoding::check(&kind(Decoder::DEFAULT_MAX_BYTES));
    }
}

/// How much longer four times the bytes may take: twice as long as they should. Work that grows with the
/// square takes sixteen times as long.
const MOST: u32 = 8;

/// How long is tried to see the work in proportion. Whatever else the machine does only makes a run slower,
/// so the fastest of some runs are compared.
const PATIENCE: Duration = Duration::from_secs(20);

/// Seen to fail for unknown keys that are looked up in a list.
#[test]
fn time_is_in_proportion() {
    for (name, kind) in KINDS {
        let (small, large) = (kind(256 * KIB), kind(1_024 * KIB));
        let (mut fast, mut slow) = (Duration::MAX, Duration::MAX);
        let started = Instant::now();
        for round in 1.. {
            fast = fast.min(time(&small));
            slow = slow.min(time(&large));
            if slow <= fast * MOST {
                break;
            }
            let is_over = round >= 3 && started.elapsed() > PATIENCE;
            assert!(!is_over, "{name}: {fast:?} for 256 KiB, {slow:?} for 1 MiB");
        }
    }
}

fn time(body: &[u8]) -> Duration {
    let started = Instant::now();
    allocation_counter::opt_out(|| run(body));
    started.elapsed()
}
