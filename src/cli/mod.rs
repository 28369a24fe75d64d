//! The command line as it was typed: argh structs, whose doc comments are the help text, and nothing checked yet.
//!
//! Every value stays text, so that `config` can report all that are wrong in one go.

mod questions;

use std::ffi::OsString;

use argh::FromArgs;
pub use questions::{ExportArgs, PlaceArgs, PurgeArgs, SearchArgs, StatsArgs, Typed};

/// Ollama Tap stands where applications expect Ollama, forwards every byte unchanged, and turns what it saw into
/// metrics and a searchable history.
#[derive(FromArgs, Debug, PartialEq)]
#[argh(help_triggers("--help", "-h"))]
pub struct Cli {
    /// print the version
    #[argh(switch, short = 'V')]
    version: bool,

    #[argh(subcommand)]
    command: Option<Command>,
}

/// What this version can do.
#[derive(FromArgs, Debug, PartialEq)]
#[argh(subcommand)]
pub enum Command {
    Proxy(ProxyArgs),
    Stats(StatsArgs),
    Search(SearchArgs),
    Export(ExportArgs),
    Purge(PurgeArgs),
}

/// The names of the commands.
const COMMANDS: [&str; 5] = ["proxy", "stats", "search", "export", "purge"];

/// Tap an Ollama that already runs: forward every request to it, measure what makes a model work, and answer /metrics.
#[derive(FromArgs, Debug, Default, PartialEq)]
#[argh(subcommand, name = "proxy", usage = "[--FLAG VALUE]...", help_triggers("--help", "-h", "help"))]
#[argh(note = "Every flag has a variable of the same meaning; the flag wins. README.md lists them.")]
pub struct ProxyArgs {
    /// address to listen on: HOST:PORT, HOST, :PORT or PORT (default 0.0.0.0:8000; port 0 lets the system choose)
    #[argh(option)]
    pub listen: Option<String>,

    /// address of Ollama (default OLLAMA_HOST, else http://localhost:11434)
    #[argh(option)]
    pub upstream: Option<String>,

    /// requests forwarded at the same time (default 256)
    #[argh(option)]
    pub workers: Option<String>,

    /// seconds that streams may take to finish once we are told to stop (default 30)
    #[argh(option)]
    pub shutdown_grace: Option<String>,

    /// seconds until a client that neither sends nor takes anything is dropped (default 900; 0 = off)
    #[argh(option)]
    pub idle_timeout: Option<String>,

    /// how much to log: DEBUG, INFO, WARNING or ERROR (default INFO)
    #[argh(option)]
    pub log_level: Option<String>,

    /// whether embedding requests count in ollama_* metrics: true or false (default true)
    #[argh(option)]
    pub track_embeddings: Option<String>,

    /// bearer token that opens the pages of the history to other machines (default none: this machine only)
    #[argh(option)]
    pub token: Option<String>,

    /// where the history goes: jsonl, sqlite, loki or none (default jsonl)
    #[argh(option)]
    pub analytics_backend: Option<String>,

    /// directory of the history (default ./ollama_analytics)
    #[argh(option)]
    pub analytics_dir: Option<String>,

    /// days that the history is kept (default 7; 0 = for ever)
    #[argh(option)]
    pub retention_days: Option<String>,

    /// how much of prompts and replies the history keeps: full, preview or none (default full)
    #[argh(option)]
    pub store_text: Option<String>,

    /// address of Loki, required by --analytics-backend loki
    #[argh(option)]
    pub loki_url: Option<String>,

    /// bytes that the history may take on disk (default 10737418240, 10 GiB; 0 = no limit)
    #[argh(option)]
    pub analytics_max_bytes: Option<String>,
}

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub enum Parsed {
    Run(Box<Command>),
    /// Text for standard output; exit 0.
    Print(String),
    /// What is wrong, with the way out, for standard error; exit 2.
    Usage(String),
}

const NAME: &str = "ollama-tap";

/// Arguments that stand alone; every other one that begins with `-` takes the next as its value.
const SWITCHES: [&str; 7] = ["--help", "-h", "--version", "-V", "--json", "--all", "--yes"];

/// Reads the arguments, without the program's name.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Parsed {
    let args: Vec<String> = match args.into_iter().map(OsString::into_string).collect() {
        Ok(args) => args,
        Err(arg) => return Parsed::Usage(format!("argument `{}` is not UTF-8", arg.to_string_lossy())),
    };
    if let Some(complaint) = not_built(args.first().map(String::as_str)) {
        return Parsed::Usage(complaint);
    }
    let args = spread(&args);
    match Cli::from_args(&[NAME], &args) {
        Ok(Cli { version: true, .. }) => Parsed::Print(format!("{NAME} {}", env!("CARGO_PKG_VERSION"))),
        Ok(Cli { command: Some(command), .. }) => Parsed::Run(Box::new(command)),
        Ok(Cli { command: None, .. }) => Parsed::Usage(can_do("no command given")),
        Err(exit) if exit.status.is_ok() => Parsed::Print(exit.output.trim_end().to_owned()),
        Err(exit) => Parsed::Usage(complaint(&exit.output, &args)),
    }
}

/// The complaint about a first argument that asks for what later versions do.
fn not_built(first: Option<&str>) -> Option<String> {
    match first {
        None | Some("serve" | "start") => Some(can_do("`serve` (also what no command means) is not built yet")),
        Some(word @ ("demo" | "service" | "tray")) => Some(can_do(&format!("`{word}` is not built yet"))),
        Some(word) if COMMANDS.contains(&word) => None,
        Some(word) if word.starts_with('-') && word != "--" => None,
        Some(word) => Some(can_do(&format!("unknown command `{word}`"))),
    }
}

fn can_do(complaint: &str) -> String {
    let questions = COMMANDS[1..].join(", ");
    format!("{complaint}; this version has `{NAME} proxy`, which taps an Ollama that already runs, and {questions} (see `{NAME} --help`)")
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
        assert_eq!(usage("--frobnicate"), "unrecognized argument: --frobnicate (see `ollama-tap --help`)");
        assert_eq!(usage("proxy --listen"), "no value provided for option '--listen' (see `ollama-tap proxy --help`)");
        assert_eq!(usage("proxy stray"), "unrecognized argument: stray (see `ollama-tap proxy --help`)");
        assert!(usage("proxy --listen 1 --listen 2").contains("'--listen' with value '2': duplicate"));
    }

    #[test]
    fn a_command_that_is_not_built_says_what_this_version_can_do() {
        for line in ["", "serve", "start", "demo", "service install", "tray", "run phi4", "list", "help", "-- search x"] {
            let text = usage(line);
            assert!(text.contains("`ollama-tap proxy`") && text.contains("stats, search") && !text.contains('\n'), "{line}: {text}");
        }
    }
}
