//! Reads one setting at a time: finds its text, parses it, and collects what cannot be used.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use log::LevelFilter;

use super::settings::{Backend, BadValue, HistoryConfig, StoreText};
use super::variables::*;
use crate::cli::{Flag, ProxyArgs};
use crate::http::address::{ListenAddress, Upstream};
use crate::util::sanitize;

/// The most workers; each is one thread and one connection to Ollama.
const MAX_WORKERS: usize = 4096;
/// The longest time of a setting: a bound that keeps sums of times from overflowing.
const MAX_SECONDS: f64 = 366.0 * 86_400.0;
/// The longest name of a machine (characters).
const NAME_MAX: usize = 100;
/// Headers whose values are never kept.
const SECRET_HEADERS: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
];
const MAX_DAYS: u32 = 36_500;

/// Reads settings from their sources, and collects the bad values.
pub struct Resolver<'a> {
    pub get_env: &'a dyn Fn(&str) -> Option<String>,
    pub bad: Vec<BadValue>,
    pub warnings: Vec<String>,
}

impl Resolver<'_> {
    /// Returns the name and text of the flag, else of the variable. An empty variable is unset, an empty flag is a value (and a bad one).
    pub fn text(&self, flag: Flag, variable: &'static str) -> Option<(&'static str, String)> {
        let flag_text = flag.1.as_ref().map(|text| (flag.0, text.trim().to_owned()));
        flag_text.or_else(|| self.variable(variable).map(|text| (variable, text)))
    }

    /// Returns whether the flag or the variable is set, to a good or a bad value.
    pub fn is_given(&self, flag: Flag, variable: &'static str) -> bool {
        self.text(flag, variable).is_some()
    }

    pub fn variable(&self, name: &'static str) -> Option<String> {
        (self.get_env)(name)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    }

    /// Collects a bad value. Secrets of addresses in it are not shown, whatever it was meant to be.
    pub fn reject(
        &mut self,
        name: &'static str,
        value: String,
        reason: Option<String>,
        accepted: &'static str,
    ) {
        let (value, reason) = (
            sanitize::redact_address(&value).into_owned(),
            reason.map(|reason| sanitize::redact_address(&reason).into_owned()),
        );
        self.bad.push(BadValue {
            name,
            value,
            reason,
            accepted,
        });
    }

    /// Reads a setting whose accepted forms say all about a bad value. `None` where it was not given, or is bad.
    pub fn read<T>(
        &mut self,
        flag: Flag,
        variable: &'static str,
        accepted: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let (name, text) = self.text(flag, variable)?;
        let value = parse(&text);
        if value.is_none() {
            self.reject(name, text, None, accepted);
        }
        value
    }

    pub fn seconds(&mut self, flag: Flag, variable: &'static str, default: u64) -> Duration {
        self.read(flag, variable, "a number of seconds", parse_seconds)
            .unwrap_or(Duration::from_secs(default))
    }

    pub fn listen(&mut self, flag: &Option<String>, default: ListenAddress) -> ListenAddress {
        let Some((name, text)) = self.text(("--listen", flag), ENV_LISTEN) else {
            let port = self.read(
                (ENV_PROXY_PORT, &None),
                ENV_PROXY_PORT,
                "a port from 0 to 65535",
                parse_number,
            );
            return ListenAddress {
                port: port.unwrap_or(default.port),
                ..default
            };
        };
        ListenAddress::parse(&text, &default).unwrap_or_else(|reason| {
            let reason = Some(format!("({reason})"));
            self.reject(name, text, reason, ListenAddress::FORMS);
            default
        })
    }

    /// Reads the address of our own pages, which cannot be the one that clients use.
    pub fn admin(
        &mut self,
        flag: &Option<String>,
        listen: &ListenAddress,
    ) -> Option<ListenAddress> {
        let (name, text) = self.text(("--admin-listen", flag), ENV_ADMIN_LISTEN)?;
        let reason = match ListenAddress::parse(
            &text,
            &ListenAddress {
                port: 0,
                ..ListenAddress::serve_default()
            },
        ) {
            Ok(admin) if admin == *listen && admin.port != 0 => {
                "is the address that is listened on".to_owned()
            }
            Ok(admin) => return Some(admin),
            Err(reason) => format!("({reason})"),
        };
        self.reject(name, text, Some(reason), ListenAddress::FORMS);
        None
    }

    /// Reads an upstream. A bad port is Ollama's default in Ollama's variable, and an error in our flag.
    pub fn upstream(&mut self, flag: &Option<String>) -> Upstream {
        const ACCEPTED: &str = "http://HOST:PORT, https://HOST:PORT, HOST:PORT or HOST";
        let Some((name, text)) = self.text(("--upstream", flag), ENV_UPSTREAM) else {
            return Upstream::default();
        };
        let reason = match Upstream::parse(&text) {
            Ok((upstream, None)) if !text.is_empty() => return upstream,
            Ok((upstream, Some(warning))) if name == ENV_UPSTREAM => {
                let warning = format!("{name}=`{text}`: {warning}");
                self.warnings
                    .push(sanitize::redact_address(&warning).into_owned());
                return upstream;
            }
            Ok((_, warning)) => warning.map(|warning| format!("({warning})")),
            Err(reason) => Some(reason),
        };
        self.reject(name, text, reason, ACCEPTED);
        Upstream::default()
    }

    /// A token travels in a header, so it is visible ASCII; it is never shown.
    pub fn token(&mut self, flag: &Option<String>) -> Option<String> {
        let (name, token) = self.text(("--token", flag), ENV_TOKEN)?;
        if !is_token(&token) {
            self.reject(
                name,
                "(not shown)".to_owned(),
                None,
                "letters, digits and signs of ASCII, without spaces",
            );
        }
        Some(token)
    }

    /// A shell takes `~` for the home of its user; a settings file, a unit and a compose file do not.
    fn history_directory(&mut self, flag: &Option<String>) -> Option<PathBuf> {
        let flag = ("--analytics-dir", flag);
        if let Some((name, text)) = self
            .text(flag, ENV_ANALYTICS_DIR)
            .filter(|(_, text)| text.starts_with('~'))
        {
            self.warnings.push(format!("{name}=`{text}`: `~` does not stand for a home directory here; write the whole path"));
        }
        self.read(flag, ENV_ANALYTICS_DIR, "a directory", parse_directory)
    }

    pub fn history(&mut self, args: &ProxyArgs) -> HistoryConfig {
        let backend = self.read(
            ("--analytics-backend", &args.analytics_backend),
            ENV_ANALYTICS_BACKEND,
            "jsonl, sqlite, loki or none",
            parse_backend,
        );
        HistoryConfig {
            backend: backend.unwrap_or(Backend::Jsonl),
            dir: self
                .history_directory(&args.analytics_dir)
                .unwrap_or_else(|| PathBuf::from("./ollama_analytics")),
            dir_is_given: self
                .is_given(("--analytics-dir", &args.analytics_dir), ENV_ANALYTICS_DIR),
            name: self.read(
                ("--name", &args.name),
                ENV_NAME,
                "1 to 100 characters, none of them a control character",
                parse_name,
            ),
            retention_days: self
                .read(
                    ("--retention-days", &args.retention_days),
                    ENV_RETENTION_DAYS,
                    "a number of days up to 36500 (0 = for ever)",
                    parse_days,
                )
                .unwrap_or(Some(7)),
            store_text: self
                .read(
                    ("--store-text", &args.store_text),
                    ENV_STORE_TEXT,
                    "full, preview or none",
                    parse_store_text,
                )
                .unwrap_or(StoreText::Full),
            max_bytes: self
                .read(
                    ("--analytics-max-bytes", &args.analytics_max_bytes),
                    ENV_ANALYTICS_MAX_BYTES,
                    "a number of bytes (0 = no limit)",
                    parse_bytes,
                )
                .unwrap_or(Some(10 << 30)),
            loki: self.loki(&args.loki_url, backend == Some(Backend::Loki)),
        }
    }
}

