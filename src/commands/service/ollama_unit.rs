//! Reads Ollama's own systemd unit from its files, without our drop-in.
//!
//! systemd itself could be asked for the outcome, but once our drop-in is in place the outcome is ours, and what a user
//! changed since would stay unseen.

use std::fs;
use std::path::{Path, PathBuf};

use super::command::{output, systemctl_property};
use super::settings;

pub const NAME: &str = "ollama.service";

/// Our drop-in, which sorts after `override.conf`, where users change the unit.
pub const DROP_IN: &str = "/etc/systemd/system/ollama.service.d/zz-ollama-tap.conf";

const HOST: &str = "OLLAMA_HOST";

/// Ollama's own unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OllamaUnit {
    /// The address that it makes Ollama listen on, if it names one.
    pub host: Option<String>,
    /// Whether it reads variables from files, which win over those that units set.
    pub has_environment_files: bool,
}

/// Ollama's own unit, where there is one that can be started.
pub fn find() -> Option<OllamaUnit> {
    let properties =
        ["LoadState", "FragmentPath", "DropInPaths"].map(|name| format!("--property={name}"));
    let words = [
        "systemctl",
        "show",
        NAME,
        &properties[0],
        &properties[1],
        &properties[2],
    ];
    let shown = output(&words)?;
    let paths = unit_files(&shown)?;
    let texts: Vec<String> = paths
        .iter()
        .filter_map(|path| Some(joined(&fs::read_to_string(path).ok()?)))
        .collect();
    Some(read(&texts, |path| fs::read_to_string(path).ok()))
}

/// The files of a unit that is loaded, in systemd's order, without our own.
fn unit_files(shown: &str) -> Option<Vec<PathBuf>> {
    let fragment = systemctl_property(shown, "FragmentPath");
    if systemctl_property(shown, "LoadState") != "loaded" || fragment.is_empty() {
        return None;
    }
    let drop_ins = systemctl_property(shown, "DropInPaths").split_whitespace();
    let paths = std::iter::once(fragment).chain(drop_ins).map(PathBuf::from);
    Some(paths.filter(|path| path != Path::new(DROP_IN)).collect())
}

/// Joins the long lines of a unit, which a backslash splits.
fn joined(text: &str) -> String {
    text.replace("\\\n", " ")
}

/// Merges the files in their order. Variables of files that the unit names win over its own.
fn read(texts: &[String], read_file: impl Fn(&str) -> Option<String>) -> OllamaUnit {
    let mut own = None;
    let mut files: Vec<String> = Vec::new();
    for (key, value) in texts.iter().flat_map(|text| service_lines(text)) {
        match (key, value) {
            ("Environment", "") => own = None,
            ("Environment", value) => own = assigned(value).or(own),
            ("EnvironmentFile", "") => files.clear(),
            ("EnvironmentFile", path) => files.push(path.trim_start_matches('-').to_owned()),
            _ => {}
        }
    }
    let host = files
        .iter()
        .rev()
        .find_map(|path| settings::read(&read_file(path)?).remove(HOST))
        .or(own)
        .filter(|host| !host.trim().is_empty());
    OllamaUnit {
        host,
        has_environment_files: !files.is_empty(),
    }
}

/// The keys and values of the section `[Service]`.
fn service_lines(text: &str) -> Vec<(&str, &str)> {
    let mut section = "";
    let mut lines = Vec::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['#', ';']))
    {
        match line.split_once('=') {
            _ if line.starts_with('[') => section = line,
            Some((key, value)) if section == "[Service]" => lines.push((key.trim(), value.trim())),
            _ => {}
        }
    }
    lines
}

