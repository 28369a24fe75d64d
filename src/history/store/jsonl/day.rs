//! Days and the names of their files: `ollama_YYYYMMDD.jsonl.gz`, by the local date of a record's
//! arrival.

use std::path::{Path, PathBuf};
use std::{fs, io};

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};

const FILE_PREFIX: &str = "ollama_";
const FILE_SUFFIX: &str = ".jsonl.gz";

/// The end of the name, before a suffix, of a file that is still being written beside its day.
const REPLACEMENT_SUFFIX: &str = ".tmp";

/// The end of the name, before a number, of a file with bytes that were found in a day file and are
/// not gzip.
const BROKEN_SUFFIX: &str = ".broken";

/// Unix seconds that have a date of four digits, in every time zone.
const DATED_SECONDS: std::ops::Range<f64> = -62_135_400_000.0..253_402_200_000.0;

/// A local date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

impl Day {
    /// Returns the day of a time (Unix seconds); `None` where it has no date of four digits.
    pub fn of(timestamp: f64) -> Option<Day> {
        let seconds = DATED_SECONDS
            .contains(&timestamp)
            .then_some(timestamp.floor() as i64)?;
        Some(Day(DateTime::from_timestamp(seconds, 0)?
            .with_timezone(&Local)
            .date_naive()))
    }

    pub fn today() -> Day {
        Day(Local::now().date_naive())
    }

    #[cfg(test)]
    pub fn next(self) -> Day {
        Day(self.0 + TimeDelta::days(1))
    }

    /// Returns the first moment after the day (Unix seconds).
    pub fn end(self) -> f64 {
        let midnight = NaiveDateTime::new(self.0 + TimeDelta::days(1), NaiveTime::MIN);
        let moment = |time: NaiveDateTime| Local.from_local_datetime(&time).latest();
        // Where clocks go forward at midnight, midnight does not exist.
        let end = moment(midnight).or_else(|| moment(midnight + TimeDelta::hours(1)));
        end.map_or(f64::INFINITY, |time| time.timestamp() as f64)
    }

    pub fn path(self, directory: &Path) -> PathBuf {
        directory.join(format!(
            "{FILE_PREFIX}{}{FILE_SUFFIX}",
            self.0.format("%Y%m%d")
        ))
    }

    /// Returns the path beside its file for a new version, but for a suffix.
    pub fn path_of_replacement(self, directory: &Path) -> PathBuf {
        let mut path = self.path(directory).into_os_string();
        path.push(REPLACEMENT_SUFFIX);
        path.into()
    }

    /// Returns a free path for bytes that were found in its file and are not gzip.
    pub fn path_broken(self, directory: &Path) -> PathBuf {
        let path = |n: u64| {
            let mut path = self.path(directory).into_os_string();
            path.push(format!("{BROKEN_SUFFIX}{n}"));
            PathBuf::from(path)
        };
        (1..)
            .map(path)
            .find(|path| fs::symlink_metadata(path).is_err())
            .unwrap_or_else(|| path(0))
    }

    fn from_name(name: &str) -> Option<Day> {
        let digits = name.strip_prefix(FILE_PREFIX)?.strip_suffix(FILE_SUFFIX)?;
        let all_digits = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
        all_digits
            .then(|| NaiveDate::parse_from_str(digits, "%Y%m%d").ok())?
            .map(Day)
    }
}

/// Lists the days that have a file, oldest first.
pub fn list(directory: &Path) -> io::Result<Vec<Day>> {
    let mut days: Vec<Day> = names(directory)?
        .iter()
        .filter_map(|name| Day::from_name(name))
        .collect();
    days.sort_unstable();
    Ok(days)
}

/// Returns whether any day has a file, whole or half written.
pub fn is_any(directory: &Path) -> io::Result<bool> {
    Ok(names(directory)?.iter().any(|name| {
        Day::from_name(name.strip_suffix(REPLACEMENT_SUFFIX).unwrap_or(name)).is_some()
    }))
}

/// Removes every day's file, and those that are half written.
pub fn remove_all(directory: &Path) -> io::Result<()> {
    for day in list(directory)? {
        fs::remove_file(day.path(directory))?;
    }
    remove_replacements(directory)
}

/// Removes the files that a kill left half written.
pub fn remove_replacements(directory: &Path) -> io::Result<()> {
    for name in names(directory)? {
        if name
            .split_once(REPLACEMENT_SUFFIX)
            .and_then(|(name, _)| Day::from_name(name))
            .is_some()
        {
            fs::remove_file(directory.join(name))?;
        }
    }
    Ok(())
}

/// Removes the `BROKEN_SUFFIX` files of days that had ended by `before` (Unix seconds).
pub fn remove_broken(directory: &Path, before: f64) -> io::Result<()> {
    for name in names(directory)? {
        let day = name
            .split_once(BROKEN_SUFFIX)
            .and_then(|(name, _)| Day::from_name(name));
        if day.is_some_and(|day| day.end() <= before) {
            fs::remove_file(directory.join(name))?;
        }
    }
    Ok(())
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(directory)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}
