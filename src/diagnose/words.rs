//! WORDS: numbers and lists as people say them.

use std::time::Duration;

/// A duration to two digits, as in `0.8 s`, `12 s`, `9 min` and `2.5 h`.
pub fn time(length: Duration) -> String {
    match length.as_secs_f64() {
        seconds if seconds < 9.95 => format!("{seconds:.1} s"),
        seconds if seconds < 119.5 => format!("{seconds:.0} s"),
        seconds if seconds < 7170.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

/// `a`, `a and b`, `a, b and c`; at most four, and how many more there are.
pub fn list<T: AsRef<str>>(items: &[T]) -> String {
    const SHOWN: usize = 4;
    let mut words: Vec<String> = items.iter().map(|item| item.as_ref().to_owned()).collect();
    if words.len() > SHOWN {
        let more = words.len() + 1 - SHOWN;
        words.truncate(SHOWN - 1);
        words.push(format!("{more} more"));
    }
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// `1 reload`, `2 reloads`.
pub fn count(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// A client by its name, or as one that has none.
pub fn client(name: Option<&str>) -> &str {
    name.unwrap_or("a client")
}

/// A share in per cent, as in `38 %`.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        for (seconds, said) in [
            (0.82, "0.8 s"),
            (9.97, "10 s"),
            (12.4, "12 s"),
            (540.0, "9 min"),
            (9000.0, "2.5 h"),
        ] {
            assert_eq!(time(Duration::from_secs_f64(seconds)), said);
        }
        assert_eq!(list(&["a"; 0]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(list(&["a", "b", "c", "d", "e", "f"]), "a, b, c and 3 more");
        assert_eq!(count(1, "reload"), "1 reload");
        assert_eq!(count(14, "reload"), "14 reloads");
        assert_eq!(percent(0.377), "38 %");
    }
}
