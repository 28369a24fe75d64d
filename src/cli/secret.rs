//! The one secret that a command line can hold.

use std::ffi::OsString;

use super::definition::is_switch;
use super::parse::{FirstArgument, classify, split_flag_values};

/// Takes `--token` and its value out of the arguments; `None` where they are not a command of ours, or have none.
pub fn extract_token(args: &[OsString]) -> Option<(Vec<String>, String)> {
    if !matches!(
        classify(args),
        FirstArgument::Ours | FirstArgument::Serve | FirstArgument::Alias
    ) {
        return None;
    }
    let args: Vec<String> = args
        .iter()
        .map(|arg| arg.clone().into_string().ok())
        .collect::<Option<_>>()?;
    let (mut others, mut token) = (Vec::new(), None);
    let mut rest = split_flag_values(&args).into_iter().map(str::to_owned);
    while let Some(arg) = rest.next() {
        if arg == "--token" {
            token = rest.next();
            continue;
        }
        let has_value = arg.starts_with('-') && !is_switch(&arg);
        let is_end = arg == "--";
        others.push(arg);
        others.extend(rest.by_ref().take(if is_end {
            usize::MAX
        } else {
            usize::from(has_value)
        }));
    }
    Some((others, token?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Option<(String, String)> {
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        extract_token(&args).map(|(others, token)| (others.join(" "), token))
    }

    #[test]
    fn a_token_is_taken_out_and_nothing_else() {
        let found = |others: &str, token: &str| Some((others.to_owned(), token.to_owned()));
        assert_eq!(
            split("proxy --token t --listen 1"),
            found("proxy --listen 1", "t")
        );
        assert_eq!(
            split("--workers=2 --token=a=b"),
            found("--workers 2", "a=b")
        );
        assert_eq!(
            split("search --json --token t -- --token x"),
            found("search --json -- --token x", "t")
        );
        assert_eq!(
            split("service install --dry-run --token t"),
            found("service install --dry-run", "t")
        );
        for line in [
            "",
            "proxy",
            "proxy --listen --token=x",
            "search -- --token x",
            "run phi4 --token x",
            "-- proxy --token x",
        ] {
            assert_eq!(split(line), None, "{line}");
        }
    }
}
