//! The line that the log has of an exchange. It never holds a prompt or a text of the reply.

use std::fmt::{self, Display, Formatter};

use super::exchange::Exchange;

/// Shows an exchange as one line: its id, model, endpoint and outcome, then `name=value` pairs.
pub struct LogLine<'a>(pub &'a Exchange);

impl Display for LogLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let LogLine(exchange) = self;
        let model = exchange.model.as_deref().unwrap_or("unknown");
        let (endpoint, outcome) = (exchange.endpoint.as_str(), exchange.outcome.as_str());
        write!(
            f,
            "{} {model} {endpoint} {outcome}",
            exchange.interaction_id
        )?;
        write_pair(f, "http", exchange.http_status)?;
        write_pair(f, "prompt_tokens", exchange.prompt_tokens)?;
        write_pair(f, "cached", exchange.prompt_cached_tokens)?;
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
        write_pair(f, "load_only", exchange.load_only.then_some(true))
    }
}

fn write_pair(f: &mut Formatter<'_>, name: &str, value: Option<impl Display>) -> fmt::Result {
    match value {
        Some(value) => write!(f, " {name}={value}"),
        None => Ok(()),
    }
}
