//! Time zones: which wall clock people read at a moment.
//!
//! The system's files know the past and the future of every zone. Where there are none (Windows, a
//! container with nothing else in it), a table has the rule that each zone has today, in the notation
//! of POSIX.

mod local;
mod rule;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use local::local_zone;
use tz::TimeZone;

/// Where systems keep the files of zones, by their names.
const DIRECTORIES: [&str; 4] = [
    "/usr/share/zoneinfo",
    "/usr/lib/zoneinfo",
    "/usr/share/lib/zoneinfo",
    "/etc/zoneinfo",
];

/// Bytes of a zone's file that are read: the longest has 4 KiB.
const FILE_MAX: u64 = 64 << 10;

/// The longest name of a zone.
const NAME_MAX: usize = 64;

/// The farthest from UTC that an offset may be (seconds).
const OFFSET_MAX: i64 = 18 * 3600;

/// The formats of a zone, for messages.
pub const ZONE_FORMATS: &str = "a name such as Europe/Rome, or an offset such as +05:30";

/// A time zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    name: String,
    clock: Clock,
}

#[derive(Clone, Debug, PartialEq)]
enum Clock {
    /// So many seconds ahead of UTC.
    Fixed(i64),
    Named(TimeZone),
}

impl Zone {
    pub fn utc() -> Zone {
        Zone {
            name: "UTC".to_owned(),
            clock: Clock::Fixed(0),
        }
    }

    /// Reads a zone, as `ZONE_FORMATS` says.
    pub fn parse(text: &str) -> Option<Zone> {
        // A plus that was not escaped in a URL has become a space.
        let offset = text.replacen(' ', "+", 1);
        if let Some(seconds) = parse_offset(&offset) {
            return Some(Zone {
                name: offset,
                clock: Clock::Fixed(seconds),
            });
        }
        let clock = from_files(text).or_else(|| rule::of(text))?;
        Some(Zone {
            name: text.to_owned(),
            clock: Clock::Named(clock),
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how many seconds its clocks are ahead of UTC at `time` (Unix seconds).
    pub fn offset(&self, time: f64) -> f64 {
        match &self.clock {
            Clock::Fixed(seconds) => *seconds as f64,
            Clock::Named(zone) => zone
                .find_local_time_type(time.floor() as i64)
                .map_or(0.0, |kind| f64::from(kind.ut_offset())),
        }
    }
}

/// Reads `+05:30`, `-03:00` and `Z`.
fn parse_offset(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text[1..].split_once(':')?;
    let number = |digits: &str| {
        let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse::<i64>().ok()).flatten()
    };
    let minutes = number(minutes).filter(|minutes| *minutes < 60)?;
    let seconds = number(hours)? * 3600 + minutes * 60;
    (seconds <= OFFSET_MAX).then_some(sign * seconds)
}

/// Reads the system's file of a zone, if it has one.
fn from_files(name: &str) -> Option<TimeZone> {
    let is_word = |word: &str| {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte);
        !word.is_empty() && word.bytes().all(is_good)
    };
    // So that it stays below the directory.
    if name.len() > NAME_MAX || !name.split('/').all(is_word) {
        return None;
    }
    let files = DIRECTORIES.iter().map(|dir| Path::new(dir).join(name));
    let mut contents = files.filter_map(|file| {
        let mut bytes = Vec::new();
        let file = File::open(file).ok()?;
        file.take(FILE_MAX).read_to_end(&mut bytes).ok()?;
        TimeZone::from_tz_data(&bytes).ok()
    });
    contents.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day in January, and one in July (Unix seconds).
    const WINTER: f64 = 1_768_478_400.0;
    const SUMMER: f64 = 1_784_116_800.0;

    #[test]
    fn an_offset_is_read() {
        for (text, hours) in [
            ("+05:30", 5.5),
            (" 05:30", 5.5),
            ("-03:00", -3.0),
            ("+00:00", 0.0),
            ("Z", 0.0),
        ] {
            let zone = Zone::parse(text).unwrap();
            assert_eq!(zone.offset(SUMMER), hours * 3600.0, "{text}");
        }
        for bad in [
            "", "+", "+5:30", "+05:60", "+19:00", "05:30", "+0530", "+05:3x",
        ] {
            assert_eq!(Zone::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_is_read_with_and_without_files() {
        for (name, winter, summer) in [
            ("Europe/Rome", 1.0, 2.0),
            ("America/Los_Angeles", -8.0, -7.0),
            ("Asia/Kolkata", 5.5, 5.5),
            ("Australia/Lord_Howe", 11.0, 10.5),
            ("Europe/Dublin", 0.0, 1.0),
            ("America/Nuuk", -2.0, -1.0),
            ("Etc/UTC", 0.0, 0.0),
        ] {
            let named = Zone::parse(name).unwrap();
            let table = Zone {
                name: name.to_owned(),
                clock: Clock::Named(rule::of(name).unwrap()),
            };
            for zone in [named, table] {
                let hours = [WINTER, SUMMER].map(|time| zone.offset(time) / 3600.0);
                assert_eq!(hours, [winter, summer], "{name}");
            }
        }
    }

    #[test]
    fn what_is_no_name_is_none_and_leads_nowhere() {
        for bad in [
            "Mars/Olympus",
            "../../../etc/passwd",
            "/etc/localtime",
            "Europe/",
            "zone.tab",
            "europe rome",
        ] {
            assert_eq!(Zone::parse(bad), None, "{bad}");
        }
    }
}
