//! A machine of a test's own: a home, a PATH whose first directory holds the test's own tools, and what lies on it afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::site::Site;
use crate::harness::{require, runs};

/// The prefix of somebody who is not root.
pub const EXE: &str = "home/.local/bin/ollama-tap";

/// Returns whether this machine has what the tests themselves need.
pub fn can_run() -> bool {
    ["sh", "curl", "tar", "openssl", "chmod"]
        .iter()
        .all(|tool| require(tool, !real(tool).is_empty()))
}

/// A machine that downloads from this site.
pub fn beside(site: &Site) -> Machine {
    Machine::new().env("OLLAMA_TAP_BASE_URL", &site.url())
}

/// The script, in the checkout.
pub fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh")
}

/// The shells of this machine that read it.
pub fn shells() -> Vec<&'static [&'static str]> {
    let all: [&[&str]; 3] = [&["sh"], &["bash"], &["busybox", "sh"]];
    all.into_iter()
        .filter(|shell| runs(shell[0], &[&shell[1..], &["-c", "true"]].concat()))
        .collect()
}

pub struct Machine {
    dir: tempfile::TempDir,
    shell: &'static [&'static str],
    path: String,
    env: Vec<(String, String)>,
}

/// The result of a run of the script.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub said: String,
}

impl Ran {
    pub fn well(self) -> Ran {
        assert_eq!(self.code, Some(0), "{}", self.said);
        self
    }

    /// It failed, and said why.
    pub fn badly(self, why: &str) -> Ran {
        assert!(
            self.code.is_some_and(|code| code != 0) && self.said.contains(why),
            "{:?}, no {why:?}: {}",
            self.code,
            self.said
        );
        self
    }

    pub fn says(self, what: &str) -> Ran {
        assert!(self.said.contains(what), "no {what:?}: {}", self.said);
        self
    }
}

impl Machine {
    pub fn new() -> Machine {
        Machine::with(&["sh"])
    }

    /// One where the script is read by this shell, run by a user who is not root, on Linux of x86_64.
    pub fn with(shell: &'static [&'static str]) -> Machine {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = format!(
            "{}:{}",
            dir.path().join("tools").display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let machine = Machine {
            dir,
            shell,
            path,
            env: Vec::new(),
        };
        for name in ["home", "tools", "tmp"] {
            fs::create_dir(machine.at(name)).expect("a directory");
        }
        machine.tool(
            "uname",
            "case $1 in -s) echo Linux ;; *) echo x86_64 ;; esac",
        );
        machine.tool("id", "echo 1000");
        machine
    }

    pub fn root(self) -> Machine {
        self.tool("id", "echo 0");
        self
    }

    /// Only these tools of the real machine, and the test's own.
    pub fn only(mut self, tools: &[&str]) -> Machine {
        self.path = self.at("tools").display().to_string();
        for tool in tools {
            self.tool(tool, &format!("exec {} \"$@\"", real(tool)));
        }
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Machine {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A tool of this name that comes before the real one.
    pub fn tool(&self, name: &str, body: &str) {
        self.file(
            &format!("tools/{name}"),
            &format!("#!{}\n{body}\n", real("sh")),
        );
        let made = Command::new("chmod")
            .arg("+x")
            .arg(self.at("tools").join(name))
            .status()
            .expect("run chmod");
        assert!(made.success(), "chmod");
    }

    pub fn file(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("write a file");
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_default()
    }

    /// Runs the script as a file.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_file(&script(), args)
    }

    pub fn run_file(&self, file: &Path, args: &[&str]) -> Ran {
        self.finish(self.command().arg(file).args(args), "")
    }

    /// Runs this text as a pipe would bring it.
    pub fn pipe(&self, text: &str) -> Ran {
        self.finish(&mut self.command(), text)
    }

    /// Its environment is the machine's and no more: nothing of the developer's.
    fn command(&self) -> Command {
        let mut command = Command::new(real(self.shell[0]));
        command
            .args(&self.shell[1..])
            .current_dir(self.dir.path())
            .env_clear();
        command
            .env("HOME", self.at("home"))
            .env("TMPDIR", self.at("tmp"))
            .env("PATH", &self.path);
        command
            .env("TAP_LOG", self.at("log"))
            .env("TAP_RUNS", self.at("runs"));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    fn finish(&self, command: &mut Command, input: &str) -> Ran {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run the shell");
        // A shell that ends early reads no more.
        let _ = child
            .stdin
            .take()
            .expect("stdin")
            .write_all(input.as_bytes());
        let output = child.wait_with_output().expect("wait for the shell");
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        Ran {
            code: output.status.code(),
            said: said.into_owned(),
        }
    }

    /// Every file and directory of the home and of the directory for temporary files.
    pub fn everything(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut found = BTreeMap::new();
        let mut directories = vec![self.at("home"), self.at("tmp")];
        while let Some(directory) = directories.pop() {
            for path in fs::read_dir(&directory)
                .expect("list a directory")
                .map(|entry| entry.expect("an entry").path())
            {
                let is_directory = path.is_dir();
                found.insert(
                    path.clone(),
                    (!is_directory).then(|| fs::read(&path).expect("read a file")),
                );
                if is_directory {
                    directories.push(path);
                }
            }
        }
        found
    }
}

/// Returns the path of a tool on the real machine.
pub fn real(tool: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("command -v {tool}")])
        .output()
        .expect("run sh");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
