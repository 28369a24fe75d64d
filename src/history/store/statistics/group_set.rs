//! Groups of one kind: by model, by client and so on.

use std::collections::HashMap;
use std::mem;

use super::Group;
use super::accumulator::Accumulator;

/// The most groups of one kind that are told apart: clients may call themselves anything. Further
/// ones count in one of this name.
const GROUPS_MAX: usize = 5000;
const OTHER: &str = "other";

/// How a group is called.
#[derive(Default)]
pub struct GroupName {
    pub name: String,
    pub client_ip: Option<String>,
    /// Where a span of time begins; the busiest come first among groups without.
    pub start: Option<f64>,
}

/// Groups by their keys, which need not be text.
#[derive(Default)]
pub struct GroupSet {
    numbers: HashMap<Box<[u8]>, usize>,
    groups: Vec<(GroupName, Accumulator)>,
    /// The key that is asked for.
    key: Vec<u8>,
    /// The key that was asked for before, and its group: many records in a row have the same.
    last: (Vec<u8>, usize),
    /// The group of all that have no room.
    rest: Option<usize>,
    is_blurred: bool,
}

impl GroupSet {
    /// Returns the number of the group with this name.
    pub fn find_named(&mut self, name: &str) -> usize {
        self.find(&[name.as_bytes()], || GroupName {
            name: name.to_owned(),
            ..GroupName::default()
        })
    }

    /// Returns the number of the group whose key has these parts.
    pub fn find(&mut self, key: &[&[u8]], name: impl FnOnce() -> GroupName) -> usize {
        self.key.clear();
        key.iter().for_each(|part| self.key.extend_from_slice(part));
        if self.last.0 != self.key || self.groups.is_empty() {
            self.last.1 = self.number(name);
            mem::swap(&mut self.last.0, &mut self.key);
        }
        self.last.1
    }

    /// Returns the numbers of a group.
    pub fn at(&mut self, number: usize) -> &mut Accumulator {
        &mut self.groups[number].1
    }

    fn number(&mut self, name: impl FnOnce() -> GroupName) -> usize {
        if let Some(number) = self.numbers.get(&*self.key) {
            return *number;
        }
        if self.numbers.len() < GROUPS_MAX {
            let number = self.push(name());
            self.numbers.insert(self.key.as_slice().into(), number);
            return number;
        }
        match self.rest {
            Some(number) => number,
            None => {
                let number = self.push(GroupName {
                    name: OTHER.to_owned(),
                    ..GroupName::default()
                });
                *self.rest.insert(number)
            }
        }
    }

    fn push(&mut self, name: GroupName) -> usize {
        let mut accumulator = Accumulator::default();
        if self.is_blurred {
            accumulator.blur();
        }
        self.groups.push((name, accumulator));
        self.groups.len() - 1
    }

    /// Keeps sketches of all samples alone, from now on.
    pub fn blur(&mut self) {
        self.is_blurred = true;
        let groups = self.groups.iter_mut();
        groups.for_each(|(_, accumulator)| accumulator.blur());
    }

    /// Returns the busiest groups, at most `max`: spans of time in their order, others by how busy
    /// they are.
    pub fn groups(mut self, max: usize) -> Vec<Group> {
        self.groups.sort_by(|(name, group), (other_name, other)| {
            let later_first = other_name.start.unwrap_or(0.0);
            (later_first.total_cmp(&name.start.unwrap_or(0.0)))
                .then_with(|| other.requests().cmp(&group.requests()))
                .then_with(|| name.name.cmp(&other_name.name))
        });
        self.groups.truncate(max);
        if self.groups.iter().any(|(name, _)| name.start.is_some()) {
            self.groups.reverse();
        }
        let groups = self.groups.into_iter();
        groups
            .map(|(name, mut accumulator)| accumulator.group(name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::accumulator::Contribution;
    use super::*;
    use crate::history::record::RecordSummary;

    fn nothing() -> Contribution {
        Contribution::of(&RecordSummary::default())
    }

    #[test]
    fn groups_without_room_count_together() {
        let mut group_set = GroupSet::default();
        for n in 0..GROUPS_MAX + 7 {
            let number = group_set.find_named(&format!("client {n}"));
            group_set.at(number).add(&nothing());
        }
        let groups = group_set.groups(usize::MAX);
        assert_eq!(groups.len(), GROUPS_MAX + 1);
        assert_eq!((&*groups[0].name, groups[0].requests), (OTHER, 7));
    }

    #[test]
    fn spans_of_time_stay_in_their_order_and_the_newest_are_kept() {
        let mut group_set = GroupSet::default();
        for n in [3, 1, 4, 1, 5] {
            let number = group_set.find(&[&[n]], || GroupName {
                name: n.to_string(),
                start: Some(f64::from(n)),
                ..GroupName::default()
            });
            group_set.at(number).add(&nothing());
        }
        let names: Vec<String> = group_set
            .groups(3)
            .into_iter()
            .map(|group| group.name)
            .collect();
        assert_eq!(names, ["3", "4", "5"]);
    }
}
