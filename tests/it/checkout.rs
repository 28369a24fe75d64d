//! A clone has the same bytes whatever Git is set to do with line ends, and nothing in the repository waits to be rewritten.
//!
//! The committed files are checked, because those are what others clone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{require, require_tool, text};

/// A clone of this checkout with one setting; none where this is no checkout, such as an unpacked archive.
fn clone_with(setting: &str) -> Option<TempDir> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !require_tool("git", &["--version"])
        || !require("a checkout by git", root.join(".git").exists())
    {
        return None;
    }
    let clone = tempfile::tempdir().expect("a directory");
    git(
        root,
        &[
            "clone",
            "--quiet",
            "--config",
            setting,
            text(root),
            text(clone.path()),
        ],
    );
    Some(clone)
}

/// What Git says to this; it must end well.
fn git(directory: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(directory)
        .args(words)
        .output()
        .expect("run git");
    assert!(output.status.success(), "git {words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Every file that was checked out, by its path.
fn files(clone: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![clone.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder)
            .expect("list a folder")
            .map(|entry| entry.expect("an entry").path())
        {
            if path == clone.join(".git") {
                continue;
            } else if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(
                    path.strip_prefix(clone).expect("a path below").to_owned(),
                    fs::read(&path).expect("read a file"),
                );
            }
        }
    }
    files
}

#[test]
fn a_clone_is_the_same_to_the_byte_where_git_converts_line_ends() {
    let (Some(plain), Some(converting)) = (
        clone_with("core.autocrlf=false"),
        clone_with("core.autocrlf=true"),
    ) else {
        return;
    };
    let (plain, converting) = (files(plain.path()), files(converting.path()));
    assert!(
        plain.contains_key(Path::new("Cargo.toml")) && plain.keys().eq(converting.keys()),
        "not the same files"
    );
    let other: Vec<_> = plain
        .iter()
        .filter(|(path, bytes)| converting[*path] != **bytes)
        .map(|(path, _)| path)
        .collect();
    assert!(
        other.is_empty(),
        "{} files are other ones: {:?}",
        other.len(),
        &other[..other.len().min(5)]
    );
}

#[test]
fn nothing_that_is_added_again_is_changed_by_it() {
    let Some(clone) = clone_with("core.autocrlf=true") else {
        return;
    };
    git(clone.path(), &["add", "--renormalize", "."]);
    assert_eq!(git(clone.path(), &["status", "--porcelain"]), "");
}
