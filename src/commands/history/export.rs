//! `ollama-tap export`: every record that is meant, oldest first, to a file or to standard output, in flat memory.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use super::format::{duration, pluralize, size};
use super::output_file::OutputFile;
use super::progress::Progress;
use super::source::HistorySource;
use super::{UsageErrors, combine, filter, query_config, usage};
use crate::cli::ExportArgs;
use crate::error::{Error, Result, failed};
use crate::history::export::{ExportFormat, ExportWriter};
use crate::history::store::{MatchCount, Query};
use crate::platform;
use crate::util::stderr;

/// The text that is gathered before it is written (bytes).
const CHUNK_SIZE: usize = 64 * 1024;

/// The exit code of what a signal ended, as shells have it for SIGINT.
const INTERRUPTED: i32 = 130;

/// What is written, and how.
struct Export {
    query: Query,
    format: ExportFormat,
    /// The most records.
    limit: Option<u64>,
}

/// The side on which an export broke off.
enum ExportError {
    HistorySource(Error),
    Write(io::Error),
}

pub fn run(args: &ExportArgs) -> Result<ExitCode> {
    let mut flags = vec![("--search", &args.search)];
    flags.extend(args.filters());
    let file = file(args);
    let format = format(args, file.clone().unwrap_or_default());
    let how = combine(file, combine(format, limit(args)));
    let asked = combine(filter::query(&flags), how);
    let (config, (query, (file, (format, limit)))) =
        combine(query_config(args.location()), asked).map_err(usage)?;
    let export = Export {
        query,
        format,
        limit,
    };
    let source = HistorySource::open(&config)?;
    match file {
        Some(path) => {
            if let Some(warning) = unknown_ending(args, path) {
                stderr::say(format_args!("ollama-tap: {warning}"));
            }
            to_file(&source, &export, path)?;
        }
        None => to_stdout(&source, &export)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The file to write; `-` is standard output, as nothing is.
fn file(args: &ExportArgs) -> Result<Option<&Path>, UsageErrors> {
    match args.output.as_deref() {
        Some("") => Err(vec![filter::bad_flag("--output", "", "the name of a file")]),
        Some("-") | None => Ok(None),
        Some(name) => Ok(Some(Path::new(name))),
    }
}

fn format(args: &ExportArgs, file: Option<&Path>) -> Result<ExportFormat, UsageErrors> {
    match (&args.format, args.json) {
        (Some(name), false) => name
            .parse()
            .map_err(|()| vec![filter::bad_flag("--format", name, ExportFormat::NAMES)]),
        (Some(name), true) if name.parse() != Ok(ExportFormat::Json) => Err(vec![format!(
            "--json and --format {name} exclude each other"
        )]),
        (_, true) => Ok(ExportFormat::Json),
        (None, false) => Ok(file
            .and_then(ExportFormat::of_file)
            .unwrap_or(ExportFormat::Jsonl)),
    }
}

fn limit(args: &ExportArgs) -> Result<Option<u64>, UsageErrors> {
    let Some(text) = &args.limit else {
        return Ok(None);
    };
    let limit = text.trim().parse().ok().filter(|limit| *limit > 0);
    let bad = || {
        vec![filter::bad_flag(
            "--limit",
            text,
            "a whole number from 1 on",
        )]
    };
    limit.map(Some).ok_or_else(bad)
}

/// What is said of a name that promises no format of ours; a device or a pipe promises none.
fn unknown_ending(args: &ExportArgs, path: &Path) -> Option<String> {
    let is_said = args.format.is_some() || args.json || ExportFormat::of_file(path).is_some();
    let is_file = path.metadata().map_or(true, |found| found.is_file());
    (!is_said && is_file).then(|| {
        let name = path.display();
        format!("{name} is written as jsonl: its name ends in none of .json, .csv and .jsonl (--format says which)")
    })
}

fn to_stdout(source: &HistorySource, export: &Export) -> Result<()> {
    let mut progress = Progress::hidden();
    match write_records(source, export, &mut io::stdout().lock(), &mut progress) {
        Ok(_) => Ok(()),
        Err(ExportError::Write(cause)) if cause.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(ExportError::Write(cause)) => Err(failed("write to standard output")(cause)),
        Err(ExportError::HistorySource(error)) => Err(error),
    }
}

fn to_file(source: &HistorySource, export: &Export, path: &Path) -> Result<()> {
    let operation = format!("write {}", path.display());
    let mut output = OutputFile::create(path).map_err(failed(&operation))?;
    remove_at_signals(output.part())?;
    let mut progress = if io::stderr().is_terminal() {
        let total = total(source, &export.query);
        Progress::of(total.map(|total| total.min(export.limit.unwrap_or(total))))
    } else {
        Progress::hidden()
    };
    let bytes = match write_records(source, export, output.writer(), &mut progress) {
        Ok(bytes) => bytes,
        Err(ExportError::Write(cause)) => return Err(failed(operation)(cause)),
        Err(ExportError::HistorySource(error)) => return Err(error),
    };
    let (records, elapsed) = (progress.done(), progress.elapsed());
    drop(progress);
    output.persist().map_err(failed(operation))?;
    stderr::say(format_args!(
        "ollama-tap: wrote {} to {} ({} in {})",
        pluralize(records, "record"),
        path.display(),
        size(bytes),
        duration(Some(elapsed.as_secs_f64()))
    ));
    Ok(())
}

/// Removes the unfinished file when a signal stops the export.
fn remove_at_signals(part: Option<&Path>) -> Result<()> {
    let Some(part) = part.map(Path::to_owned) else {
        return Ok(());
    };
    let remove = move || {
        let _ = std::fs::remove_file(&part);
        std::process::exit(INTERRUPTED);
    };
    platform::process::wait_for_signals(remove).map_err(failed("wait for signals"))
}

/// Returns the number of records to come, where that is easily known.
fn total(source: &HistorySource, query: &Query) -> Option<u64> {
    if *query == Query::default() {
        return source.extent().ok().map(|extent| extent.records);
    }
    if !query.is_of_summaries() {
        return None;
    }
    match source.count(query) {
        Ok(MatchCount::Exact(count)) => Some(count),
        Ok(MatchCount::AtLeast(_)) | Err(_) => None,
    }
}

/// Writes every record that is meant, and returns the bytes that they took.
fn write_records(
    source: &HistorySource,
    export: &Export,
    out: &mut dyn Write,
    progress: &mut Progress,
) -> Result<u64, ExportError> {
    let mut writer = ExportWriter::new(export.format);
    let mut chunk = Vec::with_capacity(2 * CHUNK_SIZE);
    let mut written = Ok(());
    let mut bytes = 0;
    writer.begin(&mut chunk);
    let visit = &mut |record| {
        writer.record(&record, &mut chunk);
        progress.record();
        if chunk.len() >= CHUNK_SIZE {
            written = out.write_all(&chunk);
            bytes += chunk.len() as u64;
            chunk.clear();
        }
        let is_enough = export.limit.is_some_and(|limit| progress.done() >= limit);
        if written.is_ok() && !is_enough {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    source
        .for_each(&export.query, visit)
        .map_err(ExportError::HistorySource)?;
    written.map_err(ExportError::Write)?;
    writer.end(&mut chunk);
    out.write_all(&chunk)
        .and_then(|()| out.flush())
        .map_err(ExportError::Write)?;
    Ok(bytes + chunk.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format_of(
        output: Option<&str>,
        format: Option<&str>,
        json: bool,
    ) -> Result<ExportFormat, UsageErrors> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let args = ExportArgs {
            output: text(output),
            format: text(format),
            json,
            ..ExportArgs::default()
        };
        super::format(&args, file(&args)?)
    }

    #[test]
    fn the_format_is_what_was_said_else_what_the_file_is_called() {
        assert_eq!(format_of(None, None, false), Ok(ExportFormat::Jsonl));
        assert_eq!(format_of(Some("-"), None, false), Ok(ExportFormat::Jsonl));
        assert_eq!(format_of(Some("a.csv"), None, false), Ok(ExportFormat::Csv));
        assert_eq!(
            format_of(Some("a.csv"), Some("json"), false),
            Ok(ExportFormat::Json)
        );
        assert_eq!(
            format_of(Some("a.csv"), Some("JSON"), true),
            Ok(ExportFormat::Json)
        );
        assert_eq!(format_of(Some("a.csv"), None, true), Ok(ExportFormat::Json));
        assert_eq!(
            format_of(Some("a.txt"), None, false),
            Ok(ExportFormat::Jsonl)
        );
        assert!(
            format_of(None, Some("csv"), true)
                .is_err_and(|bad| bad[0].contains("exclude each other"))
        );
        let bad = "bad value for --format: `xml`; accepted: json, csv or jsonl";
        assert_eq!(
            format_of(None, Some("xml"), false),
            Err(vec![bad.to_owned()])
        );
    }
}
