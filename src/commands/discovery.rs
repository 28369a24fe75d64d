//! Finds the tap that a command asks: the one that was named, else one of those that are registered (`instance`), else one that
//! answers where taps usually are.

use super::history::tap_client::TapClient;
use crate::config::QueryConfig;
use crate::http::address::{OLLAMA_PORT, PROXY_DEFAULT_PORT, Upstream};
use crate::instance::{self, Instance};
use crate::ollama::occupant::Occupant;
use crate::ollama::port::holder_of;
use crate::util::stderr;

/// The tap that is asked, and others that might have been meant.
pub struct Discovery {
    pub tap: TapClient,
    others: Vec<String>,
}

/// The tap that this question is for. Where others might have been meant, they are named on standard error.
pub fn find(config: &QueryConfig) -> Option<TapClient> {
    let found = discover(config)?;
    if !found.others.is_empty() {
        let (asked, others) = (found.tap.address(), found.others.join(" and "));
        stderr::say(format_args!(
            "ollama-tap: asking the tap at {asked}; more are running: {others} (--listen says which one)"
        ));
    }
    Some(found.tap)
}

/// The same, saying nothing.
pub fn discover(config: &QueryConfig) -> Option<Discovery> {
    let instances = instance::list();
    let token = config.token.as_deref();
    if let Some(tap) = config
        .named
        .iter()
        .find_map(|address| at(address, &instances, token))
    {
        return Some(Discovery {
            tap,
            others: Vec::new(),
        });
    }
    if config.usual.is_empty() {
        return None;
    }
    let mut registered = by_rank(instances)
        .into_iter()
        .filter_map(|instance| connect(&instance, token));
    match registered.next() {
        Some(tap) => Some(Discovery {
            tap,
            others: registered.map(|tap| tap.address().to_owned()).collect(),
        }),
        None => config
            .usual
            .iter()
            .find_map(|address| TapClient::find(address, token))
            .map(|tap| Discovery {
                tap,
                others: Vec::new(),
            }),
    }
}

/// Says that no tap answers, and what does where one was looked for.
pub fn nothing_found(config: &QueryConfig) -> String {
    let looked_at = config.named.iter().chain(&config.usual);
    let others = looked_at.filter_map(other_server);
    let nothing = format!("no tap answers at {}", config.addresses());
    [nothing]
        .into_iter()
        .chain(others)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Says what answers at an address, if that is no tap.
fn other_server(address: &Upstream) -> Option<String> {
    let name = match Occupant::probe(address) {
        Occupant::None | Occupant::Tap(_) => return None,
        Occupant::Ollama(version) => format!("an Ollama {version}"),
        Occupant::Other => "another server".to_owned(),
    };
    let at = address.authority();
    let holder = holder_of(address).map_or(String::new(), |holder| format!(": {holder}"));
    Some(format!("{name} answers at {at}{holder}"))
}

/// The tap at this address, asked with the token that it left for us where none is given.
pub fn at_address(address: &Upstream, token: Option<&str>) -> Option<TapClient> {
    at(address, &instance::list(), token)
}

/// Sorts the instances: those of the usual ports first, then the newest.
pub fn by_rank(mut instances: Vec<Instance>) -> Vec<Instance> {
    instances.sort_by_key(|instance| rank(instance.listen.port()));
    instances
}

fn rank(port: u16) -> usize {
    [OLLAMA_PORT, PROXY_DEFAULT_PORT]
        .iter()
        .position(|usual| *usual == port)
        .unwrap_or(usize::MAX)
}

/// The tap at this address, by its instance file, or because it says there that it is one.
fn at(address: &Upstream, instances: &[Instance], token: Option<&str>) -> Option<TapClient> {
    let registered = instances
        .iter()
        .filter(|instance| instance.is_at(address))
        .find_map(|instance| connect(instance, token));
    registered.or_else(|| TapClient::find(address, token))
}

/// Connects to the tap that registered this instance, if it still answers.
pub fn connect(instance: &Instance, token: Option<&str>) -> Option<TapClient> {
    let tap = TapClient::find(&instance.pages(), token)?;
    Some(if token.is_some() {
        tap
    } else {
        tap.with_token(instance.token())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ports_come_first_and_then_the_newest() {
        let instance = |port: u16| Instance {
            listen: ([127, 0, 0, 1], port).into(),
            admin: None,
            store: None,
            token_file: None,
            pid: 1,
        };
        let ranked = by_rank([9000, 8000, 7000, 11434].map(instance).into());
        assert_eq!(
            ranked
                .iter()
                .map(|instance| instance.listen.port())
                .collect::<Vec<_>>(),
            [11434, 8000, 9000, 7000]
        );
    }
}
