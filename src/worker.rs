//! The threads that serve requests: forwarding workers, and those of our own pages.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::Receiver;

use crate::client::Client;
use crate::fault::Fault;
use crate::forward::{self, Forwarder, Hands, Outbound, Report};
use crate::lanes::{Job, Lanes};
use crate::metrics::Metrics;
use crate::observe::{Arrival, Observer, Sink};
use crate::pages::Pages;
use crate::platform;
use crate::route::{Forward, Route};

/// A worker that was busy this long gives back the stack that the end of its job took, before it waits for the next.
const LONG: Duration = Duration::from_secs(1);

/// What every worker shares.
pub struct Workshop {
    pub lanes: Arc<Lanes>,
    pub forwarder: Forwarder,
    pub pages: Pages,
    pub metrics: Arc<Metrics>,
    pub sink: Arc<Sink>,
    pub track_embeddings: bool,
}

impl Workshop {
    /// The life of a forwarding worker. What it needs for forwarding it gets with its first request.
    pub fn forward_all(&self) {
        let bell = Arc::new(Condvar::new());
        let mut hands: Option<Hands> = None;
        while let Some(job) = self.lanes.next(&bell) {
            let began = Instant::now();
            self.metrics.workers_busy(1);
            let ready = hands.get_or_insert_with(|| Hands::new(&self.forwarder));
            let served = catch_unwind(AssertUnwindSafe(|| self.serve(job, Some(ready))));
            self.metrics.workers_busy(-1);
            if served.is_err() {
                // Whatever the panic left in there is not worth knowing.
                hands = None;
            }
            if began.elapsed() > LONG {
                platform::release_stack();
            }
        }
    }

    /// The life of a worker for our own pages, and for requests that are only to be refused.
    pub fn serve_pages(&self, jobs: Receiver<Job>) {
        for job in jobs {
            let _ = catch_unwind(AssertUnwindSafe(|| self.serve(job, None)));
        }
    }

    fn serve(&self, job: Job, hands: Option<&mut Hands>) {
        let method = job.client.request.method().as_str().to_owned();
        let endpoint = job.route.endpoint();
        log::debug!("route {method} of {} to {endpoint}; {} requests wait", job.client.peer, self.lanes.waiting());
        let Job { client, route, ticket, received, at, refused } = job;
        let report = match (route, hands) {
            (Route::Own(page), _) => Report { status: self.pages.answer(page, client), ..Report::default() },
            (Route::Forward(route), hands) => {
                let arrival = self.arrival(&client, &route, received, at);
                let observer = arrival.map(|arrival| Observer::new(arrival, self.sink.clone()));
                let outbound = Outbound { client, route, flight: &ticket.flight, observer };
                match hands {
                    Some(hands) => {
                        self.metrics.queue_wait(received.elapsed());
                        self.forwarder.forward(outbound, hands)
                    }
                    None => forward::turn_away(outbound, if refused { Some(Fault::busy()) } else { None }),
                }
            }
        };
        self.count(&report, endpoint, &method);
    }

    /// What the observer is told of a request that makes a model work, if this is one that we track.
    fn arrival(&self, client: &Client, route: &Forward, received: Instant, at: SystemTime) -> Option<Arrival> {
        let endpoint = route.inference.filter(|endpoint| self.track_embeddings || !endpoint.is_embedding())?;
        Some(Arrival {
            endpoint,
            at,
            started: received,
            queue_wait: received.elapsed(),
            client_ip: Some(client.peer.ip().to_canonical()),
            user_agent: client.header("user-agent").map(str::to_owned),
        })
    }

    fn count(&self, report: &Report, endpoint: &str, method: &str) {
        // A client that left before any answer was sent nothing; nginx's word for that is 499.
        self.metrics.http_request(endpoint, method, report.status.unwrap_or(499));
        if let Some(kind) = report.upstream_error {
            self.metrics.upstream_error(kind.as_str());
        }
        if let Some(reason) = report.refused {
            self.metrics.refused(reason);
        }
    }
}
