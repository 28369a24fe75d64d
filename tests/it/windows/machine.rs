//! The Windows machine that a service is installed on: the prefix of Wine, which has one service control manager for all tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::on_windows;
use crate::harness::{Client, Options, Reply, eventually, post, request, text};
use crate::harness::{proc, runner};

/// There is one service of a name.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub const HOME: &str = r"C:\ProgramData\OllamaTap";
pub const COPY: &str = r"C:\Program Files\OllamaTap\ollama-tap.exe";

pub struct Machine {
    dir: tempfile::TempDir,
    pub port: u16,
    _alone: MutexGuard<'static, ()>,
}

impl Machine {
    /// A machine without the service; `None` where the executable is none for Windows, which is said aloud.
    pub fn new() -> Option<Machine> {
        if !on_windows() {
            return None;
        }
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let machine = Machine {
            dir: tempfile::tempdir().expect("a temporary directory"),
            port: free_port(),
            _alone,
        };
        let (code, stdout, stderr) = machine.service(&["uninstall", "--purge"]);
        assert_eq!(code, 0, "{stdout}{stderr}");
        Some(machine)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Puts the stand-in for Ollama on it, and says how that behaves: a service has the variables of its settings alone.
    pub fn with_ollama(&self, behaviour: &str) -> String {
        let program = runner::fake_ollama_program().expect("a program for Windows");
        let ollama = self.path("ollama.exe");
        std::os::unix::fs::symlink(program, &ollama).expect("a link");
        let settings = format!(
            "STANDIN={behaviour}\nSTANDIN_DIR='{}'\nOLLAMA_TAP_TEST_POLL_MS=50\nOLLAMA_TAP_TEST_STOP_MS=300\n",
            windows_path(self.dir.path())
        );
        fs::create_dir_all(path_here(HOME)).expect("a directory");
        fs::write(in_home("ollama-tap.env"), settings).expect("settings");
        windows_path(&ollama)
    }

    /// `ollama-tap service` with these words: exit code, stdout, stderr.
    pub fn service(&self, words: &[&str]) -> (i32, String, String) {
        Options::bare(&[&["service"], words].concat()).run()
    }

    /// The same words to the executable that the service runs.
    pub fn copy(&self, words: &[&str]) -> (i32, String, String) {
        let mut program = runner::command();
        program.pop();
        program.push(text(&path_here(COPY)).to_owned());
        Options::bare(&[&["service"], words].concat())
            .program(&program)
            .run()
    }

    /// The same, which must succeed: what it printed.
    pub fn done(&self, words: &[&str]) -> String {
        let (code, stdout, stderr) = self.service(words);
        assert_eq!(code, 0, "{words:?}: {stdout}{stderr}\n{}", log());
        stdout
    }

    pub fn ask(&self, method: &str, bytes: impl AsRef<[u8]>) -> Reply {
        Client::connect(([127, 0, 0, 1], self.port).into())
            .send(bytes)
            .reply(method)
    }

    pub fn get(&self, target: &str) -> String {
        self.ask("GET", request("GET", target, &[], "")).text()
    }

    /// The processes that have to do with this machine's Ollama and whose command line begins so.
    pub fn processes(&self, words: &str) -> Vec<u32> {
        let name = self
            .dir
            .path()
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let is_ours = |id: &u32| proc::command_line(*id).contains(&name);
        processes(words).into_iter().filter(is_ours).collect()
    }

    /// Talks to Ollama through the service, once that has started it.
    pub fn chat(&self) -> Reply {
        eventually("Ollama answers", || {
            self.ask("GET", request("GET", "/api/version", &[], ""))
                .status()
                == 200
        });
        self.ask(
            "POST",
            post(
                "/api/generate",
                r#"{"model":"talk","prompt":"Why is the sky blue?"}"#,
            ),
        )
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of the service ---\n{}", log());
        }
        self.service(&["uninstall", "--purge"]);
    }
}

/// A path of this machine as a program for Windows takes it.
pub fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}

/// Where this machine has what a program for Windows calls so: in the prefix of Wine.
pub fn path_here(path: &str) -> PathBuf {
    let (drive, rest) = path.split_once(':').expect("a drive");
    let prefix = std::env::var_os("WINEPREFIX").expect("WINEPREFIX");
    Path::new(&prefix).join("dosdevices").join(format!(
        "{}:{}",
        drive.to_lowercase(),
        rest.replace('\\', "/")
    ))
}

pub fn in_home(name: &str) -> PathBuf {
    path_here(HOME).join(name)
}

/// Returns the log of the service.
pub fn log() -> String {
    fs::read_to_string(in_home("logs/ollama-tap.log")).unwrap_or_default()
}

/// The processes of this machine whose command line begins so: the program's name without its directory, and its words.
pub fn processes(words: &str) -> Vec<u32> {
    let is_meant = |id: &u32| {
        let line = proc::command_line(*id);
        let end = line.find(".exe").unwrap_or(line.len());
        line[line[..end].rfind(['/', '\\']).map_or(0, |at| at + 1)..].starts_with(words)
    };
    proc::all().filter(is_meant).collect()
}

pub fn kill(id: u32) {
    let done = Command::new("sh")
        .args(["-c", "kill -s KILL \"$0\"", &id.to_string()])
        .status();
    assert!(done.is_ok_and(|status| status.success()), "kill {id}");
}

/// Returns whether the registry has the service as a source of events, with the file of its texts.
pub fn is_event_source() -> bool {
    let key = r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\OllamaTap";
    let words = runner::command_of(Path::new("reg"));
    let output = Command::new(&words[0])
        .args(&words[1..])
        .args(["query", key])
        .output()
        .expect("run reg");
    String::from_utf8_lossy(&output.stdout).contains("EventCreate.exe")
}

pub fn exists(path: &str) -> bool {
    Path::exists(&path_here(path))
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
