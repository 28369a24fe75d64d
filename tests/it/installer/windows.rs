//! install.ps1 and what belongs to it. What it decides and promises is asked by PowerShell scripts, in each PowerShell of this machine
//! (powershell/): its functions themselves, then the whole script on a Windows that is made up, then PSScriptAnalyzer. Under Wine it is
//! `.ci/windows` that runs it, with the real executable.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{is_there, skip};

const SCRIPT: &str = "install.ps1";
const BATCH: &str = "packaging/windows/install_service.bat";
const GUIDE: &str = "packaging/windows/README.md";
const TARGET: &str = "x86_64-pc-windows-msvc";

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("reading {path}: {error}"))
}

const HAS_ANALYZER: &str = "if (-not (Get-Module -ListAvailable PSScriptAnalyzer)) { throw 1 }";

/// The PowerShells of this machine in which this command succeeds; where there are none, it is said aloud that this is missing.
fn shells(command: &str, what: &str) -> Vec<&'static str> {
    let mut shells = vec!["pwsh", "powershell"];
    shells.retain(|shell| is_there(shell, &["-NoProfile", "-Command", command]));
    if shells.is_empty() {
        skip(&format!("{what} is missing"));
    }
    shells
}

/// Runs a script of powershell/ with these words in each PowerShell of this machine; it ends with an error where something does not
/// hold. A missing PowerShell is said, and fails nothing: there are machines for which none can be had.
fn holds_in_each(shells: &[&str], script: &str, words: &[&Path]) {
    for shell in shells {
        let output = Command::new(shell)
            .args(["-NoProfile", "-ExecutionPolicy", "Bypass", "-File"])
            .arg(file("tests/it/installer/powershell").join(script))
            .args(words)
            .env("DOTNET_TieredPGO", "0") // these minutes are too few for what it measures of the code to pay
            .output()
            .expect("run PowerShell");
        let said = text_of(&output.stdout) + &text_of(&output.stderr);
        assert!(output.status.success(), "{shell}: {said}");
        let count = said.lines().find(|line| line.contains(" passed, 0 failed"));
        assert!(count.is_some(), "{shell}: {said}");
    }
}

#[test]
fn its_functions_decide_as_they_should() {
    holds_in_each(
        &shells("1", "a PowerShell"),
        "functions.ps1",
        &[&file(SCRIPT)],
    );
}

#[test]
fn it_is_all_there_or_nothing_whatever_fails_and_goes_again() {
    holds_in_each(&shells("1", "a PowerShell"), "promises.ps1", &[]);
}

#[test]
fn the_analyzer_finds_nothing_in_it_and_in_its_tests() {
    holds_in_each(
        &shells(HAS_ANALYZER, "PSScriptAnalyzer"),
        "analyze.ps1",
        &[],
    );
}

/// Lines that the analyzer must not let pass, each in a function of a script.
const BAD_LINES: [(&str, &str); 4] = [
    ("Write-Output ($Word ?? 'none')", "PSUseCompatibleSyntax"),
    ("Get-Item -Path $Word && Get-Date", "PSUseCompatibleSyntax"),
    ("gci $Word", "PSAvoidUsingCmdletAliases"),
    ("Get-Uptime", "PSUseCompatibleCmdlets"),
];

