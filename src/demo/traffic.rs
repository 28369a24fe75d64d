//! A few clients that send requests through the tap: many at first, then one every few seconds; and
//! others beside them that meet with troubles, one after the other.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use ureq::Agent;

use super::script::{SCRIPT, ScriptedRequest};
use super::troubles::{TROUBLES, Trouble};
use crate::http::address::Upstream;
use crate::http::agent::Target;
use crate::util::threads::{self, STACK};

/// Clients that send at the same time.
const CLIENT_COUNT: usize = 6;

/// The pause between two requests once every request of the script was sent.
const PAUSE_SECONDS: std::ops::Range<f64> = 2.0..8.0;

/// The pause until the same trouble comes again.
const TROUBLE_PAUSE_SECONDS: std::ops::Range<f64> = 60.0..120.0;

/// The lead of a request over the next one that does not wait for its reply.
const LEAD: Duration = Duration::from_millis(300);

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
        let client = TrafficClient { agent, base };
        let (sender, requests) = unbounded();
        let (running, stopped) = bounded(0);
        for i in 0..CLIENT_COUNT {
            start_client(format!("demo-client-{i}"), &client, &requests)?;
        }
        for (i, trouble) in TROUBLES.into_iter().enumerate() {
            let (client, stopped) = (client.clone(), stopped.clone());
            let (beside, requests) = unbounded();
            start_client(format!("demo-beside-{i}"), &client, &requests)?;
            threads::spawn(format!("demo-trouble-{i}"), STACK, move || {
                cause(trouble, &client, &beside, &stopped);
            })?;
        }
        threads::spawn("demo-schedule", STACK, move || schedule(&sender, &stopped))?;
        Ok(Traffic {
            agent: client.agent,
            _running: running,
        })
    }

    /// Ends every request at once and sends no more.
    pub fn stop(self) {
        self.agent.shutdown();
    }
}

/// Starts a client that sends one request after another.
fn start_client(
    name: String,
    client: &TrafficClient,
    requests: &Receiver<ScriptedRequest>,
) -> io::Result<()> {
    let (client, requests) = (client.clone(), requests.clone());
    threads::spawn(name, STACK, move || {
        requests.iter().for_each(|request| client.send(&request));
    })?;
    Ok(())
}

/// Hands requests to the clients until `stopped` is closed.
fn schedule(sender: &Sender<ScriptedRequest>, stopped: &Receiver<()>) {
    for request in SCRIPT {
        _ = sender.send(request);
    }
    while is_running_after(between(PAUSE_SECONDS), stopped) {
        _ = sender.send(SCRIPT[fastrand::usize(..SCRIPT.len())].clone());
    }
}

/// Sends the requests of one trouble, and after a pause those of its next round, until `stopped` is
/// closed. `beside` takes those whose reply is not waited for.
fn cause(
    trouble: Trouble,
    client: &TrafficClient,
    beside: &Sender<ScriptedRequest>,
    stopped: &Receiver<()>,
) {
    for round in 1.. {
        for request in trouble(round) {
            let pause = if request.is_beside {
                _ = beside.send(request);
                LEAD
            } else {
                client.send(&request);
                Duration::ZERO
            };
            if !is_running_after(pause, stopped) {
                return;
            }
        }
        if !is_running_after(between(TROUBLE_PAUSE_SECONDS), stopped) {
            return;
        }
    }
}

/// Waits that long, or until `stopped` is closed.
fn is_running_after(pause: Duration, stopped: &Receiver<()>) -> bool {
    stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout)
}

fn between(seconds: std::ops::Range<f64>) -> Duration {
    let length = seconds.end - seconds.start;
    Duration::from_secs_f64(seconds.start + fastrand::f64() * length)
}

/// Sends requests to the tap, which records the results.
#[derive(Clone)]
struct TrafficClient {
    agent: Agent,
    base: String,
}

impl TrafficClient {
    fn send(&self, scripted: &ScriptedRequest) {
        if let Err(e) = self.try_send(scripted) {
            log::debug!("send the demo's traffic to {}: {e}", scripted.path);
        }
    }

    fn try_send(&self, scripted: &ScriptedRequest) -> Result<(), ureq::Error> {
        let request = self
            .agent
            .post(format!("{}{}", self.base, scripted.path))
            .header("user-agent", scripted.user_agent);
        let reply = request
            .header("content-type", "application/json")
            .send(scripted.body.as_bytes())?
            .into_body()
            .into_reader();
        let limit = if scripted.disconnects { 1 } else { u64::MAX };
        io::copy(&mut reply.take(limit), &mut io::sink())?;
        Ok(())
    }
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
