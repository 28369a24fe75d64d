//! A tap that runs at another place than where clients look for Ollama, and serves a command as well or better.

use serde::Deserialize;

use crate::commands::discovery::{by_rank, connect};
use crate::http::address::Upstream;
use crate::http::agent::addresses;
use crate::instance::{self, Instance};
use crate::ollama::occupant::Occupant;

/// What /test says of a tap's Ollama.
#[derive(Deserialize)]
struct TestPage {
    ollama_host: String,
}

/// Where the tap is that a command may ask in place of `there`, where `occupant` is. Models are pulled and removed by commands: no
/// other Ollama than the one that is there will do, and any where there is none. Says which tap it is, and which it is not.
pub fn find(occupant: &Occupant, there: Option<&Upstream>) -> Option<Upstream> {
    let is_meant = |instance: &Instance| match (occupant, there) {
        (Occupant::None, _) => connect(instance, None).is_some(),
        (Occupant::Ollama(_), Some(there)) => fronts(instance, there).unwrap_or(false),
        _ => false,
    };
    let found: Vec<Upstream> = by_rank(instance::list())
        .iter()
        .filter(|instance| is_meant(instance))
        .map(Instance::public)
        .collect();
    let (tap, others) = found.split_first()?;
    let others: Vec<String> = others.iter().map(Upstream::to_string).collect();
    let others = if others.is_empty() {
        String::new()
    } else {
        format!("; more are running: {}", others.join(" and "))
    };
    eprintln!("ollama-tap: through the tap at {tap}{others}");
    Some(tap.clone())
}

/// Whether the tap that left this note forwards to the Ollama that is there; `None` where it does not answer.
fn fronts(instance: &Instance, there: &Upstream) -> Option<bool> {
    let text = connect(instance, None)?.text("/test").ok()?;
    let tested: TestPage = serde_json::from_str(&text).ok()?;
    let (upstream, _) = Upstream::parse(&tested.ollama_host).ok()?;
    let all = |of: &Upstream| addresses(&of.host, of.port).unwrap_or_default();
    let wanted = all(there);
    Some(
        all(&upstream)
            .iter()
            .any(|address| wanted.contains(address)),
    )
}
