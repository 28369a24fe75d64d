//! What records are grouped by where a question says `by=…`.

use chrono::{DateTime, FixedOffset};

use super::group_set::{GroupName, GroupSet};
use super::slots::{DAY, WEEK, period_end, period_start};
use super::zone::Zone;
use super::{Group, GroupBy};
use crate::history::record::RecordSummary;
use crate::history::store::query::UNKNOWN_NAME;

/// Seconds.
const HOUR: f64 = 3600.0;

impl GroupBy {
    /// Returns the length of its spans of time (seconds).
    fn period(self) -> Option<f64> {
        match self {
            GroupBy::Hour => Some(HOUR),
            GroupBy::Day => Some(DAY),
            GroupBy::Week => Some(WEEK),
            _ => None,
        }
    }
}

/// The groups of a question.
pub struct Grouped {
    by: GroupBy,
    zone: Zone,
    groups: GroupSet,
    /// The span of time of the record before.
    last: (f64, f64),
}

impl Grouped {
    pub fn new(by: GroupBy, zone: Zone) -> Grouped {
        Grouped {
            by,
            zone,
            groups: GroupSet::default(),
            last: (f64::NAN, f64::NAN),
        }
    }

    /// Adds a record of this session.
    pub fn add(&mut self, summary: &RecordSummary, session: Option<&str>) {
        if let Some(period) = self.by.period() {
            return self.add_to_period(summary, period);
        }
        let unknown = UNKNOWN_NAME;
        let name = match self.by {
            GroupBy::Model => summary.model.as_deref().unwrap_or(unknown),
            GroupBy::Endpoint => &summary.endpoint,
            GroupBy::Category => &summary.prompt_category,
            GroupBy::Status => &summary.status,
            GroupBy::Session => session.unwrap_or(unknown),
            GroupBy::Version => summary.ollama_version.as_deref().unwrap_or(unknown),
            GroupBy::Client => return add_client(&mut self.groups, summary),
            GroupBy::Host => return add_host(&mut self.groups, summary),
            GroupBy::Hour | GroupBy::Day | GroupBy::Week => return,
        };
        self.groups.add(name, summary);
    }

    fn add_to_period(&mut self, summary: &RecordSummary, period: f64) {
        let time = summary.timestamp;
        if !(self.last.0..self.last.1).contains(&time) {
            let start = period_start(time, period, &self.zone);
            self.last = (start, period_end(start, period, &self.zone));
        }
        let (start, zone) = (self.last.0, &self.zone);
        let key = start.to_bits().to_be_bytes();
        self.groups.add_by_key(&key, summary, || GroupName {
            name: period_name(start, period, zone),
            start: Some(start),
            ..GroupName::default()
        });
    }

    pub fn blur(&mut self) {
        self.groups.blur();
    }

    /// Returns the groups, at most `max`: spans of time in their order, of versions the newest first,
    /// others by how busy they are.
    pub fn into_groups(self, max: usize) -> Vec<Group> {
        let mut groups = self.groups.groups(max);
        if self.by == GroupBy::Version {
            let first = |group: &Group| group.first_seen.unwrap_or(f64::NEG_INFINITY);
            groups.sort_by(|one, other| first(other).total_cmp(&first(one)));
        }
        groups
    }
}

/// Returns a day as `2026-11-30`, an hour as `2026-11-30T10:00:00+01:00`.
fn period_name(start: f64, period: f64, zone: &Zone) -> String {
    let offset = FixedOffset::east_opt(zone.offset(start) as i32);
    let time = DateTime::from_timestamp(start as i64, 0).zip(offset);
    let Some(local) = time.map(|(time, offset)| time.with_timezone(&offset)) else {
        return UNKNOWN_NAME.to_owned();
    };
    if period < DAY {
        local.to_rfc3339()
    } else {
        local.date_naive().to_string()
    }
}

/// Adds a record to the group of its client, by name and address.
pub fn add_client(groups: &mut GroupSet, summary: &RecordSummary) {
    let name = summary.client.as_deref().unwrap_or(UNKNOWN_NAME);
    let ip = summary.client_ip.as_deref();
    let mut key = Vec::with_capacity(64);
    key.extend(name.bytes());
    key.push(0);
    key.extend(ip.unwrap_or_default().bytes());
    groups.add_by_key(&key, summary, || GroupName {
        name: name.to_owned(),
        client_ip: ip.map(str::to_owned),
        start: None,
    });
}

/// Adds a record to the group of the tap that wrote it, as `HOST:PORT`.
pub fn add_host(groups: &mut GroupSet, summary: &RecordSummary) {
    let host = summary.host.as_deref().unwrap_or(UNKNOWN_NAME);
    let mut key = Vec::with_capacity(64);
    key.extend(host.bytes());
    key.push(0);
    key.extend(summary.tap.unwrap_or_default().to_be_bytes());
    groups.add_by_key(&key, summary, || GroupName {
        name: match summary.tap {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        },
        ..GroupName::default()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-30, a Monday, 00:00 UTC.
    const MONDAY: f64 = 1_795_996_800.0;

    #[test]
    fn spans_of_time_are_named_as_people_write_them() {
        let rome = Zone::parse("Europe/Rome").unwrap();
        for (by, name) in [
            (GroupBy::Hour, "2026-11-30T01:00:00+01:00"),
            (GroupBy::Day, "2026-11-30"),
            (GroupBy::Week, "2026-11-30"),
        ] {
            let mut grouped = Grouped::new(by, rome.clone());
            for seconds in [0.0, 60.0, 3599.0] {
                let summary = RecordSummary {
                    timestamp: MONDAY + seconds,
                    ..RecordSummary::default()
                };
                grouped.add(&summary, None);
            }
            let groups = grouped.into_groups(10);
            assert_eq!((groups.len(), &*groups[0].name), (1, name));
            assert_eq!(groups[0].requests, 3);
        }
    }
}
