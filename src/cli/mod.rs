//! The command line as it was typed: argh structs, whose doc comments are the help text, and nothing checked yet.
//!
//! Every value stays text, so that `config` can report all that are wrong in one go.

mod health;
mod questions;
mod secret;
mod service;
mod tapped;
mod tray;

use std::ffi::OsString;
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
pub use health::HealthArgs;
pub use questions::{ExportArgs, PlaceArgs, PurgeArgs, SearchArgs, StatsArgs, Typed};
pub use secret::without_token;
pub use service::{InstallArgs, ServiceArgs, UninstallArgs, Verb};
pub use tapped::{DemoArgs, ProxyArgs, ServeArgs};
pub use tray::TrayArgs;

/// Ollama Tap stands where applications expect Ollama, forwards every byte unchanged, and turns what it saw into
/// metrics and a searchable history.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
#[argh(help_triggers("--help", "-h"))]
pub struct Cli {
    /// print the version
    #[argh(switch, short = 'V')]
    version: bool,

    #[argh(subcommand)]
    command: Option<Command>,
}

/// What this version can do.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
#[argh(subcommand)]
pub enum Command {
    Serve(ServeArgs),
    Proxy(ProxyArgs),
    Demo(DemoArgs),
    Stats(StatsArgs),
    Search(SearchArgs),
    Export(ExportArgs),
    Purge(PurgeArgs),
    Health(HealthArgs),
    Service(ServiceArgs),
    Tray(TrayArgs),
}

/// The names of the commands.
const COMMANDS: [&str; 10] = ["serve", "proxy", "demo", "stats", "search", "export", "purge", "health", "service", "tray"];

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub enum Parsed {
    Run(Box<Command>),
    /// A command of Ollama's, every argument of it unread.
    Ollama(Vec<OsString>),
    /// Hidden: the guard between us and this Ollama.
    Guard(PathBuf),
    /// Text for standard output; exit 0.
    Print(String),
    /// What is wrong, with the way out, for standard error; exit 2.
    Usage(String),
}

const NAME: &str = "ollama-tap";

/// The first argument of a guard, which no help lists (`backend::guard`).
pub const GUARD: &str = "--guard";

/// Arguments that stand alone; every other one that begins with `-` takes the next as its value.
const SWITCHES: [&str; 12] =
    ["--help", "-h", "--version", "-V", "--json", "--all", "--yes", "--dry-run", "--purge", "--follow", "-f", "--traffic"];

/// Reads the arguments, without the program's name.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Parsed {
    let mut args: Vec<OsString> = args.into_iter().collect();
    match first(&args) {
        First::Ours => {}
        First::Serve => args.insert(0, "serve".into()),
        First::Alias => args[0] = "serve".into(),
        First::Separator => return Parsed::Ollama(args.split_off(1)),
        First::Foreign => return Parsed::Ollama(args),
        First::Guard => return Parsed::Guard(args.into_iter().nth(1).unwrap_or_default().into()),
    }
    let args: Vec<String> = match args.into_iter().map(OsString::into_string).collect() {
        Ok(args) => args,
        Err(arg) => return Parsed::Usage(format!("argument `{}` is not UTF-8", arg.to_string_lossy())),
    };
    let args = spread(&args);
    match Cli::from_args(&[NAME], &args) {
        Ok(Cli { version: true, .. }) => Parsed::Print(format!("{NAME} {}", env!("CARGO_PKG_VERSION"))),
        Ok(Cli { command: Some(command), .. }) => Parsed::Run(Box::new(command)),
        Ok(Cli { command: None, .. }) => Parsed::Run(Box::new(Command::Serve(ServeArgs::default()))),
        Err(exit) if exit.status.is_ok() => Parsed::Print(exit.output.trim_end().to_owned()),
        Err(exit) => Parsed::Usage(complaint(&exit.output, &args)),
    }
}

/// What the first argument says of the others.
enum First {
    /// It is a command, or one of the flags that stand alone.
    Ours,
    /// There is none, or a flag: `serve` is meant.
    Serve,
    /// Another name of `serve`, as Ollama has it.
    Alias,
    /// `--`: what follows is Ollama's, whatever it is called.
    Separator,
    Foreign,
    Guard,
}

fn first(args: &[OsString]) -> First {
    match args.first().map(|arg| arg.to_str()) {
        None => First::Serve,
        Some(Some("start")) => First::Alias,
        Some(Some("--")) => First::Separator,
        Some(Some(GUARD)) => First::Guard,
        Some(Some("--help" | "-h" | "--version" | "-V")) => First::Ours,
        Some(Some(word)) if COMMANDS.contains(&word) => First::Ours,
        // Ollama's own version: our letter for it is `V`.
        Some(Some(flag)) if flag.starts_with('-') && flag != "-v" => First::Serve,
        Some(_) => First::Foreign,
    }
}

/// argh's own message, in our voice: it begins with a capital and ends in a line break.
fn complaint(output: &str, args: &[&str]) -> String {
    let text = output.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase()).into_iter();
    let text: String = first.chain(letters).collect();
    let command = args.first().filter(|word| COMMANDS.contains(word)).map(|word| format!(" {word}")).unwrap_or_default();
    format!("{} (see `{NAME}{command} --help`)", text.trim_end_matches('.'))
}

