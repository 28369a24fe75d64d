//! `/analytics/export`: every record that is meant, oldest first, sent while it is read, so that a million take flat memory.

use chrono::Local;

use super::analytics::{PRIVATE, Pairs, bad, pairs, query, refusal};
use super::stream::Stream;
use super::{Answered, Asked, BodyWriter, Pages};
use crate::history::Archive;
use crate::history::export::{Format, Writer};
use crate::history::store::{Query, Result};

pub fn answer(
    pages: &Pages,
    archive: &Archive,
    asked: &Asked,
    outlet: &mut dyn BodyWriter,
) -> Answered {
    let (format, query) = match wanted(pairs(&asked.target())) {
        Ok(wanted) => wanted,
        Err(why) => return Answered::Whole(refusal(&why)),
    };
    let mut stream = Stream::new(
        pages,
        asked,
        outlet,
        format.content_type(),
        format!("{}{PRIVATE}", disposition(format)),
    );
    if stream.is_head_only() {
        return stream.end_with_head();
    }
    let mut writer = Writer::new(format);
    writer.begin(&mut stream.pending);
    let read = archive.store.each(&query, &mut |record| {
        writer.record(&record, &mut stream.pending);
        stream.go_on()
    });
    writer.end(&mut stream.pending);
    stream.end(read)
}

/// The format and the filters, which are a search's without those of its pages.
fn wanted(mut pairs: Pairs) -> Result<(Format, Query)> {
    let mut format = Format::Json;
    for (name, value) in &pairs {
        match name.as_str() {
            "format" => {
                format = value
                    .parse()
                    .map_err(|()| bad(name, value, Format::NAMES))?
            }
            "limit" | "before" => {
                return Err(bad(
                    name,
                    value,
                    "nothing: an export is whole; start_time and end_time bound it",
                ));
            }
            _ => {}
        }
    }
    pairs.retain(|(name, _)| name != "format");
    Ok((format, query(&pairs)?))
}

fn disposition(format: Format) -> String {
    let name = format!(
        "ollama-tap-{}.{}",
        Local::now().format("%Y%m%d-%H%M%S"),
        format.ending()
    );
    format!("Content-Disposition: attachment; filename=\"{name}\"\r\n")
}