/// Returns whether this can be a bearer token.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

fn parse_number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

pub fn parse_workers(text: &str) -> Option<usize> {
    parse_number(text).filter(|n| (1..=MAX_WORKERS).contains(n))
}

fn parse_seconds(text: &str) -> Option<Duration> {
    parse_number(text)
        .filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds))
        .map(Duration::from_secs_f64)
}

pub fn parse_log_level(text: &str) -> Option<LevelFilter> {
    match text.to_ascii_uppercase().as_str() {
        "DEBUG" => Some(LevelFilter::Debug),
        "INFO" => Some(LevelFilter::Info),
        "WARNING" | "WARN" => Some(LevelFilter::Warn),
        "ERROR" => Some(LevelFilter::Error),
        _ => None,
    }
}

pub fn parse_bool(text: &str) -> Option<bool> {
    parse_number(&text.to_ascii_lowercase())
}

fn parse_backend(text: &str) -> Option<Backend> {
    match text.to_ascii_lowercase().as_str() {
        "jsonl" => Some(Backend::Jsonl),
        "sqlite" => Some(Backend::Sqlite),
        "loki" => Some(Backend::Loki),
        "none" => Some(Backend::None),
        _ => None,
    }
}

fn parse_store_text(text: &str) -> Option<StoreText> {
    match text.to_ascii_lowercase().as_str() {
        "full" => Some(StoreText::Full),
        "preview" => Some(StoreText::Preview),
        "none" => Some(StoreText::None),
        _ => None,
    }
}

/// Reads the name of a header, which is in lower case from here on.
pub fn parse_client_header(text: &str) -> Option<String> {
    let is_name_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let name = text.to_ascii_lowercase();
    let is_name = !name.is_empty() && name.bytes().all(is_name_byte);
    (is_name && !SECRET_HEADERS.contains(&&*name)).then_some(name)
}

fn parse_name(text: &str) -> Option<String> {
    let is_name =
        (1..=NAME_MAX).contains(&text.chars().count()) && !text.contains(char::is_control);
    is_name.then(|| text.to_owned())
}

fn parse_directory(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

fn parse_days(text: &str) -> Option<Option<u32>> {
    parse_number(text)
        .filter(|days| *days <= MAX_DAYS)
        .map(|days| Some(days).filter(|days| *days > 0))
}

fn parse_bytes(text: &str) -> Option<Option<u64>> {
    parse_number(text).map(|bytes| Some(bytes).filter(|bytes| *bytes > 0))
}
