//! What is now: the requests under way, those of the last minute, and Ollama. All of it is in
//! memory, with a history and without.
//!
//! A request is here from the moment its worker takes it until its `Exchange` is finished; before,
//! it waits in the worker pool, and is found there. Nothing here is on the way of a token: the
//! observer tells its progress through an atomic number.

mod entry;
mod last_minute;
mod ollama_state;
mod tracking;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use entry::ActiveEntry;
pub use entry::{RequestPhase, RequestUnderWay};
use last_minute::LastMinute;
pub use last_minute::MinuteTotals;
pub use ollama_state::{ModelInMemory, OllamaState};
pub use tracking::Tracking;

use crate::config::StoreText;
use crate::forward::control::ConnectionControl;
use crate::http::route::Route;
use crate::metrics::OllamaStatus;
use crate::observe::{Exchange, ExchangeStart, Outcome, RequestStarted};
use crate::server::{Context, Request};
use crate::util::threads::lock;

/// What is now, from any thread.
pub struct ActiveRequests {
    pub tracking: Tracking,
    context: Arc<Context>,
    store_text: StoreText,
    state: Mutex<State>,
    ollama: Mutex<OllamaState>,
}

#[derive(Default)]
struct State {
    /// By `interaction_id`.
    requests: HashMap<String, ActiveEntry>,
    last_minute: LastMinute,
}

impl ActiveRequests {
    /// Knows of no request yet, and of Ollama its `address` alone.
    pub fn new(
        tracking: Tracking,
        context: Arc<Context>,
        store_text: StoreText,
        address: String,
    ) -> ActiveRequests {
        ActiveRequests {
            tracking,
            context,
            store_text,
            state: Mutex::default(),
            ollama: Mutex::new(OllamaState::at(address)),
        }
    }

    /// Notes that a worker has taken a request, which it forwards over `control`.
    pub fn begin(&self, number: u64, start: &ExchangeStart, control: &Arc<ConnectionControl>) {
        let entry = ActiveEntry::new(number, start, control);
        let id = start.interaction_id.clone();
        self.state().requests.insert(id, entry);
    }

    /// Adds what its body says of a request that was sent to Ollama.
    pub fn sent(&self, request: &mut RequestStarted) {
        let prompt = request.prompt_start.take();
        if let Some(entry) = self.state().requests.get_mut(&request.interaction_id) {
            entry.model.clone_from(&request.model);
            entry.session_id.clone_from(&request.session);
            entry.prompt = prompt.filter(|_| self.store_text != StoreText::None);
        }
    }

    /// Notes the first byte of a reply's body.
    pub fn answering(&self, id: &str) {
        if let Some(entry) = self.state().requests.get_mut(id) {
            entry.phase = RequestPhase::Answering;
        }
    }

    /// Takes a request out, and counts it in the last minute.
    pub fn finished(&self, exchange: &Exchange) {
        let mut state = self.state();
        state.requests.remove(&exchange.interaction_id);
        if !exchange.load_only {
            let tokens = exchange
                .generated_tokens
                .filter(|_| !exchange.endpoint.is_embedding());
            let totals = MinuteTotals {
                requests: 1,
                error: u64::from(exchange.outcome == Outcome::Error),
                generated_tokens: tokens.unwrap_or_default(),
            };
            state.last_minute.add(totals);
        }
    }

    /// Returns the requests under way, newest first, those that wait for a worker among them.
    pub fn list(&self) -> Vec<RequestUnderWay> {
        // First those that wait: a request that gets its worker meanwhile is found twice, and not
        // never.
        let mut requests = self.waiting_for_worker();
        let state = self.state();
        requests.retain(|request| !state.requests.contains_key(&request.id));
        let with_worker = state.requests.iter();
        requests.extend(with_worker.map(|(id, entry)| entry.view(id)));
        drop(state);
        requests.sort_by(|a, b| b.started.total_cmp(&a.started));
        requests
    }

    fn waiting_for_worker(&self) -> Vec<RequestUnderWay> {
        let mut starts = Vec::new();
        self.context.pool.visit_waiting(|request| {
            starts.extend(self.tracking.start_of_waiting(request));
        });
        starts.iter().map(RequestUnderWay::waiting).collect()
    }

    /// Takes the request with this id out of those that wait for a worker. It is then the
    /// caller's to answer.
    pub fn take_waiting(&self, id: &str) -> Option<Box<Request>> {
        let is_meant = |request: &Request| {
            matches!(&request.route, Route::Forward(to) if self.tracking.endpoint(to).is_some())
                && tracking::interaction_id(request.timing.arrival.number) == id
        };
        let pool = &self.context.pool;
        pool.remove_where(|request| is_meant(request)).pop()
    }

    /// Cancels the request with this id, which has a worker. Returns whether there was one.
    pub fn cancel(&self, id: &str) -> bool {
        let found = self
            .state()
            .requests
            .get(id)
            .and_then(ActiveEntry::in_flight);
        found.is_some_and(|(control, number)| control.cancel_exchange(number))
    }

    pub fn last_minute(&self) -> MinuteTotals {
        self.state().last_minute.totals()
    }

    /// Notes what Ollama answered.
    pub fn ollama_answered(&self, status: &OllamaStatus) {
        lock(&self.ollama).answered(status, SystemTime::now());
    }

    /// Notes that Ollama is not up, and why.
    pub fn ollama_failed(&self, error: String) {
        lock(&self.ollama).failed(error, SystemTime::now());
    }

    pub fn ollama(&self) -> OllamaState {
        lock(&self.ollama).clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}
