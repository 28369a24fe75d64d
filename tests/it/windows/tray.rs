//! The icon in the notification area, as a picture of the screen shows it.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::machine::{kill, processes, windows_path};
use super::on_windows;
use super::screen::Screen;
use crate::harness::runner;
use crate::harness::{FakeOllama, Options, Proxy, eventually, require, runs, text};

/// The colours of the states, as src/commands/tray/icon.rs has them.
const SERVING: [u8; 3] = [20, 128, 120];
const OLLAMA_DOWN: [u8; 3] = [217, 130, 0];
const TAP_DOWN: [u8; 3] = [190, 30, 45];

/// As many pixels of an icon of 16 by 16 at least have the colour of the state.
const PIXELS: usize = 16;

/// The number of the last choice of the menu.
const QUIT: &str = "1008";

/// The icon on a desktop of its own; ended when dropped.
struct Desktop {
    screen: Screen,
    explorer: Child,
    dir: tempfile::TempDir,
}

impl Desktop {
    fn with_icon(tap: &Proxy) -> Option<Desktop> {
        let screen = Screen::new()?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/windows/poke.c");
        let program = dir.path().join("poke.exe");
        let words = [text(&source), "-o", text(&program)];
        if !require(
            "x86_64-w64-mingw32-gcc",
            runs("x86_64-w64-mingw32-gcc", &words),
        ) {
            return None;
        }
        let (exe, listen) = (runner::command(), tap.addr.to_string());
        let explorer = on(
            &screen,
            &[
                exe.last().expect("an executable"),
                "tray",
                "--listen",
                &listen,
            ],
        );
        Some(Desktop {
            screen,
            explorer,
            dir,
        })
    }

    /// Waits until the icon has this colour, and keeps the picture.
    fn shows(&self, color: [u8; 3], name: &str) {
        eventually(&format!("an icon of {color:?}"), || {
            self.screen.count(color, name) >= PIXELS
        });
    }

    /// Does to the icon what poke.c says.
    fn poke(&self, words: &[&str]) {
        let program = windows_path(&self.dir.path().join("poke.exe"));
        let mut poke = on(&self.screen, &[&[program.as_str()], words].concat());
        assert!(
            poke.wait().is_ok_and(|status| status.success()),
            "poke {words:?}"
        );
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        icons().into_iter().for_each(kill);
        let _ = self.explorer.kill();
        let _ = self.explorer.wait();
    }
}

/// Starts a program on the desktop of this screen.
fn on(screen: &Screen, words: &[&str]) -> Child {
    let command = runner::command();
    let (_, wine) = command.split_last().expect("an executable");
    let mut command = Command::new(&wine[0]);
    command.args(&wine[1..]).args(screen.desktop()).args(words);
    command
        .env("DISPLAY", screen.display())
        .env("OLLAMA_TAP_TEST_POLL_MS", "100");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().expect("start a program on the desktop")
}

fn icons() -> Vec<u32> {
    processes("ollama-tap.exe tray")
}

#[test]
fn the_icon_shows_the_state_by_its_colour_outlives_the_taskbar_and_its_menu_ends_it() {
    if !on_windows() {
        return;
    }
    let ollama = FakeOllama::always(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"version\":\"1.0\"}",
    );
    let tap = Options::to(&ollama)
        .env("OLLAMA_TAP_TEST_POLL_MS", "50")
        .start();
    let Some(desktop) = Desktop::with_icon(&tap) else {
        return;
    };
    desktop.shows(SERVING, "serving");
    drop(ollama);
    desktop.shows(OLLAMA_DOWN, "ollama-down");
    drop(tap);
    desktop.shows(TAP_DOWN, "tap-down");
    desktop.poke(&["taskbar"]);
    desktop.shows(TAP_DOWN, "new-taskbar");
    desktop.poke(&["choose", QUIT]);
    eventually("the icon is gone", || {
        desktop.screen.count(TAP_DOWN, "quit") == 0 && icons().is_empty()
    });
}

#[test]
fn an_icon_ends_when_another_process_asks_for_it() {
    if !on_windows() {
        return;
    }
    let stop = || Options::bare(&["tray", "--stop"]).run();
    let (code, _, stderr) = stop();
    assert_eq!((code, stderr.trim()), (0, "no icon is shown"));
    let tap = Options::to(&FakeOllama::always("")).start();
    let Some(desktop) = Desktop::with_icon(&tap) else {
        return;
    };
    desktop.shows(OLLAMA_DOWN, "to-be-stopped");
    let (code, _, stderr) = stop();
    assert_eq!((code, stderr.trim()), (0, "the icon has ended"));
    eventually("the icon is gone", || {
        desktop.screen.count(OLLAMA_DOWN, "stopped") == 0 && icons().is_empty()
    });
}
