//! The service's settings file, in the form that systemd's `EnvironmentFile=` reads: `NAME=value`, a line each.
//!
//! On Windows backslashes are plain characters; systemd gives them a meaning.
//!
//! People edit it. So it is changed line by line: comments, order and unknown lines stay as they are.

use std::collections::BTreeMap;

use crate::platform;
use crate::util::sanitize::redact_passwords;

/// Its path on Linux.
pub const PATH: &str = "/etc/ollama-tap.env";

/// The command that the service runs: `proxy` or `serve`.
pub const COMMAND: &str = "OLLAMA_TAP_COMMAND";

/// Words in the names of variables whose values are never shown, ours and others'.
const SECRETS: [&str; 5] = ["TOKEN", "PASSWORD", "SECRET", "KEY", "LOKI_USER"];

const HEADER: &str = "\
# What Ollama Tap's service runs, and with which settings: the variables that its README lists.
# Edit it, then: ollama-tap service restart
";

/// The values of variables, by name.
pub type Values = BTreeMap<String, String>;

/// A variable and its new value; `None` removes it.
pub type Change = (String, Option<String>);
pub type Changes = BTreeMap<String, Option<String>>;

/// Reads a settings file. A line without an assignment is skipped, as systemd does it.
pub fn read(text: &str) -> Values {
    text.lines()
        .filter_map(|line| Some((name_of(line)?.to_owned(), value(line.split_once('=')?.1))))
        .collect()
}

/// Applies changes to the text of a file; all other lines stay where they are.
pub fn changed(text: &str, changes: &Changes) -> String {
    let old = read(text);
    let text = if text.is_empty() { HEADER } else { text };
    let differs = |name: &str| {
        changes
            .get(name)
            .is_some_and(|value| value.as_ref() != old.get(name))
    };
    let unchanged = text
        .lines()
        .filter(|line| !name_of(line).is_some_and(differs))
        .map(str::to_owned);
    let new = changes
        .iter()
        .filter(|(name, _)| differs(name))
        .filter_map(|(name, value)| Some(format!("{name}={}", quote(value.as_ref()?))));
    unchanged.chain(new).map(|line| line + "\n").collect()
}

/// Hides the secrets in the text of a file with settings: lines `NAME=value`, or a property list.
pub fn without_secrets(text: &str) -> String {
    let mut key = "";
    let mut shown = String::new();
    for line in text.lines() {
        let inner = |tag: &str| {
            line.trim()
                .strip_prefix(&format!("<{tag}>"))?
                .strip_suffix(&format!("</{tag}>"))
        };
        shown += &match (name_of(line), inner("string")) {
            (Some(name), _) if is_secret(name, line) => format!("{name}=(not shown)\n"),
            (_, Some(value)) if is_secret(key, value) => line.replace(value, "(not shown)") + "\n",
            _ => format!("{line}\n"),
        };
        key = inner("key").unwrap_or_default();
    }
    shown
}

/// Returns whether a value is secret, by its name or as an address with a secret in it.
fn is_secret(name: &str, value: &str) -> bool {
    SECRETS.iter().any(|word| name.contains(word)) || redact_passwords(value) != value
}

/// Returns the name that a line gives a value to.
fn name_of(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then_some(name)
}

/// Quotes a value where it needs it.
fn quote(value: &str) -> String {
    if platform::files::BACKSLASHES_ARE_PATHS {
        quote_plain(value)
    } else {
        quote_for_systemd(value)
    }
}

/// Takes a value out of its quotes.
fn value(text: &str) -> String {
    if platform::files::BACKSLASHES_ARE_PATHS {
        plain_value(text).to_owned()
    } else {
        systemd_value(text)
    }
}

/// Quotes a value for Windows, where a backslash is plain: else every path would need two of each.
fn quote_plain(value: &str) -> String {
    if plain_value(value) == value {
        value.to_owned()
    } else {
        format!("\"{value}\"")
    }
}

fn plain_value(text: &str) -> &str {
    let text = text.trim();
    let inner = ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(text)
}

fn quote_for_systemd(value: &str) -> String {
    if value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-./:@%+,=[]".contains(c))
    {
        return value.to_owned();
    }
    let escaped: String = value
        .chars()
        .flat_map(|c| {
            matches!(c, '"' | '\\' | '`' | '$')
                .then_some('\\')
                .into_iter()
                .chain([c])
        })
        .collect();
    format!("\"{escaped}\"")
}

