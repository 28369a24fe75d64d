//! The man page: every command with its flags and notes, in the words of the help.

use std::fmt::Write;

use argh::{CommandInfoWithArgs, FlagInfo};

use super::help::{flag_names, flag_value, usages, variables};
use super::words::{ABOUT_OTHER_WORDS, OTHER_WORDS, PAGES};
use crate::cli::PROGRAM_NAME;
use crate::config::{VARIABLES_ALONE, VARIABLES_OF_FLAGS};

/// Files, each with what is in it.
const FILES: [(&str, &str); 5] = [
    (
        "./ollama_analytics",
        "the history that serve and proxy write, unless they are told of another place",
    ),
    (
        "~/.local/state/ollama-tap",
        "the history of single commands (ollama-tap run), and notes on where taps run",
    ),
    ("/var/lib/ollama-tap", "the history of the service"),
    (
        "/etc/ollama-tap.env",
        "the settings of the service, one variable a line",
    ),
    ("/run/ollama-tap", "notes on where taps of the system run"),
];

/// The whole page, for `man`.
pub fn page(program: &CommandInfoWithArgs) -> String {
    let mut page = Page(format!(
        ".TH OLLAMA-TAP 1 \"\" \"{PROGRAM_NAME} {}\" \"Ollama Tap\"\n.nh\n",
        env!("CARGO_PKG_VERSION")
    ));
    let summary = env!("CARGO_PKG_DESCRIPTION");
    let summary = summary.split(',').next().unwrap_or_default();
    let summary = summary.replacen("Takes", "takes", 1);
    page.heading("NAME");
    page.line(&format!("{} \\- {}", roff(PROGRAM_NAME), roff(&summary)));
    page.heading("SYNOPSIS");
    for (n, call) in usages(program, &[]).iter().enumerate() {
        if n > 0 {
            page.line(".br");
        }
        page.text(call);
    }
    page.heading("DESCRIPTION");
    page.text(program.description);
    page.line(".PP");
    page.text(PAGES);
    page.heading("COMMANDS");
    for below in &program.commands {
        command(&mut page, &[below.name], &below.command);
    }
    page.line(&format!(".SS {}", roff(OTHER_WORDS)));
    page.text(ABOUT_OTHER_WORDS);
    page.heading("OPTIONS");
    options(&mut page, program.flags, &[]);
    endings(&mut page, program);
    page.0
}

fn endings(page: &mut Page, program: &CommandInfoWithArgs) {
    page.heading("EXAMPLES");
    for example in program.examples {
        let (call, about) = example.split_once("  #").unwrap_or((example, ""));
        page.term(&format!("\\fB{}\\fR", roff(call)), about.trim());
    }
    page.heading("ENVIRONMENT");
    for (flag, names) in VARIABLES_OF_FLAGS {
        for name in names {
            page.term(&format!("\\fB{}\\fR", roff(name)), &format!("as {flag}"));
        }
    }
    for (name, about) in VARIABLES_ALONE {
        page.term(&format!("\\fB{}\\fR", roff(name)), about);
    }
    page.heading("FILES");
    for (path, about) in FILES {
        page.term(&format!("\\fI{}\\fR", roff(path)), about);
    }
    page.heading("EXIT STATUS");
    for code in program.error_codes {
        page.term(&format!("\\fB{}\\fR", code.code), code.description);
    }
    page.line(".PP");
    page.text("Of a command of Ollama's, it is that command's.");
}

/// A command, and the commands below it.
fn command(page: &mut Page, path: &[&str], info: &CommandInfoWithArgs) {
    for call in usages(info, path) {
        page.line(&format!(".SS {}", roff(&call)));
    }
    page.text(info.description);
    for word in info.positionals {
        page.term(
            &format!("\\fI{}\\fR", roff(&word.name.to_uppercase())),
            word.description,
        );
    }
    options(page, info.flags, path);
    for note in info.notes {
        page.line(".PP");
        page.text(note);
    }
    for below in &info.commands {
        command(page, &[path, &[below.name]].concat(), &below.command);
    }
}

fn options(page: &mut Page, flags: &[FlagInfo], path: &[&str]) {
    // That of --help is said once.
    let is_said = |flag: &&FlagInfo| !flag.hidden && (path.is_empty() || flag.long != "--help");
    for flag in flags.iter().filter(is_said) {
        let about = match variables(flag, path) {
            [] => flag.description.to_owned(),
            names => format!("{} [env: {}]", flag.description, names.join(", ")),
        };
        let value = flag_value(flag).map(|value| format!(" \\fI{}\\fR", roff(&value)));
        let name = format!("\\fB{}\\fR", roff(&flag_names(flag)));
        page.term(&(name + &value.unwrap_or_default()), &about);
    }
}

struct Page(String);

impl Page {
    /// A line of roff.
    fn line(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    fn heading(&mut self, heading: &str) {
        self.line(&format!(".SH {heading}"));
    }

    fn text(&mut self, text: &str) {
        self.line(&roff(text));
    }

    /// A term, as roff, and what it means.
    fn term(&mut self, term: &str, meaning: &str) {
        self.line(&format!(".TP\n{term}"));
        self.text(meaning);
    }
}

/// Text as roff takes it: no hyphen is a dash, no first character a command.
fn roff(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('`', "\\`")
        .replace('~', "\\(ti");
    if escaped.starts_with(['.', '\'']) {
        format!("\\&{escaped}")
    } else {
        escaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::definition;

    #[test]
    fn every_section_and_flag_is_there() {
        let page = page(&definition::program());
        for heading in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "COMMANDS",
            "OPTIONS",
            "EXAMPLES",
            "ENVIRONMENT",
            "FILES",
            "EXIT STATUS",
        ] {
            assert!(page.contains(&format!("\n.SH {heading}\n")), "{heading}");
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
        for flag in flags(&definition::program()) {
            assert!(page.contains(&flag.replace('-', r"\-")), "{flag}");
        }
    }

    #[test]
    fn no_text_is_a_command_of_roff() {
        assert_eq!(roff(".env -x `a\\b`"), "\\&.env \\-x \\`a\\eb\\`");
    }
}
