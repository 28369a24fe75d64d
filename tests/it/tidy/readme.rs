//! The tables of the README, and of the pages that it leads to, against the code.

use std::collections::BTreeSet;
use std::process::Command;

use super::{documentation, read, sources};
use crate::harness::runner;

fn tap(args: &[&str]) -> String {
    let command = runner::command();
    let output = Command::new(&command[0])
        .args(&command[1..])
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The README's bound (bytes): what is read in two minutes. All that is looked up has a page of its own.
const README_MAX: usize = 16_000;

/// The rows of the tables whose header begins with `column`, cell by cell.
fn table(column: &str) -> Vec<Vec<String>> {
    let documents: Vec<String> = documentation().iter().map(|path| read(path)).collect();
    let cells = |line: &str| {
        line.trim_matches('|')
            .split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let mut rows = Vec::new();
    let mut inside = false;
    for line in documents.iter().flat_map(|text| text.lines()) {
        match line.starts_with('|') {
            false => inside = false,
            true if cells(line)[0] == column => inside = true,
            true if inside && !line.starts_with("|-") => rows.push(cells(line)),
            true => {}
        }
    }
    assert!(!rows.is_empty(), "no document has a table of {column}");
    rows
}

/// Returns the words between back quotes in one column of a table.
fn quoted(column: &str, cell: usize) -> BTreeSet<String> {
    let words = |row: &Vec<String>| {
        row[cell]
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    table(column).iter().flat_map(words).collect()
}

#[test]
fn the_documents_list_every_flag() {
    let help = ["proxy", "serve"]
        .map(|command| tap(&[command, "--help"]))
        .concat();
    let flag = |line: &str| {
        Some(
            line.strip_prefix("  --")?
                .split([' ', ','])
                .next()?
                .to_owned(),
        )
    };
    let flags: BTreeSet<String> = help
        .lines()
        .filter_map(flag)
        .filter(|name| name != "help")
        .map(|name| format!("--{name}"))
        .collect();
    let listed = quoted("flag", 0)
        .iter()
        .map(|flag| flag.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(flags, listed);
}

#[test]
fn the_documents_list_every_variable() {
    let name = |line: &str| {
        Some(
            line.strip_prefix("pub const ENV_")?
                .split('"')
                .nth(1)?
                .to_owned(),
        )
    };
    let variables: BTreeSet<String> = sources("src")
        .iter()
        .flat_map(|(_, text)| text.lines().filter_map(name).collect::<Vec<_>>())
        .collect();
    assert_eq!(variables, quoted("flag", 1));
}

#[test]
fn the_documents_list_every_page() {
    let route = read("src/http/route.rs");
    let page = |line: &str| {
        Some(format!(
            "/{}",
            line.trim().strip_prefix("Page::")?.split('"').nth(1)?
        ))
    };
    let pages: BTreeSet<String> = route.lines().filter_map(page).collect();
    // Methods and parameters are for the reader.
    let shown = |page: &String| {
        let (_, target) = page.split_once(' ')?;
        Some(target.split('?').next()?.replace("/ID", "/:id"))
    };
    let listed: BTreeSet<String> = quoted("page", 0).iter().filter_map(shown).collect();
    assert_eq!(pages, listed);
}

#[test]
fn the_installer_downloads_from_the_repository() {
    let releases = format!("{}/releases", env!("CARGO_PKG_REPOSITORY"));
    assert!(read("install.sh").contains(&format!("\nreleases={releases}\n")));
    assert!(read("README.md").contains(&format!(
        "curl -fsSL {releases}/latest/download/install.sh | sh"
    )));
}

#[test]
fn the_documents_list_every_option_of_the_installer() {
    let script = read("install.sh");
    let option = |line: &str| {
        let words: Vec<&str> = line
            .strip_prefix("#   --")?
            .split("  ")
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .collect();
        Some((format!("--{}", words[0]), words[1].to_owned()))
    };
    let options: BTreeSet<_> = script.lines().filter_map(option).collect();
    for (option, variable) in &options {
        let name = option.split(' ').next().unwrap_or_default();
        assert!(
            script.contains(&format!(" {name}) "))
                && script.contains(&format!("=${{{variable}:-}}")),
            "install.sh does not read {option}"
        );
    }
    let listed: BTreeSet<_> = table("option")
        .iter()
        .map(|row| {
            (
                row[0].trim_matches('`').to_owned(),
                row[1].trim_matches('`').to_owned(),
            )
        })
        .collect();
    assert_eq!(options, listed);
}

#[test]
fn the_versions_agree() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(tap(&["--version"]).trim(), format!("ollama-tap {version}"));
    assert!(
        read("Cargo.lock").contains(&format!("name = \"ollama-tap\"\nversion = \"{version}\""))
    );
    assert!(
        read("packaging/docs/api.md").contains(&format!("`{{\"ollama_tap\":\"{version}\"}}`")),
        "the page of /healthz shows another version"
    );
    for file in [
        "packaging/docker/compose.yml",
        "packaging/kubernetes/sidecar.yaml",
    ] {
        let image = format!("image: ghcr.io/ollama-tap/ollama-tap:{version}\n");
        assert!(read(file).contains(&image), "{file} has another version");
    }
    assert!(
        read("packaging/CHANGELOG.md").contains(&format!("\n## {version}")),
        "the changes do not name this version"
    );
}

#[test]
fn what_is_tested_what_is_released_and_the_image_are_built_by_the_same_rust() {
    let image = read("packaging/docker/Dockerfile");
    let (_, after) = image.split_once("FROM rust:").expect("an image");
    let (version, _) = after.split_once('-').expect("a version");
    for workflow in ["ci", "release"] {
        let path = format!(".github/workflows/{workflow}.yml");
        let pinned = format!("\n  RUSTUP_TOOLCHAIN: {version}\n");
        assert!(read(&path).contains(&pinned), "{path} has another Rust");
    }
}

#[test]
fn what_is_tested_and_what_is_released_are_made_by_the_same_tools() {
    for tool in ["/cmd/nfpm@", " cargo-zigbuild==", " ziglang=="] {
        let [tested, released] = [".ci/run", ".github/workflows/release.yml"].map(|path| {
            let text = read(path);
            let (_, after) = text.split_once(tool).expect(path);
            after.split_whitespace().next().map(str::to_owned)
        });
        assert_eq!(tested, released, "{tool}");
    }
}

#[test]
fn the_readme_is_short_and_leads_to_every_page() {
    let readme = read("README.md");
    assert!(readme.len() <= README_MAX, "{} bytes", readme.len());
    for page in documentation()
        .iter()
        .filter(|path| path.starts_with("packaging/docs/"))
    {
        assert!(
            readme.contains(&format!("]({page})")),
            "README.md has no link to {page}"
        );
    }
}
