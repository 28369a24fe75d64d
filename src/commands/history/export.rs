//! `ollama-tap export`: every record that is meant, oldest first, to a file or to standard output, in flat memory.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use super::format::pluralize;
use super::output_file::OutputFile;
use super::progress::Progress;
use super::source::{HistorySource, Purpose};
use super::{UsageErrors, combine, filter, query_config, usage};
use crate::cli::ExportArgs;
use crate::error::{Error, Result, failed};
use crate::history::export::{ExportFormat, ExportWriter};
use crate::history::store::Query;
use crate::platform;
use crate::util::stderr;

/// The text that is gathered before it is written (bytes).
const CHUNK_SIZE: usize = 64 * 1024;

/// The exit code of what a signal ended, as shells have it for SIGINT.
const INTERRUPTED: i32 = 130;

/// The side on which an export broke off.
enum ExportError {
    HistorySource(Error),
    Write(io::Error),
}

pub fn run(args: &ExportArgs) -> Result<ExitCode> {
    let mut flags = vec![("--search", &args.search)];
    flags.extend(args.filters());
    let asked = combine(filter::query(&flags), format(args));
    let (config, (query, format)) = combine(query_config(args.location()), asked).map_err(usage)?;
    let source = HistorySource::open(&config, Purpose::Export)?;
    match file(args) {
        Some(path) => to_file(&source, &query, format, path)?,
        None => to_stdout(&source, &query, format)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The file to write; `-` is standard output, as nothing is.
fn file(args: &ExportArgs) -> Option<&Path> {
    args.output
        .as_deref()
        .filter(|name| *name != "-")
        .map(Path::new)
}

fn format(args: &ExportArgs) -> Result<ExportFormat, UsageErrors> {
    match (&args.format, args.json) {
        (Some(name), false) => name
            .parse()
            .map_err(|()| vec![filter::bad_flag("--format", name, ExportFormat::NAMES)]),
        (Some(name), true) if name.parse() != Ok(ExportFormat::Json) => Err(vec![format!(
            "--json and --format {name} exclude each other"
        )]),
        (_, true) => Ok(ExportFormat::Json),
        (None, false) => Ok(file(args)
            .and_then(ExportFormat::of_file)
            .unwrap_or(ExportFormat::Jsonl)),
    }
}

fn to_stdout(source: &HistorySource, query: &Query, format: ExportFormat) -> Result<()> {
    match write_records(
        source,
        query,
        format,
        &mut io::stdout().lock(),
        Progress::hidden(),
    ) {
        Ok(_) => Ok(()),
        Err(ExportError::Write(cause)) if cause.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(ExportError::Write(cause)) => Err(failed("write to standard output")(cause)),
        Err(ExportError::HistorySource(error)) => Err(error),
    }
}

fn to_file(source: &HistorySource, query: &Query, format: ExportFormat, path: &Path) -> Result<()> {
    let operation = format!("write {}", path.display());
    let mut output = OutputFile::create(path).map_err(failed(&operation))?;
    remove_at_signals(output.part())?;
    let progress = if io::stderr().is_terminal() {
        Progress::of(total(source, query))
    } else {
        Progress::hidden()
    };
    let records = match write_records(source, query, format, output.writer(), progress) {
        Ok(records) => records,
        Err(ExportError::Write(cause)) => return Err(failed(operation)(cause)),
        Err(ExportError::HistorySource(error)) => return Err(error),
    };
    output.persist().map_err(failed(operation))?;
    stderr::say(format_args!(
        "ollama-tap: wrote {} to {}",
        pluralize(records, "record"),
        path.display()
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
    (*query == Query::default()).then(|| source.extent().ok().map(|extent| extent.records))?
}

/// Writes every record that is meant, and returns how many there were.
fn write_records(
    source: &HistorySource,
    query: &Query,
    format: ExportFormat,
    out: &mut dyn Write,
    mut progress: Progress,
) -> Result<u64, ExportError> {
    let mut writer = ExportWriter::new(format);
    let mut chunk = Vec::with_capacity(2 * CHUNK_SIZE);
    let mut written = Ok(());
    writer.begin(&mut chunk);
    let visit = &mut |record| {
        writer.record(&record, &mut chunk);
        progress.record();
        if chunk.len() >= CHUNK_SIZE {
            written = out.write_all(&chunk);
            chunk.clear();
        }
        if written.is_ok() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    source
        .for_each(query, visit)
        .map_err(ExportError::HistorySource)?;
    written.map_err(ExportError::Write)?;
    writer.end(&mut chunk);
    out.write_all(&chunk)
        .and_then(|()| out.flush())
        .map_err(ExportError::Write)?;
    Ok(progress.done())
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
        super::format(&ExportArgs {
            output: text(output),
            format: text(format),
            json,
            ..ExportArgs::default()
        })
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
