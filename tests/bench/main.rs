//! `cargo bench`: what the tap costs, beside no proxy and beside nginx, and what its history costs, in one run on one machine.
//!
//! Everything runs on loopback and in this process, but for the proxies: the stand-in for Ollama, which stamps each token with the time of its
//! writing, and the load that reads it. `cargo bench -- NAME` runs the cases whose name contains NAME, `--rounds 1` gives a quick look, at
//! histories a tenth as long. A full run takes twenty minutes and four gigabytes beside the temporary files, and ends by itself; a case that fails
//! makes the exit code 1, a target that is missed does not, since other machines are not this one. LiteLLM's proxy is measured too where
//! `OLLAMA_TAP_BENCH_LITELLM` names its program, which `pip install 'litellm[proxy]'` makes, best in a virtual environment of its own.

mod cases;
mod histories;
mod rig;

mod upstream;

mod clients;
mod conversations;
mod records;
mod streams;

mod litellm;
mod nginx;
mod process;

mod stats;
mod table;

#[cfg(target_os = "linux")]
mod os;
#[cfg(not(target_os = "linux"))]
#[path = "os_none.rs"]
mod os;
mod wire;

mod product;

#[cfg(test)]
#[allow(
    dead_code,
    reason = "for the tests in the tap's own modules, which are compiled here and not run"
)]
#[path = "../it/harness/sample.rs"]
mod sample;

#[cfg(test)]
#[allow(dead_code, unsafe_code, unused_imports, reason = "the same")]
#[path = "../it/harness/skips.rs"]
mod skips;

use std::cell::OnceCell;
use std::env;
use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::SystemTime;

use cases::{CASES, Case};
// The paths in the tap's own modules begin at the root of a crate.
use product::{
    cli, config, diagnose, error, forward, history, http, metrics, observe, platform, server, util,
};
use rig::Rig;
use table::{Row, Table};

const USAGE: &str = "usage: cargo bench -- [--rounds N] [NAME…]";

/// Runs of every figure, of which the table shows the median.
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    match arguments(env::args().skip(1)).and_then(|(rounds, chosen)| run(rounds, &chosen)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(cause) => {
            eprintln!("bench: {cause}");
            ExitCode::FAILURE
        }
    }
}

/// Rounds and chosen cases. Cargo adds `--bench` of its own.
fn arguments(mut given: impl Iterator<Item = String>) -> io::Result<(usize, Vec<Case>)> {
    let (mut rounds, mut names) = (ROUNDS, Vec::new());
    while let Some(word) = given.next() {
        match word.as_str() {
            "--bench" => {}
            "--rounds" => {
                rounds = given
                    .next()
                    .and_then(|count| count.parse().ok())
                    .filter(|count| *count > 0)
                    .ok_or_else(|| io::Error::other(USAGE))?
            }
            flag if flag.starts_with('-') => return Err(io::Error::other(USAGE)),
            name => names.push(name.to_owned()),
        }
    }
    let chosen: Vec<Case> = CASES
        .into_iter()
        .filter(|(case, ..)| names.is_empty() || names.iter().any(|name| case.contains(name)))
        .collect();
    if chosen.is_empty() {
        Err(io::Error::other(format!(
            "no case is called {}",
            names.join(" or ")
        )))
    } else {
        Ok((rounds, chosen))
    }
}

/// Prints the table; true where every case could be measured.
fn run(rounds: usize, chosen: &[Case]) -> io::Result<bool> {
    os::raise_descriptor_limit()?;
    let upstream = upstream::start()?;
    let found = nginx_or_say_so();
    let nginx = found
        .as_ref()
        .map(|path| nginx::start(path, upstream))
        .transpose()?;
    let rig = Rig {
        upstream,
        nginx,
        nginx_program: found.clone(),
        rounds,
        full: OnceCell::new(),
    };
    let mut rows = Vec::new();
    let mut failed = false;
    for (name, table, case) in chosen {
        eprintln!("bench: {name}");
        let measured = case(&rig).unwrap_or_else(|cause| {
            failed = true;
            vec![Row::failed(name, &cause)]
        });
        rows.extend(measured.into_iter().map(|row| (*table, row)));
    }
    println!(
        "{}",
        machine(
            &found.map_or("no nginx".into(), |path| nginx::version(&path)),
            rounds
        )
    );
    for table in Table::ALL {
        print(table, &rows);
    }
    Ok(!failed)
}

fn print(table: Table, rows: &[(Table, Row)]) {
    let mut rows = rows
        .iter()
        .filter(|(of, _)| *of == table)
        .map(|(_, row)| row)
        .peekable();
    if rows.peek().is_some() {
        println!("\n{}", table.header());
        for row in rows {
            println!("{row}");
        }
    }
}

fn nginx_or_say_so() -> Option<std::path::PathBuf> {
    let found = nginx::find();
    if found.is_none() {
        assert!(
            env::var_os("OLLAMA_TAP_TEST_REQUIRE_ALL").is_none_or(|value| value != "1"),
            "nginx is required here and was not found"
        );
        println!(
            "SKIPPED: no nginx on this machine, so nothing to compare the tap with (Debian: apt-get install nginx-light)\n"
        );
    }
    found
}

/// Where and when the figures were taken.
fn machine(nginx: &str, rounds: usize) -> String {
    let (model, kernel) = os::machine();
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "ollama-tap {version}, {nginx}; {cores} cores of {model}, Linux {kernel}; {}; medians of {rounds} runs, ways in turn, ratios per round.",
        &now[..10]
    )
}
