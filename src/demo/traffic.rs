//! TRAFFIC: a few clients that talk to the demo through the tap, much at first and then a little now and again.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use ureq::Agent;
use ureq::unversioned::transport::DefaultConnector;

use super::talk::{LINES, Line};
use crate::forward::upstream::{Names, Target};
use crate::http::address::{Scheme, Upstream};
use crate::util::threads::{self, STACK};

/// Clients that talk at the same time.
const TALKERS: usize = 6;

/// Between two requests once everything was said (seconds).
const PAUSE: std::ops::Range<f64> = 2.0..8.0;

/// Traffic that goes on until it is stopped.
pub struct Traffic {
    agent: Agent,
    _talking: Sender<()>,
}

impl Traffic {
    /// Talks to the tap at this address: says every line once, and then one at random now and again.
    pub fn start(tap: SocketAddr) -> io::Result<Traffic> {
        let here = Upstream {
            scheme: Scheme::Http,
            host: tap.ip().to_string(),
            port: tap.port(),
            base_path: String::new(),
        };
        let base = here.origin();
        let config = Target {
            upstream: here,
            roots: None,
        }
        .config()
        .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Names);
        let (say, lines) = unbounded();
        let (talking, stopped) = bounded(0);
        for i in 0..TALKERS {
            let (agent, base, lines) = (agent.clone(), base.clone(), lines.clone());
            threads::spawn(format!("demo-talk-{i}"), STACK, move || {
                talk(&agent, &base, &lines)
            })?;
        }
        threads::spawn("demo-talk", STACK, move || prompt(&say, &stopped))?;
        Ok(Traffic {
            agent,
            _talking: talking,
        })
    }

    /// Ends every request at once, and makes no more.
    pub fn stop(self) {
        self.agent.shutdown();
    }
}

/// Says which line is next, until nobody listens or `stopped` is closed.
fn prompt(say: &Sender<Line>, stopped: &Receiver<()>) {
    LINES.iter().for_each(|line| _ = say.send(*line));
    loop {
        let pause = PAUSE.start + fastrand::f64() * (PAUSE.end - PAUSE.start);
        if stopped.recv_timeout(Duration::from_secs_f64(pause))
            != Err(crossbeam_channel::RecvTimeoutError::Timeout)
        {
            return;
        }
        _ = say.send(LINES[fastrand::usize(..LINES.len())]);
    }
}

/// Says one line after another. What becomes of them the tap records.
fn talk(agent: &Agent, base: &str, lines: &Receiver<Line>) {
    for line in lines {
        if let Err(why) = utter(agent, base, &line) {
            log::debug!("the demo's traffic to {}: {why}", line.path);
        }
    }
}

fn utter(agent: &Agent, base: &str, line: &Line) -> Result<(), ureq::Error> {
    let request = agent
        .post(format!("{base}{}", line.path))
        .header("user-agent", line.user_agent);
    let reply = request
        .header("content-type", "application/json")
        .send(line.body)?
        .into_body()
        .into_reader();
    let wanted = if line.leaves { 1 } else { u64::MAX };
    io::copy(&mut reply.take(wanted), &mut io::sink())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::route::Inference;
    use crate::observe::category::{ALL, category};
    use crate::observe::{RequestBody, request};
    use crate::util::budget::{Budget, Reservation};

    #[test]
    fn every_endpoint_of_text_and_every_category_comes_up_once() {
        let mut categories = BTreeSet::new();
        let mut endpoints = BTreeSet::new();
        for line in LINES {
            let endpoint = Inference::ALL
                .into_iter()
                .find(|endpoint| line.path[1..] == *endpoint.as_str())
                .unwrap();
            let body = RequestBody {
                bytes: line.body.as_bytes(),
                cut: false,
                encoding: None,
                content_type: None,
            };
            let read = request::read(endpoint, &body, &mut Reservation::new(&Budget::of(None)));
            assert!(!read.failed && read.model.is_some(), "{}", line.body);
            categories.insert(category(read.prompt.as_ref().map(|prompt| prompt.as_str())));
            endpoints.insert(endpoint.as_str());
        }
        assert_eq!(
            endpoints.len(),
            Inference::ALL.len() - 4,
            "all but those for audio, images and decisions"
        );
        assert_eq!(
            categories.len(),
            ALL.len() - 1,
            "all but `empty`: {categories:?}"
        );
    }
}
