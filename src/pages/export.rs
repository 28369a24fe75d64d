//! `/analytics/export`: every record that matches, oldest first, sent while it is read, so that a
//! million records take little memory.

use std::sync::Mutex;

use chrono::Local;

use super::parameters::{Parameters, bad_parameter};
use super::request::PageRequest;
use super::response::{BodyWriter, PRIVATE_HEADERS, PageOutcome, PageResponse};
use super::response_stream::ResponseStream;
use crate::history::History;
use crate::history::export::{ExportFormat, ExportWriter};
use crate::history::store::query::LIST_PARAMETERS;
use crate::history::store::{Query, Result};

pub fn answer(
    long_response: &Mutex<()>,
    history: &History,
    request: &PageRequest,
    writer: &mut dyn BodyWriter,
) -> PageOutcome {
    let (format, query) = match parse(Parameters::of_target(&request.target())) {
        Ok(parsed) => parsed,
        Err(error) => return PageOutcome::Complete(PageResponse::store_error(&error)),
    };
    let headers = format!("{}{PRIVATE_HEADERS}", disposition(format));
    let content_type = format.content_type();
    let mut stream = ResponseStream::new(long_response, request, writer, content_type, headers);
    if stream.is_head_only() {
        return stream.finish_with_head();
    }
    let mut export = ExportWriter::new(format);
    export.begin(&mut stream.buffer);
    let read = history.store.for_each(&query, &mut |record| {
        export.record(&record, &mut stream.buffer);
        stream.flush_if_full()
    });
    export.end(&mut stream.buffer);
    stream.finish(read)
}

/// Reads the format and the filters, which are those of a search.
fn parse(parameters: Parameters) -> Result<(ExportFormat, Query)> {
    parameters.without_any_of(
        &LIST_PARAMETERS,
        "nothing, since an export holds every record that matches, the oldest first; limit it by start_time and end_time",
    )?;
    let format = match parameters.last("format") {
        None => ExportFormat::Json,
        Some(name) => name
            .parse()
            .map_err(|()| bad_parameter("format", name, ExportFormat::NAMES))?,
    };
    Ok((format, parameters.without("format").query()?))
}

fn disposition(format: ExportFormat) -> String {
    let time = Local::now().format("%Y%m%d-%H%M%S");
    let name = format!("ollama-tap-{time}.{}", format.extension());
    format!("Content-Disposition: attachment; filename=\"{name}\"\r\n")
}
