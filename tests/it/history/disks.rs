//! Disks that are full or become read-only: requests are answered meanwhile, and nothing is lost. Linux lets root make such ones.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

use super::failing::{recovered, with_a_day};
use super::{LOCAL, REPLY, TestHistory, files, page, prompts, talk, wait_for_records};
use crate::harness::ollama::json;
use crate::harness::{FakeOllama, Options, Proxy, eventually, metric, request, require};

/// A small file system of its own, at the place of a history.
struct SmallDisk<'a>(&'a Path);

impl SmallDisk<'_> {
    /// `None` where we may not mount.
    fn at(path: &Path) -> Option<SmallDisk<'_>> {
        SmallDisk::of("size=2m", path)
    }

    fn of<'a>(size: &str, path: &'a Path) -> Option<SmallDisk<'a>> {
        fs::create_dir(path).expect("make the directory");
        let mounted = mount(&["-t", "tmpfs", "-o", size, "tmpfs"], path);
        require("the right to mount a tmpfs", mounted).then_some(SmallDisk(path))
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let error =
            fs::write(self.0.join("ollama_ballast"), vec![0; 40 << 20]).expect_err("a full disk");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("ollama_ballast")).expect("remove it");
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        umount(self.0);
    }
}

fn mount(args: &[&str], path: &Path) -> bool {
    Command::new("mount")
        .args(args)
        .arg(path)
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Also where files are still open.
fn umount(path: &Path) {
    let _ = Command::new("umount").arg("-l").arg(path).status();
}

/// A prompt that takes room in every file, also compressed.
fn bulky() -> String {
    let mut state: u64 = 88172645463325252;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        format!("{state:016x}")
    };
    (0..40_000).map(|_| word()).collect()
}

#[test]
fn a_full_disk_delays_records_and_loses_none() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let path = history.history();
        let Some(disk) = SmallDisk::at(&path) else {
            return;
        };
        let ollama = FakeOllama::always(json(REPLY));
        let tap = history.start(&ollama);
        talk(&tap, "before");
        wait_for_records(&tap, 1);
        disk.fill();
        let bulky = bulky();
        talk(&tap, &bulky);
        let line = tap.wait_log("it is tried again");
        assert!(
            line.contains("write") && line.contains("full") || line.contains("No space"),
            "{backend}: {line}"
        );
        for prompt in ["meanwhile", "meanwhile too"] {
            talk(&tap, prompt);
        }
        let waiting = metric("ollama_analytics_queue_size");
        tap.scrape_until("what waits", |scrape| waiting.sum(scrape) == 3.0);
        let failed = metric("ollama_analytics_writes_total").label("status", "error");
        tap.scrape_until("the failure", |scrape| failed.sum(scrape) >= 1.0);
        assert_eq!(
            prompts(&page(&tap, "/analytics/search")),
            ["before"],
            "what is there can be read"
        );
        disk.make_room();
        recovered(&tap, &["before", &bulky, "meanwhile", "meanwhile too"]);
        drop((tap, disk));
    }
}

#[test]
fn a_directory_that_becomes_read_only_delays_records_and_loses_none() {
    let (history, _ollama, tap) = with_a_day();
    let path = history.history();
    // The same directory, read-only, over itself: a mount that has files open for writing cannot be made so.
    let read_only = mount(&["--bind", path.to_str().expect("UTF-8")], &path)
        && mount(&["-o", "remount,ro,bind"], &path);
    if !require("the right to mount", read_only) {
        return;
    }
    talk(&tap, "meanwhile");
    let line = tap.wait_log("it is tried again");
    assert!(line.contains("Read-only file system"), "{line}");
    talk(&tap, "meanwhile too");
    assert_eq!(
        prompts(&page(&tap, "/analytics/search")),
        ["before"],
        "what is there can be read"
    );
    let (code, _, stderr) = Options::bare(&["proxy", "--listen", "127.0.0.1:0"])
        .args(&history.args())
        .run();
    assert!(
        code == 1 && stderr.contains("Read-only") && stderr.contains(path.to_str().expect("UTF-8")),
        "{code} {stderr}"
    );
    umount(&path);
    recovered(&tap, &["before", "meanwhile", "meanwhile too"]);
}

/// Prompts that fill a disk, of which some wait for room in the end.
fn filled(tap: &Proxy) {
    let bulky = bulky();
    for n in 0.. {
        talk(tap, &format!("{n} {}", &bulky[..200_000]));
        if tap.log().contains("it is tried again") {
            return;
        }
        assert!(n < 500, "the disk never became full");
    }
}

#[test]
fn a_purge_on_a_full_disk_frees_it() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let path = history.history();
        let Some(disk) = SmallDisk::of("size=6m", &path) else {
            return;
        };
        let ollama = FakeOllama::always(json(REPLY));
        let tap = history.start(&ollama);
        filled(&tap);
        let purged = tap.ask(
            "DELETE",
            request("DELETE", "/analytics/messages?all=true", &[], ""),
        );
        assert_eq!(purged.status(), 200, "{backend}: {}", purged.text());
        assert!(
            purged.json()["deleted"]
                .as_u64()
                .is_some_and(|deleted| deleted > 0),
            "{backend}: {}",
            purged.text()
        );
        wait_for_records(&tap, 0);
        let taken: u64 = files(&path)
            .iter()
            .map(|file| fs::metadata(file).map_or(0, |file| file.len()))
            .sum();
        assert!(taken < 600_000, "{backend}: {taken} bytes are left");
        talk(&tap, "after");
        wait_for_records(&tap, 1);
        assert_eq!(
            metric("ollama_tap_analytics_dropped_total").sum(&tap.scrape()),
            0.0
        );
        drop((tap, disk));
    }
}

#[test]
fn a_lower_limit_makes_room_on_a_full_disk() {
    for backend in LOCAL {
        let history = TestHistory::new(backend);
        let path = history.history();
        let Some(disk) = SmallDisk::of("size=6m", &path) else {
            return;
        };
        let ollama = FakeOllama::always(json(REPLY));
        let tap = history.start(&ollama);
        filled(&tap);
        drop(tap);
        disk.fill();
        let most = 2_000_000;
        let tap = history
            .options(&ollama)
            .args(&["--analytics-max-bytes", &most.to_string()])
            .start();
        eventually("it is small enough, and something is left", || {
            let stats = page(&tap, "/analytics/stats");
            stats["bytes"].as_u64().is_some_and(|bytes| bytes <= most) && stats["records"] != 0
        });
        eventually(
            "what is left is shown, once there is room to open it",
            || !prompts(&page(&tap, "/analytics/export")).is_empty(),
        );
        talk(&tap, "after");
        eventually("the next is written", || {
            prompts(&page(&tap, "/analytics/search?limit=1")) == ["after"]
        });
        drop((tap, disk));
    }
}
