//! The answer of `/analytics/why`: what went wrong with many requests, as few sentences.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::{Query, Result, Store, until_now};
use crate::diagnose::Finding;
use crate::diagnose::groups::{self, Groups, Told};
use crate::history::record::{Record, client_name};

/// The findings of the records that match a query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// Unix seconds; `None` for the beginning of the history.
    pub start_time: Option<f64>,
    /// Unix seconds.
    pub end_time: f64,
    /// Those that match, with findings or without.
    pub requests: u64,
    /// What cost most first.
    pub findings: Vec<groups::FindingGroup>,
}

impl Store {
    /// Groups the findings of the records that match, with bounded memory. `query.limit` and
    /// `query.before` are ignored; `query.finding` says which findings are told.
    pub fn why(&self, query: &Query, now: f64) -> Result<Why> {
        let end_time = query.end_time.unwrap_or(now);
        let query = until_now(query);
        let mut groups = Groups::default();
        let told = query.finding.unwrap_or_default();
        let with_findings = Query {
            finding: Some(told),
            ..query.clone()
        };
        self.for_each(&with_findings, &mut |record| {
            let findings = record.findings.iter().filter(|found| told.matches(found));
            add(&mut groups, &record, &findings.cloned().collect::<Vec<_>>());
            ControlFlow::Continue(())
        })?;
        if groups.left_out > 0 {
            log::info!(
                "{} findings of further groups are not told",
                groups.left_out
            );
        }
        Ok(Why {
            start_time: query.start_time,
            end_time,
            requests: self.count(&query)?,
            findings: groups.finish(),
        })
    }

    /// Counts the records that match, whatever findings they have.
    fn count(&self, query: &Query) -> Result<u64> {
        let query = Query {
            finding: None,
            ..query.clone()
        };
        let mut count = 0;
        if query.prompt_search.is_none() {
            self.engine.for_each_summary(&query, &mut |_| count += 1)?;
        } else {
            self.engine.for_each(&query, &mut |_| {
                count += 1;
                ControlFlow::Continue(())
            })?;
        }
        Ok(count)
    }
}

fn add(groups: &mut Groups, record: &Record, findings: &[Finding]) {
    let metadata = record.metadata.to_string();
    groups.add(&Told {
        id: &record.interaction_id,
        timestamp: record.timestamp,
        model: record.model.as_deref(),
        client: client_name::from_metadata(&metadata).as_deref(),
        findings,
    });
}
