//! Deleted records are gone, and the file is smaller.

use super::*;

#[test]
fn what_is_too_old_goes_and_the_file_shrinks() {
    let (sqlite, _dir) = fresh();
    filled(&sqlite, (0..2000).map(record));
    caught_up(&sqlite);
    let before = sqlite.extent(f64::INFINITY).unwrap();
    assert_eq!(
        sqlite
            .retain(&Limits {
                oldest: Some(record(1500).timestamp),
                ..Limits::default()
            })
            .unwrap(),
        1500
    );
    let after = sqlite.extent(f64::INFINITY).unwrap();
    assert_eq!(
        (after.records, after.oldest),
        (500, Some(record(1500).timestamp))
    );
    assert!(
        after.bytes.unwrap() < before.bytes.unwrap() / 2,
        "{before:?} {after:?}"
    );
    assert_eq!(
        newest(&sqlite, &[("prompt_search", "number 1777?")]),
        [id(1777)]
    );
    assert!(newest(&sqlite, &[("prompt_search", "number 777?")]).is_empty());
    assert_eq!(sqlite.retain(&Limits::default()).unwrap(), 0);
}

#[test]
fn the_oldest_go_until_it_fits() {
    let (sqlite, _dir) = fresh();
    filled(&sqlite, (0..2000).map(record));
    caught_up(&sqlite);
    let max = sqlite.extent(f64::INFINITY).unwrap().bytes.unwrap() / 3;
    let gone = sqlite
        .retain(&Limits {
            max_bytes: Some(max),
            ..Limits::default()
        })
        .unwrap();
    let after = sqlite.extent(f64::INFINITY).unwrap();
    assert!(
        gone < 1900 && after.bytes.unwrap() <= max,
        "{gone} {after:?}"
    );
    assert_eq!(after.oldest, Some(record(gone as u32).timestamp));
    assert_eq!(
        sqlite
            .retain(&Limits {
                max_bytes: Some(1),
                ..Limits::default()
            })
            .unwrap(),
        2000 - gone
    );
}

#[test]
fn what_was_purged_is_in_no_file_any_more() {
    let (sqlite, _dir) = fresh();
    for n in (0..400).step_by(40) {
        filled(
            &sqlite,
            (n..n + 40).map(|n| saying(n, &format!("secret {n:04} ").repeat(1 + n as usize % 90))),
        );
        caught_up(&sqlite);
    }
    read_all(&sqlite, &[]);
    assert_eq!(sqlite.purge(Some(record(300).timestamp)).unwrap(), 300);
    for n in 0..300 {
        assert!(!on_disk(&sqlite, &format!("secret {n:04}")), "{n}");
    }
    assert!(on_disk(&sqlite, "secret 0300"));
    caught_up(&sqlite);
    assert_eq!(
        newest(&sqlite, &[("prompt_search", "secret 0333")]),
        [id(333)]
    );
    assert_eq!(sqlite.purge(None).unwrap(), 100);
    assert!(!on_disk(&sqlite, "secret") && !on_disk(&sqlite, "rayleigh"));
    filled(&sqlite, [saying(1, "afterwards")]);
    assert_eq!(newest(&sqlite, &[("prompt_search", "after")]), [id(1)]);
}
