//! Writes the man page and the completions of the shells, from the definitions that the command line is read by.
//!
//! `cargo run --example manual -- DIRECTORY`; packaging/release.sh puts what it writes into every archive. The executable has none of it.

mod page;

#[allow(dead_code, unused_imports, reason = "nothing is parsed here")]
#[path = "../../src/cli/mod.rs"]
mod cli;

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use argh::{ArgsInfo, CommandInfoWithArgs};
use argh_complete::Generator;
use argh_complete::{bash::Bash, fish::Fish, zsh::Zsh};

const NAME: &str = "ollama-tap";

fn main() -> ExitCode {
    let Some(directory) = env::args_os().nth(1) else {
        eprintln!("usage: manual DIRECTORY");
        return ExitCode::from(2);
    };
    match write(Path::new(&directory), &cli::command::Cli::get_args_info()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!(
                "manual: write into {}: {cause}",
                Path::new(&directory).display()
            );
            ExitCode::FAILURE
        }
    }
}

fn write(directory: &Path, command: &CommandInfoWithArgs) -> io::Result<()> {
    let completions = directory.join("completions");
    fs::create_dir_all(&completions)?;
    fs::write(directory.join("ollama-tap.1"), page::page(NAME, command))?;
    fs::write(
        completions.join("ollama-tap.bash"),
        Bash::generate(NAME, command),
    )?;
    // fish before 4.0 knows the old letter only, and later ones know both.
    fs::write(
        completions.join("ollama-tap.fish"),
        Fish::generate(NAME, command).replace("commandline -xpc", "commandline -opc"),
    )?;
    fs::write(
        completions.join("_ollama-tap"),
        Zsh::generate(NAME, command),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_of_every_command_is_in_each_file() {
        let directory = tempfile::tempdir().unwrap();
        let command = cli::command::Cli::get_args_info();
        write(directory.path(), &command).unwrap();
        for (file, hyphen) in [
            ("ollama-tap.1", r"\-"),
            ("completions/ollama-tap.bash", "-"),
            ("completions/_ollama-tap", "-"),
        ] {
            let text = fs::read_to_string(directory.path().join(file)).unwrap();
            for flag in flags(&command) {
                assert!(
                    text.contains(&flag.replace('-', hyphen)),
                    "{file} lacks {flag}"
                );
            }
        }
    }

    fn flags(command: &CommandInfoWithArgs) -> Vec<&'static str> {
        let own = command.flags.iter().map(|flag| flag.long);
        own.chain(
            command
                .commands
                .iter()
                .flat_map(|below| flags(&below.command)),
        )
        .collect()
    }
}
