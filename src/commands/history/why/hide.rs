//! `why --hide KEY`: some findings are known, and not told for a while.

use std::process::ExitCode;

use super::super::format::{format_time, pluralize};
use super::super::source::HistorySource;
use super::super::{UsageErrors, filter, json, print};
use crate::cli::WhyArgs;
use crate::diagnose::groups::{KEY_FORMAT, is_key};
use crate::error::Result;
use crate::history::store::query::{DEFAULT_HIDDEN_DAYS, HIDDEN_DAYS_FORMAT, parse_hidden_days};
use crate::history::store::{Hidden, Query};
use crate::util::sanitize::{escape_control_chars, shell_word};

/// The findings to hide, and for how long.
#[derive(Debug, PartialEq, Eq)]
pub struct HideRequest {
    key: String,
    /// 0 shows them again.
    days: u32,
}

/// What the flags ask to hide, if anything.
pub fn request(args: &WhyArgs) -> Result<Option<HideRequest>, UsageErrors> {
    let Some(key) = &args.hide else {
        return match args.days {
            Some(_) => Err(vec!["--days belongs to --hide KEY".to_owned()]),
            None => Ok(None),
        };
    };
    let mut errors = Vec::new();
    if !is_key(key) {
        errors.push(filter::bad_flag("--hide", key, KEY_FORMAT));
    }
    if args.id.is_some() || args.all {
        errors.push("--hide KEY goes with neither ID nor --all".to_owned());
    }
    let days = match &args.days {
        None => Some(DEFAULT_HIDDEN_DAYS),
        Some(text) => {
            let days = parse_hidden_days(text.trim());
            if days.is_none() {
                errors.push(filter::bad_flag("--days", text, HIDDEN_DAYS_FORMAT));
            }
            days
        }
    };
    match days {
        Some(days) if errors.is_empty() => Ok(Some(HideRequest {
            key: key.clone(),
            days,
        })),
        _ => Err(errors),
    }
}

/// Hides them, and says so. `query` is that of `why`: a key of which nothing was found in that time
/// may have a slip in it.
pub fn run(
    source: &HistorySource,
    hide: &HideRequest,
    query: &Query,
    is_json: bool,
) -> Result<ExitCode> {
    let report = source.hide_findings(&hide.key, hide.days)?;
    if is_json {
        return print(&json(&report));
    }
    let key = escape_control_chars(&report.key);
    let Some(until) = report.hidden_until else {
        return print(&format!("{key} is told again\n"));
    };
    let found = source.why(query, Hidden::Told)?.findings;
    let note = match found.iter().any(|group| group.key == report.key) {
        true => "",
        false => "; no finding has this key at present",
    };
    let again = shell_word(&report.key);
    print(&format!(
        "{key} is hidden until {}{note}\n{} hidden; show it again: ollama-tap why --days 0 --hide {}\n",
        format_time(until),
        pluralize(report.hidden, "group"),
        escape_control_chars(&again)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(hide: Option<&str>, days: Option<&str>) -> Result<Option<HideRequest>, UsageErrors> {
        request(&WhyArgs {
            hide: hide.map(str::to_owned),
            days: days.map(str::to_owned),
            ..WhyArgs::default()
        })
    }

    #[test]
    fn a_group_is_hidden_by_its_key_for_thirty_days_or_so_many() {
        let key = "context_cut.middle.sure.llama3.2";
        let of = |days| {
            Ok(Some(HideRequest {
                key: key.to_owned(),
                days,
            }))
        };
        assert_eq!(asked(Some(key), None), of(30));
        assert_eq!(asked(Some(key), Some("0")), of(0));
        assert_eq!(asked(None, None), Ok(None));
        for (hide, days, words) in [
            (None, Some("3"), "--hide KEY"),
            (Some("x"), None, "bad value for --hide: `x`"),
            (Some("slower.version.surely.m"), None, "--hide"),
            (Some("context_cut.middle.sure."), None, "--hide"),
            (Some(key), Some("-1"), "bad value for --days: `-1`"),
            (Some(key), Some("3651"), "--days"),
        ] {
            let errors = asked(hide, days).unwrap_err();
            assert!(errors[0].contains(words), "{errors:?}");
        }
    }
}
