//! Which models became slower: the requests of a question against those that went before.

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use super::{Detail, Query, Result, Store};
use crate::diagnose::groups::EXAMPLES_MAX;
use crate::diagnose::slower::{Sample, Samples, Slower};
use crate::history::record::RecordSummary;
use crate::observe::Outcome;

/// How long before a question's span the requests may be that it is compared with (seconds).
const BEFORE_SECONDS: f64 = 14.0 * 86_400.0;

/// What the summaries of many records say together.
#[derive(Default)]
pub struct Comparison {
    /// Records in the span of the question.
    pub requests: u64,
    /// With ids of requests since then, the newest first.
    pub slower: Vec<(Slower, Vec<String>)>,
}

impl Store {
    /// Counts the records that match, and compares them with what went before. Findings, text
    /// and session are ignored.
    pub(super) fn compare(&self, query: &Query) -> Result<Comparison> {
        let start = query.start_time.unwrap_or(f64::NEG_INFINITY);
        let with_earlier = Query {
            start_time: query.start_time.map(|start| start - BEFORE_SECONDS),
            ..query.clone()
        };
        let (mut requests, mut samples) = (0, Samples::default());
        self.for_each_summary(&with_earlier, &mut |summary| {
            requests += u64::from(summary.timestamp >= start);
            if let Some(sample) = sample(summary) {
                samples.add(&sample);
            }
        })?;
        let slower = samples.slower().into_iter();
        let slower = slower.filter(|slower| slower.last >= start).map(|slower| {
            let examples = self.since(query, &slower)?;
            Ok((slower, examples))
        });
        Ok(Comparison {
            requests,
            slower: slower.collect::<Result<_>>()?,
        })
    }

    /// Counts the records that match, whatever findings they have.
    pub(super) fn count(&self, query: &Query) -> Result<u64> {
        let mut count = 0;
        if query.is_of_summaries() {
            self.for_each_summary(query, &mut |_| count += 1)?;
            return Ok(count);
        }
        let query = Query {
            finding: None,
            ..query.clone()
        };
        self.engine.for_each(&query, &mut |_| {
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
