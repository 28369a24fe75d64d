//! Reading from a Loki in a vector.

use super::*;

/// Reads from a Loki in a vector, which responds as the real one does; its largest response has
/// `readable` entries.
fn collect(
    stored: &[Entry],
    span: Span,
    order: Order,
    limit: usize,
    readable: usize,
) -> Vec<Entry> {
    let limits = QueryLimits::default();
    let ask = |asked: Span, order: Order, limit: usize| {
        assert!(!asked.is_empty() && limit <= 5000);
        let inside = stored
            .iter()
            .filter(|entry| (asked.start..asked.end).contains(&entry.time))
            .cloned();
        let mut entries = sorted(inside.collect(), order);
        entries.truncate(limit);
        entries.reverse(); // the order within an answer means nothing
        let refusal = QueryRefusal {
            exceeded: ExceededLimit::Size,
            message: "larger than max".to_owned(),
        };
        let page = EntryPage {
            is_full: entries.len() >= limit,
            bytes: entries.len() * 1000,
            entries,
        };
        Ok(if page.entries.len() <= readable {
            Ok(page)
        } else {
            Err(refusal)
        })
    };
    let mut reader = PageReader::new(span, order, 500, limit, &limits, Box::new(ask));
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

fn entries(times: impl IntoIterator<Item = i64>) -> Vec<Entry> {
    times
        .into_iter()
        .zip(0..)
        .map(|(time, n)| Entry {
            time,
            line: format!("{n:06}"),
        })
        .collect()
}

const ALL: Span = Span {
    start: 0,
    end: 1000,
};

#[test]
fn equal_times_at_the_edge_of_a_page_are_neither_lost_nor_repeated() {
    let stored = entries([1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, 499, 500, 500, 999, 999]);
    for limit in [2, 3, 4, 5, 14, 15] {
        assert_eq!(
            collect(&stored, ALL, Order::OldestFirst, limit, usize::MAX),
            stored,
            "{limit}"
        );
        let newest_first: Vec<Entry> = stored.iter().rev().cloned().collect();
        assert_eq!(
            collect(&stored, ALL, Order::NewestFirst, limit, usize::MAX),
            newest_first,
            "{limit}"
        );
    }
}

#[test]
fn more_than_loki_gives_at_once_are_read_in_order() {
    let stored = entries((0..12_345).map(|n| n / 13));
    assert_eq!(
        collect(&stored, ALL, Order::OldestFirst, 100, usize::MAX),
        stored
    );
    assert_eq!(
        collect(&stored, ALL, Order::NewestFirst, 5000, usize::MAX).len(),
        stored.len()
    );
}

#[test]
fn a_moment_with_more_entries_than_loki_gives_does_not_stop_the_reading() {
    let stored = entries(
        [1].into_iter()
            .chain(std::iter::repeat_n(2, 6000))
            .chain([3, 4]),
    );
    let seen = collect(&stored, ALL, Order::OldestFirst, 100, usize::MAX);
    assert_eq!((seen.len(), seen.last()), (1 + 5000 + 2, stored.last()));
}

#[test]
fn answers_that_are_too_long_are_asked_for_in_smaller_pages() {
    let stored = entries(0..500);
    assert_eq!(collect(&stored, ALL, Order::OldestFirst, 400, 7), stored);
}

#[test]
fn the_same_line_of_two_streams_is_one() {
    let twice = [entries([1, 2]), entries([1, 2])].concat();
    assert_eq!(
        collect(&twice, ALL, Order::OldestFirst, 100, usize::MAX),
        entries([1, 2])
    );
}

#[test]
fn pages_grow_towards_a_mebibyte_and_begin_small() {
    let limits = QueryLimits::default();
    let mut asked = Vec::new();
    let ask = |span: Span, _: Order, limit: usize| {
        asked.push(limit);
        let entries: Vec<Entry> = (span.start..span.end)
            .take(limit)
            .map(|time| Entry {
                time,
                line: String::new(),
            })
            .collect();
        Ok(Ok(EntryPage {
            is_full: entries.len() >= limit,
            bytes: entries.len() * 2048,
            entries,
        }))
    };
    let mut reader = PageReader::new(
        Span {
            start: 0,
            end: 5000,
        },
        Order::OldestFirst,
        0,
        50,
        &limits,
        Box::new(ask),
    );
    while reader.next().unwrap().is_some() {}
    drop(reader);
    assert_eq!(asked[..4], [50, 200, 512, 512]);
}
