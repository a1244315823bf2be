//! Links, permissions, and what is no regular file.

use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::*;

#[test]
fn a_name_that_is_no_unicode_is_a_name() {
    let place = Place::new();
    let path = place.path("").join(std::ffi::OsStr::from_bytes(b"\xff\xfe.db"));
    Engine::open(&path).unwrap().add_or_update(lead()).unwrap();
    assert!(existing().open(&path).unwrap().get(venue(), id(1)).unwrap().is_some());
}

// Seen to catch: an engine that opens whatever has a path.
#[test]
fn what_is_no_regular_file_is_refused_and_nobody_waits_for_it() {
    let place = Place::new();
    let pipe = place.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let socket = place.path("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    for path in [pipe, socket, "/dev/null".into(), "/dev/zero".into()] {
        place.refuses(any(), &path, &unusable("it is not a regular file"));
        place.refuses(existing(), &path, &unusable("it is not a regular file"));
    }
}

// Seen to catch: a look for the log beside the link, which overlooks it.
#[test]
fn a_link_leads_to_the_database_and_the_log_is_beside_that() {
    let place = Place::new();
    let elsewhere = Place::new();
    let path = elsewhere.database("a.db");
    let link = place.path("link.db");
    symlink(&path, &link).unwrap();
    let engine = Engine::open(&link).unwrap();
    engine.add_or_update(lead()).unwrap();
    let names = || elsewhere.contents().into_keys().collect::<Vec<_>>();
    assert_eq!(names(), ["a.db", "a.db-shm", "a.db-wal"]);
    assert_eq!(place.contents().len(), 1);

    // Both ways lead to the same, while both are open.
    let direct = Engine::open(&path).unwrap();
    assert_eq!(direct.add_or_update(lead()).unwrap().id(), id(3));
    assert_eq!(engine.add_or_update(lead()).unwrap().id(), id(4));
    direct.close().unwrap();
    engine.close().unwrap();
    assert_eq!(names(), ["a.db"]);

    // What is refused is left alone: a database of somebody else's that is in its log alone.
    let made_by = "PRAGMA journal_mode = wal";
    let path = elsewhere.killed_after("b.db", made_by, "CREATE TABLE t (x)", true);
    std::fs::remove_file(&link).unwrap();
    symlink(&path, &link).unwrap();
    let files = || ["", "-wal"].map(|suffix| std::fs::read(beside(&path, suffix)).unwrap());
    let before = files();
    let error = any().open(&link).unwrap_err();
    assert_eq!(told(&error, &link), FOREIGN);
    assert!(before == files(), "something was written");
}

#[test]
fn a_link_to_nothing_creates_its_target_and_others_are_refused() {
    let place = Place::new();
    let link = place.path("link.db");
    let point_to = |target: &str| {
        std::fs::remove_file(&link).ok();
        symlink(place.path(target), &link).unwrap();
    };
    point_to("target.db");
    place.refuses(existing(), &link, MISSING);
    Engine::open(&link).unwrap().add_or_update(lead()).unwrap();
    let names = place.contents().into_keys().collect::<Vec<_>>();
    assert_eq!(names, ["link.db", "target.db"]);

    point_to("none/target.db");
    place.refuses(any(), &link, &unusable(CANNOT_OPEN));
    point_to("link.db");
    place.refuses(any(), &link, &unusable(&os_error(&link)));
    point_to("");
    place.refuses(any(), &link, &unusable("is a directory"));
}

/// Somebody who owns no file.
const NOBODY: u32 = 65_534;

/// What [`the_child`] opens.
const OPENED: &str = "REFUSED_FILES_OPENED";

/// Not a test of its own: it is run by others, as somebody for whom permissions count.
#[test]
#[ignore = "others run it, as somebody else"]
fn the_child() {
    let Some(path) = std::env::var_os(OPENED) else { return };
    match any().open(&path) {
        Ok(engine) => println!("<opened: {:?}>", engine.add_or_update(lead()).map(|_| ())),
        Err(error) => println!("<{}>", told(&error, path.as_ref())),
    }
}

/// What somebody is told who is not root and opens a path; `None` if there is nobody to ask.
///
/// This program is run again, as nobody if it runs as root, for whom permissions do not count. A copy
/// of it: the folder of the original may be closed to others.
fn told_to_nobody(path: &Path) -> Option<String> {
    let place = Place::new();
    allow(place.0.path(), 0o755);
    let program = place.path("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    allow(&program, 0o755);
    let mut command = Command::new(&program);
    command.args(["--ignored", "--exact", "unix::the_child", "--nocapture"]).env(OPENED, path);
    if std::fs::metadata(&program).unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = match command.output() {
        Ok(output) => String::from_utf8(output.stdout).unwrap(),
        Err(error) => {
            println!("skipped: no program can be run as somebody else here: {error}");
            return None;
        }
    };
    let told = output.split_once('<').and_then(|(_, rest)| rest.rsplit_once('>'));
    Some(told.unwrap_or_else(|| panic!("{output}")).0.to_owned())
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A database with these permissions of its files and of its folder is refused with this text.
fn refused_to_nobody(of_files: u32, of_folder: u32, is_killed: bool, expected: &str) {
    let place = Place::new();
    let path = place.database("a.db");
    let engine = Engine::open(&path).unwrap();
    engine.add_or_update(lead()).unwrap();
    if is_killed {
        // The log stays, and nobody holds it.
        let copy = place.path("b.db");
        for suffix in ["", "-wal"] {
            std::fs::copy(beside(&path, suffix), beside(&copy, suffix)).unwrap();
        }
        engine.close().unwrap();
        for suffix in ["", "-wal"] {
            std::fs::rename(beside(&copy, suffix), beside(&path, suffix)).unwrap();
        }
    } else {
        engine.close().unwrap();
    }
    for name in place.contents().into_keys() {
        allow(&place.path(&name), of_files);
    }
    let before = place.contents();
    allow(place.0.path(), of_folder);
    let told = told_to_nobody(&path);
    allow(place.0.path(), 0o755);
    assert_eq!(told.as_deref().unwrap_or(expected), expected, "killed: {is_killed}");
    if !expected.starts_with("opened") {
        assert_same(&before, &place.contents());
    }
}

// Seen to catch: an engine that lets SQLite open the file for reading when it may not be written.
#[test]
fn what_may_not_be_read_or_written_is_refused_and_left_alone() {
    let read_only = "PATH could not be opened: could not open the database: the database may not be \
                     written; check the permissions";
    for is_killed in [false, true] {
        // That somebody is told anything at all, and not because of something else.
        refused_to_nobody(0o666, 0o777, is_killed, "opened: Ok(())");
        refused_to_nobody(0o000, 0o777, is_killed, &unusable(CANNOT_OPEN));
        refused_to_nobody(0o444, 0o777, is_killed, read_only);
        let directory = "attempt to write a readonly database: Error code 1544: attempt to write a \
                         readonly database";
        let in_folder = format!("{read_only}: {directory}");
        // With a log it is the index of the log that cannot be made.
        let in_folder = if is_killed { unusable(CANNOT_OPEN) } else { in_folder };
        refused_to_nobody(0o666, 0o555, is_killed, &in_folder);
        let denied = std::io::Error::from_raw_os_error(13);
        refused_to_nobody(0o666, 0o444, is_killed, &unusable(&denied));
    }
}
