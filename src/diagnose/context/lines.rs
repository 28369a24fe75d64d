//! LINES: which requests the lines of Ollama's log are about.
//!
//! A line names no request. It is kept until every request has ended that it can be about, and is
//! sure for one of them only where it can be about no other: one that is under way may still turn
//! out to fit.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::mem::discriminant;
use std::time::{Duration, SystemTime};

use super::said::{Line, Said};
use super::view::{MOST_PER_GUESS, View};
use crate::diagnose::finding::Certainty;
use crate::diagnose::seen::{Reply, Seen};
use crate::http::route::Inference;

/// Lines that are kept; beyond, the oldest goes.
pub const LINES_MAX: usize = 256;

/// A line is kept for so long at most.
pub const LINE_AGE_MAX: Duration = Duration::from_secs(3600);

/// Requests that are remembered: those under way, and those that a kept line can be about.
pub const REQUESTS_MAX: usize = 2048;

/// So many requests are not worth looking for those that can be forgotten.
const REQUESTS_MIN: usize = 64;

/// A line may be read so long after what it tells of.
const READ_LATE: Duration = Duration::from_millis(500);

/// After requests were forgotten, some of which nothing is known may be under way for so long.
const FORGOTTEN_FOR: Duration = Duration::from_secs(600);

/// Whose log a line stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOwner {
    /// An Ollama that answers nobody but the tap.
    Child,
    /// A service of this machine, which may have clients that do not come through the tap.
    Service,
}

/// What is kept of the log, and the requests that it can be about.
#[derive(Debug, Default)]
pub struct LogLines {
    lines: VecDeque<KeptLine>,
    /// By their ids.
    requests: HashMap<String, LineRequest>,
    /// How many were left when requests were forgotten last that no line can be about.
    left: usize,
    /// Until then no line is sure.
    forgot_until: Option<SystemTime>,
}

#[derive(Debug)]
struct KeptLine {
    line: Line,
    read: SystemTime,
    owner: LogOwner,
    /// It was likely for a request, and may be for others.
    is_told: bool,
}

/// One request, as far as it is known by now.
#[derive(Debug)]
struct LineRequest {
    endpoint: Inference,
    taken: SystemTime,
    first_byte: Option<SystemTime>,
    ended: Option<SystemTime>,
    reply: Reply,
    is_judged: bool,
}

impl LogLines {
    /// Notes a request that was sent after a worker had taken it.
    pub fn begin(&mut self, id: &str, endpoint: Inference, taken: SystemTime) {
        if self.requests.len() >= REQUESTS_MAX {
            self.forget(taken);
        }
        let request = LineRequest {
            endpoint,
            taken,
            first_byte: None,
            ended: None,
            reply: Reply::default(),
            is_judged: false,
        };
        self.requests.insert(id.to_owned(), request);
    }

    /// Notes the first byte of a reply.
    pub fn first_byte(&mut self, id: &str, at: SystemTime) {
        if let Some(request) = self.requests.get_mut(id) {
            request.first_byte.get_or_insert(at);
        }
    }

    /// Notes the end of a request, and what its reply has told.
    pub fn ended(&mut self, id: &str, at: SystemTime, reply: &Reply) {
        if let Some(request) = self.requests.get_mut(id) {
            request.ended = Some(at);
            request.reply = reply.clone();
        }
    }

    /// Notes a line that was read at a time.
    pub fn read(&mut self, line: Line, at: SystemTime, owner: LogOwner) {
        self.prune(at);
        if self.lines.len() >= LINES_MAX {
            self.drop_one();
        }
        self.lines.push_back(KeptLine {
            line,
            read: at,
            owner,
            is_told: false,
        });
    }

    /// Forgets all requests: of some, the end will not be told, or the beginning was not.
    pub fn forget(&mut self, now: SystemTime) {
        *self = LogLines {
            forgot_until: Some(now + FORGOTTEN_FOR),
            ..LogLines::default()
        };
    }

    /// Returns what the log says of a request that has ended; asked once, in the order in which
    /// requests end. What is sure is used up.
    pub fn take(&mut self, seen: &Seen) -> Vec<Said> {
        let said = if self.lines.is_empty() {
            Vec::new()
        } else {
            self.said(seen)
        };
        if let Some(request) = self.requests.get_mut(&seen.interaction_id) {
            request.is_judged = true;
        }
        if !self.lines.is_empty() || self.requests.len() > 2 * self.left + REQUESTS_MIN {
            self.prune(seen.arrived + seen.times.duration);
        }
        said
    }