#[test]
fn the_analyzer_finds_what_it_looks_for() {
    let Some(shell) = shells(HAS_ANALYZER, "PSScriptAnalyzer").pop() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let path = |number: usize| directory.path().join(format!("script-{number}.ps1"));
    for (number, (line, _)) in BAD_LINES.iter().enumerate() {
        let script = format!("function Write-Word([string] $Word) {{\n{line}\n}}\nWrite-Word 1\n");
        fs::write(path(number), script).unwrap();
    }
    let output = Command::new(shell)
        .args(["-NoProfile", "-ExecutionPolicy", "Bypass", "-File"])
        .arg(file("tests/it/installer/powershell/analyze.ps1"))
        .args((0..BAD_LINES.len()).map(path))
        .output()
        .expect("run PowerShell");
    let said = text_of(&output.stdout);
    assert!(!output.status.success(), "{said}");
    for (number, (line, rule)) in BAD_LINES.iter().enumerate() {
        let is_said =
            |said: &str| said.contains(&format!("script-{number}.ps1:")) && said.contains(rule);
        assert!(said.lines().any(is_said), "no {rule} of {line:?} in {said}");
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The parameters of the script, but for those that it gives to itself.
fn parameters() -> BTreeSet<String> {
    let script = read(SCRIPT);
    let block = script
        .split("\n    param(\n")
        .nth(1)
        .and_then(|rest| rest.split("\n    )").next())
        .expect("a param block");
    let name = |line: &str| {
        Some(
            line.split_once("] $")?
                .1
                .split([' ', ','])
                .next()?
                .to_owned(),
        )
    };
    block
        .lines()
        .filter(|line| !line.contains('#'))
        .filter_map(name)
        .collect()
}

#[test]
fn its_head_and_the_guide_list_every_parameter_with_its_variable() {
    let script = read(SCRIPT);
    let listed = |line: &str| {
        let words: Vec<&str> = line
            .strip_prefix("#   -")?
            .split("  ")
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .collect();
        Some((words[0].to_owned(), words[1].to_owned()))
    };
    let head: BTreeSet<(String, String)> = script.lines().filter_map(listed).collect();
    let name = |option: &str| option.split(' ').next().unwrap_or_default().to_owned();
    assert_eq!(
        head.iter()
            .map(|(option, _)| name(option))
            .collect::<BTreeSet<_>>(),
        parameters()
    );
    for (option, variable) in &head {
        let is_read = [",\n", ")"]
            .iter()
            .any(|end| script.contains(&format!("$env:{variable}{end}")));
        assert!(is_read, "{option} is not read from {variable}");
    }
    let row = |line: &str| {
        let cells: Vec<&str> = line
            .strip_prefix("| `-")?
            .split(" | ")
            .map(|cell| cell.trim_matches('`'))
            .collect();
        Some((cells[0].to_owned(), cells[1].to_owned()))
    };
    assert_eq!(
        read(GUIDE).lines().filter_map(row).collect::<BTreeSet<_>>(),
        head
    );
}

/// The words that follow `before` in the code of the guide, up to a space.
fn named(guide: &str, before: &str) -> BTreeSet<String> {
    let word = |rest: &str| {
        rest.chars()
            .take_while(|letter| letter.is_alphanumeric())
            .collect::<String>()
    };
    guide
        .split(before)
        .skip(1)
        .map(word)
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn the_guide_names_no_parameter_and_no_command_that_is_not_there() {
    let guide = read(GUIDE);
    let ours = guide
        .lines()
        .filter(|line| line.contains("install.ps1") || line.contains("install_service.bat"));
    let parameters = parameters();
    for line in ours {
        let code = line.split_once("install").map_or("", |(_, rest)| rest);
        let unknown: Vec<String> = named(code, " -")
            .into_iter()
            .filter(|word| word != "WhatIf" && !parameters.contains(word))
            .collect();
        assert!(unknown.is_empty(), "{line}: {unknown:?}");
    }
    let help = Command::new(env!("CARGO_BIN_EXE_ollama-tap"))
        .args(["service", "--help"])
        .output()
        .expect("run ollama-tap");
    let help = text_of(&help.stdout);
    for verb in named(&guide, "ollama-tap service ") {
        assert!(
            help.contains(&format!("\n  {verb} ")),
            "the guide names `service {verb}`"
        );
    }
}

#[test]
fn it_downloads_what_the_release_workflow_builds() {
    let script = read(SCRIPT);
    assert!(script.contains(&format!("'{}/releases'", env!("CARGO_PKG_REPOSITORY"))));
    assert!(script.contains(&format!("return '{TARGET}'")));
    assert!(read("packaging/release.sh").contains(&format!("    {TARGET}\n")));
    let workflow = read(".github/workflows/release.yml");
    assert!(workflow.contains(&format!("target: {TARGET}, runner: windows-")));
    assert!(
        workflow.contains("install.sh install.ps1 dist/"),
        "the release has no install.ps1"
    );
}

#[test]
fn the_batch_file_has_the_line_ends_that_windows_wants() {
    let batch = read(BATCH);
    assert!(batch.is_ascii() && batch.lines().count() > 5);
    assert_eq!(batch.matches("\r\n").count(), batch.matches('\n').count());
    assert!(
        read(".gitattributes")
            .lines()
            .any(|line| line == "*.bat text eol=crlf")
    );
    assert!(!read(SCRIPT).contains('\r'));
}

#[test]
fn what_the_batch_file_calls_is_beside_it_in_a_release_and_above_it_in_a_checkout() {
    let batch = read(BATCH);
    assert!(
        batch.contains(r"%~dp0install.ps1")
            && batch.contains(r"%~dp0..\..\install.ps1")
            && batch.contains("-Service %*")
    );
    assert!(
        read("packaging/release.sh")
            .contains("cp install.ps1 packaging/windows/install_service.bat")
    );
    assert_eq!(
        fs::canonicalize(file(BATCH).parent().unwrap().join("../../install.ps1")).unwrap(),
        fs::canonicalize(file(SCRIPT)).unwrap()
    );
}
