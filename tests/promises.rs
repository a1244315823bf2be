//! The guide pages name tests and errors: here they are held to what there is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use opportunity_engine::StoreErrorKind;

const PAGE: &str = include_str!("../src/guide/promises.md");
const OPERATING: &str = include_str!("../src/guide/operating/running.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The tests that a page names, `binary::test`, in backticks.
fn named_tests(page: &str) -> Vec<(&str, &str)> {
    let is_name = |text: &str| {
        !text.is_empty()
            && text.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_')
    };
    page.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|code| code.split_once("::"))
        .filter(|(binary, test)| is_name(binary) && is_name(test))
        .filter(|(binary, _)| *binary != "std")
        .collect()
}

/// The sources of a test binary: its file, and those in the folder of its name.
fn sources(binary: &str) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    match binary {
        "lib" => gather(&root().join("src"), &mut sources),
        _ => {
            gather(&root().join("tests").join(format!("{binary}.rs")), &mut sources);
            gather(&root().join("tests").join(binary), &mut sources);
        }
    }
    sources
}

/// Gathers a file of Rust, or those in a folder and its folders.
fn gather(path: &Path, files: &mut Vec<PathBuf>) {
    gather_as("rs", path, files);
}

/// Gathers a file with this ending, or those in a folder and its folders; a build in one of them is left out.
fn gather_as(ending: &str, path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() && path.extension().is_some_and(|it| it == ending) {
        files.push(path.to_owned());
    } else if path.is_dir() && path.file_name().is_some_and(|it| it != "target") {
        for entry in std::fs::read_dir(path).unwrap() {
            gather_as(ending, &entry.unwrap().path(), files);
        }
    }
}

/// Every guide page.
fn pages() -> Vec<String> {
    let mut paths = Vec::new();
    gather_as("md", &root().join("src/guide"), &mut paths);
    paths.into_iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Whether a source has a test with this name.
fn has_test(source: &str, name: &str) -> bool {
    let start = format!("fn {name}(");
    let mut lines = source.lines().map(str::trim_start);
    let is_test = |line: &str| line == "#[test]";
    let mut is_marked = false;
    lines.any(|line| {
        let found = is_marked && line.starts_with(&start);
        // Other attributes may stand between the two, and documentation.
        is_marked =
            is_test(line) || is_marked && (line.starts_with("#[") || line.starts_with("//"));
        found
    })
}

#[test]
fn every_test_that_a_page_names_is_there() {
    let pages = pages();
    let named: Vec<_> = pages.iter().flat_map(|page| named_tests(page)).collect();
    assert!(named.len() > 50, "{} names: the pages are not read right", named.len());
    let is_there = |binary, test| {
        let read = |source: PathBuf| std::fs::read_to_string(source).unwrap();
        sources(binary).into_iter().any(|source| has_test(&read(source), test))
    };
    let missing: Vec<_> =
        named.into_iter().filter(|(binary, test)| !is_there(binary, test)).collect();
    assert!(missing.is_empty(), "there is no {missing:?}");
}

/// The variants of a public enum, read from its source.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let start = format!("pub enum {name} {{\n");
    let body = source.split_once(&start).unwrap_or_else(|| panic!("no enum {name}")).1;
    let body = body.split_once("\n}\n").unwrap().0;
    let is_variant = |line: &&str| {
        line.strip_prefix("    ")
            .is_some_and(|line| line.starts_with(|it: char| it.is_ascii_uppercase()))
    };
    let names = body.lines().filter(is_variant).map(|line| {
        line.trim().chars().take_while(char::is_ascii_alphanumeric).collect::<String>()
    });
    names.collect()
}

#[test]
fn every_error_is_on_the_page() {
    let engine = include_str!("../src/engine/error.rs");
    let (list, cursor) =
        (include_str!("../src/engine/list.rs"), include_str!("../src/domain/cursor.rs"));
    let store = include_str!("../src/store/error.rs");
    let mut missing = Vec::new();
    for (source, name) in [
        (engine, "Error"),
        (engine, "BatchError"),
        (engine, "TrySubmitError"),
        (include_str!("../src/engine/export.rs"), "ExportError"),
        (include_str!("../src/engine/import.rs"), "ImportError"),
        (list, "ListError"),
        (cursor, "CursorError"),
        (store, "StoreErrorKind"),
        (store, "OpenError"),
        (store, "BackupError"),
    ] {
        let variants = variants(source, name);
        assert!(variants.len() > 1, "{name}: {variants:?}");
        let links = variants.iter().map(|variant| format!("](crate::{name}::{variant})"));
        missing.extend(links.filter(|link| !PAGE.contains(link)));
    }
    assert!(missing.is_empty(), "the page does not tell of {missing:?}");
}

/// Seen to fail without the row of an error.
#[test]
fn the_page_of_operating_tells_what_to_do_when_an_engine_does_not_open() {
    for variant in variants(include_str!("../src/store/error.rs"), "OpenError") {
        let row = format!("| [`{variant}`](crate::OpenError::{variant}) | ");
        assert!(OPERATING.contains(&row), "{variant}");
    }
}

/// Every kind of failure.
const KINDS: [StoreErrorKind; 16] = [
    StoreErrorKind::Busy,
    StoreErrorKind::Full,
    StoreErrorKind::Io,
    StoreErrorKind::OutOfMemory,
    StoreErrorKind::ReadOnly,
    StoreErrorKind::Damaged,
    StoreErrorKind::LogFull,
    StoreErrorKind::QueueFull,
    StoreErrorKind::DeadlineExceeded,
    StoreErrorKind::Exhausted,
    StoreErrorKind::BatchRefused,
    StoreErrorKind::NoReferences,
    StoreErrorKind::Panicked,
    StoreErrorKind::WritesStopped,
    StoreErrorKind::Closed,
    StoreErrorKind::Unexpected,
];

#[test]
fn the_page_says_try_again_of_the_kinds_that_pass() {
    let names: BTreeSet<String> = KINDS.iter().map(|kind| format!("{kind:?}")).collect();
    assert_eq!(names, variants(include_str!("../src/store/error.rs"), "StoreErrorKind"));
    for kind in KINDS {
        let start = format!("| [`{kind:?}`](crate::StoreErrorKind::{kind:?}) |");
        let row = PAGE.lines().find_map(|line| line.strip_prefix(&start));
        let row = row.unwrap_or_else(|| panic!("no row for {kind:?}"));
        let says = row.split('|').next().unwrap().trim();
        assert_eq!(says, if kind.is_passing() { "yes" } else { "no" }, "{kind:?}");
    }
}

#[test]
fn names_tests_and_variants_are_read_right() {
    let page = "`backup::a_test`, [`Engine`](crate::Engine), `std::fs`, `lib::b_2`: `x`";
    assert_eq!(named_tests(page), [("backup", "a_test"), ("lib", "b_2")]);

    let source = "    #[test]\n    #[ignore]\n    fn a_test() {\n    helper();\nfn helper() {}\n";
    assert!(has_test(source, "a_test"));
    assert!(!has_test(source, "helper") && !has_test(source, "a_tes"));

    let source = "pub enum E {\n    /// One.\n    One,\n    #[error(\"x\")]\n    Two {\n        a: u8,\n    },\n    \
                  Three(u8),\n}\n";
    assert_eq!(variants(source, "E"), ["One", "Two", "Three"].map(String::from).into());
}
