//! What documents and comments name exists: files, items of the code, and other documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{all_sources, documentation, read, relative, root, sources};

/// Documents that say where something is in the code.
fn documents() -> Vec<String> {
    let others = ["packaging/README.md", ".github/CONTRIBUTING.md"].map(str::to_owned);
    documentation().into_iter().chain(others).collect()
}

/// Folders whose files are named by their paths.
const FOLDERS: [&str; 5] = ["src/", "tests/", "packaging/", ".github/", ".ci/"];

/// Crates of others whose items are named in comments.
const CRATES: [&str; 8] = [
    "crossbeam_channel",
    "fs",
    "io",
    "libc",
    "prometheus",
    "std",
    "tiny_http",
    "ureq",
];

/// Every file of the project, by its path from the root.
fn files() -> BTreeSet<String> {
    let mut files: BTreeSet<String> = ["README.md", "Cargo.toml", "install.sh", "install.ps1"]
        .map(str::to_owned)
        .into();
    let mut folders: Vec<_> = FOLDERS.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("list {}: {error}", folder.display()))
        {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(relative(&path));
            }
        }
    }
    files
}

/// The comments of a source.
fn comments(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let comment = if line.starts_with("//") {
            Some(line)
        } else {
            line.split_once(" // ").map(|(_, comment)| comment)
        };
        comment.map(|comment| comment.trim_start_matches(['/', '!', ' ']))
    })
}

/// Words that may be paths of files: what a source, a script or a document is called by.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && !"_-./".contains(c))
        .map(|word| word.trim_end_matches(['.', '/']))
        .filter(|word| {
            let is_source = [".rs", ".js", ".css", ".md"]
                .iter()
                .any(|kind| word.len() > kind.len() && word.ends_with(kind));
            let is_below = FOLDERS.iter().any(|folder| word.starts_with(folder));
            is_source || is_below
        })
}

/// Returns whether a file or folder of the project is called so, with or without the folders above it.
fn exists(files: &BTreeSet<String>, path: &str) -> bool {
    let (path, below) = (
        path.trim_start_matches("../"),
        format!("/{}", path.trim_start_matches("../")),
    );
    root().join(path).exists() || files.iter().any(|file| file.ends_with(&below))
}

#[test]
fn every_file_that_documents_and_comments_name_exists() {
    let files = files();
    let mut missing = BTreeSet::new();
    let mut check = |place: &str, line: &str| {
        for path in paths(line).filter(|path| !exists(&files, path)) {
            missing.insert(format!("{place} names {path}"));
        }
    };
    for document in documents() {
        for line in read(&document).lines() {
            check(&document, line);
        }
    }
    for (path, text) in all_sources() {
        for line in comments(&text) {
            check(&path, line);
        }
    }
    assert!(missing.is_empty(), "{}", Vec::from_iter(missing).join("\n"));
}

#[test]
fn every_link_of_a_document_leads_to_a_file() {
    let mut links = 0;
    for document in files().iter().filter(|file| file.ends_with(".md")) {
        let folder = Path::new(document).parent().expect("a folder").to_owned();
        for link in read(document)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next())
        {
            let is_elsewhere = link.is_empty() || link.contains("://");
            assert!(
                is_elsewhere || root().join(&folder).join(link).exists(),
                "{document} links to {link}"
            );
            links += usize::from(!is_elsewhere);
        }
    }
    assert!(links > 10, "only {links} links were found");
}

/// A module and its item between back quotes, as documents and comments write them.
fn items(line: &str) -> impl Iterator<Item = Vec<&str>> {
    line.split('`').skip(1).step_by(2).filter_map(|quoted| {
        let words: Vec<&str> = quoted
            .trim_end_matches("()")
            .trim_start_matches("crate::")
            .split("::")
            .collect();
        let is_name =
            |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
        (words.len() > 1 && words.iter().all(is_name)).then_some(words)
    })
}

/// Returns whether the file is the module of this name or a part of it.
fn is_of(path: &str, module: &str) -> bool {
    path.split('/')
        .any(|part| part.trim_end_matches(".rs") == module)
}

