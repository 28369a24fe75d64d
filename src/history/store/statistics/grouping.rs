//! What records are grouped by where a question says `by=…`.

use chrono::{DateTime, FixedOffset};

use super::accumulator::Accumulator;
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

    /// Whether its groups are spans of time.
    pub fn is_of_time(self) -> bool {
        self.period().is_some()
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

    /// Whether its groups are spans of time.
    pub fn is_of_time(&self) -> bool {
        self.by.is_of_time()
    }

    /// Returns the group of a record of this session.
    pub fn find(&mut self, summary: &RecordSummary, session: Option<&str>) -> &mut Accumulator {
        let number = match self.by.period() {
            Some(period) => self.period(summary.timestamp, period),
            None => self.number(summary, session),
        };
        self.groups.at(number)
    }

    /// Returns the group of a moment, where groups are spans of time.
    pub fn find_time(&mut self, time: f64) -> &mut Accumulator {
        let number = self.period(time, self.by.period().unwrap_or(DAY));
        self.groups.at(number)
    }

    fn number(&mut self, summary: &RecordSummary, session: Option<&str>) -> usize {
        let unknown = UNKNOWN_NAME;
        let name = match self.by {
            GroupBy::Model => return find_model(&mut self.groups, summary),
            GroupBy::Endpoint => &summary.endpoint,
            GroupBy::Category => &summary.prompt_category,
            GroupBy::Status => &summary.status,
            GroupBy::Session => session.unwrap_or(unknown),
            GroupBy::Version => summary.ollama_version.as_deref().unwrap_or(unknown),
            GroupBy::Client => return find_client(&mut self.groups, summary),
            GroupBy::Host => return find_host(&mut self.groups, summary),
            GroupBy::Hour | GroupBy::Day | GroupBy::Week => unknown,
        };
        self.groups.find_named(name)
    }

    fn period(&mut self, time: f64, period: f64) -> usize {
        if !(self.last.0..self.last.1).contains(&time) {
            let start = period_start(time, period, &self.zone);
            self.last = (start, period_end(start, period, &self.zone));
        }
        let (start, zone) = (self.last.0, &self.zone);
        let key = start.to_bits().to_be_bytes();
        self.groups.find(&[&key], || GroupName {
            name: period_name(start, period, zone),
            start: Some(start),
            ..GroupName::default()
        })
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

/// Returns the number of the group of a model.
pub fn find_model(groups: &mut GroupSet, summary: &RecordSummary) -> usize {
    groups.find_named(summary.model.as_deref().unwrap_or(UNKNOWN_NAME))
}

/// Returns the group of a record's client, by name and address.
pub fn find_client(groups: &mut GroupSet, summary: &RecordSummary) -> usize {
    let name = summary.client.as_deref().unwrap_or(UNKNOWN_NAME);
    let ip = summary.client_ip.as_deref();
    let key = [name, "\0", ip.unwrap_or_default()].map(str::as_bytes);
    groups.find(&key, || GroupName {
        name: name.to_owned(),
        client_ip: ip.map(str::to_owned),
        start: None,
    })
}

/// Returns the group of the tap that wrote a record, as `HOST:PORT`.
pub fn find_host(groups: &mut GroupSet, summary: &RecordSummary) -> usize {
    let host = summary.host.as_deref().unwrap_or(UNKNOWN_NAME);
    let port = summary.tap.unwrap_or_default().to_be_bytes();
    groups.find(&[host.as_bytes(), &[0], &port], || GroupName {
        name: match summary.tap {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        },
        ..GroupName::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::accumulator::Contribution;
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
                grouped
                    .find(&summary, None)
                    .add(&Contribution::of(&summary));
            }
            let groups = grouped.into_groups(10);
            assert_eq!((groups.len(), &*groups[0].name), (1, name));
            assert_eq!(groups[0].requests, 3);
        }
    }
}
