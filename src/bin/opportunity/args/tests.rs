//! The help of each command, held against its arguments.

use clap::{Command, CommandFactory, Parser};

use super::{Arguments, PROGRAM};

fn help(command: &Command) -> String {
    command.get_after_help().map(ToString::to_string).unwrap_or_default()
}

/// The examples of a help: its indented lines below "Example".
fn examples(help: &str) -> Vec<&str> {
    let below = help.lines().skip_while(|line| !line.starts_with("Example")).skip(1);
    below.take_while(|line| line.starts_with("  ")).map(str::trim).collect()
}

/// The arguments of this program in a line for a shell, in which others may stand before and after it.
fn arguments(line: &str) -> Vec<&str> {
    let ours = line.split('|').map(str::trim).find(|part| part.starts_with(PROGRAM));
    let ours = ours.unwrap_or_else(|| panic!("{line} does not run the program"));
    ours.split_whitespace().take_while(|word| *word != ">").collect()
}

#[test]
fn the_arguments_fit_together() {
    Arguments::command().debug_assert();
}

/// Seen to fail for an option that is spelled wrongly in an example, and for a command without any.
#[test]
fn each_command_has_an_example_that_can_be_typed() {
    let program = Arguments::command();
    let mut names = Vec::new();
    for command in program.get_subcommands() {
        let help = help(command);
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{}: {help}", command.get_name());
        for example in examples {
            let arguments = arguments(example);
            assert_eq!(arguments[1], command.get_name(), "{example}");
            Arguments::try_parse_from(arguments)
                .unwrap_or_else(|error| panic!("{example}: {error}"));
        }
        names.push(command.get_name());
    }
    assert!(names.len() > 10, "{names:?}");
    let help = help(&program);
    assert!(examples(&help).len() > 3, "{help}");
    for example in examples(&help) {
        Arguments::try_parse_from(arguments(example)).unwrap_or_else(|error| panic!("{error}"));
    }
}
