//! A machine of a test's own: a home, a PATH whose first directory holds the test's own tools, and what lies on it afterwards.

/// What lies on it.
mod contents;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::site::Site;
use super::tools::real;

/// The prefix of somebody who is not root.
pub const EXE: &str = "home/.local/bin/ollama-tap";

/// The service on a machine of root's: what registers it, and the version that runs, if any.
pub const UNIT: &str = "etc/systemd/system/ollama-tap.service";
pub const ACTIVE: &str = "run/active";

/// A machine that downloads from this site.
pub fn beside(site: &Site) -> Machine {
    Machine::new().env("OLLAMA_TAP_BASE_URL", &site.url())
}

/// The script, in the checkout.
pub fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh")
}

/// Stands for systemd: what runs is the version that the unit's program says.
const SYSTEMCTL: &str = r#"
unit=/etc/systemd/system/ollama-tap.service
wants=/etc/systemd/system/multi-user.target.wants
start() {
    program=$(SED -n 's/^ExecStart=\(.*\) proxy$/\1/p' "$unit")
    RM -f /run/active /run/failed
    version=$("$program" --version 2>/dev/null) || { echo >/run/failed; exit 1; }
    MKDIR -p /var/lib/ollama-tap
    echo history >/var/lib/ollama-tap/history
    echo "$version" >/run/active
}
echo "systemctl $*" >>"$TAP_LOG"
case $1 in
    show) if [ -e /run/active ]; then echo ActiveState=active; elif [ -e /run/failed ]; then echo ActiveState=failed; else echo ActiveState=inactive; fi ;;
    start) [ -e /run/active ] || start ;;
    restart) start ;;
    stop) RM -f /run/active /run/failed ;;
    enable) MKDIR -p $wants && LN -sf "$unit" $wants/ollama-tap.service ;;
    disable) RM -f $wants/ollama-tap.service /run/active /run/failed ;;
esac
"#;

/// What comes before the shell that reads the script: root's machine has directories of its own in place of the real ones.
const AS_ROOT: &str =
    "for place in etc run var/lib; do mount -n --bind \"$MACHINE/$place\" /$place; done
echo $$ >\"$TAP_LOG.main\"; exec \"$@\"";
const AS_USER: &str = "echo $$ >\"$TAP_LOG.main\"; exec \"$@\"";

pub struct Machine {
    dir: tempfile::TempDir,
    is_root: bool,
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
            is_root: false,
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

    /// One where root runs it, with an empty /etc, /run and /var/lib; systemd runs there, and knows no service yet.
    pub fn root(mut self) -> Machine {
        self.is_root = true;
        self.tool("id", "echo 0");
        for place in [
            "etc/systemd/system/multi-user.target.wants",
            "run/systemd/system",
            "var/lib",
        ] {
            fs::create_dir_all(self.at(place)).expect("a directory");
        }
        let tools = ["sed", "rm", "mkdir", "ln"];
        let body = tools.iter().fold(SYSTEMCTL.to_owned(), |body, tool| {
            body.replace(&tool.to_uppercase(), &real(tool)) // these calls are none of the script's
        });
        self.tool("systemctl", &body);
        self.env("OLLAMA_TAP_PREFIX", "home/.local")
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
        let sh = real("sh");
        let (program, before) = if self.is_root {
            (real("unshare"), vec!["--mount", &sh, "-ec", AS_ROOT, "sh"])
        } else {
            (sh, vec!["-ec", AS_USER, "sh"])
        };
        let mut command = Command::new(program);
        command
            .args(before)
            .arg(real(self.shell[0]))
            .args(&self.shell[1..])
            .current_dir(self.dir.path())
            .env_clear();
        command
            .env("MACHINE", self.dir.path())
            .env("HOME", self.at("home"))
            .env("TMPDIR", self.at("tmp"))
            .env("PATH", &self.path);
        command.env("TAP_LOG", self.at("log"));
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
}
