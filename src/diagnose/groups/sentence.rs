//! The one sentence about a group.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::tally::{Tally, most};
use crate::diagnose::Kind;
use crate::diagnose::words::{count, list, time};

/// What happened, how often, and what it cost.
pub fn of(tally: &Tally) -> String {
    let cause = tally.newest.cause.as_str();
    match (tally.newest.kind, cause) {
        (Kind::ModelReload, "options") => format!("{}: {}", options(tally), reloads(tally)),
        (Kind::ModelReload, "room") => format!("{}: {}", push_out(tally, ""), reloads(tally)),
        (Kind::ModelReload, "name") => {
            format!(
                "{}: {}",
                push_out(tally, "are one file and "),
                reloads(tally)
            )
        }
        (Kind::ModelReload, "unloaded") => format!("{}: {}", unloaded(tally), reloads(tally)),
        (Kind::Waited, _) => waited(tally),
        (Kind::CacheBroken, _) => cache_broken(tally),
        _ if tally.requests == 1 => tally.newest.sentence.clone(),
        _ => format!(
            "{}, the last: {}",
            count(tally.requests, "request"),
            tally.newest.sentence
        ),
    }
}

/// `14 reloads, 9 min lost`.
fn reloads(tally: &Tally) -> String {
    let reloads = count(tally.requests, "reload");
    match tally.seconds_lost > 0.0 {
        true => format!("{reloads}, {} lost", lost(tally)),
        false => reloads,
    }
}

fn lost(tally: &Tally) -> String {
    time(Duration::try_from_secs_f64(tally.seconds_lost).unwrap_or(Duration::MAX))
}

fn options(tally: &Tally) -> String {
    let clients = names([&tally.clients, &tally.others]);
    let options: Vec<String> = tally
        .options
        .iter()
        .map(|(name, values)| said(name, values))
        .collect();
    let with = list(&options);
    match clients.as_slice() {
        [] => format!("{} is asked for with {with} by turns", tally.model),
        [one] => format!("{one} asks for {} with {with} by turns", tally.model),
        several => format!(
            "{} take turns on {} with {with}",
            list(several),
            tally.model
        ),
    }
}

/// `num_ctx 4096 and 8192`: numbers by size.
fn said(name: &str, values: &BTreeMap<String, f64>) -> String {
    let mut values: Vec<&str> = values.keys().map(String::as_str).collect();
    values.sort_by_key(|value| value.parse::<i64>().unwrap_or(i64::MAX));
    format!("{name} {}", list(&values))
}

fn push_out(tally: &Tally, why: &str) -> String {
    let mut models = vec![tally.model.as_str()];
    models.extend(most(&tally.other_models));
    let who = names([&tally.clients, &tally.others]);
    let by = if who.is_empty() {
        String::new()
    } else {
        format!(" (asked for by {})", list(&who))
    };
    match models.len() {
        1 => format!("{} is pushed out by other models{by}", tally.model),
        _ => format!("{} {why}push each other out{by}", list(&models)),
    }
}

fn unloaded(tally: &Tally) -> String {
    let clients = names([&tally.clients, &BTreeMap::new()]);
    let others = most(&tally.others);
    let loaded = if clients.is_empty() {
        "another client".to_owned()
    } else {
        list(&clients)
    };
    format!(
        "{} unloads {}, and {loaded} loads it again",
        list(&others),
        tally.model
    )
}

/// `12 requests of webui waited 6 min for qwen3:30b, most of it behind indexer`.
fn waited(tally: &Tally) -> String {
    let requests = count(tally.requests, "request");
    let clients = most(&tally.clients);
    let of = if clients.is_empty() {
        String::new()
    } else {
        format!(" of {}", list(&clients))
    };
    let spent = format!("{requests}{of} waited {} for {}", lost(tally), tally.model);
    match most(&tally.waited_for)
        .first()
        .map(|first| (*first, tally.waited_for[*first]))
    {
        Some((first, seconds)) => {
            // Where several were busy at once, they were waited for together.
            let seconds = Duration::try_from_secs_f64(seconds.min(tally.seconds_lost));
            format!(
                "{spent}, {} of it behind {first}",
                time(seconds.unwrap_or_default())
            )
        }
        None => spent,
    }
}

fn cache_broken(tally: &Tally) -> String {
    let requests = count(tally.requests, "prompt");
    let clients = most(&tally.clients);
    let of = if clients.is_empty() {
        String::new()
    } else {
        format!(" of {}", list(&clients))
    };
    let difference = tally
        .newest
        .fields
        .get("difference")
        .and_then(|place| place.as_str());
    let why = difference
        .map(|place| format!(": the last time {place}"))
        .unwrap_or_default();
    let cost = if tally.seconds_lost < 1.0 {
        String::new()
    } else {
        format!(", {} lost", lost(tally))
    };
    let were = if tally.requests == 1 { "was" } else { "were" };
    format!(
        "{requests}{of} {were} read anew by {}{cost}{why}",
        tally.model
    )
}

/// The names in any of the maps, once each.
fn names(maps: [&BTreeMap<String, f64>; 2]) -> Vec<String> {
    let names: BTreeSet<&String> = maps.into_iter().flat_map(BTreeMap::keys).collect();
    names.into_iter().cloned().collect()
}