/// Reads a value by systemd's rules for one line.
fn systemd_value(text: &str) -> String {
    let text = text.trim();
    if let Some(inner) = text
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
    {
        return inner.to_owned();
    }
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let escapable = |c: char| inner.is_none() || matches!(c, '"' | '\\' | '`' | '$');
    let mut value = String::new();
    let mut letters = inner.unwrap_or(text).chars().peekable();
    while let Some(c) = letters.next() {
        let escaped = (c == '\\')
            .then(|| letters.next_if(|c| escapable(*c)))
            .flatten();
        value.push(escaped.unwrap_or(c));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, value: &str) -> Change {
        (name.to_owned(), Some(value.to_owned()))
    }

    #[test]
    fn a_new_file_says_what_it_is() {
        let text = changed("", &[change("LOG_LEVEL", "DEBUG")].into());
        assert!(
            text.starts_with("# What Ollama Tap's service runs")
                && text.ends_with("\nLOG_LEVEL=DEBUG\n"),
            "{text}"
        );
    }

    #[test]
    fn what_people_wrote_stays_and_what_was_changed_is_there_once() {
        let old = "# mine\nLOG_LEVEL=INFO\n\n; theirs\nOLLAMA_MODELS=\"/data\"\nGONE=1";
        let changes = [
            change("LOG_LEVEL", "DEBUG"),
            change("OLLAMA_MODELS", "/data"),
            ("GONE".to_owned(), None),
        ]
        .into();
        let new = "# mine\n\n; theirs\nOLLAMA_MODELS=\"/data\"\nLOG_LEVEL=DEBUG\n";
        assert_eq!(changed(old, &changes), new);
        assert_eq!(changed(new, &changes), new);
    }

    #[test]
    fn every_value_is_read_as_it_was_written() {
        for written in [
            "",
            "plain",
            "127.0.0.1:11434",
            "two words",
            "a\"b",
            r"C:\x",
            "$HOME",
            "`id`",
            "it's",
            "ü",
            "#no",
            " edges ",
            "\\\"",
        ] {
            let text = changed("", &[change("X", written)].into());
            assert_eq!(
                read(&text).get("X").map(String::as_str),
                Some(written),
                "{text}"
            );
        }
    }

    #[test]
    fn a_path_of_windows_is_written_and_read_as_it_is() {
        for written in [
            r"C:\Users\me\.ollama",
            r"\\server\share",
            r"C:\Program Files",
            " edges ",
            "\"quoted\"",
            "'",
            "it's",
            "a\"b",
            "",
        ] {
            assert_eq!(plain_value(&quote_plain(written)), written);
        }
        assert_eq!(quote_plain(r"C:\Program Files\x"), r"C:\Program Files\x");
        assert_eq!(plain_value(r#" "C:\Program Files" "#), r"C:\Program Files");
    }

    #[test]
    fn secrets_are_shown_neither_of_settings_nor_of_a_property_list() {
        let lines = "LOKI_PASSWORD=\"x\"\n# TOKEN\nOLLAMA_API_KEY=x\nHTTPS_PROXY=http://me:x@proxy\nHTTP_PROXY=me:x@proxy\nLOKI_URL=http://loki:3100\n";
        let shown = "LOKI_PASSWORD=(not shown)\n# TOKEN\nOLLAMA_API_KEY=(not shown)\nHTTPS_PROXY=(not shown)\nHTTP_PROXY=(not shown)\nLOKI_URL=http://loki:3100\n";
        assert_eq!(without_secrets(lines), shown);
        let plist = "  <key>LOKI_TOKEN</key>\n  <string>x</string>\n  <key>LOG_LEVEL</key>\n  <string>INFO</string>\n";
        assert_eq!(
            without_secrets(plist),
            plist.replace(">x<", ">(not shown)<")
        );
    }

    #[test]
    fn a_file_is_read_line_by_line_as_systemd_reads_it() {
        let text = "A=1\n B = two words \n#C=3\n;D=4\nnothing\nE='x\"y'\n=7\nA=2\nno name=8";
        let expected = [("A", "2"), ("B", "two words"), ("E", "x\"y")];
        assert_eq!(
            read(text),
            expected
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        );
    }

    #[test]
    fn a_value_is_read_as_systemd_reads_it() {
        for (written, value) in [
            (r#""a\\b\n""#, r"a\b\n"),
            (r"a\ b", "a b"),
            ("'x\"y'", "x\"y"),
        ] {
            assert_eq!(systemd_value(written), value);
        }
    }
}
