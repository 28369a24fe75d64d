//! The project against itself: the tables of its documents name what the code has and nothing else, and the house rules hold.
//!
//! Everything is read from the sources and from the executable's help, so nothing has to be listed a second time here.

/// What documents and comments name exists.
mod documents;
/// The tables of the README, and of the pages that it leads to, against the code.
mod readme;
/// Rooms import rooms below them.
mod rooms;
/// One name, one type.
mod type_names;

use std::fs;
use std::path::Path;

const MAX_LINES: usize = 350;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("reading {path}: {error}"))
}

/// What users read: the README, and the pages that it leads to, by their paths from the root.
fn documentation() -> Vec<String> {
    let pages = fs::read_dir(root().join("packaging/docs")).expect("the pages of documentation");
    let pages = pages.map(|entry| relative(&entry.expect("a page").path()));
    std::iter::once("README.md".to_owned())
        .chain(pages)
        .collect()
}

/// Every Rust source below `folder`, by its path from the root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("listing {}: {error}", folder.display()));
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((relative(&path), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap()
        .to_string_lossy()
        .replace('\\', "/")
}

fn all_sources() -> Vec<(String, String)> {
    [sources("src"), sources("tests")].concat()
}

#[test]
fn only_platform_knows_systems_and_unsafe() {
    for (path, text) in sources("src")
        .into_iter()
        .filter(|(path, _)| !path.starts_with("src/platform"))
    {
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("//"))
        {
            let of_systems = line.contains("cfg")
                && ["(unix", "(windows", "target_"]
                    .iter()
                    .any(|word| line.contains(word));
            assert!(!of_systems, "{path}: {line}");
            let words: Vec<&str> = line
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .collect();
            assert!(!words.contains(&"unsafe"), "{path}: {line}");
        }
    }
}

/// Returns whether a file is compiled on Linux alone: the file says so at its top, or the folder that it lies in does in its mod.rs.
fn is_of_linux(path: &str) -> bool {
    let folders = Path::new(path)
        .ancestors()
        .skip(1)
        .map(|folder| folder.join("mod.rs"));
    let says_so = |file: &Path| {
        fs::read_to_string(root().join(file))
            .is_ok_and(|text| text.contains("\n#![cfg(target_os = \"linux\")]\n"))
    };
    says_so(Path::new(path)) || folders.into_iter().any(|file| says_so(&file))
}

#[test]
fn only_what_is_of_linux_reads_what_only_linux_has() {
    let place = ["/pro", "c"].concat();
    let is_named = |line: &str| {
        line.split(&place)
            .skip(1)
            .any(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    for (path, text) in all_sources()
        .into_iter()
        .filter(|(path, _)| !path.starts_with("src/platform") && !is_of_linux(path))
    {
        let line = text
            .lines()
            .map(str::trim)
            .find(|line| !line.starts_with("//") && is_named(line));
        assert!(
            line.is_none(),
            "{path} is no module of Linux: {}",
            line.unwrap_or_default()
        );
    }
}

#[test]
fn every_source_says_what_it_is_and_is_short_enough_to_read() {
    for (path, text) in all_sources() {
        assert!(text.starts_with("//!"), "{path} does not begin with //!");
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{path} has {lines} lines");
    }
}

#[test]
fn nothing_names_a_place_on_somebodys_machine() {
    let files = [
        ".ci/run",
        ".ci/windows",
        ".gitattributes",
        ".github/workflows/ci.yml",
        ".github/workflows/release.yml",
        "Cargo.toml",
        "README.md",
        "install.sh",
        "install.ps1",
        "packaging/release.sh",
    ]
    .map(|path| (path.to_owned(), read(path)));
    let places = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/ho", "me/"],
        ["/tm", "p/"],
        ["crates", ".io"],
        ["pypi", ".org"],
    ]
    .map(|halves| halves.concat());
    for (path, text) in all_sources().into_iter().chain(files) {
        for place in &places {
            assert!(!text.contains(place), "{path} names {place}");
        }
    }
}
