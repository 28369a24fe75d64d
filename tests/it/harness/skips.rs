//! Reports at the end of a run which tests were skipped and why, on stderr and past the capture.
//!
//! A test that lacks something passes without having looked, and libtest has no word for that; what such a test prints is shown
//! for those that fail alone. So each says it here, and the end of the process tells them all. On Windows the end of a run that
//! failed is told nothing: `std::process::exit` calls no handlers there.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::io::Write;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::{env, io, thread};

/// The skipped tests by reason.
static SKIPPED: Mutex<BTreeMap<String, BTreeSet<String>>> = Mutex::new(BTreeMap::new());

/// Returns whether what a test needs is present. Skips the test where it is not, and fails where nothing may be skipped
/// (`OLLAMA_TAP_TEST_REQUIRE_ALL=1`, as CI sets it).
pub fn require(what: &str, is_present: bool) -> bool {
    if !is_present {
        assert!(
            env::var("OLLAMA_TAP_TEST_REQUIRE_ALL").as_deref() != Ok("1"),
            "{what} is missing and nothing may be skipped"
        );
        skip(&format!("{what} is missing"));
    }
    is_present
}

/// Reports that the test on this thread is skipped, wholly or in part.
pub fn skip(why: &str) {
    println!("SKIPPED: {why}");
    let test = thread::current()
        .name()
        .unwrap_or("a thread of a test")
        .to_owned();
    SKIPPED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(why.to_owned())
        .or_default()
        .insert(test);
}

/// Called before `main`, which is libtest's, so that every run reports at its end, whichever tests it chose.
#[used]
#[cfg_attr(
    target_vendor = "apple",
    unsafe(link_section = "__DATA,__mod_init_func")
)]
#[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
#[cfg_attr(
    all(unix, not(target_vendor = "apple")),
    unsafe(link_section = ".init_array")
)]
static BEFORE_MAIN: extern "C" fn() = report_at_exit;

extern "C" fn report_at_exit() {
    unsafe extern "C" {
        fn atexit(handler: extern "C" fn()) -> c_int;
    }
    // SAFETY: the C library is ready before anything is called that was linked to be, and the handler is never unloaded.
    unsafe { atexit(report) };
}

extern "C" fn report() {
    if env::args_os().any(|word| word == LIST) {
        return;
    }
    let text = match chosen() {
        Ok(Some(chosen)) => summary(chosen),
        Ok(None) => return,
        Err(error) => format!("count the tests: {error}\n"),
    };
    let _ = write!(io::stderr(), "{}: {text}", env!("CARGO_CRATE_NAME"));
}

const LIST: &str = "--list";

/// Counts the tests that the arguments choose, as libtest itself lists them; `None` where it refuses the arguments.
fn chosen() -> io::Result<Option<usize>> {
    let listed = Command::new(env::current_exe()?)
        .arg(LIST)
        .args(env::args_os().skip(1))
        .output()?;
    let tests = String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter(|line| line.ends_with(": test"))
        .count();
    Ok(listed.status.success().then_some(tests))
}

fn summary(chosen: usize) -> String {
    let skipped_tests = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    let skipped = skipped_tests
        .values()
        .flatten()
        .collect::<BTreeSet<_>>()
        .len();
    let mut text = format!(
        "{} tests ran, {skipped} skipped, wholly or in part\n",
        chosen.saturating_sub(skipped)
    );
    for (why, tests) in &*skipped_tests {
        let names: Vec<&str> = tests.iter().map(String::as_str).collect();
        text += &format!("  {} because {why}: {}\n", names.len(), names.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_present_is_not_skipped() {
        assert!(require("a test", true));
    }

    #[test]
    fn the_end_of_a_run_reports_what_ran_and_what_was_skipped_and_why() {
        const INSIDE: &str = "OLLAMA_TAP_TEST_INSIDE";
        if env::var_os(INSIDE).is_some() {
            return skip("it was told to");
        }
        let name = thread::current()
            .name()
            .expect("the test's name")
            .to_owned();
        let other = name.replace(
            "the_end_of_a_run_reports_what_ran_and_what_was_skipped_and_why",
            "what_is_present_is_not_skipped",
        );
        for threads in ["1", "2"] {
            let mut run = Command::new(env::current_exe().expect("these tests"));
            run.args(["--exact", &name, &other, "--test-threads", threads])
                .env(INSIDE, "1");
            let text = String::from_utf8(run.output().expect("run them").stderr).expect("UTF-8");
            let whole = format!(
                "{}: 1 tests ran, 1 skipped, wholly or in part\n  1 because it was told to: {name}\n",
                env!("CARGO_CRATE_NAME")
            );
            assert_eq!(text, whole);
        }
    }
}
