//! `ollama-tap purge`: deletes history, in the store or through the running tap that writes it.

mod target;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use super::format::{format_time, pluralize};
use super::moment::{self, Edge};
use super::source::HistorySource;
use super::{UsageErrors, combine, filter, print, query_config, usage};
use crate::cli::{Flag, PurgeArgs};
use crate::error::{Error, Result, failed};
use crate::history::record::now;
use crate::history::store::{MatchCount, PurgeReport, Selection};
use crate::util::sanitize::escape_control_chars;
use crate::util::stderr;
use target::PurgeTarget;

/// What is to be deleted.
#[derive(Debug, PartialEq)]
enum Meant {
    All,
    /// What arrived before this time (Unix seconds).
    Before(f64),
    Selected(Selection),
}

pub fn run(args: &PurgeArgs) -> Result<ExitCode> {
    let (config, meant) = combine(query_config(args.location()), meant(args)).map_err(usage)?;
    let target = PurgeTarget::of(HistorySource::locate(&config)?)?;
    let meant = with_whole_ids(meant, &target.source)?;
    let what = match meant {
        Meant::Before(time) => format!(" older than {}", format_time(time)),
        Meant::All | Meant::Selected(_) => String::new(),
    };
    let origin = target.source.origin()?;
    let asks = !args.yes && io::stdin().is_terminal();
    let count = match asks || target.history.is_some() {
        true => Some(target.count(&meant)?),
        false => None,
    };
    let is_nothing = count == Some(MatchCount::Exact(0));
    if let Some(count) = count.filter(|_| asks && !is_nothing) {
        let question = format!("delete {}{what} in {origin}?", words(count));
        if !confirmed(&question)? {
            return Err(Error::Failed("nothing was deleted".to_owned()));
        }
    }
    let purged = match is_nothing && target.shows_all()? {
        true => PurgeReport::default(),
        false => target.delete(&meant)?,
    };
    print(&format!(
        "deleted {}{what} in {origin}{}\n",
        pluralize(purged.deleted, "record"),
        shares(&purged)
    ))
}

/// Returns the same, with the whole ids of the records that are named by the beginnings of theirs.
fn with_whole_ids(meant: Meant, source: &HistorySource) -> Result<Meant> {
    let Meant::Selected(Selection::Ids(ids)) = meant else {
        return Ok(meant);
    };
    let whole = |id: String| match source.get(&id)? {
        Some(record) => Ok(record.interaction_id),
        None => Err(Error::Failed(format!(
            "nothing was deleted: there is no record `{}` in {}",
            escape_control_chars(&id),
            source.origin()?
        ))),
    };
    let whole: BTreeSet<String> = ids.into_iter().map(whole).collect::<Result<_>>()?;
    let each_once = whole.into_iter().collect();
    Ok(Meant::Selected(Selection::Ids(each_once)))
}

fn words(count: MatchCount) -> String {
    match count {
        MatchCount::Exact(count) => pluralize(count, "record"),
        MatchCount::AtLeast(count) => format!("{} or more", pluralize(count, "record")),
    }
}

/// Words the records of each backend, where more than one had any.
fn shares(purged: &PurgeReport) -> String {
    let shares: Vec<String> = purged
        .from
        .iter()
        .map(|(backend, deleted)| format!("{deleted} of {}", escape_control_chars(backend)))
        .collect();
    if shares.len() > 1 {
        format!(": {}", shares.join(", "))
    } else {
        String::new()
    }
}

/// Reads what is to be deleted, which is said in one way. Nothing is taken for more than it says: a
/// value that is empty, as of a variable that is not set, is refused.
fn meant(args: &PurgeArgs) -> Result<Meant, UsageErrors> {
    let mut flags = args.filters().to_vec();
    flags.retain(|(_, value)| value.is_some());
    let is_empty = |(_, value): &&Flag| value.as_deref() == Some("");
    let mut complaints: UsageErrors = flags
        .iter()
        .filter(is_empty)
        .map(|(flag, _)| filter::bad_flag(flag, "", "a value that is not empty"))
        .collect();
    if args.ids.iter().any(String::is_empty) {
        complaints.push(filter::bad_flag("ID", "", "the id of a record"));
    }
    if !complaints.is_empty() {
        return Err(complaints);
    }
    match (&args.before, args.all, &*args.ids, &*flags) {
        (Some(text), false, [], []) => moment::parse(text, Edge::Start, now())
            .map(Meant::Before)
            .ok_or_else(|| vec![filter::bad_flag("--before", text, moment::FORMATS)]),
        (None, true, [], []) => Ok(Meant::All),
        (None, false, [_, ..], []) => Ok(Meant::Selected(Selection::Ids(args.ids.clone()))),
        (None, false, [], [_, ..]) => {
            let query = Box::new(filter::query(&flags)?);
            Ok(Meant::Selected(Selection::Matching(query)))
        }
        (None, false, [], []) => Err(vec![
            "say what to delete: ids, filters such as --model NAME, --before TIME, or --all"
                .to_owned(),
        ]),
        _ => Err(vec![
            "ids, filters, --before and --all exclude each other (--until TIME is a filter)"
                .to_owned(),
        ]),
    }
}

fn confirmed(question: &str) -> Result<bool> {
    stderr::write(format_args!("{question} [y/N] "));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(failed("read the answer"))?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: PurgeArgs) -> Result<Meant, UsageErrors> {
        super::meant(&args)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn what_to_delete_is_said_in_one_way_and_exactly() {
        let all = PurgeArgs {
            all: true,
            ..PurgeArgs::default()
        };
        assert_eq!(of(all), Ok(Meant::All));
        let before = |text| PurgeArgs {
            before: some(text),
            ..PurgeArgs::default()
        };
        let time = Meant::Before(1_795_252_622.0);
        assert_eq!(of(before(" 2026-11-21T09:17:02Z ")), Ok(time));
        let ids = vec!["00ff".to_owned(), "01ff".to_owned()];
        let named = PurgeArgs {
            ids: ids.clone(),
            ..PurgeArgs::default()
        };
        assert_eq!(of(named), Ok(Meant::Selected(Selection::Ids(ids.clone()))));
        let model = || PurgeArgs {
            model: some("phi4"),
            ..PurgeArgs::default()
        };
        assert!(matches!(
            of(model()),
            Ok(Meant::Selected(Selection::Matching(query))) if query.model == some("phi4")
        ));
        for (bad, word) in [
            (PurgeArgs::default(), "say what to delete"),
            (before("soon"), "--before"),
            (before(""), "--before"),
            (
                PurgeArgs {
                    all: true,
                    ..before("1")
                },
                "exclude each other",
            ),
            (
                PurgeArgs {
                    all: true,
                    ..model()
                },
                "exclude each other",
            ),
            (PurgeArgs { ids, ..model() }, "exclude each other"),
            (
                PurgeArgs {
                    status: some(""),
                    ..model()
                },
                "--status",
            ),
            (
                PurgeArgs {
                    model: some(""),
                    all: true,
                    ..PurgeArgs::default()
                },
                "--model",
            ),
            (
                PurgeArgs {
                    ids: vec![String::new()],
                    ..PurgeArgs::default()
                },
                "ID",
            ),
            (
                PurgeArgs {
                    start: some("soon"),
                    ..PurgeArgs::default()
                },
                "--start",
            ),
        ] {
            let complaints = of(bad).unwrap_err();
            assert!(complaints[0].contains(word), "{complaints:?}");
        }
    }
}
