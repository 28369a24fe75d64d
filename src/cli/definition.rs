//! What the command line consists of, as data: read by the parser, the help, the man page and the completions.

use argh::{
    ArgsInfo, CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality, PositionalInfo,
    SubCommandInfo,
};

use super::command::Cli;

/// The name of the one command that argh does not parse.
pub const HELP: &str = "help";

/// The program: all commands, and the flags that stand alone.
pub fn program() -> CommandInfoWithArgs {
    let mut program = Cli::get_args_info();
    program.commands.push(SubCommandInfo {
        name: HELP,
        command: help_command(),
    });
    program
}

fn help_command() -> CommandInfoWithArgs {
    CommandInfoWithArgs {
        name: HELP,
        description: "Show the help of a command, or the list of all commands.",
        flags: &[FlagInfo {
            kind: FlagInfoKind::Switch,
            optionality: Optionality::Optional,
            long: "--help",
            short: None,
            description: "",
            hidden: false,
        }],
        notes: &["Ollama's own help is `ollama-tap -- help`."],
        positionals: &[PositionalInfo {
            name: "command",
            description: "the command, such as serve, or service install",
            optionality: Optionality::Repeating,
            hidden: false,
        }],
        ..CommandInfoWithArgs::default()
    }
}

/// The names of the commands, in the order of the help.
pub fn command_names() -> impl Iterator<Item = &'static str> {
    program().commands.into_iter().map(|below| below.name)
}

/// The deepest command that these arguments name, and the names that lead to it. What asks for help may stand between them.
pub fn find(args: &[&str]) -> (CommandInfoWithArgs, Vec<&'static str>) {
    let (mut command, mut path) = (program(), Vec::new());
    for arg in args {
        let at = command.commands.iter().position(|below| below.name == *arg);
        match at {
            Some(at) => {
                let below = command.commands.swap_remove(at);
                path.push(below.name);
                command = below.command;
            }
            None if is_help(arg) => {}
            None => break,
        }
    }
    (command, path)
}

/// Whether this argument asks for help.
pub fn is_help(arg: &str) -> bool {
    ["--help", "-h", "help"].contains(&arg)
}

/// Whether this flag stands alone; every other one takes the next argument as its value.
pub fn is_switch(flag: &str) -> bool {
    has_switch(&program(), flag)
}

fn has_switch(command: &CommandInfoWithArgs, flag: &str) -> bool {
    let is_it = |known: &FlagInfo| {
        known.kind == FlagInfoKind::Switch && (known.long == flag || is_short(known, flag))
    };
    command.flags.iter().any(is_it)
        || command
            .commands
            .iter()
            .any(|below| has_switch(&below.command, flag))
}

/// The letter of a flag. That of --help is one of argh's `help_triggers`, of which the definition has the first alone.
pub fn short(flag: &FlagInfo) -> Option<char> {
    match flag.long {
        "--help" => Some('h'),
        _ => flag.short,
    }
}

fn is_short(known: &FlagInfo, flag: &str) -> bool {
    short(known).is_some_and(|letter| {
        flag.strip_prefix('-')
            .is_some_and(|rest| rest.chars().eq([letter]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_by_the_words_that_lead_to_it() {
        for (line, path) in [
            ("", &[][..]),
            ("--help proxy", &["proxy"]),
            ("service install --help", &["service", "install"]),
            ("service help --follow", &["service"]),
            ("search service", &["search"]),
            ("run serve", &[]),
        ] {
            let args: Vec<&str> = line.split_whitespace().collect();
            let (command, found) = find(&args);
            assert_eq!(found, path, "{line:?}");
            assert!(path.last().is_none_or(|name| *name == command.name));
        }
    }

    #[test]
    fn flags_without_a_value_are_known() {
        for flag in [
            "--help",
            "-h",
            "--version",
            "-V",
            "--json",
            "--all",
            "--yes",
            "--dry-run",
            "--purge",
            "--follow",
            "-f",
            "--traffic",
        ] {
            assert!(is_switch(flag), "{flag}");
        }
        for flag in ["--listen", "-o", "--token", "--nope", "-", "--"] {
            assert!(!is_switch(flag), "{flag}");
        }
    }

    #[test]
    fn no_flag_is_a_switch_in_one_command_and_takes_a_value_in_another() {
        fn options(command: &CommandInfoWithArgs) -> Vec<&'static str> {
            let own = command
                .flags
                .iter()
                .filter(|flag| flag.kind != FlagInfoKind::Switch);
            let below = command
                .commands
                .iter()
                .flat_map(|below| options(&below.command));
            own.map(|flag| flag.long).chain(below).collect()
        }
        for flag in options(&program()) {
            assert!(!is_switch(flag), "{flag}");
        }
    }
}
