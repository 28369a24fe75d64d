//! Exports records as JSON, CSV or JSON lines: the same bytes from the page and from the terminal.
//!
//! An `ExportWriter` appends to a buffer that its owner empties, so that an export of any length
//! takes little memory.

use std::path::Path;
use std::str::FromStr;

use serde_json::Value;

use crate::history::record::{FIELDS, Record};

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// One array.
    Json,
    /// A header and a row for each record, by RFC 4180.
    Csv,
    /// A record on each line.
    Jsonl,
}

impl ExportFormat {
    /// The names that `from_str` accepts, for messages.
    pub const NAMES: &str = "json, csv or jsonl";

    /// Returns the format that a file's extension promises.
    pub fn of_file(path: &Path) -> Option<ExportFormat> {
        path.extension()?.to_str()?.parse().ok()
    }

    /// Returns the extension of a file in this format.
    pub fn extension(self) -> &'static str {
        match self {
            ExportFormat::Json => "json",
            ExportFormat::Csv => "csv",
            ExportFormat::Jsonl => "jsonl",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            ExportFormat::Json => "application/json",
            ExportFormat::Csv => "text/csv; charset=utf-8",
            ExportFormat::Jsonl => "application/x-ndjson",
        }
    }
}

impl FromStr for ExportFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<ExportFormat, ()> {
        match text.to_ascii_lowercase().as_str() {
            "json" => Ok(ExportFormat::Json),
            "csv" => Ok(ExportFormat::Csv),
            "jsonl" => Ok(ExportFormat::Jsonl),
            _ => Err(()),
        }
    }
}

/// Writes one export: `begin`, each `record`, `end`.
pub struct ExportWriter {
    format: ExportFormat,
    is_first: bool,
}

impl ExportWriter {
    pub fn new(format: ExportFormat) -> ExportWriter {
        ExportWriter {
            format,
            is_first: true,
        }
    }

    pub fn begin(&self, out: &mut Vec<u8>) {
        match self.format {
            ExportFormat::Json => out.push(b'['),
            ExportFormat::Csv => push_row(FIELDS.into_iter(), out),
            ExportFormat::Jsonl => {}
        }
    }

    pub fn record(&mut self, record: &Record, out: &mut Vec<u8>) {
        let is_first = std::mem::take(&mut self.is_first);
        match self.format {
            ExportFormat::Json => {
                out.extend_from_slice(if is_first { b"\n" } else { b",\n" });
                push_json(record, out);
            }
            ExportFormat::Csv => {
                let value = serde_json::to_value(record).unwrap_or_default();
                push_row(FIELDS.into_iter().map(|name| cell(&value[name])), out);
            }
            ExportFormat::Jsonl => {
                push_json(record, out);
                out.push(b'\n');
            }
        }
    }

    pub fn end(&self, out: &mut Vec<u8>) {
        if self.format == ExportFormat::Json {
            out.extend_from_slice(b"\n]\n");
        }
    }
}

/// Appends a record as an element of an array or a line.
pub fn push_json(record: &Record, out: &mut Vec<u8>) {
    serde_json::to_writer(out, record)
        .expect("memory takes every byte, and a record has no keys but text");
}

/// Returns the text of a value in a CSV cell.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(list) if list.is_empty() => String::new(),
        Value::String(text) => disarm_formula(text),
        other => other.to_string(),
    }
}

