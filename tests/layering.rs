//! Arrows go one way: what each layer may not name.

use std::path::{Path, PathBuf};

/// A folder of `src` and what none of its files may name.
const FORBIDDEN: [(&str, &[&str]); 6] = [
    (
        "domain",
        &[
            "rusqlite",
            "serde_json",
            "std::fs",
            "std::io",
            "std::thread",
            "std::sync",
            "std::net",
            "std::process",
            "std::env",
            "Instant",
            "SystemTime::now",
            "Utc::now",
            "Local::now",
            "crate::wire",
            "crate::store",
            "crate::engine",
            "println!",
            "unsafe",
        ],
    ),
    ("wire", &["rusqlite", "std::fs", "std::thread", "crate::store", "crate::engine"]),
    (
        "references",
        &["rusqlite", "std::fs", "std::thread", "crate::wire", "crate::store", "crate::engine"],
    ),
    ("store", &["crate::wire", "crate::engine"]),
    ("engine", &["rusqlite", "serde_json"]),
    ("schema", &["rusqlite", "std::fs", "std::io", "std::thread", "crate::store"]),
];

/// What the driver must not be named in, so that another store can stand in its place.
const WITHOUT_DRIVER: [&str; 2] = ["store/mod.rs", "store/error.rs"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// The lines of code of a file, numbered: without comments, and without the tests at its end, or that
/// it consists of.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().take_while(|line| !["#[cfg(test)]", "#![cfg(test)]"].contains(line));
    (1..).zip(lines).map(|(number, line)| (number, line.split("//").next().unwrap_or_default()))
}

fn offences<'t>(text: &'t str, forbidden: &[&str]) -> Vec<(usize, &'t str)> {
    code(text).filter(|(_, line)| forbidden.iter().any(|name| line.contains(name))).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn no_layer_names_what_it_may_not_use() {
    for (folder, forbidden) in FORBIDDEN {
        let files = files(&source().join(folder));
        assert!(files.len() > 2, "{folder}");
        for file in files {
            let text = read(&file);
            // SystemTime is a value like others; asking it for the time is what is forbidden.
            assert_eq!(offences(&text, forbidden), [], "{}", file.display());
        }
    }
}

#[test]
fn the_interface_of_the_store_does_not_name_the_driver() {
    for file in WITHOUT_DRIVER {
        assert_eq!(offences(&read(&source().join(file)), &["rusqlite"]), [], "{file}");
    }
}

/// So that the code reads the same with the feature and without it. The guide, which shows how one listens, is no code.
#[test]
fn one_module_alone_speaks_to_listeners() {
    let speaks = |file: &PathBuf| {
        let text = read(file);
        file.extension().is_some_and(|it| it == "rs")
            && (text.contains("tracing::") || text.contains("feature = \"tracing\""))
    };
    let engine = source().join("engine");
    let mut speakers: Vec<_> = files(&source()).into_iter().filter(speaks).collect();
    speakers.sort();
    assert_eq!(speakers, [engine.join("telemetry/spoken.rs"), engine.join("telemetry.rs")]);
}

#[test]
fn an_offence_is_found_and_a_comment_is_none() {
    let text = "//! Knows no rusqlite.\nuse std::fmt;\nuse rusqlite::Row; // rusqlite\nlet x = Instant::now();\n\
                #[cfg(test)]\nmod tests { use rusqlite::Row; }";
    let found = offences(text, &["rusqlite", "Instant"]);
    assert_eq!(found, [(3, "use rusqlite::Row; "), (4, "let x = Instant::now();")]);
}

#[test]
fn no_module_is_called_utils() {
    for file in files(&source()) {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(!["util", "utils", "helpers", "common", "misc"].contains(&stem.as_str()), "{stem}");
    }
}
