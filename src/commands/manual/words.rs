//! Words that the help, the man page and the completions have in common.

use crate::diagnose::Kind;
use crate::history::store::GroupBy;
use crate::history::store::query::Sort;
use crate::http::route::Inference;
use crate::observe::category::CATEGORIES;

/// Stands for a command of Ollama's.
pub const OTHER_WORDS: &str = "WORD...";

pub const ABOUT_OTHER_WORDS: &str = "Any other word is a command of Ollama's (run, list, pull): the real ollama runs it, through the tap. \
     `ollama-tap -- WORD...` is one that has the name of a command here.";

/// Where the dashboard is.
pub const PAGES: &str = "The dashboard of a running tap is at http://localhost:11434/analytics, that of `proxy` at http://localhost:8000/analytics.";

/// The shells that can complete our command line.
pub const SHELLS: [&str; 4] = ["bash", "zsh", "fish", "powershell"];

/// What a shell offers as the value of a flag.
pub enum FlagValues {
    Words(Vec<&'static str>),
    Files,
    Directories,
    /// It is up to the user.
    Unknown,
}

/// Returns what can be said after this flag.
pub fn values(flag: &str) -> FlagValues {
    FlagValues::Words(match flag {
        "--analytics-backend" => vec!["jsonl", "sqlite", "loki", "none"],
        "--store-text" => vec!["full", "preview", "none"],
        "--log-level" => vec!["DEBUG", "INFO", "WARNING", "ERROR"],
        "--track-embeddings" | "--metrics-category" => vec!["true", "false"],
        "--format" => vec!["jsonl", "json", "csv"],
        "--status" => vec!["success", "error", "cancelled"],
        "--color" => vec!["auto", "always", "never"],
        "--category" => CATEGORIES.to_vec(),
        "--by" => GroupBy::ALL.map(GroupBy::as_str).to_vec(),
        "--sort" => Sort::ALL.map(Sort::as_str).to_vec(),
        "--endpoint" => Inference::ALL.map(Inference::as_str).to_vec(),
        "--finding" => {
            let mut kinds = vec!["any"];
            kinds.extend(Kind::ALL.map(Kind::as_str));
            kinds
        }
        "--start" | "--end" | "--since" | "--until" => vec!["today", "yesterday", "1h", "7d"],
        "--analytics-dir" => return FlagValues::Directories,
        "-o" | "--output" | "--ollama" => return FlagValues::Files,
        _ => return FlagValues::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ProxyArgs;
    use crate::config::Config;
    use crate::http::address::ListenAddress;

    fn is_accepted(args: &ProxyArgs) -> bool {
        Config::resolve(args, ListenAddress::proxy_default(), &|name| {
            (name == "LOKI_URL").then(|| "http://loki:3100".to_owned())
        })
        .is_ok()
    }

    #[test]
    fn what_is_offered_is_accepted() {
        type Set = fn(&mut ProxyArgs, Option<String>);
        let flags: [(&str, Set); 5] = [
            ("--analytics-backend", |args, value| {
                args.analytics_backend = value
            }),
            ("--store-text", |args, value| args.store_text = value),
            ("--log-level", |args, value| args.log_level = value),
            ("--metrics-category", |args, value| {
                args.metrics_category = value
            }),
            ("--track-embeddings", |args, value| {
                args.track_embeddings = value
            }),
        ];
        for (flag, set) in flags {
            let FlagValues::Words(words) = values(flag) else {
                panic!("{flag} has no words")
            };
            for word in words {
                let mut args = ProxyArgs::default();
                set(&mut args, Some(word.to_owned()));
                assert!(is_accepted(&args), "{flag} {word}");
            }
        }
    }
}
