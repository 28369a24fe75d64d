//! The answer of `/analytics/why`: what went wrong with many requests, as few sentences.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::{HideReport, Query, Result, Store, until_now};
use crate::diagnose::groups::{self, Groups, Told};
use crate::diagnose::{Finding, Kind};
use crate::history::record::{Record, client_name};

/// Seconds.
const DAY_SECONDS: f64 = 86_400.0;

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
    /// How many groups are hidden, whether they are told or not.
    #[serde(default)]
    pub hidden: u64,
}

/// What becomes of groups that people have hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    LeftOut,
    /// Each with the time until which it is hidden.
    Told,
}

impl Store {
    /// Groups the findings of the records that match, with bounded memory. `query.limit` and
    /// `query.before` are ignored; `query.finding` says which findings are told.
    pub fn why(&self, query: &Query, hidden: Hidden, now: f64) -> Result<Why> {
        let end_time = query.end_time.unwrap_or(now);
        let query = until_now(query);
        let mut groups = Groups::default();
        let told = query.finding.unwrap_or_default();
        let with_findings = Query {
            finding: Some(told),
            ..query.clone()
        };
        self.for_each_unordered(&with_findings, &mut |record| {
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
        let is_slower_told = told.kind.is_none_or(|kind| kind == Kind::Slower) && !told.only_sure;
        let requests = if is_slower_told && query.is_of_summaries() {
            let compared = self.compare(&query)?;
            for (slower, examples) in compared.slower {
                groups.add_slower(&slower, examples);
            }
            compared.requests
        } else {
            self.count(&query)?
        };
        let mut findings = groups.finish();
        let count = self.mark_hidden(&mut findings, now);
        if hidden == Hidden::LeftOut {
            findings.retain(|group| group.hidden_until.is_none());
        }
        Ok(Why {
            start_time: query.start_time,
            end_time,
            requests,
            findings,
            hidden: count,
        })
    }

    /// Notes of each group until when it is hidden. Returns how many are.
    fn mark_hidden(&self, findings: &mut [groups::FindingGroup], now: f64) -> u64 {
        let keys = self.hidden.keys(now);
        for group in &mut *findings {
            group.hidden_until = keys.get(&group.key).copied();
        }
        let hidden = findings.iter().filter(|group| group.hidden_until.is_some());
        hidden.count() as u64
    }

    /// Hides the group of findings with this key for so many days, or shows it again: `days` is 0.
    pub fn hide_findings(&self, key: &str, days: u32, now: f64) -> Result<HideReport> {
        let until = (days > 0).then(|| now + f64::from(days) * DAY_SECONDS);
        self.hidden.hide(key, until, now)
    }
}

fn add(groups: &mut Groups, record: &Record, findings: &[Finding]) {
    let metadata = record.metadata.to_string();
    // Older records have the whole name of the user agent alone.
    let client = record.client.as_deref().map(Into::into);
    groups.add(&Told {
        id: &record.interaction_id,
        timestamp: record.timestamp,
        model: record.model.as_deref(),
        client: client
            .or_else(|| client_name::from_metadata(&metadata))
            .as_deref(),
        findings,
    });
}