/// Returns whether the text defines this name: an item, a variant or a field.
fn defines(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        let mut words = line
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty());
        const BEFORE: [&str; 16] = [
            "pub",
            "crate",
            "super",
            "in",
            "const",
            "static",
            "fn",
            "struct",
            "enum",
            "trait",
            "type",
            "mod",
            "unsafe",
            "use",
            "macro_rules",
            "extern",
        ];
        words.find(|word| !BEFORE.contains(word)) == Some(name)
            && !line.trim_start().starts_with("//")
    })
}

#[test]
fn every_item_that_documents_and_comments_name_exists() {
    let sources = [sources("src"), sources("tests")].concat();
    let exists = |words: &[&str]| {
        let (item, owner) = (words[words.len() - 1], words[words.len() - 2]);
        let owners = sources
            .iter()
            .filter(|(path, text)| is_of(path, owner) || defines(text, owner));
        CRATES.contains(&words[0])
            || owners
                .into_iter()
                .any(|(path, text)| is_of(path, item) || defines(text, item))
    };
    let mut missing = BTreeSet::new();
    let mut check = |place: &str, line: &str| {
        for words in items(line).filter(|words| !exists(words)) {
            missing.insert(format!("{place} names {}", words.join("::")));
        }
    };
    for document in documents() {
        for line in read(&document).lines() {
            check(&document, line);
        }
    }
    for (path, text) in &sources {
        for line in comments(text) {
            check(path, line);
        }
    }
    assert!(missing.is_empty(), "{}", Vec::from_iter(missing).join("\n"));
}

/// The lines of the first picture in a text, without the marks of a comment.
fn picture(text: &str) -> Vec<&str> {
    let lines = text
        .lines()
        .map(|line| line.trim_start_matches("//!").trim());
    let lines = lines.skip_while(|line| *line != "```text").skip(1);
    lines.take_while(|line| *line != "```").collect()
}

#[test]
fn the_architecture_has_the_picture_and_the_rooms_of_main() {
    let (main, document) = (read("src/main.rs"), read("packaging/README.md"));
    assert_eq!(picture(&main), picture(&document));
    let test_modules = ["sample", "skips"];
    let rooms = main
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    let rooms: Vec<&str> = rooms.filter(|room| !test_modules.contains(room)).collect();
    let table = document.split("| room |").nth(1).expect("a table of rooms");
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let listed: Vec<&str> = rows
        .flat_map(|row| {
            row.split('|')
                .nth(1)
                .unwrap_or_default()
                .split('`')
                .skip(1)
                .step_by(2)
        })
        .collect();
    assert_eq!(rooms, listed);
}

/// The file of a test's module, of which the test or a further module may be the last word.
fn has_test(folder: &str, name: &str) -> bool {
    let words: Vec<&str> = name.trim_end_matches("::").split("::").collect();
    let (last, modules) = words.split_last().unwrap();
    let holds = |path: String| {
        std::fs::read_to_string(root().join(path)).is_ok_and(|text| {
            text.contains(&format!("fn {last}()")) || text.contains(&format!("mod {last};"))
        })
    };
    // The innermost module may be a part of the file of the one around it.
    let around = &modules[..modules.len().saturating_sub(1)];
    [modules, around].into_iter().any(|modules| {
        let place = [&[folder], modules].concat().join("/");
        holds(format!("{place}.rs"))
            || holds(format!("{place}/mod.rs"))
            || holds(format!("{place}/main.rs"))
    })
}

#[test]
fn every_test_that_is_left_out_under_wine_exists() {
    let script = read(".ci/windows");
    let part = |from: &str| {
        script
            .split(from)
            .nth(1)
            .unwrap()
            .split("\n)")
            .next()
            .unwrap()
    };
    let unit_tests = part("readonly open_files=(").split_whitespace();
    let modules = part("readonly -A left_out=(").split('[').skip(1);
    let missing: Vec<&str> = unit_tests
        .filter(|name| !has_test("src", name))
        .chain(
            modules
                .filter_map(|line| line.split(']').next())
                .filter(|name| !has_test("tests/it", name)),
        )
        .collect();
    assert!(missing.is_empty(), "left out, but not there: {missing:?}");
}