/// Puts an apostrophe before text that a spreadsheet would run as a formula. Numbers stay numbers.
fn disarm_formula(text: &str) -> String {
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
        && !text.parse::<f64>().is_ok_and(f64::is_finite);
    if runs {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn push_row(cells: impl Iterator<Item = impl AsRef<str>>, out: &mut Vec<u8>) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push_quoted(cell.as_ref(), out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a cell, quoted if it holds a separator of any country's spreadsheets.
fn push_quoted(cell: &str, out: &mut Vec<u8>) {
    if cell.contains(['"', ',', ';', '\t', '\r', '\n']) {
        out.extend_from_slice(format!("\"{}\"", cell.replace('"', "\"\"")).as_bytes());
    } else {
        out.extend_from_slice(cell.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observe::exchange::ToolCall;

    fn record(id: &str) -> Record {
        Record {
            interaction_id: id.to_owned(),
            timestamp: 1.5,
            ..Record::default()
        }
    }

    fn written(format: ExportFormat, records: &[Record]) -> String {
        let (mut writer, mut out) = (ExportWriter::new(format), Vec::new());
        writer.begin(&mut out);
        for record in records {
            writer.record(record, &mut out);
        }
        writer.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_one_array_however_many_records_there_are() {
        for count in [0, 1, 3] {
            let records = vec![record("a"); count];
            assert_eq!(
                serde_json::from_str::<Vec<Record>>(&written(ExportFormat::Json, &records))
                    .unwrap(),
                records
            );
        }
    }

    #[test]
    fn json_lines_are_whole_records_of_one_line_each() {
        let records = [
            record("a"),
            Record {
                prompt_full: Some("two\nlines".to_owned()),
                ..record("b")
            },
        ];
        let text = written(ExportFormat::Jsonl, &records);
        let read: Vec<Record> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(read, records);
    }

    #[test]
    fn csv_has_every_field_in_order_and_nothing_where_nothing_is_known() {
        let full = Record {
            metadata: json!({"client_ip": "127.0.0.1"}),
            tool_calls: Some(vec![ToolCall {
                name: "f".to_owned(),
                arguments: "{}".to_owned(),
            }]),
            tokens_per_second: Some(41.5),
            stream: Some(true),
            ..record("a")
        };
        let text = written(ExportFormat::Csv, &[full, record("b")]);
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[0], FIELDS.join(","));
        assert_eq!(
            lines[1],
            r#"a,1.5,,,,,,,,41.5,,,,,,"{""client_ip"":""127.0.0.1""}",,,,"[{""arguments"":""{}"",""name"":""f""}]",,,,,true,,,,,,,,,,,,,,,,,,,,,,,,,,"#
        );
        assert_eq!(lines[2], format!("b,1.5{}", ",".repeat(FIELDS.len() - 2)));
        assert_eq!(lines[3..], [""]);
    }

    #[test]
    fn csv_quotes_what_would_break_a_row_and_disarms_what_would_run() {
        for (text, expected) in [
            ("plain text", "plain text"),
            ("a,b", "\"a,b\""),
            ("a;b", "\"a;b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "'=1+1"),
            (
                "=HYPERLINK(\"x\",\"y\")",
                "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"",
            ),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("-help", "'-help"),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("-5", "-5"),
            ("+1.5e3", "+1.5e3"),
            ("-inf", "'-inf"),
            ("שלום", "שלום"),
        ] {
            let text = written(
                ExportFormat::Csv,
                &[Record {
                    model: Some(text.to_owned()),
                    ..record("a")
                }],
            );
            let row = text.split_once("\r\n").unwrap().1;
            assert_eq!(
                row,
                format!("a,1.5,{expected}{}\r\n", ",".repeat(FIELDS.len() - 3))
            );
        }
    }

    #[test]
    fn the_format_is_read_from_its_name_or_the_extension_of_a_file() {
        assert_eq!("CSV".parse(), Ok(ExportFormat::Csv));
        assert_eq!("xml".parse::<ExportFormat>(), Err(()));
        assert_eq!(
            ExportFormat::of_file(Path::new("a.b/history.json")),
            Some(ExportFormat::Json)
        );
        assert_eq!(
            ExportFormat::of_file(Path::new("history.jsonl")),
            Some(ExportFormat::Jsonl)
        );
        assert_eq!(ExportFormat::of_file(Path::new("history.gz")), None);
        assert_eq!(ExportFormat::of_file(Path::new("csv")), None);
    }
}
