//! A few clients that send requests through the tap: many at first, then one every few seconds.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use ureq::Agent;

use super::script::{SCRIPT, ScriptedRequest};
use crate::http::address::Upstream;
use crate::http::agent::Target;
use crate::util::threads::{self, STACK};

/// Clients that send at the same time.
const CLIENT_COUNT: usize = 6;

/// The pause between two requests once every request of the script was sent.
const PAUSE_SECONDS: std::ops::Range<f64> = 2.0..8.0;

/// Traffic that goes on until it is stopped.
pub struct Traffic {
    agent: Agent,
    _running: Sender<()>,
}

impl Traffic {
    /// Starts clients of the tap at this address, which send the whole script once and then requests of it at random.
    pub fn start(tap: SocketAddr) -> io::Result<Traffic> {
        let upstream = Upstream::from(tap);
        let base = upstream.origin();
        let agent = Target::new(upstream).agent(|config| config);
        let (sender, requests) = unbounded();
        let (running, stopped) = bounded(0);
        for i in 0..CLIENT_COUNT {
            let (agent, base, requests) = (agent.clone(), base.clone(), requests.clone());
            threads::spawn(format!("demo-client-{i}"), STACK, move || {
                run_client(&agent, &base, &requests)
            })?;
        }
        threads::spawn("demo-schedule", STACK, move || schedule(&sender, &stopped))?;
        Ok(Traffic {
            agent,
            _running: running,
        })
    }

    /// Ends every request at once and sends no more.
    pub fn stop(self) {
        self.agent.shutdown();
    }
}

/// Hands requests to the clients until `stopped` is closed.
fn schedule(sender: &Sender<ScriptedRequest>, stopped: &Receiver<()>) {
    for request in SCRIPT {
        _ = sender.send(request);
    }
    loop {
        let range = PAUSE_SECONDS.end - PAUSE_SECONDS.start;
        let pause = Duration::from_secs_f64(PAUSE_SECONDS.start + fastrand::f64() * range);
        if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        _ = sender.send(SCRIPT[fastrand::usize(..SCRIPT.len())]);
    }
}

/// Sends one request after another. The tap records the results.
fn run_client(agent: &Agent, base: &str, requests: &Receiver<ScriptedRequest>) {
    for scripted in requests {
        if let Err(e) = send(agent, base, &scripted) {
            log::debug!("send the demo's traffic to {}: {e}", scripted.path);
        }
    }
}

fn send(agent: &Agent, base: &str, scripted: &ScriptedRequest) -> Result<(), ureq::Error> {
    let request = agent
        .post(format!("{base}{}", scripted.path))
        .header("user-agent", scripted.user_agent);
    let reply = request
        .header("content-type", "application/json")
        .send(scripted.body)?
        .into_body()
        .into_reader();
    let limit = if scripted.disconnects { 1 } else { u64::MAX };
    io::copy(&mut reply.take(limit), &mut io::sink())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::route::Inference;
    use crate::observe::category::{CATEGORIES, categorize};
    use crate::observe::{RequestBody, request};
    use crate::util::budget::{Budget, Reservation};

    #[test]
    fn every_endpoint_of_text_and_every_category_comes_up_once() {
        let mut categories = BTreeSet::new();
        let mut endpoints = BTreeSet::new();
        for scripted in SCRIPT {
            let endpoint = Inference::ALL
                .into_iter()
                .find(|endpoint| scripted.path[1..] == *endpoint.as_str())
                .unwrap();
            let body = RequestBody {
                bytes: scripted.body.as_bytes(),
                is_partial: false,
                encoding: None,
                content_type: None,
            };
            let read = request::parse(endpoint, &body, &mut Reservation::new(&Budget::of(None)));
            assert!(
                !read.parse_failed && read.model.is_some(),
                "{}",
                scripted.body
            );
            categories.insert(categorize(
                read.prompt.as_ref().map(|prompt| prompt.as_str()),
            ));
            endpoints.insert(endpoint.as_str());
        }
        assert_eq!(
            endpoints.len(),
            Inference::ALL.len() - 4,
            "all but those for audio, images and decisions"
        );
        assert_eq!(
            categories.len(),
            CATEGORIES.len() - 1,
            "all but `empty`: {categories:?}"
        );
    }
}
