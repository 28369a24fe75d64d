//! DIAGNOSTICS: the thread that asks `diagnose` why requests were slow or wrong, between the sink
//! and the history.
//!
//! Workers tell it of every request, and never wait for it: a request that finds no room goes to
//! the history without findings. A request that has ended waits here for up to a second if
//! /api/ps was asked how its model is loaded; the reply never does.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};
use std::{io, thread};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use crate::app::judge::Judge;
use crate::diagnose::context::lines::LogOwner;
use crate::diagnose::context::said::Line;
use crate::diagnose::listing::Listing;
use crate::forward::readiness::Readiness;
use crate::history::History;
use crate::history::record::text_bytes;
use crate::metrics::Metrics;
use crate::observe::{Exchange, ExchangeEvent, RequestStarted};
use crate::util::budget::Budget;
use crate::util::threads::{self, STACK};

/// Events that may wait for the thread.
const EVENTS_MAX: usize = 30_000;

/// Bytes of text and evidence that exchanges may hold which wait for the thread or for /api/ps, where
/// there is memory for it.
const HELD_MAX: usize = 16 * 1024 * 1024;

/// An exchange waits this long for an answer of /api/ps.
const LISTING_WAIT: Duration = Duration::from_secs(1);

/// Events that come in this time are taken together: waking up for each costs more than taking it.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The side of the workers and of the watcher.
pub struct Diagnostics {
    events: Sender<Event>,
    shared: Arc<Shared>,
}

struct Shared {
    metrics: Arc<Metrics>,
    history: Option<Arc<History>>,
    /// Events that wait.
    events: AtomicUsize,
    /// Bytes that ended exchanges hold here.
    held: AtomicUsize,
    held_max: usize,
    /// An event found no room: what is told to be under way may have ended.
    has_lost: AtomicBool,
}

enum Event {
    Started(Box<RequestStarted>),
    FirstByte(String, SystemTime),
    Finished(HeldExchange),
    Listing(Listing, Option<String>),
    NoListing,
    /// The name of a model, and the file that its weights are in.
    File(String, String),
    /// A line of Ollama's log, and when it was read.
    LogLine(Line, SystemTime, LogOwner),
    /// Everything is to be handed on; dropped when that is done.
    Flush(Sender<()>),
}

/// An exchange that has ended, and the bytes that it holds.
struct HeldExchange {
    exchange: Box<Exchange>,
    bytes: usize,
}

impl Diagnostics {
    /// Starts the thread. `judge` holds what was remembered from earlier runs.
    pub fn start(
        judge: Judge,
        metrics: Arc<Metrics>,
        history: Option<Arc<History>>,
        readiness: Arc<Readiness>,
        budget: &Budget,
    ) -> io::Result<Arc<Diagnostics>> {
        let (events, inbox) = unbounded();
        let shared = Arc::new(Shared {
            metrics,
            history: history.clone(),
            events: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            held_max: budget.set_aside(HELD_MAX),
            has_lost: AtomicBool::new(false),
        });
        let diagnostics = Arc::new(Diagnostics {
            events,
            shared: shared.clone(),
        });
        let thread = DiagnosticsThread {
            inbox,
            shared,
            readiness,
            judge,
            ended: VecDeque::new(),
        };
        threads::spawn("diagnostics", STACK, move || thread.run())?;
        if let Some(history) = history {
            let diagnostics = diagnostics.clone();
            history.set_hand_over(Box::new(move |deadline| diagnostics.flush(deadline)));
        }
        Ok(diagnostics)
    }

    /// Tells of one exchange. Never waits.
    pub fn tell(&self, event: ExchangeEvent) {
        match event {
            ExchangeEvent::Started(request) => self.send(Event::Started(request)),
            ExchangeEvent::FirstByte { interaction_id, at } => {
                self.send(Event::FirstByte(interaction_id, at));
            }
            ExchangeEvent::Finished(exchange) => self.finished(exchange),
        }
    }

    /// Tells an answer of /api/ps, and the version of Ollama that gave it.
    pub fn listing(&self, listing: Listing, version: Option<String>) {
        self.send(Event::Listing(listing, version));
    }

    /// Tells that /api/ps was asked and did not answer.
    pub fn no_listing(&self) {
        self.send(Event::NoListing);
    }

    /// Tells which file a model's weights are in.
    pub fn file(&self, model: String, file: String) {
        self.send(Event::File(model, file));
    }

    /// Tells a line of Ollama's log that was read just now; most say nothing of a request.
    pub fn log_line(&self, text: &str, owner: LogOwner) {
        if let Some(line) = Line::read(text) {
            self.send(Event::LogLine(line, SystemTime::now(), owner));
            log::debug!("ollama has logged {line:?}");
        }
    }

