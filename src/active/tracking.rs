//! TRACKING: which requests are observed, and what is known of one on its arrival.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::diagnose::session::hints::{SESSION_HEADERS, session_id};
use crate::http::route::{Forward, Inference, Route};
use crate::observe::ExchangeStart;
use crate::observe::client_product::client_name;
use crate::server::{Request, RequestArrival, RequestHead};

/// The settings of observation.
pub struct Tracking {
    pub track_embeddings: bool,
    /// `Config::client_header`.
    pub client_header: Option<String>,
}

impl Tracking {
    /// Returns the endpoint of a request that is observed.
    pub fn endpoint(&self, route: &Forward) -> Option<Inference> {
        route
            .inference
            .filter(|endpoint| self.track_embeddings || !endpoint.is_embedding())
    }

    /// Returns what is known of a request before its body is read, if it is observed.
    pub fn start(
        &self,
        peer: SocketAddr,
        head: Option<&RequestHead>,
        route: &Forward,
        arrival: RequestArrival,
        queue_wait: Duration,
    ) -> Option<ExchangeStart> {
        let endpoint = self.endpoint(route)?;
        let header = |name| head.and_then(|head| head.text(name));
        let mut ids = SESSION_HEADERS.into_iter().filter_map(header);
        let named = self.client_header.as_deref().and_then(header);
        Some(ExchangeStart {
            interaction_id: interaction_id(arrival.number),
            endpoint,
            at: arrival.time,
            started: arrival.at,
            queue_wait,
            client_ip: Some(peer.ip().to_canonical()),
            user_agent: header("user-agent").map(str::to_owned),
            client: named.and_then(client_name),
            session: ids.find_map(session_id),
            progress: Arc::default(),
        })
    }

    /// The same for a request that waits for a worker.
    pub fn start_of_waiting(&self, request: &Request) -> Option<ExchangeStart> {
        let Route::Forward(route) = &request.route else {
            return None;
        };
        let (peer, arrival) = (request.conn.peer, request.timing.arrival);
        self.start(peer, Some(&request.head), route, arrival, Duration::ZERO)
    }
}

/// The id of the request with this number.
pub fn interaction_id(number: u64) -> String {
    format!("{number:016x}")
}
