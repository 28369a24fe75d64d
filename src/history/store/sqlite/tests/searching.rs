//! The full-text index: it proposes enough, whatever it knows.

use super::*;

#[test]
fn what_is_indexed_and_what_waits_for_it_are_both_found() {
    let (sqlite, dir) = fresh();
    filled(&sqlite, [saying(1, "the first Wombat")]);
    caught_up(&sqlite);
    filled(
        &sqlite,
        [saying(2, "the second wombat"), saying(3, "a cat")],
    );
    assert_eq!(
        newest(&sqlite, &[("prompt_search", "wombat")]),
        [id(2), id(1)]
    );
    drop(sqlite);
    let sqlite = opened(dir.path());
    assert_eq!(
        newest(&sqlite, &[("prompt_search", "wombat")]),
        [id(2), id(1)]
    );
    caught_up(&sqlite);
    assert_eq!(
        newest(&sqlite, &[("prompt_search", "WOMBAT")]),
        [id(2), id(1)]
    );
    assert_eq!(proposed(&sqlite, "wombat"), Some(2));
}

#[test]
fn indexing_goes_on_where_it_ended() {
    let (sqlite, dir) = fresh();
    filled(&sqlite, (0..5000).map(record));
    assert!(sqlite.catch_up().unwrap(), "one piece was enough");
    drop(sqlite);
    let sqlite = opened(dir.path());
    caught_up(&sqlite);
    for n in [0, 1999, 2000, 4999] {
        let text = format!("number {n}?");
        assert_eq!(newest(&sqlite, &[("prompt_search", &text)]), [id(n)]);
        assert_eq!(proposed(&sqlite, &text), Some(1));
    }
}

#[test]
fn what_a_long_prompt_says_late_is_found() {
    let (sqlite, _dir) = fresh();
    let long = |end: &str| "é".repeat(50_000) + end;
    filled(
        &sqlite,
        [
            saying(1, &long("wombat")),
            saying(2, &long("")),
            saying(3, "short"),
        ],
    );
    caught_up(&sqlite);
    assert_eq!(newest(&sqlite, &[("prompt_search", "wombat")]), [id(1)]);
    assert_eq!(proposed(&sqlite, "wombat"), Some(2));
}

#[test]
fn a_text_longer_than_an_index_can_be_asked_for_is_found() {
    let (sqlite, _dir) = fresh();
    let long: String = (0..400).map(|n| format!("{n} \" * ")).collect();
    filled(
        &sqlite,
        [
            saying(1, &format!("{long}x")),
            saying(2, &long[..1000]),
            saying(3, "0 \" * 1"),
        ],
    );
    caught_up(&sqlite);
    assert_eq!(newest(&sqlite, &[("prompt_search", &long)]), [id(1)]);
}

#[test]
fn prompts_of_which_only_the_beginning_was_kept_are_found_too() {
    let (sqlite, _dir) = fresh();
    filled(
        &sqlite,
        [Record {
            prompt_full: None,
            prompt_preview: Some("a wombat".to_owned()),
            ..record(1)
        }],
    );
    assert_eq!(newest(&sqlite, &[("prompt_search", "wombat")]), [id(1)]);
    caught_up(&sqlite);
    assert_eq!(newest(&sqlite, &[("prompt_search", "wombat")]), [id(1)]);
}

#[test]
fn what_stands_in_every_prompt_is_found_newest_first_too() {
    let (sqlite, _dir) = fresh();
    filled(
        &sqlite,
        (0..10_500).map(|n| {
            saying(
                n,
                ["a wombat", "one wombat and a cat"][usize::from(n % 2000 == 0)],
            )
        }),
    );
    caught_up(&sqlite);
    assert_eq!(proposed(&sqlite, "wombat"), None);
    assert_eq!(
        newest(&sqlite, &[("prompt_search", "wombat"), ("limit", "2")]),
        [id(10_499), id(10_498)]
    );
    assert_eq!(
        newest(&sqlite, &[("prompt_search", "a cat"), ("limit", "2")]),
        [id(10_000), id(8000)]
    );
}

#[test]
fn rowids_used_again_are_indexed_again() {
    let (sqlite, _dir) = fresh();
    filled(&sqlite, (0..5).map(|n| saying(n, "a wombat")));
    caught_up(&sqlite);
    sqlite
        .retain(&Limits {
            oldest: Some(record(50).timestamp),
            ..Limits::default()
        })
        .unwrap();
    filled(&sqlite, [saying(60, "a kangaroo")]);
    assert_eq!(newest(&sqlite, &[("prompt_search", "kangaroo")]), [id(60)]);
    stranger(&sqlite)
        .execute("DELETE FROM interactions", [])
        .unwrap();
    filled(&sqlite, [saying(70, "an emu")]);
    assert_eq!(newest(&sqlite, &[("prompt_search", "emu")]), [id(70)]);
    caught_up(&sqlite);
    assert_eq!(newest(&sqlite, &[("prompt_search", "emu")]), [id(70)]);
    assert!(newest(&sqlite, &[("prompt_search", "wombat")]).is_empty());
}

#[test]
fn a_vacuum_by_hand_leaves_the_index_right() {
    let (sqlite, _dir) = fresh();
    filled(&sqlite, (0..50).map(record));
    caught_up(&sqlite);
    sqlite
        .retain(&Limits {
            oldest: Some(record(20).timestamp),
            ..Limits::default()
        })
        .unwrap();
    stranger(&sqlite).execute_batch("VACUUM").unwrap();
    assert_eq!(proposed(&sqlite, "number 33?"), Some(1));
    assert_eq!(
        newest(&sqlite, &[("prompt_search", "number 33?")]),
        [id(33)]
    );
}

#[test]
fn an_index_of_which_most_was_deleted_is_built_anew() {
    let (sqlite, _dir) = fresh();
    filled(&sqlite, (0..100).map(record));
    caught_up(&sqlite);
    let keep_from = |n: u32| {
        sqlite
            .retain(&Limits {
                oldest: Some(record(n).timestamp),
                ..Limits::default()
            })
            .unwrap()
    };
    keep_from(40);
    assert_eq!(
        proposed(&sqlite, "number 7"),
        Some(11),
        "the deleted 7 is still proposed"
    );
    keep_from(60);
    assert_eq!(
        proposed(&sqlite, "number 7"),
        Some(40),
        "all that is left waits for the index"
    );
    assert_eq!(
        newest(&sqlite, &[("prompt_search", "number 77?")]),
        [id(77)]
    );
    caught_up(&sqlite);
    assert_eq!(proposed(&sqlite, "number 7"), Some(10));
    assert_eq!(
        newest(&sqlite, &[("prompt_search", "number 77?")]),
        [id(77)]
    );
}

fn proposed(sqlite: &Sqlite, text: &str) -> Option<usize> {
    let needle = crate::history::store::query::Needle::new(text);
    sqlite
        .reading(|reader| index::proposals(&reader.connection, &needle))
        .unwrap()
        .map(|rows| rows.len())
}
