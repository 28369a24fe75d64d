//! BOUNDED: what is remembered of the past, so much and no more.

use std::collections::HashMap;
use std::hash::Hash;

/// A map of at most `max` entries. When it is full, the quarter that was asked for longest ago goes at once, so that the cost of
/// finding it is spread.
#[derive(Debug)]
pub struct Bounded<K, V> {
    entries: HashMap<K, (u64, V)>,
    max: usize,
    clock: u64,
}

impl<K: Hash + Eq, V> Bounded<K, V> {
    pub fn new(max: usize) -> Bounded<K, V> {
        Bounded {
            entries: HashMap::new(),
            max,
            clock: 0,
        }
    }

    pub fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.clock += 1;
        let (used, value) = self.entries.get_mut(key)?;
        *used = self.clock;
        Some(value)
    }

    pub fn insert(&mut self, key: K, value: V) {
        self.make_room(&key);
        self.clock += 1;
        self.entries.insert(key, (self.clock, value));
    }

    pub fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.make_room(&key);
        self.clock += 1;
        let (used, value) = self.entries.entry(key).or_default();
        *used = self.clock;
        value
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    fn make_room(&mut self, key: &K) {
        if self.entries.len() < self.max || self.entries.contains_key(key) {
            return;
        }
        let mut used: Vec<u64> = self.entries.values().map(|(used, _)| *used).collect();
        let (_, &mut oldest, _) = used.select_nth_unstable(self.max / 4);
        self.entries.retain(|_, (used, _)| *used > oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_longest_ago_goes_first() {
        let mut map = Bounded::new(8);
        for key in 0..8 {
            map.insert(key, key);
        }
        assert_eq!(map.get(&0), Some(&0));
        map.insert(8, 8);
        assert_eq!(map.get(&1), None);
        assert_eq!(map.get(&0), Some(&0));
        assert_eq!(map.get(&8), Some(&8));
    }

    #[test]
    fn it_never_holds_more_than_its_bound() {
        for max in [1, 2, 3, 100] {
            let mut map: Bounded<u32, u32> = Bounded::new(max);
            for key in 0..1000 {
                *map.entry(key % 300) += 1;
                assert!(map.len() <= max, "{} of {max}", map.len());
            }
        }
    }
}
