//! The end of the service's log, and what is added to it: systemd alone has a command for that.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::error::{Error, Result, failed};

/// The end of the log that is shown (bytes): about a thousand lines.
const TAIL_SIZE: u64 = 128 * 1024;

/// The time between two looks for new lines in the log.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Shows the end of the log.
pub fn show(path: &Path) -> Result<ExitCode> {
    end(path).map(|_| ExitCode::SUCCESS)
}

/// Shows it, and goes on with what is added, until the terminal ends it.
pub fn follow(path: &Path) -> Result<ExitCode> {
    let mut at = end(path)?;
    loop {
        thread::sleep(POLL_INTERVAL);
        // Between two looks the log may be put aside and begun anew.
        if let Ok(file) = File::open(path) {
            at = write_appended(file, at, &mut io::stdout())
                .map_err(failed(format!("read {}", path.display())))?;
        }
    }
}

fn end(path: &Path) -> Result<u64> {
    let file = File::open(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => {
            Error::Failed(format!("read {}: there is no log yet", path.display()))
        }
        _ => failed(format!("read {}", path.display()))(cause),
    })?;
    write_tail(file, &mut io::stdout()).map_err(failed(format!("read {}", path.display())))
}

/// Writes the last lines; returns where they end.
fn write_tail(mut file: impl Read + Seek, out: &mut impl Write) -> io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(TAIL_SIZE);
    file.seek(SeekFrom::Start(start))?;
    let mut text = Vec::new();
    file.take(TAIL_SIZE).read_to_end(&mut text)?;
    let first = if start == 0 {
        0
    } else {
        text.iter()
            .position(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1)
    };
    out.write_all(&text[first..])?;
    out.flush()?;
    Ok(start + text.len() as u64)
}

/// Writes what comes after `at`, or all where the file is shorter; returns where it ends.
fn write_appended(mut file: impl Read + Seek, at: u64, out: &mut impl Write) -> io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = if length < at { 0 } else { at };
    file.seek(SeekFrom::Start(start))?;
    let copied = io::copy(&mut file, out)?;
    out.flush()?;
    Ok(start + copied)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn shown(text: &str) -> (String, u64) {
        let mut out = Vec::new();
        let end = write_tail(Cursor::new(text), &mut out).unwrap();
        (String::from_utf8(out).unwrap(), end)
    }

    #[test]
    fn a_short_log_is_shown_whole_and_a_long_one_from_the_beginning_of_a_line() {
        assert_eq!(shown("a\nb\n"), ("a\nb\n".to_owned(), 4));
        assert_eq!(shown(""), (String::new(), 0));
        let long = "0123456789\n".repeat(20_000);
        let (text, end) = shown(&long);
        assert!(
            text.starts_with("0123456789\n")
                && text.len() as u64 > TAIL_SIZE - 11
                && end == long.len() as u64
        );
    }

    #[test]
    fn what_is_added_is_shown_once_also_in_a_log_that_was_begun_anew() {
        let mut out = Vec::new();
        let at = write_appended(Cursor::new("a\nb\n"), 2, &mut out).unwrap();
        let at = write_appended(Cursor::new("a\nb\n"), at, &mut out).unwrap();
        assert_eq!(
            (String::from_utf8(out.clone()).unwrap(), at),
            ("b\n".to_owned(), 4)
        );
        assert_eq!(write_appended(Cursor::new("c\n"), at, &mut out).unwrap(), 2);
        assert_eq!(String::from_utf8(out).unwrap(), "b\nc\n");
    }
}
