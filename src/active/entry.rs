//! One request under way, as it is known here and as it is shown.

use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use serde::Serialize;

use crate::forward::control::ConnectionControl;
use crate::history::record::unix_seconds;
use crate::observe::client_product::name_and_version;
use crate::observe::{ExchangeStart, ReplyProgress};

/// A request that a worker has.
pub struct ActiveEntry {
    pub model: Option<String>,
    /// The conversation that its client names.
    pub session_id: Option<String>,
    /// The beginning of its prompt, where text may be kept.
    pub prompt: Option<String>,
    pub phase: RequestPhase,
    endpoint: &'static str,
    /// The name that a header gives it.
    client: Option<String>,
    user_agent: Option<String>,
    client_ip: Option<IpAddr>,
    started: SystemTime,
    progress: Arc<ReplyProgress>,
    number: u64,
    /// Weak: a worker that ends takes its connection with it.
    control: Weak<ConnectionControl>,
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestPhase {
    /// No byte of the reply's body came yet; it may wait for a worker.
    Waiting,
    Answering,
}

/// A request under way, as pages show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RequestUnderWay {
    pub id: String,
    pub model: Option<String>,
    pub endpoint: &'static str,
    pub client: Option<String>,
    pub client_ip: Option<IpAddr>,
    pub session_id: Option<String>,
    pub state: RequestPhase,
    /// Arrival, Unix seconds.
    pub started: f64,
    pub tokens: u64,
    /// `tokens` counts the pieces of the reply.
    pub tokens_estimated: bool,
    pub prompt: Option<String>,
}

impl ActiveEntry {
    pub fn new(
        number: u64,
        start: &ExchangeStart,
        control: &Arc<ConnectionControl>,
    ) -> ActiveEntry {
        ActiveEntry {
            model: None,
            session_id: start.session.clone(),
            prompt: None,
            phase: RequestPhase::Waiting,
            endpoint: start.endpoint.as_str(),
            client: start.client.clone(),
            user_agent: start.user_agent.clone(),
            client_ip: start.client_ip,
            started: start.at,
            progress: start.progress.clone(),
            number,
            control: Arc::downgrade(control),
        }
    }

    /// The connection that it is forwarded over, and its number there.
    pub fn in_flight(&self) -> Option<(Arc<ConnectionControl>, u64)> {
        Some((self.control.upgrade()?, self.number))
    }

    pub fn view(&self, id: &str) -> RequestUnderWay {
        let so_far = self.progress.get();
        RequestUnderWay {
            id: id.to_owned(),
            model: self.model.clone(),
            endpoint: self.endpoint,
            client: name_and_version(self.client.as_deref(), self.user_agent.as_deref()).0,
            client_ip: self.client_ip,
            session_id: self.session_id.clone(),
            state: self.phase,
            started: unix_seconds(self.started),
            tokens: so_far.tokens,
            tokens_estimated: so_far.is_estimated,
            prompt: self.prompt.clone(),
        }
    }
}

impl RequestUnderWay {
    /// A request that waits for a worker: its body was not read yet.
    pub fn waiting(start: &ExchangeStart) -> RequestUnderWay {
        RequestUnderWay {
            id: start.interaction_id.clone(),
            model: None,
            endpoint: start.endpoint.as_str(),
            client: start.client_and_version().0,
            client_ip: start.client_ip,
            session_id: start.session.clone(),
            state: RequestPhase::Waiting,
            started: unix_seconds(start.at),
            tokens: 0,
            tokens_estimated: false,
            prompt: None,
        }
    }
}
