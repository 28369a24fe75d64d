//! Completions: one script for each shell, made of the same tables.
//!
//! Every script walks over the words before the one to complete, as the parser does: a flag that stands not alone takes the next word
//! as its value, whatever that looks like, and other words lead from command to command. It asks nobody, so that no shell waits.

mod bash;
mod fish;
mod powershell;
mod zsh;

use argh::{CommandInfoWithArgs, FlagInfoKind};

use super::words::{FlagValues, values};
use crate::cli::definition;
use crate::cli::{OLLAMA_COMMANDS, PROGRAM_NAME, SERVE_ALIAS};

/// Returns the script for this shell, if there is one.
pub fn script(shell: &str) -> Option<String> {
    let tables = Tables::of(&definition::program());
    let template = match shell {
        "bash" => bash::script,
        "zsh" => zsh::script,
        "fish" => fish::script,
        "powershell" => powershell::script,
        _ => return None,
    };
    Some(template(&tables))
}

/// What a shell has to know.
struct Tables {
    /// The commands, by the names that lead to each, and what can be said there.
    commands: Vec<(String, Vec<Offer>)>,
    /// The flags that stand alone.
    switches: Vec<String>,
    /// The flags whose values are known.
    values: Vec<(String, FlagValues)>,
}

/// A word that a shell offers, and what it means.
struct Offer {
    word: String,
    about: &'static str,
}

impl Tables {
    fn of(program: &CommandInfoWithArgs) -> Tables {
        let mut tables = Tables {
            commands: Vec::new(),
            switches: Vec::new(),
            values: Vec::new(),
        };
        tables.add(program, "");
        if let Some((_, offers)) = tables.commands.first_mut() {
            let is_ours = |word: &str| program.commands.iter().any(|below| below.name == word);
            let others = OLLAMA_COMMANDS
                .into_iter()
                .filter(|(word, _)| !is_ours(word));
            let start = (SERVE_ALIAS, "the same as serve");
            offers.extend(
                [start]
                    .into_iter()
                    .chain(others)
                    .map(|(word, about)| Offer {
                        word: word.to_owned(),
                        about,
                    }),
            );
        }
        let path_of_help = tables.commands.iter().position(|(path, _)| path == "help");
        if let Some(at) = path_of_help {
            tables.commands[at].1.extend(commands_below(program));
        }
        tables.switches.sort();
        tables.switches.dedup();
        tables.values.sort_by(|a, b| a.0.cmp(&b.0));
        tables.values.dedup_by(|a, b| a.0 == b.0);
        tables
    }

    fn add(&mut self, command: &CommandInfoWithArgs, path: &str) {
        let mut offers: Vec<Offer> = commands_below(command).collect();
        if path == "completions" {
            offers.extend(super::words::SHELLS.map(|shell| Offer {
                word: shell.to_owned(),
                about: "",
            }));
        }
        for flag in command.flags.iter().filter(|flag| !flag.hidden) {
            for name in definition::short(flag)
                .map(|letter| format!("-{letter}"))
                .into_iter()
                .chain([flag.long.to_owned()])
            {
                match flag.kind {
                    FlagInfoKind::Switch => self.switches.push(name.clone()),
                    FlagInfoKind::Option { .. } => {
                        self.values.push((name.clone(), values(flag.long)))
                    }
                }
                offers.push(Offer {
                    word: name,
                    about: flag.description,
                });
            }
        }
        self.commands.push((path.to_owned(), offers));
        for below in &command.commands {
            self.add(&below.command, format!("{path} {}", below.name).trim());
        }
    }

    /// The commands but the program itself, as a shell's pattern: `serve|'service install'`.
    fn paths(&self, separator: &str) -> String {
        let paths = self
            .commands
            .iter()
            .map(|(path, _)| path)
            .filter(|path| !path.is_empty());
        paths
            .map(|path| format!("'{path}'"))
            .collect::<Vec<_>>()
            .join(separator)
    }

    fn switches(&self, separator: &str) -> String {
        self.switches.join(separator)
    }

    /// The values that are words, by their flag.
    fn known_values(&self) -> impl Iterator<Item = (&str, &[&'static str])> {
        self.values
            .iter()
            .filter_map(|(flag, values)| match values {
                FlagValues::Words(words) => Some((flag.as_str(), words.as_slice())),
                FlagValues::Files | FlagValues::Directories | FlagValues::Unknown => None,
            })
    }

    /// The flags whose values are files, and those whose values are directories.
    fn path_flags(&self, separator: &str) -> (String, String) {
        let of = |wanted: fn(&FlagValues) -> bool| {
            let flags = self.values.iter().filter(|(_, values)| wanted(values));
            flags
                .map(|(flag, _)| flag.as_str())
                .collect::<Vec<_>>()
                .join(separator)
        };
        (
            of(|values| matches!(values, FlagValues::Files)),
            of(|values| matches!(values, FlagValues::Directories)),
        )
    }
}

fn commands_below(command: &CommandInfoWithArgs) -> impl Iterator<Item = Offer> {
    command.commands.iter().map(|below| Offer {
        word: below.name.to_owned(),
        about: first_sentence(below.command.description),
    })
}

/// A description without what follows its first sentence, which does not fit beside a word.
fn first_sentence(text: &'static str) -> &'static str {
    let end = text.find([';', ':']).or_else(|| text.find(". "));
    text[..end.unwrap_or(text.len())].trim_end_matches('.')
}

/// The name of the shell's function.
fn function() -> String {
    format!("_{}", PROGRAM_NAME.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::manual::words::SHELLS;

    #[test]
    fn every_shell_knows_every_flag_and_value() {
        let tables = Tables::of(&definition::program());
        for shell in SHELLS {
            let script = script(shell).expect("a script");
            for (_, offers) in &tables.commands {
                for Offer { word, .. } in offers {
                    assert!(script.contains(word.as_str()), "{shell} lacks {word}");
                }
            }
            for (flag, words) in tables.known_values() {
                for word in words {
                    assert!(script.contains(word), "{shell} lacks {flag} {word}");
                }
            }
        }
        assert_eq!(script("tcsh"), None);
    }

    #[test]
    fn ollamas_words_are_offered_beside_ours() {
        let tables = Tables::of(&definition::program());
        let (path, offers) = &tables.commands[0];
        let words: Vec<&str> = offers.iter().map(|offer| offer.word.as_str()).collect();
        assert_eq!(path, "");
        for word in ["serve", "start", "run", "pull", "--version", "-h"] {
            let times = words.iter().filter(|known| **known == word).count();
            assert_eq!(times, 1, "{word}");
        }
    }

    #[test]
    fn descriptions_are_one_sentence() {
        assert_eq!(
            first_sentence("Stop it, and more: so. And then"),
            "Stop it, and more"
        );
        assert_eq!(first_sentence("Run it; stop."), "Run it");
        assert_eq!(
            first_sentence("Print 1.5 times. Then stop."),
            "Print 1.5 times"
        );
        assert_eq!(first_sentence("Stop."), "Stop");
    }
}