/// `--flag=value` as `--flag value`, the only form argh reads. A value of its own is left alone, whatever it looks like, and so
/// is everything after `--`.
fn spread(args: &[String]) -> Vec<&str> {
    let mut out = Vec::with_capacity(args.len() + 4);
    let mut rest = args.iter().map(String::as_str);
    while let Some(arg) = rest.next() {
        match arg.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => out.extend([flag, value]),
            _ => {
                out.push(arg);
                if arg == "--" {
                    out.extend(rest.by_ref());
                } else if arg.starts_with('-') && !SWITCHES.contains(&arg) {
                    out.extend(rest.next());
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Parsed {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn usage(line: &str) -> String {
        match parsed(line) {
            Parsed::Usage(text) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn flags_are_taken_as_typed_in_both_forms() {
        let args = ProxyArgs { listen: Some("--x=y".into()), token: Some("a=b".into()), workers: Some("".into()), ..ProxyArgs::default() };
        assert_eq!(parsed("proxy --listen --x=y --token=a=b --workers="), Parsed::Run(Box::new(Command::Proxy(args))));
        assert_eq!(parsed("proxy"), Parsed::Run(Box::new(Command::Proxy(ProxyArgs::default()))));
    }

    #[test]
    fn a_question_takes_words_switches_and_flags_in_any_order() {
        let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let args = SearchArgs { text: text(&["blue", "sky"]), json: true, model: Some("phi4".into()), ..SearchArgs::default() };
        assert_eq!(parsed("search --json blue sky --model=phi4"), Parsed::Run(Box::new(Command::Search(args))));
        let args = SearchArgs { text: text(&["--json=x", "help"]), ..SearchArgs::default() };
        assert_eq!(parsed("search -- --json=x help"), Parsed::Run(Box::new(Command::Search(args))));
        let args = ExportArgs { output: Some("--a=b".into()), listen: Some("1".into()), ..ExportArgs::default() };
        assert_eq!(parsed("export -o --a=b --listen 1"), Parsed::Run(Box::new(Command::Export(args))));
        let args = PurgeArgs { before: Some("-5".into()), yes: true, ..PurgeArgs::default() };
        assert_eq!(parsed("purge --yes --before -5"), Parsed::Run(Box::new(Command::Purge(args))));
        assert_eq!(usage("stats --hour 3"), "unrecognized argument: --hour (see `ollama-tap stats --help`)");
    }

    #[test]
    fn version_and_help_are_printed() {
        let version = Parsed::Print(concat!("ollama-tap ", env!("CARGO_PKG_VERSION")).into());
        assert_eq!(parsed("--version"), version);
        assert_eq!(parsed("-V"), version);
        for line in ["--help", "-h", "proxy --help", "proxy -h", "proxy help", "--help proxy", "stats -h", "search --help", "purge help"] {
            assert!(matches!(parsed(line), Parsed::Print(text) if text.starts_with("Usage: ollama-tap")), "{line}");
        }
    }

    #[test]
    fn an_unknown_flag_names_the_help_that_lists_the_flags() {
        assert_eq!(usage("proxy --frobnicate 1"), "unrecognized argument: --frobnicate (see `ollama-tap proxy --help`)");
        assert_eq!(usage("--frobnicate"), "unrecognized argument: --frobnicate (see `ollama-tap serve --help`)");
        assert_eq!(usage("proxy --listen"), "no value provided for option '--listen' (see `ollama-tap proxy --help`)");
        assert_eq!(usage("proxy stray"), "unrecognized argument: stray (see `ollama-tap proxy --help`)");
        assert!(usage("proxy --listen 1 --listen 2").contains("'--listen' with value '2': duplicate"));
    }

    #[test]
    fn no_command_and_flags_alone_mean_serve() {
        let serve = |args: ServeArgs| Parsed::Run(Box::new(Command::Serve(args)));
        for line in ["", "serve", "start"] {
            assert_eq!(parsed(line), serve(ServeArgs::default()), "{line:?}");
        }
        for line in ["--backend-port 9", "serve --backend-port=9", "start --backend-port 9"] {
            assert_eq!(parsed(line), serve(ServeArgs { backend_port: Some("9".into()), ..ServeArgs::default() }), "{line:?}");
        }
        assert_eq!(usage("serve --upstream x"), "unrecognized argument: --upstream (see `ollama-tap serve --help`)");
    }

    #[test]
    fn from_the_first_foreign_word_on_every_argument_is_ollamas() {
        let ollama = |line: &str| Parsed::Ollama(line.split_whitespace().map(OsString::from).collect());
        for line in ["run phi4 --help", "list", "help", "-v", "serves -- --listen=x", "run --format=json --x phi4 a=b"] {
            assert_eq!(parsed(line), ollama(line), "{line:?}");
        }
        assert_eq!(parsed("-- search x --json"), ollama("search x --json"));
        assert_eq!(parsed("-- --version"), ollama("--version"));
        assert_eq!(parsed("--"), ollama(""));
    }
}
