//! install.ps1 and what belongs to it. Where there is no PowerShell, a grammar of it, lists of what both PowerShells have, and an
//! evaluator of the part that the script uses stand in for one, on a Windows that is made up (powershell/). Where there is one
//! (Windows, the release workflow), the functions that decide something are asked themselves.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{require, runs, skip};

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

/// What one of the Python scripts of powershell/ prints about these: a line a fault, or nothing where this machine has no grammar.
fn faults(by: &str, scripts: &[PathBuf]) -> Option<String> {
    let has_grammar = runs(
        "python3",
        &["-c", "import tree_sitter, tree_sitter_powershell"],
    );
    if !require("tree-sitter-powershell for python3", has_grammar) {
        return None;
    }
    let by = file("tests/it/installer/powershell").join(by);
    let output = Command::new("python3")
        .arg("-B")
        .arg(by)
        .args(scripts)
        .output()
        .expect("run python3");
    assert!(output.status.success(), "{}", text_of(&output.stderr));
    Some(text_of(&output.stdout))
}

#[test]
fn the_script_has_no_fault_that_can_be_found_without_a_powershell() {
    if let Some(found) = faults("check.py", &[file(SCRIPT)]) {
        assert_eq!(found, "");
    }
}

#[test]
fn it_is_all_there_or_nothing_whatever_fails_and_goes_again() {
    if let Some(found) = faults("promises.py", &[file(SCRIPT)]) {
        assert_eq!(found, "");
    }
}

#[test]
fn a_script_that_takes_nothing_back_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    let spoilt = directory.path().join("install.ps1");
    let push = "{ $undo.Push(@{ Do = $Do; With = $With }) }";
    let script = read(SCRIPT);
    assert!(
        script.contains(push),
        "the script takes back in another way"
    );
    fs::write(&spoilt, script.replace(push, "{ $null }")).unwrap();
    let Some(found) = faults("promises.py", &[spoilt]) else {
        return;
    };
    assert!(
        found.contains("an upgrade of a service by an administrator while "),
        "{found}"
    );
}

/// Lines in a function, and what is wrong with each.
const BAD_LINES: [(&str, &str); 12] = [
    ("if ($Word) {", "no PowerShell"),
    ("if ($Word) { exit 1 }", "exit is not to be used"),
    ("Get-Date -Format $Word && Get-Date", "&& is not to be used"),
    ("Write-Host ($Word ?? 'none')", "no PowerShell"),
    ("ls $Word", "ls is an alias"),
    ("Get-Content -Path $Word", "Get-Content -Path is not"),
    (
        "Invoke-WebRequest -Uri $Word -OutFile $Word",
        "without -UseBasicParsing",
    ),
    ("Write-Host \"$Word: done\"", "write ${name}"),
    ("Write-Host $Ward", "$ward is set nowhere"),
    ("$unread = $Word", "$unread is read nowhere"),
    ("Write-Word $Word $Word", "Write-Word takes 1 values"),
    ("Write-Host '\u{e9}'", "no printable ASCII"),
];

/// Whole scripts, the same way.
const BAD_SCRIPTS: [(&str, &str); 4] = [
    (
        "Get-Date\nfunction Get-Word { 1 }\nGet-Word\n",
        "only functions come before",
    ),
    (
        "function Get-Word { 1 }\nfunction Get-Other { Get-Word }\nGet-Word\n",
        "Get-Other is never called",
    ),
    ("function Get-Word { Get-Word }\n", "no call comes last"),
    (
        "function Fetch-Word { 1 }\nFetch-Word\n",
        "a verb of its own",
    ),
];

#[test]
fn the_check_finds_what_it_looks_for() {
    let directory = tempfile::tempdir().unwrap();
    let of_line =
        |line: &str| format!("function Write-Word([string] $Word) {{\n{line}\n}}\nWrite-Word 1\n");
    let scripts = BAD_LINES
        .map(|(line, fault)| (of_line(line), fault))
        .into_iter();
    let scripts: Vec<_> = scripts
        .chain(BAD_SCRIPTS.map(|(script, fault)| (script.to_owned(), fault)))
        .collect();
    let path = |number: usize| directory.path().join(format!("script-{number}.ps1"));
    for (number, (script, _)) in scripts.iter().enumerate() {
        fs::write(path(number), script).unwrap();
    }
    let Some(found) = faults(
        "check.py",
        &(0..scripts.len()).map(path).collect::<Vec<_>>(),
    ) else {
        return;
    };
    for (number, (script, fault)) in scripts.iter().enumerate() {
        let is_said = found
            .lines()
            .any(|line| line.contains(&format!("script-{number}.ps1:")) && line.contains(fault));
        assert!(is_said, "no {fault:?} of {script:?} in {found}");
    }
}

/// No PowerShell can be installed where `.ci/run` runs, so that its absence is said and fails nothing.
#[test]
fn its_functions_decide_as_they_should_in_each_powershell_of_this_machine() {
    let shells: Vec<&str> = ["pwsh", "powershell"]
        .into_iter()
        .filter(|shell| runs(shell, &["-NoProfile", "-Command", "1"]))
        .collect();
    if shells.is_empty() {
        skip("a PowerShell is missing");
    }
    for shell in shells {
        let mut command = Command::new(shell);
        command.args(["-NoProfile", "-ExecutionPolicy", "Bypass", "-File"]);
        let output = command
            .arg(file("tests/it/installer/powershell/functions.ps1"))
            .arg(file(SCRIPT))
            .output()
            .expect("run PowerShell");
        assert!(
            output.status.success(),
            "{shell}: {}{}",
            text_of(&output.stdout),
            text_of(&output.stderr)
        );
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The parameters of the script, but for the one that it gives to itself.
fn parameters() -> BTreeSet<String> {
    let script = read(SCRIPT);
    let block = script
        .split("\nparam(\n")
        .nth(1)
        .and_then(|rest| rest.split("\n)").next())
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
