//! EXPORT: records as files for others, as JSON, CSV or JSON lines; the same bytes from the page and from the terminal.
//!
//! A `Writer` appends to a buffer that its owner empties, so that an export of any length takes flat memory.

use std::path::Path;
use std::str::FromStr;

use serde_json::Value;

use crate::history::record::{FIELDS, Record};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One array.
    Json,
    /// A header and a row for each record, as RFC 4180 has it.
    Csv,
    /// A record on each line.
    Jsonl,
}

impl Format {
    /// What `from_str` takes, for messages.
    pub const NAMES: &str = "json, csv or jsonl";

    /// The format that the ending of a file's name promises.
    pub fn of_file(path: &Path) -> Option<Format> {
        path.extension()?.to_str()?.parse().ok()
    }

    /// The ending of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Csv => "text/csv; charset=utf-8",
            Format::Jsonl => "application/x-ndjson",
        }
    }
}

impl FromStr for Format {
    type Err = ();

    fn from_str(text: &str) -> Result<Format, ()> {
        match text.to_ascii_lowercase().as_str() {
            "json" => Ok(Format::Json),
            "csv" => Ok(Format::Csv),
            "jsonl" => Ok(Format::Jsonl),
            _ => Err(()),
        }
    }
}

/// Writes one export: `begin`, each `record`, `end`.
pub struct Writer {
    format: Format,
    is_first: bool,
}

impl Writer {
    pub fn new(format: Format) -> Writer {
        Writer {
            format,
            is_first: true,
        }
    }

    pub fn begin(&self, out: &mut Vec<u8>) {
        match self.format {
            Format::Json => out.push(b'['),
            Format::Csv => row(FIELDS.into_iter(), out),
            Format::Jsonl => {}
        }
    }

    pub fn record(&mut self, record: &Record, out: &mut Vec<u8>) {
        let is_first = std::mem::take(&mut self.is_first);
        match self.format {
            Format::Json => {
                out.extend_from_slice(if is_first { b"\n" } else { b",\n" });
                json(record, out);
            }
            Format::Csv => {
                let value = serde_json::to_value(record).unwrap_or_default();
                row(FIELDS.into_iter().map(|name| cell(&value[name])), out);
            }
            Format::Jsonl => {
                json(record, out);
                out.push(b'\n');
            }
        }
    }

    pub fn end(&self, out: &mut Vec<u8>) {
        if self.format == Format::Json {
            out.extend_from_slice(b"\n]\n");
        }
    }
}

/// A record as it lies in an array or on a line.
pub fn json(record: &Record, out: &mut Vec<u8>) {
    serde_json::to_writer(out, record)
        .expect("memory takes every byte, and a record has no keys but text");
}

/// The text of a value in a table.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(text),
        other => other.to_string(),
    }
}

/// Text that a spreadsheet takes for text: what it would run as a formula begins with an apostrophe. Numbers stay numbers.
fn harmless(text: &str) -> String {
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
        && !text.parse::<f64>().is_ok_and(f64::is_finite);
    if runs {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn row(cells: impl Iterator<Item = impl AsRef<str>>, out: &mut Vec<u8>) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        quoted(cell.as_ref(), out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Quotes what holds a separator of any country's spreadsheets.
fn quoted(cell: &str, out: &mut Vec<u8>) {
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

    fn written(format: Format, records: &[Record]) -> String {
        let (mut writer, mut out) = (Writer::new(format), Vec::new());
        writer.begin(&mut out);
        records
            .iter()
            .for_each(|record| writer.record(record, &mut out));
        writer.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_one_array_however_many_records_there_are() {
        for count in [0, 1, 3] {
            let records = vec![record("a"); count];
            assert_eq!(
                serde_json::from_str::<Vec<Record>>(&written(Format::Json, &records)).unwrap(),
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
        let text = written(Format::Jsonl, &records);
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
        let text = written(Format::Csv, &[full, record("b")]);
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[0], FIELDS.join(","));
        assert_eq!(
            lines[1],
            r#"a,1.5,,,,,,,,41.5,,,,,,"{""client_ip"":""127.0.0.1""}",,,,"[{""arguments"":""{}"",""name"":""f""}]",,,,,true,,,,,,,,"#
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
                Format::Csv,
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
    fn the_format_is_told_by_name_or_by_the_ending_of_a_file() {
        assert_eq!("CSV".parse(), Ok(Format::Csv));
        assert_eq!("xml".parse::<Format>(), Err(()));
        assert_eq!(
            Format::of_file(Path::new("a.b/history.json")),
            Some(Format::Json)
        );
        assert_eq!(
            Format::of_file(Path::new("history.jsonl")),
            Some(Format::Jsonl)
        );
        assert_eq!(Format::of_file(Path::new("history.gz")), None);
        assert_eq!(Format::of_file(Path::new("csv")), None);
    }
}