    /// Hands on to the history what has ended, until a moment.
    fn flush(&self, deadline: Instant) {
        let (done, flushed) = bounded(0);
        if self.events.send(Event::Flush(done)).is_ok() {
            // The thread drops its end of the channel when that is done.
            let _ = flushed.recv_deadline(deadline);
        }
    }

    fn finished(&self, exchange: Box<Exchange>) {
        let bytes = text_bytes(&exchange) + exchange.evidence.bytes();
        let held = self.shared.held.fetch_add(bytes, Relaxed) + bytes;
        if held <= self.shared.held_max && self.shared.has_room() {
            return self.push(Event::Finished(HeldExchange { exchange, bytes }));
        }
        self.shared.held.fetch_sub(bytes, Relaxed);
        self.shared.metrics.count_undiagnosed();
        self.shared.has_lost.store(true, Relaxed);
        self.shared.hand_on(exchange);
    }

    /// Sends an event that can be lost.
    fn send(&self, event: Event) {
        if self.shared.has_room() {
            self.push(event);
        } else {
            self.shared.has_lost.store(true, Relaxed);
        }
    }

    fn push(&self, event: Event) {
        self.shared.events.fetch_add(1, Relaxed);
        // The thread lives as long as the process.
        let _ = self.events.send(event);
    }
}

impl Shared {
    fn has_room(&self) -> bool {
        self.events.load(Relaxed) < EVENTS_MAX
    }

    fn hand_on(&self, exchange: Box<Exchange>) {
        if let Some(history) = self.history.as_ref().filter(|_| !exchange.is_unrecorded) {
            history.submit(exchange);
        }
    }
}

struct DiagnosticsThread {
    inbox: Receiver<Event>,
    shared: Arc<Shared>,
    readiness: Arc<Readiness>,
    judge: Judge,
    /// Exchanges that have ended, in their order, each with when it waits no longer.
    ended: VecDeque<(HeldExchange, Instant)>,
}

impl DiagnosticsThread {
    fn run(mut self) {
        loop {
            let first = match self.ended.front() {
                Some((_, deadline)) => self.inbox.recv_deadline(*deadline),
                None => self.inbox.recv().map_err(RecvTimeoutError::from),
            };
            match first {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            thread::sleep(POLL_INTERVAL);
            // Each as soon as it has ended: what has to be looked through for it stays short.
            self.judge_ended(Instant::now());
            while let Ok(event) = self.inbox.try_recv() {
                self.take(event);
                self.judge_ended(Instant::now());
            }
        }
    }

    fn take(&mut self, event: Event) {
        if let Event::Flush(done) = event {
            self.hand_on_all();
            return drop(done);
        }
        self.shared.events.fetch_sub(1, Relaxed);
        if self.shared.has_lost.swap(false, Relaxed) {
            self.judge.diagnosis.forget_under_way(SystemTime::now());
        }
        match event {
            Event::Started(request) => self.judge.begin(&request),
            Event::FirstByte(id, at) => {
                if self.judge.diagnosis.first_byte(&id, at) {
                    self.readiness.request_check();
                }
            }
            Event::Finished(held) => {
                let exchange = &held.exchange;
                let at = exchange.arrived + exchange.duration;
                let (id, reply) = (&exchange.interaction_id, exchange.reply());
                self.judge.diagnosis.ended(id, at, &reply);
                self.ended.push_back((held, Instant::now() + LISTING_WAIT));
            }
            Event::Listing(listing, version) => self.judge.listing(&listing, version),
            Event::NoListing => self.judge.diagnosis.no_listing(),
            Event::File(model, file) => self.judge.diagnosis.reloads.identify(&model, &file),
            Event::LogLine(line, at, owner) => self.judge.diagnosis.lines.read(line, at, owner),
            Event::Flush(_) => {}
        }
    }

    /// Judges the exchanges that wait for nothing any more, in the order in which they ended.
    fn judge_ended(&mut self, now: Instant) {
        while let Some((held, deadline)) = self.ended.front() {
            let id = &held.exchange.interaction_id;
            if *deadline > now && self.judge.diagnosis.is_waiting(id) {
                return;
            }
            self.judge_next();
        }
    }

    fn hand_on_all(&mut self) {
        while !self.ended.is_empty() {
            self.judge_next();
        }
    }

    fn judge_next(&mut self) {
        let Some((held, _)) = self.ended.pop_front() else {
            return;
        };
        let HeldExchange {
            mut exchange,
            bytes,
        } = held;
        self.shared.held.fetch_sub(bytes, Relaxed);
        let judged = catch_unwind(AssertUnwindSafe(|| self.judge.judge(&mut exchange)));
        match judged {
            Ok(()) => self.shared.metrics.count_report(&exchange),
            Err(_) => {
                log::error!(
                    "diagnose {}: it ended by a fault of the tap",
                    exchange.interaction_id
                );
                self.judge.restart();
                self.judge.diagnosis.forget_under_way(SystemTime::now());
            }
        }
        self.shared.hand_on(exchange);
    }
}