/// The value that one `Environment=` gives `OLLAMA_HOST`: assignments are words, in quotes or not.
fn assigned(value: &str) -> Option<String> {
    let mut found = None;
    let mut rest = value.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '"' | '\'' => rest[1..].split_once(first).unwrap_or((&rest[1..], "")),
            _ => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        if let Some((HOST, host)) = word.split_once('=') {
            found = Some(host.trim_matches(['"', '\'']).to_owned());
        }
        rest = after.trim_start();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(texts: &[&str]) -> Option<String> {
        let unit = |text: &&str| {
            joined(&format!(
                "[Service]\n{text}\n[Install]\nEnvironment=OLLAMA_HOST=no\n"
            ))
        };
        let texts: Vec<String> = texts.iter().map(unit).collect();
        read(&texts, |path| {
            (path == "/etc/default/ollama").then(|| "OLLAMA_HOST=\"file:1\"\n".to_owned())
        })
        .host
    }

    #[test]
    fn the_last_word_on_where_ollama_listens_counts() {
        assert_eq!(
            host(&["ExecStart=/usr/local/bin/ollama serve\nEnvironment=\"PATH=/usr/bin\""]),
            None
        );
        assert_eq!(
            host(&["Environment=OLLAMA_HOST=a:1"]).as_deref(),
            Some("a:1")
        );
        assert_eq!(
            host(&["Environment=\"OLLAMA_HOST=a:1\" \"X=two words\" 'Y=1'"]).as_deref(),
            Some("a:1")
        );
        assert_eq!(
            host(&["Environment=X=1 OLLAMA_HOST=\"a:1\""]).as_deref(),
            Some("a:1")
        );
        assert_eq!(
            host(&[
                "Environment=OLLAMA_HOST=a:1",
                "Environment=\"OLLAMA_HOST=0.0.0.0\""
            ])
            .as_deref(),
            Some("0.0.0.0")
        );
        assert_eq!(
            host(&["Environment=X=1 \\\n  \"OLLAMA_HOST=a:1\""]).as_deref(),
            Some("a:1")
        );
        assert_eq!(host(&["Environment=OLLAMA_HOST=a:1", "Environment="]), None);
        assert_eq!(
            host(&["Environment=OLLAMA_HOST=a:1\nEnvironment=X=1"]).as_deref(),
            Some("a:1")
        );
        assert_eq!(
            host(&["# Environment=OLLAMA_HOST=a:1\nEnvironment=OLLAMA_HOST="]),
            None
        );
    }

    #[test]
    fn a_file_that_the_unit_reads_wins_over_the_unit() {
        assert_eq!(
            host(&[
                "EnvironmentFile=-/etc/default/ollama",
                "Environment=OLLAMA_HOST=a:1"
            ])
            .as_deref(),
            Some("file:1")
        );
        assert_eq!(
            host(&["EnvironmentFile=-/missing\nEnvironment=OLLAMA_HOST=a:1"]).as_deref(),
            Some("a:1")
        );
        assert_eq!(
            host(&["EnvironmentFile=/etc/default/ollama", "EnvironmentFile="]),
            None
        );
    }

    #[test]
    fn only_a_unit_that_can_be_started_counts_and_never_our_own_part() {
        let shown = |state: &str| {
            format!(
                "LoadState={state}\nFragmentPath=/etc/systemd/system/ollama.service\nDropInPaths=/etc/systemd/system/ollama.service.d/override.conf {DROP_IN}\n"
            )
        };
        let files = [
            "/etc/systemd/system/ollama.service",
            "/etc/systemd/system/ollama.service.d/override.conf",
        ];
        assert_eq!(
            unit_files(&shown("loaded")),
            Some(files.map(PathBuf::from).to_vec())
        );
        assert_eq!(unit_files(&shown("masked")), None);
        assert_eq!(
            unit_files("LoadState=not-found\nFragmentPath=\nDropInPaths=\n"),
            None
        );
    }

    #[test]
    fn our_part_has_the_last_word() {
        let name = Path::new(DROP_IN).file_name().unwrap().to_str().unwrap();
        assert!(name > "override.conf" && name.ends_with(".conf"));
    }
}
