//! ELSEWHERE: a tap that runs at another place than where clients look for Ollama, and serves a command as well or better.

use serde::Deserialize;

use crate::commands::running::{by_rank, of_note};
use crate::http::address::Upstream;
use crate::http::agent::addresses;
use crate::instance::{self, Note};
use crate::ollama::occupant::Occupant;

/// What /test says of a tap's Ollama.
#[derive(Deserialize)]
struct Tested {
    ollama_host: String,
}

/// Where the tap is that a command may ask in place of `there`, where `occupant` is. Models are pulled and removed by commands: no
/// other Ollama than the one that is there will do, and any where there is none. Says which tap it is, and which it is not.
pub fn tap(occupant: &Occupant, there: Option<&Upstream>) -> Option<Upstream> {
    let is_meant = |note: &Note| match (occupant, there) {
        (Occupant::None, _) => of_note(note, None).is_some(),
        (Occupant::Ollama(_), Some(there)) => fronts(note, there).unwrap_or(false),
        _ => false,
    };
    let found: Vec<Upstream> = by_rank(instance::all())
        .iter()
        .filter(|note| is_meant(note))
        .map(Note::public)
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
fn fronts(note: &Note, there: &Upstream) -> Option<bool> {
    let text = of_note(note, None)?.text("/test").ok()?;
    let tested: Tested = serde_json::from_str(&text).ok()?;
    let (upstream, _) = Upstream::parse(&tested.ollama_host).ok()?;
    let all = |of: &Upstream| addresses(&of.host, of.port).unwrap_or_default();
    let wanted = all(there);
    Some(
        all(&upstream)
            .iter()
            .any(|address| wanted.contains(address)),
    )
}
