//! Which models became slower: the requests of a question against those that went before.

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Mutex;

use super::{Detail, Query, Result, Store, until_now};
use crate::diagnose::groups::EXAMPLES_MAX;
use crate::diagnose::slower::{Sample, Samples, Slower};
use crate::history::record::{RecordSummary, now};
use crate::observe::Outcome;
use crate::util::threads::lock;

/// How long before a question's span the requests may be that it is compared with (seconds).
const BEFORE_SECONDS: f64 = 14.0 * 86_400.0;

const HOUR_SECONDS: f64 = 3600.0;

/// How long a comparison is answered again (seconds).
const FRESH_SECONDS: f64 = 300.0;

/// What the summaries of many records say together.
#[derive(Default)]
pub struct Comparison {
    /// Records in the span of the question.
    pub requests: u64,
    /// With ids of requests since then, the newest first.
    pub slower: Vec<(Slower, Vec<String>)>,
}

/// The last comparison, which is answered again for some minutes: it reads two weeks for what hardly
/// ever changes.
#[derive(Default)]
pub struct ComparisonCache {
    state: Mutex<CacheState>,
}

#[derive(Default)]
struct CacheState {
    last: Option<Compared>,
    /// How often everything was forgotten: who has read meanwhile has read what is gone.
    forgotten: u64,
}

struct Compared {
    /// What was compared, as `comparable` says it.
    query: Query,
    /// Unix seconds.
    at: f64,
    slower: Vec<Slower>,
}

impl ComparisonCache {
    /// Forgets everything: records were removed.
    pub fn forget(&self) {
        let mut state = lock(&self.state);
        state.last = None;
        state.forgotten += 1;
    }
}

impl Compared {
    fn answers(&self, query: &Query, now: f64) -> bool {
        self.query == *query && (0.0..FRESH_SECONDS).contains(&(now - self.at))
    }
}

impl Store {
    /// Counts the records that match, and compares them with what went before. Findings, text
    /// and session are ignored.
    pub(super) fn compare(&self, query: &Query) -> Result<Comparison> {
        let start = query.start_time.unwrap_or(f64::NEG_INFINITY);
        let slower = self.slower(comparable(query, now()))?.into_iter();
        let slower = slower.filter(|slower| slower.last >= start).map(|slower| {
            let examples = self.since(query, &slower)?;
            Ok((slower, examples))
        });
        Ok(Comparison {
            requests: self.count_summaries(query)?,
            slower: slower.collect::<Result<_>>()?,
        })
    }

    fn slower(&self, query: Query) -> Result<Vec<Slower>> {
        if !self.has_one_writer() {
            return self.slower_now(&query);
        }
        let at = now();
        let state = lock(&self.compared.state);
        let mut known = state.last.iter();
        if let Some(known) = known.find(|known| known.answers(&query, at)) {
            return Ok(known.slower.clone());
        }
        let forgotten = state.forgotten;
        drop(state);
        let slower = self.slower_now(&query)?;
        let mut state = lock(&self.compared.state);
        if state.forgotten == forgotten {
            let slower = slower.clone();
            state.last = Some(Compared { query, at, slower });
        }
        Ok(slower)
    }

    fn slower_now(&self, query: &Query) -> Result<Vec<Slower>> {
        let mut samples = Samples::default();
        self.for_each_summary(&until_now(query), &mut |summary| {
            if let Some(sample) = sample(summary) {
                samples.add(&sample);
            }
        })?;
        Ok(samples.slower())
    }

    /// Counts the records that match, whatever findings they have.
    pub(super) fn count(&self, query: &Query) -> Result<u64> {
        if query.is_of_summaries() {
            return self.count_summaries(query);
        }
        let mut count = 0;
        let query = Query {
            finding: None,
            ..query.clone()
        };
        self.for_each_unordered(&query, &mut |_| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    /// The ids of a model's newest requests.
    fn since(&self, query: &Query, slower: &Slower) -> Result<Vec<String>> {
        let query = Query {
            start_time: Some(slower.since),
            model: Some(slower.model.clone()),
            finding: None,
            limit: EXAMPLES_MAX,
            ..query.clone()
        };
        let records = self.engine.newest(&query, Detail::Brief)?.into_iter();
        Ok(records.map(|record| record.interaction_id).collect())
    }
}

/// Returns the query of all that is compared: the same one for all questions of some minutes that
/// end now.
fn comparable(query: &Query, now: f64) -> Query {
    let begin = |start: f64| ((start - BEFORE_SECONDS) / HOUR_SECONDS).floor() * HOUR_SECONDS;
    Query {
        start_time: query.start_time.map(begin),
        end_time: query.end_time.filter(|end| *end < now),
        finding: None,
        ..query.clone()
    }
}

fn sample<'s>(summary: &'s RecordSummary) -> Option<Sample<'s>> {
    let model = summary.model.as_deref()?;
    let is_success = summary.status == Outcome::Success.as_str();
    let tokens = summary.prompt_tokens.unwrap_or_default();
    is_success.then_some(Sample {
        timestamp: summary.timestamp,
        model,
        endpoint: &summary.endpoint,
        host: summary.host.as_deref(),
        tap: summary.tap,
        tokens_per_second: summary.tokens_per_second?,
        version: summary.ollama_version.as_deref(),
        digest: summary.digest.as_deref(),
        quantization: summary.quantization.as_deref(),
        vram_share: summary.vram_share,
        tokens: tokens.saturating_add(summary.generated_tokens.unwrap_or_default()),
    })
}
