//! `serve` and the commands of Ollama's, with a scripted stand-in for the program `ollama` (ollama.py, on Windows ollama.rs).

mod ending;
mod handed_over;
mod log_lines;
mod mending;
mod passthrough;
mod ports;
mod processes;
mod starting;
#[cfg(unix)] // tmux
mod terminal;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

use crate::harness::runner::{fake_ollama_program, is_windows};
use crate::harness::{Options, Proxy, eventually, require, skip_on_windows};
use processes::Run;

/// A machine on which the stand-in is installed.
struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    /// `None` where there is no Python for the stand-in, which is said aloud.
    fn new() -> Option<Machine> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let script = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/serve/ollama.py");
        fs::create_dir(dir.path().join("bin")).expect("a directory");
        provide(
            &fake_ollama_program().unwrap_or_else(script),
            &dir.path().join("bin").join(OLLAMA),
        );
        (is_windows() || require("python3", python().is_some())).then_some(Machine { dir })
    }

    /// The same, but on Windows, where it is said aloud why not.
    fn unless_on_windows(why: &str) -> Option<Machine> {
        if skip_on_windows(why) {
            return None;
        }
        Machine::new()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn touch(&self, name: &str) {
        fs::write(self.path(name), "").expect("write a file");
    }

    /// The executable with these arguments, impatient.
    fn tap(&self, args: &[&str]) -> Options {
        let mut dirs = vec![self.path("bin")];
        dirs.extend(python().cloned());
        dirs.extend(std::env::split_paths(
            &std::env::var_os("PATH").unwrap_or_default(),
        ));
        with_path(Options::bare(args), &dirs)
            .env("STANDIN_DIR", &self.path("").to_string_lossy())
            .env("XDG_STATE_HOME", &self.path("state").to_string_lossy())
            .env("OLLAMA_TAP_TEST_PAUSE_MS", "20")
            .env("OLLAMA_TAP_TEST_LOOK_MS", "20")
            .env("OLLAMA_TAP_TEST_STOP_MS", "500")
            .env("OLLAMA_TAP_TEST_POLL_MS", "20")
    }

    /// The history of what commands did.
    fn history(&self) -> String {
        self.path("state/ollama-tap/ollama_analytics")
            .to_string_lossy()
            .into_owned()
    }

    /// `serve` on free ports, with a stand-in that behaves like this.
    fn serve(&self, behaviour: &str) -> Options {
        let port = port().to_string();
        self.tap(&["serve", "--listen", "127.0.0.1:0", "--backend-port", &port])
            .env("STANDIN", behaviour)
    }

    /// A command of Ollama's, or a question on what such ones did.
    fn words(&self, words: &[&str]) -> Options {
        let options = self.tap(words);
        // Windows tells itself where programs keep things for a user, which all tests would share.
        if is_windows() {
            options.env("ANALYTICS_DIR", &self.history())
        } else {
            options
        }
    }

    /// A command of Ollama's, on a machine where nothing listens yet.
    fn command(&self, words: &[&str]) -> Options {
        self.words(words)
            .env("OLLAMA_TAP_LISTEN", &format!("127.0.0.1:{}", port()))
            .env("OLLAMA_BACKEND_PORT", &port().to_string())
    }

    /// Every start of a server so far.
    fn runs(&self) -> Vec<Run> {
        let text = fs::read_to_string(self.path("runs")).unwrap_or_default();
        text.lines().map(Run::read).collect()
    }

    /// The present run, once there have been so many.
    fn run(&self, number: usize) -> Run {
        eventually("another run of ollama", || self.runs().len() >= number);
        self.runs()[number - 1].clone()
    }

    fn environment(&self) -> serde_json::Value {
        let text =
            fs::read_to_string(self.path("environment")).expect("the environment of a server");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Waits until no process of any run is left.
    fn nothing_is_left(&self) {
        eventually("all processes of ollama are gone", || {
            self.runs().iter().all(Run::is_gone)
        });
    }
}

/// Has what is started look for programs in these directories.
fn with_path(options: Options, dirs: &[PathBuf]) -> Options {
    let path = std::env::join_paths(dirs).expect("a PATH");
    options.env("PATH", &path.to_string_lossy())
}

/// The program's name.
const OLLAMA: &str = if cfg!(windows) {
    "ollama.exe"
} else {
    "ollama"
};

/// Puts a program at a place: a link, because one that was just written may still be open in a process that another test starts.
#[cfg(unix)]
fn provide(program: &Path, place: &Path) {
    std::os::unix::fs::symlink(program, place).expect("a link");
}

/// Puts a program at a place: a copy, because a link takes rights that not everybody has.
#[cfg(windows)]
fn provide(program: &Path, place: &Path) {
    fs::copy(program, place).unwrap_or_else(|error| panic!("copy {}: {error}", program.display()));
}

/// Waits until Ollama answers through the tap.
fn ready(tap: &Proxy) {
    eventually("ollama answers", || tap.get("/api/version").status() == 200);
}

/// A port that is free, and the next ones too. They stay so: the system gives those below 32768 to nobody who does not ask.
pub fn port() -> u16 {
    const FIRST: u16 = 12_000;
    const EACH: u16 = 4;
    const BLOCKS: u16 = 5_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let is_free =
        |port: u16| (port..port + EACH).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    // Another run of these tests begins elsewhere.
    let block = || {
        (process::id() as u16)
            .wrapping_mul(37)
            .wrapping_add(NEXT.fetch_add(1, SeqCst))
            % BLOCKS
    };
    std::iter::repeat_with(|| FIRST + EACH * block())
        .find(|port| is_free(*port))
        .expect("a free port")
}

/// The directory of Python itself, which starts sooner than the wrappers that PATH may have.
fn python() -> Option<&'static PathBuf> {
    static DIR: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let output = Command::new("python3")
            .args(["-c", "import sys; print(sys.executable)"])
            .output()
            .ok()?;
        Some(
            PathBuf::from(String::from_utf8(output.stdout).ok()?.trim())
                .parent()?
                .to_owned(),
        )
    };
    DIR.get_or_init(find).as_ref()
}
