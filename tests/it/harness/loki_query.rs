//! Queries to the stand-in for Loki.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Seen;
use super::answers::{SECOND, State};
use super::logql::{Count, Labels, Query};

/// A real one makes a query of every hour.
const SPLIT: i64 = 3600 * SECOND;

type Found = Result<Value, (u16, String)>;

fn bad(words: impl Into<String>) -> (u16, String) {
    (400, words.into())
}

fn number(seen: &Seen, name: &str) -> Result<i64, (u16, String)> {
    seen.parameters
        .get(name)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| bad(format!("bad {name}")))
}

impl State {
    pub fn query_range(&mut self, seen: &Seen) -> Found {
        let (start, end) = self.times(seen)?;
        let limit = number(seen, "limit").map_or(100, |limit| limit as usize);
        let query =
            Query::parse(seen.parameters.get("query").map_or("", String::as_str)).map_err(bad)?;
        let most = self.limits.entries;
        if limit > most {
            let text = "max entries limit per query exceeded, limit > max_entries_limit_per_query";
            return Err(bad(format!("{text} ({limit} > {most})")));
        }
        let forward = seen
            .parameters
            .get("direction")
            .is_some_and(|direction| direction == "forward");
        self.found(&query, start, end, limit, forward)
    }

    fn times(&self, seen: &Seen) -> Result<(i64, i64), (u16, String)> {
        let (mut start, end) = (number(seen, "start")?, number(seen, "end")?);
        if end <= start {
            return Err(bad(
                "end timestamp must not be before or equal to start time",
            ));
        }
        if end - start > self.limits.range {
            let length = go_duration(end / 1_000_000 - start / 1_000_000);
            return Err(bad(format!(
                "the query time range exceeds the limit (query length: {length}, limit: {})",
                self.range()
            )));
        }
        if let (Some(lookback), Some(now)) = (self.limits.lookback, self.now) {
            start = start.max(now - lookback);
        }
        Ok((start, end.max(start)))
    }

    /// As Prometheus writes it, in days and hours.
    fn range(&self) -> String {
        let hours = self.limits.range / SPLIT;
        let part = |number: i64, unit: &str| {
            if number > 0 {
                format!("{number}{unit}")
            } else {
                String::new()
            }
        };
        if hours % 168 == 0 {
            format!("{}w", hours / 168)
        } else {
            part(hours / 24, "d") + &part(hours % 24, "h")
        }
    }

    /// The first entries in the order asked for, by stream. As a real one, it reads a stream no
    /// further than to the last entry that may be among them.
    fn found(&mut self, query: &Query, start: i64, end: i64, limit: usize, forward: bool) -> Found {
        let mut found: Vec<(i64, String, Labels)> = Vec::new();
        for (labels, entries) in self
            .streams
            .iter()
            .filter(|(labels, _)| query.selects(labels))
        {
            let span = entries.range((start, String::new())..(end, String::new()));
            let first: Box<dyn Iterator<Item = &(i64, String)>> = if forward {
                Box::new(span)
            } else {
                Box::new(span.rev())
            };
            let processed = first.filter_map(|(time, line)| {
                let (labels, line) = query.process(with_level(labels, line), line)?;
                Some((*time, line, labels))
            });
            found.extend(processed.take(limit));
        }
        found.sort_by_key(|(time, ..)| if forward { *time } else { -*time });
        found.truncate(limit);
        let last = found
            .last()
            .filter(|_| found.len() == limit)
            .map(|(time, ..)| *time);
        let looked_at = last.map_or(
            end - start,
            |last| if forward { last - start } else { end - last },
        );
        self.subqueries += (looked_at / SPLIT) as usize + 1;
        let bytes: usize = found.iter().map(|(_, line, _)| line.len()).sum();
        if bytes > self.limits.answer {
            let desc = format!(
                "trying to send message larger than max ({bytes} vs. {})",
                self.limits.answer
            );
            return Err((
                500,
                format!("rpc error: code = ResourceExhausted desc = {desc}"),
            ));
        }
        self.entries += found.len();
        let mut streams: BTreeMap<Labels, Vec<Value>> = BTreeMap::new();
        for (time, line, labels) in found {
            streams
                .entry(labels)
                .or_default()
                .push(json!([time.to_string(), line]));
        }
        Ok(streams
            .into_iter()
            .map(|(labels, values)| json!({"stream": labels, "values": values}))
            .collect())
    }

    /// A range excludes its start and includes its end.
    pub fn query(&mut self, seen: &Seen) -> Found {
        let Count { by, query, range } =
            Count::parse(seen.parameters.get("query").map_or("", String::as_str)).map_err(bad)?;
        let time = number(seen, "time")?;
        if range * SECOND > self.limits.range {
            return Err(bad(format!(
                "the query time range exceeds the limit (query length: {range}s, limit: {})",
                self.range()
            )));
        }
        self.subqueries += (range * SECOND / SPLIT) as usize + 1;
        let mut counts: BTreeMap<Labels, usize> = BTreeMap::new();
        for (labels, entries) in self
            .streams
            .iter()
            .filter(|(labels, _)| query.selects(labels))
        {
            let bound = |time: i64| (time + 1, String::new());
            let inside = entries.range(bound(time - range * SECOND)..bound(time));
            let group = by
                .iter()
                .filter_map(|name| Some((name.clone(), labels.get(name)?.clone())))
                .collect();
            *counts.entry(group).or_default() +=
                inside.filter(|(_, line)| query.finds(labels, line)).count();
        }
        let sample = |(metric, count): (Labels, usize)| json!({"metric": metric, "value": [(time / 1_000_000) as f64 / 1e3, count.to_string()]});
        Ok(counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(sample)
            .collect())
    }

    /// The labels of the streams that have something in a span; a real one knows that of whole chunks.
    pub fn series(&mut self, seen: &Seen) -> Found {
        let (start, end) = self.times(seen)?;
        let query =
            Query::parse(seen.parameters.get("match[]").map_or("", String::as_str)).map_err(bad)?;
        let has_some = |entries: &BTreeSet<(i64, String)>| {
            entries
                .range((start, String::new())..(end, String::new()))
                .next()
                .is_some()
        };
        let there = self
            .streams
            .iter()
            .filter(|(labels, entries)| query.selects(labels) && has_some(entries));
        Ok(there.map(|(labels, _)| json!(labels)).collect())
    }
}

/// What a real one adds to the labels of a line.
fn with_level(labels: &Labels, line: &str) -> Labels {
    let level = if line.contains("error") {
        "error"
    } else {
        "unknown"
    };
    let mut labels = labels.clone();
    labels.insert("detected_level".to_owned(), level.to_owned());
    labels
}

fn go_duration(millis: i64) -> String {
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let fraction = if millis == 0 {
        String::new()
    } else {
        format!(".{millis:03}")
    };
    format!(
        "{}h{}m{}{fraction}s",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}
