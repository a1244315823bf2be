//! What the program says of itself: help, completions, pages for `man`.

use std::path::Path;
use std::process::{Command, Stdio};

use opportunity_engine::Engine;

use crate::place::{Place, text};

/// The commands that the program has, as its help lists them.
fn commands(place: &Place) -> Vec<String> {
    let help = place.print(&["--help"]);
    let list = help.split("\nCommands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = list.lines().map(|line| line.split_whitespace().next().unwrap().to_owned());
    let commands: Vec<_> = names.filter(|name| name != "help").collect();
    assert!(commands.len() > 10, "{commands:?}");
    commands
}

#[test]
fn each_command_has_help_with_an_example() {
    let place = Place::new();
    let help = place.print(&["--help"]);
    assert!(help.contains("\nExamples:\n  opportunity apply "), "{help}");
    for command in commands(&place) {
        let help = place.print(&[&command, "--help"]);
        assert!(help.contains("\nExample"), "{help}");
        assert!(
            help.contains(&format!("\n  opportunity {command} "))
                || help.contains(&format!(" | opportunity {command} ")),
            "{help}"
        );
    }
    let version = place.print(&["--version"]);
    assert_eq!(version, format!("opportunity {}\n", env!("CARGO_PKG_VERSION")));
}

/// Whether there is such a program here.
fn is_there(program: &str) -> bool {
    let mut run = Command::new(program);
    run.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    run.status().is_ok_and(|status| status.success())
}

#[test]
fn completions_name_each_command_and_each_filter() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.print(&["completions", shell]);
        for command in commands(&place) {
            assert!(script.contains(&command), "{shell}: {command}");
        }
        for option in ["owner-user-id", "follow", "durability"] {
            assert!(script.contains(option), "{shell}: {option}");
        }
    }
    assert_eq!(place.run(&["completions", "dos"], "").status.code(), Some(2));
}

#[test]
fn bash_reads_its_completions_and_completes_with_them() {
    let place = Place::new();
    if !is_there("bash") {
        println!("skipped: there is no bash here");
        return;
    }
    let script = place.path("completions.bash");
    std::fs::write(&script, place.print(&["completions", "bash"])).unwrap();
    let bash = |arguments: &[&str]| {
        let output = Command::new("bash").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).to_owned()
    };
    bash(&["-n", script.to_str().unwrap()]);
    let complete = "source \"$1\"; COMP_WORDS=(opportunity ch); COMP_CWORD=1; \
                    _opportunity opportunity ch opportunity; echo \"${COMPREPLY[@]}\"";
    let completed = bash(&["--norc", "-c", complete, "bash", script.to_str().unwrap()]);
    assert_eq!(completed, "changes check\n");
}

/// What groff says against a page: nothing, if it is well formed.
fn complaints(page: &Path) -> String {
    let output =
        Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(page).output().unwrap();
    text(&output.stderr).to_owned() + text(&output.stdout)
}

#[test]
fn there_is_a_page_for_the_program_and_one_for_each_command() {
    let place = Place::new();
    let page = place.print(&["man"]);
    assert!(page.contains("\n.TH opportunity 1 "), "{page}");
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SUBCOMMANDS", "EXTRA"] {
        assert!(page.contains(&format!("\n.SH {section}\n")), "{section}: {page}");
    }
    let folder = place.path("man1");
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(place.print(&["man", "--out", "man1"]), "");
    assert_eq!(std::fs::read_to_string(folder.join("opportunity.1")).unwrap(), page);
    let mut pages = vec![folder.join("opportunity.1")];
    for command in commands(&place) {
        assert!(page.contains(&format!("opportunity\\-{command}(1)")), "{command}: {page}");
        let path = folder.join(format!("opportunity-{command}.1"));
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page.contains("\n.SH NAME\n") && page.contains("\nExample"), "{page}");
        pages.push(path);
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), pages.len());
    if is_there("groff") {
        for page in pages {
            assert_eq!(complaints(&page), "", "{}", page.display());
        }
    } else {
        println!("not linted: there is no groff here");
    }

    let nowhere = place.run(&["man", "--out", "nowhere"], "");
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(
        text(&nowhere.stderr).contains("could not write the pages to nowhere: "),
        "{nowhere:?}"
    );
}

/// Seen to fail for a check and a schema that say it in words of their own.
#[test]
fn a_reader_of_what_is_printed_at_once_that_goes_away_is_told_and_no_panic() {
    let place = Place::new();
    place.engine(Engine::options()).close().unwrap();
    for command in [
        &["check", "--db", "a.db"][..],
        &["schema", "request"],
        &["completions", "bash"],
        &["man"],
        &["stats", "--db", "a.db"],
    ] {
        let (reader, nobody_reads) = std::io::pipe().unwrap();
        drop(reader);
        let output = place.program(command).stdout(nobody_reads).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let told = text(&output.stderr);
        assert!(told.starts_with("opportunity: could not write the output: Broken pipe"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}
