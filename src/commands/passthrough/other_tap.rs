//! A tap that runs at another place than where clients look for Ollama, and serves a command as well or better.

use serde::Deserialize;

use crate::commands::discovery::{by_rank, connect};
use crate::http::address::Upstream;
use crate::http::agent::addresses;
use crate::instance::{self, Instance};
use crate::ollama::occupant::Occupant;
use crate::util::stderr;

/// The answer of /test about a tap's Ollama.
#[derive(Deserialize)]
struct TestPage {
    ollama_host: String,
}

/// Finds the tap that a command may ask in place of `there`, where `occupant` is. Models are pulled and removed by commands: no
/// other Ollama than the one that is there will do, and any where there is none. Says which tap it is, and which it is not.
pub fn find(occupant: &Occupant, there: Option<&Upstream>) -> Option<Upstream> {
    let found: Vec<Upstream> = by_rank(instance::list())
        .iter()
        .filter(|instance| will_do(instance, occupant, there))
        .map(Instance::public)
        .collect();
    let (tap, others) = found.split_first()?;
    let others: Vec<String> = others.iter().map(Upstream::to_string).collect();
    let others = if others.is_empty() {
        String::new()
    } else {
        format!("; more are running: {}", others.join(" and "))
    };
    stderr::say(format_args!("ollama-tap: through the tap at {tap}{others}"));
    Some(tap.clone())
}

fn will_do(instance: &Instance, occupant: &Occupant, there: Option<&Upstream>) -> bool {
    match (occupant, there) {
        (Occupant::None, _) => connect(instance, None).is_some(),
        (Occupant::Ollama(_), Some(there)) => fronts(instance, there).unwrap_or(false),
        (Occupant::Ollama(_), None) | (Occupant::Tap(_) | Occupant::Other, _) => false,
    }
}

/// Returns whether the tap of this instance file forwards to the Ollama that is there; `None` where it does not answer.
fn fronts(instance: &Instance, there: &Upstream) -> Option<bool> {
    let text = connect(instance, None)?.text("/test").ok()?;
    let tested: TestPage = serde_json::from_str(&text).ok()?;
    let (upstream, _) = Upstream::parse(&tested.ollama_host).ok()?;
    let wanted = addresses(&there.host, there.port).unwrap_or_default();
    let tapped = addresses(&upstream.host, upstream.port).unwrap_or_default();
    Some(tapped.iter().any(|address| wanted.contains(address)))
}