    fn said(&mut self, seen: &Seen) -> Vec<Said> {
        let id = &seen.interaction_id;
        let Some(own) = self.requests.get(id) else {
            return Vec::new();
        };
        let view = View::new(seen, &[]);
        let mut fitting = Vec::new();
        for (at, kept) in self.lines.iter().enumerate() {
            if own.may_have_caused(kept) && explains(kept.line, &view) {
                let (line, certainty) = (kept.line, self.certainty(kept, id, &view));
                fitting.push((at, Said { line, certainty }));
            }
        }
        self.choose(fitting)
    }

    /// How sure a line is about a request that it can be about.
    fn certainty(&self, kept: &KeptLine, id: &str, view: &View<'_>) -> Certainty {
        let mut others = self.requests.iter().filter(|(other, _)| *other != id);
        let is_shared = others.any(|(_, other)| other.may_have_caused(kept));
        let is_blind = self.forgot_until.is_some_and(|until| kept.read < until);
        let is_told = match kept.owner {
            LogOwner::Child => true,
            LogOwner::Service => is_counted(kept.line, view),
        };
        if is_told && !is_shared && !is_blind {
            Certainty::Sure
        } else {
            Certainty::Likely
        }
    }

    /// Chooses one line of each kind: one that is sure, else one that was not told of another
    /// request, if there is one. Removes all that are sure.
    fn choose(&mut self, mut fitting: Vec<(usize, Said)>) -> Vec<Said> {
        fitting.sort_by_key(|(at, said)| (!is_sure(said), self.lines[*at].is_told));
        let mut chosen = Vec::<Said>::new();
        for (at, said) in &fitting {
            let kind = discriminant(&said.line);
            if chosen.iter().all(|it| discriminant(&it.line) != kind) {
                self.lines[*at].is_told = true;
                chosen.push(said.clone());
            }
        }
        fitting.retain(|(_, said)| is_sure(said));
        let mut place = 0..;
        self.lines.retain(|_| {
            let here = place.next();
            fitting.iter().all(|(at, _)| Some(*at) != here)
        });
        chosen
    }

    /// Makes room: a long reply tells of one shift after the other, of which one is enough.
    fn drop_one(&mut self) {
        let is_shift = |kept: &KeptLine| kept.line == Line::Shift;
        let at = self.lines.iter().position(is_shift).unwrap_or(0);
        self.lines.remove(at);
    }

    /// Forgets lines that can be about no request any more, and requests that no line can be about.
    fn prune(&mut self, now: SystemTime) {
        let requests = &self.requests;
        self.lines.retain(|kept| {
            let waits = |it: &LineRequest| !it.is_judged && it.may_have_caused(kept);
            let is_new = now < kept.read + READ_LATE;
            is_new || now < kept.read + LINE_AGE_MAX && requests.values().any(waits)
        });
        let lines = &self.lines;
        self.requests.retain(|_, request| {
            let is_over = |ended: SystemTime| now >= ended + READ_LATE && request.is_judged;
            let has_line = || lines.iter().any(|kept| request.may_have_caused(kept));
            !request.ended.is_some_and(is_over) || has_line()
        });
        self.left = self.requests.len();
    }
}

impl LineRequest {
    /// Whether a line can be about it, by all that is known so far.
    fn may_have_caused(&self, kept: &KeptLine) -> bool {
        let is_sent = self.taken <= kept.read;
        let is_over = |end: Option<SystemTime>| end.is_some_and(|at| kept.read >= at + READ_LATE);
        // A prompt is cut before its reply begins.
        let end = match kept.line {
            Line::Truncating { .. } => self.first_byte.or(self.ended),
            Line::Shift | Line::Refused { .. } => self.ended,
        };
        let is_text = !self.endpoint.is_embedding();
        is_sent && !is_over(end) && is_text && kept.line.fits(&self.reply)
    }
}

/// Whether a line explains what was seen of its request, which is known whole now. Where nothing
/// was counted, the guess of the prompt must allow what the line tells of it.
fn explains(line: Line, view: &View<'_>) -> bool {
    match line {
        Line::Truncating { prompt, .. } => {
            view.prompt.is_some() || view.may_fill(prompt, 1.0 / MOST_PER_GUESS)
        }
        Line::Shift => match (view.prompt, view.generated, view.told_context()) {
            (Some(prompt), Some(generated), Some(context)) => prompt + generated >= context,
            _ => true,
        },
        Line::Refused { .. } => true,
    }
}

/// Whether the reply has told the number that the line has.
fn is_counted(line: Line, view: &View<'_>) -> bool {
    match line {
        Line::Truncating { new, .. } => view.prompt == Some(new),
        Line::Shift => false,
        Line::Refused { .. } => view.seen.reply.error.is_some(),
    }
}

fn is_sure(said: &Said) -> bool {
    said.certainty == Certainty::Sure
}
