//! The log on stderr, or where a service keeps its own, and what it says of an inference request.
//!
//! | level | what it may contain |
//! |---|---|
//! | error | what needs somebody: our own threads or listener in trouble |
//! | warn | what we mended or went on without |
//! | info | start, stop, Ollama coming and going, one line per inference request |
//! | debug | binding, the route of each request, queue depths, every answer of the watcher's |
//!
//! Every control character is escaped, and a password in a URL hidden, where lines are formatted: at every level, whoever chose it.
//! Never, at any level: a prompt, a reply's text, a header's value.

use std::fmt;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::time::SystemTime;

use env_logger::Target;
use log::LevelFilter;

use crate::observe::Exchange;
use crate::platform;
use crate::util::sanitize::{one_line, without_passwords};

/// Starts logging, and makes panics part of the log.
pub fn start(level: LevelFilter) {
    let target = platform::service::log_target().map_or(Target::Stderr, Target::Pipe);
    env_logger::Builder::new()
        .target(target)
        // Libraries log heads, values included.
        .filter_level(LevelFilter::Off)
        .filter_module(env!("CARGO_CRATE_NAME"), level)
        .format(|line, record| {
            let now = humantime::format_rfc3339_millis(SystemTime::now());
            let said = record.args().to_string();
            writeln!(
                line,
                "{now} {:5} {}",
                record.level(),
                one_line(&without_passwords(&said))
            )
        })
        .init();
    std::panic::set_hook(Box::new(on_panic));
}

/// Starts logging for an error that came before the settings were known.
pub fn start_if_not_started() {
    if log::max_level() == LevelFilter::Off {
        start(LevelFilter::Error);
    }
}

/// Warnings of a command at a terminal, which look as its other messages do.
pub fn start_for_terminal() {
    env_logger::Builder::new()
        .filter_level(LevelFilter::Off)
        .filter_module(env!("CARGO_CRATE_NAME"), LevelFilter::Warn)
        .format(|line, record| {
            writeln!(
                line,
                "ollama-tap: {}",
                one_line(&without_passwords(&record.args().to_string()))
            )
        })
        .init();
}

/// A panic is an error of ours, whichever thread it ends.
fn on_panic(panic: &PanicHookInfo) {
    let place = panic
        .location()
        .map(|at| format!("{}:{}", at.file(), at.line()))
        .unwrap_or_default();
    log::error!(
        "thread {} panicked at {place}",
        std::thread::current().name().unwrap_or("without a name")
    );
}

/// One line on an inference request that has ended.
pub fn exchange(exchange: &Exchange) {
    log::info!("{}", Described(exchange));
}

/// An exchange as the log tells it.
struct Described<'a>(&'a Exchange);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Described(exchange) = self;
        let model = exchange.model.as_deref().unwrap_or("unknown");
        write!(
            f,
            "{} {model} {} {}",
            exchange.interaction_id,
            exchange.endpoint.as_str(),
            exchange.outcome.as_str()
        )?;
        field(f, "http", exchange.http_status)?;
        field(f, "prompt_tokens", exchange.prompt_tokens)?;
        field(f, "cached", exchange.prompt_cached_tokens)?;
        if let Some(tokens) = exchange.generated_tokens {
            let estimated = if exchange.tokens_estimated { "~" } else { "" };
            write!(f, " tokens={estimated}{tokens}")?;
        }
        if let Some(rate) = exchange.tokens_per_second {
            write!(f, " tokens/s={rate:.1}")?;
        }
        if let Some(time) = exchange.time_to_first_token {
            write!(f, " first_token={:.3}s", time.as_secs_f64())?;
        }
        write!(f, " duration={:.3}s", exchange.duration.as_secs_f64())?;
        field(f, "load_only", exchange.load_only.then_some(true))
    }
}

fn field(f: &mut fmt::Formatter<'_>, name: &str, value: Option<impl fmt::Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, " {name}={value}"))
}
