//! The history of a question that names none, where no tap runs: that in the working directory, else the one that a tap of this user
//! wrote last, else the service's.

use std::path::Path;

use super::detect::detect_backend;
use crate::config::{Backend, HistoryConfig, QueryConfig};
use crate::error::{Error, Result};
use crate::instance::histories::{self, KnownHistory};
use crate::platform;
use crate::util::stderr;

/// Finds it, and says on standard error where it is, if that is not the obvious place, and where others are.
pub fn usual_store(config: &QueryConfig) -> Result<HistoryConfig> {
    let here = &config.history.dir;
    let at = |dir: &Path, backend| HistoryConfig {
        backend,
        dir: dir.to_owned(),
        ..config.history.clone()
    };
    let mut known = histories::elsewhere(here, config.backend);
    if let Some(backend) = detect_backend(here, config.backend)? {
        tell(None, &known);
        return Ok(at(here, backend));
    }
    let service = platform::folders::service_history();
    known.sort_by_key(|known| known.directory == service);
    if let [first, others @ ..] = &*known {
        tell(Some(first), others);
        return Ok(at(&first.directory, first.found.backend));
    }
    // What has no records, or is for others to read, is told with the reason.
    let of_commands = platform::folders::command_history();
    let last = of_commands.into_iter().chain([service]);
    let dirs: Vec<_> = last.collect();
    for dir in &dirs {
        if let Some(backend) = detect_backend(dir, config.backend)? {
            return Ok(at(dir, backend));
        }
    }
    let dirs = [here].into_iter().chain(&dirs);
    let dirs: Vec<String> = dirs.map(|dir| dir.display().to_string()).collect();
    Err(Error::Failed(format!(
        "nothing to read: no tap answers at {}, and there is no {}history in {}; say where it is with --listen or --analytics-dir",
        config.addresses(),
        kind(config.backend),
        dirs.join(" or ")
    )))
}

/// The kind of history that was asked for, as an adjective.
pub fn kind(named: Option<Backend>) -> String {
    let is_kind = |backend: &Backend| matches!(backend, Backend::Jsonl | Backend::Sqlite);
    let named = named.filter(is_kind);
    named.map_or_else(String::new, |backend| format!("{} ", backend.as_str()))
}

fn tell(asked: Option<&KnownHistory>, others: &[KnownHistory]) {
    if let Some(text) = told(asked, others) {
        stderr::say(format_args!("ollama-tap: {text}"));
    }
}

/// Words what is read, where that is not in the working directory, and what else there is.
fn told(asked: Option<&KnownHistory>, others: &[KnownHistory]) -> Option<String> {
    let others: Vec<String> = others.iter().map(ToString::to_string).collect();
    let also = (!others.is_empty()).then(|| {
        format!(
            "also there: {} (--analytics-dir says which one)",
            others.join(", ")
        )
    });
    match (asked.map(|asked| format!("reading {asked}")), also) {
        (Some(reading), Some(also)) => Some(format!("{reading}; {also}")),
        (reading, also) => reading.or(also),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::history::on_disk::HistoryOnDisk;

    #[test]
    fn what_is_read_is_told_unless_it_is_in_the_working_directory_and_others_are_named() {
        let known = |directory: &str, backend| KnownHistory {
            directory: directory.into(),
            found: HistoryOnDisk {
                backend,
                written: SystemTime::UNIX_EPOCH,
            },
        };
        let [one, other] = [known("/a b", Backend::Jsonl), known("/c", Backend::Sqlite)];
        assert_eq!(told(None, &[]), None);
        assert_eq!(told(Some(&one), &[]).unwrap(), "reading /a b (jsonl)");
        assert_eq!(
            told(None, &[one.clone(), other.clone()]).unwrap(),
            "also there: /a b (jsonl), /c (sqlite) (--analytics-dir says which one)"
        );
        assert_eq!(
            told(Some(&other), &[one]).unwrap(),
            "reading /c (sqlite); also there: /a b (jsonl) (--analytics-dir says which one)"
        );
    }
}
