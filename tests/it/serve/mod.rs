//! `serve` and the commands of Ollama's, with a scripted stand-in for the program `ollama` (ollama.py).

mod ending;
mod mending;
mod passthrough;
mod starting;
mod terminal;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

use crate::harness::{Options, Proxy, eventually, require};

/// A machine on which the stand-in is installed.
struct Machine {
    dir: tempfile::TempDir,
}

/// The processes of one start of a server.
#[derive(Clone, Debug)]
struct Run {
    guard: u32,
    ollama: u32,
    /// What the server started in its turn.
    children: Vec<u32>,
}

impl Machine {
    /// `None` where there is no Python for the stand-in, which is said aloud.
    fn new() -> Option<Machine> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/serve/ollama.py");
        fs::create_dir(dir.path().join("bin")).expect("a directory");
        // A link, because a program that was just written may still be open in a process that another test starts.
        std::os::unix::fs::symlink(script, dir.path().join("bin/ollama")).expect("a link");
        require("python3", python().is_some()).then_some(Machine { dir })
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
        dirs.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let path = std::env::join_paths(dirs).expect("a PATH");
        Options::bare(args)
            .env("PATH", &path.to_string_lossy())
            .env("STANDIN_DIR", &self.path("").to_string_lossy())
            .env("XDG_STATE_HOME", &self.path("state").to_string_lossy())
            .env("OLLAMA_TAP_TEST_PAUSE_MS", "20")
            .env("OLLAMA_TAP_TEST_LOOK_MS", "20")
            .env("OLLAMA_TAP_TEST_STOP_MS", "500")
            .env("OLLAMA_TAP_TEST_POLL_MS", "20")
    }

    /// `serve` on free ports, with a stand-in that behaves like this.
    fn serve(&self, behaviour: &str) -> Options {
        let port = port().to_string();
        self.tap(&["serve", "--listen", "127.0.0.1:0", "--backend-port", &port]).env("STANDIN", behaviour)
    }

    /// A command of Ollama's, on a machine where nothing listens yet.
    fn command(&self, words: &[&str]) -> Options {
        self.tap(words).env("OLLAMA_TAP_LISTEN", &format!("127.0.0.1:{}", port())).env("OLLAMA_BACKEND_PORT", &port().to_string())
    }

    /// Every start of a server so far.
    fn runs(&self) -> Vec<Run> {
        let text = fs::read_to_string(self.path("runs")).unwrap_or_default();
        let run = |line: &str| {
            let mut ids = line.split(' ').map(|id| id.parse().expect("a process id"));
            Run { guard: ids.next().expect("a guard"), ollama: ids.next().expect("an ollama"), children: ids.collect() }
        };
        text.lines().map(run).collect()
    }

    /// The present run, once there have been so many.
    fn run(&self, number: usize) -> Run {
        eventually("another run of ollama", || self.runs().len() >= number);
        self.runs()[number - 1].clone()
    }

    fn environment(&self) -> serde_json::Value {
        let text = fs::read_to_string(self.path("environment")).expect("the environment of a server");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Waits until no process of any run is left.
    fn nothing_is_left(&self) {
        eventually("all processes of ollama are gone", || self.runs().iter().all(Run::is_gone));
    }
}

impl Run {
    fn is_gone(&self) -> bool {
        [self.guard, self.ollama].iter().chain(&self.children).all(|id| !lives(*id))
    }
}

/// Whether a process does anything yet; one that is dead and not yet waited for does not.
fn lives(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with(['Z', 'X']))
}

fn signal(id: u32, name: &str) {
    let done = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &id.to_string()]).status();
    assert!(done.is_ok_and(|status| status.success()), "kill -s {name} {id}");
}

/// Waits until Ollama answers through the tap.
fn ready(tap: &Proxy) {
    eventually("ollama answers", || tap.get("/api/version").status() == 200);
}

/// A port that is free, and the next ones too. They stay so: the system gives those below 32768 to nobody who does not ask.
fn port() -> u16 {
    const FIRST: u16 = 12_000;
    const EACH: u16 = 4;
    const BLOCKS: u16 = 5_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let is_free = |port: u16| (port..port + EACH).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    // Another run of these tests begins elsewhere.
    let block = || (process::id() as u16).wrapping_mul(37).wrapping_add(NEXT.fetch_add(1, SeqCst)) % BLOCKS;
    std::iter::repeat_with(|| FIRST + EACH * block()).find(|port| is_free(*port)).expect("a free port")
}

/// The directory of Python itself, which starts sooner than the wrappers that PATH may have.
fn python() -> Option<&'static PathBuf> {
    static DIR: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
        Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()).parent()?.to_owned())
    };
    DIR.get_or_init(find).as_ref()
}
