//! A machine to install on: this one's root below an overlay, in mount and network namespaces of its own, where a script stands
//! for systemctl. What happens there is gone with the test.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::harness::{require, require_tool, runs};

/// Makes the machine below `$1`, with the executable `$2` in it, and keeps it until its input ends.
const SETUP: &str = r#"
set -e
ip link set lo up
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir upper work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" root
mount -t proc proc root/proc
mount --rbind /dev root/dev
mount -t tmpfs tmpfs root/tmp
mount -t tmpfs tmpfs root/run
rm -rf root/etc/ollama-tap.env root/etc/systemd/system/ollama* root/usr/local/bin/ollama* root/usr/bin/ollama* root/var/lib/ollama-tap
mkdir -p root/etc/systemd/system root/run/systemd/system root/Library/LaunchDaemons
for place in root/usr/bin root/srv; do touch "$place/ollama-tap" && mount --bind "$2" "$place/ollama-tap"; done
mount --bind upper root/mnt
exec chroot root sh -c 'echo ready && exec cat'
"#;

/// What useradd and userdel leave behind: copies of the tables as they were before, and their lock.
const OF_USERADD: [&str; 7] = [
    "etc/passwd-",
    "etc/shadow-",
    "etc/group-",
    "etc/gshadow-",
    "etc/subuid-",
    "etc/subgid-",
    "etc/.pwd.lock",
];

/// Executables are told apart by their size alone (bytes).
const LARGE: u64 = 1024 * 1024;

pub struct Machine {
    holder: Child,
    _dir: tempfile::TempDir,
}

/// What is where, as far as it differs from this machine's own root.
pub struct Tree(BTreeMap<PathBuf, String>);

impl Machine {
    /// `None`, said aloud, where this user may not make one.
    pub fn start() -> Option<Machine> {
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let can_make = require("root", is_root)
            && require_tool("unshare", &["--mount", "--net", "true"])
            && require_tool("ip", &["-V"])
            && require_tool("nsenter", &["-V"])
            && require_tool("chroot", &["--version"]);
        if !can_make {
            return None;
        }
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--net",
                "--propagation",
                "private",
                "sh",
                "-c",
                SETUP,
                "sh",
            ])
            .arg(dir.path());
        command
            .arg(executable())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut holder = command.spawn().expect("start a machine");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().expect("stdout"))
            .read_line(&mut line)
            .expect("a word of the machine");
        let machine = Machine { holder, _dir: dir };
        assert_eq!(line, "ready\n");
        machine.script("/usr/bin/systemctl", include_str!("systemctl.sh"));
        Some(machine)
    }

    /// A path of the machine, as the test reaches it.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.holder.id()))
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("make a directory");
        fs::write(&path, text).unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
    }

    pub fn script(&self, path: &str, text: &str) {
        let _ = fs::remove_file(self.path(path)); // it may be a link
        self.write(path, text);
        fs::set_permissions(self.path(path), PermissionsExt::from_mode(0o755))
            .expect("make it executable");
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("read {path}: {error}"))
    }

    pub fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    pub fn mode(&self, path: &str) -> u32 {
        self.path(path).metadata().expect("its mode").mode() & 0o7777
    }

    /// Returns the calls of systemctl since the last one of this function, without those that only ask.
    pub fn systemctl_calls(&self) -> Vec<String> {
        let path = self.path("/run/fake-systemd/told");
        let told = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        told.lines()
            .filter(|line| !line.starts_with("show") && *line != "--version")
            .map(str::to_owned)
            .collect()
    }

    /// A command in the machine, as root, with these variables and few others.
    pub fn command(&self, env: &[(&str, &str)], words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        let target = self.holder.id().to_string();
        command
            .args([
                "--target", &target, "--mount", "--net", "--root", "--wd", "--", "timeout", "20",
            ])
            .args(words);
        command
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .envs(env.iter().copied());
        command.stdin(Stdio::null());
        command
    }

    /// Runs it to its end: exit code, stdout, stderr.
    pub fn run(&self, env: &[(&str, &str)], words: &[&str]) -> (i32, String, String) {
        let output = self.command(env, words).output().expect("run a command");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (
            output.status.code().unwrap_or(-1),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// Runs what must succeed: stdout.
    pub fn ok(&self, env: &[(&str, &str)], words: &[&str]) -> String {
        let (code, stdout, stderr) = self.run(env, words);
        assert_eq!(code, 0, "{words:?}\n{stdout}{stderr}");
        stdout
    }

    /// Runs `ollama-tap service` with these words, which must succeed.
    pub fn service(&self, words: &[&str]) -> String {
        self.ok(&[], &[&["ollama-tap", "service"], words].concat())
    }

    pub fn tree(&self) -> Tree {
        Tree(
            self.touched()
                .into_iter()
                .map(|path| (path.clone(), self.describe(&path)))
                .collect(),
        )
    }

    /// Returns the differences to an earlier tree, each with both states.
    pub fn changes(&self, before: &Tree) -> Vec<String> {
        let paths: BTreeSet<PathBuf> = before.0.keys().cloned().chain(self.touched()).collect();
        let compare = |path: &PathBuf| {
            let was = before
                .0
                .get(path)
                .cloned()
                .unwrap_or_else(|| describe(&Path::new("/").join(path)));
            let is = self.describe(path);
            (was != is).then(|| format!("/{}: was {was}, is {is}", path.display()))
        };
        paths
            .iter()
            .filter(|path| !OF_USERADD.iter().any(|of| path.ends_with(of)))
            .filter_map(compare)
            .collect()
    }

    fn describe(&self, path: &Path) -> String {
        describe(&self.path("/").join(path))
    }

    /// All that is in the upper layer.
    fn touched(&self) -> BTreeSet<PathBuf> {
        let upper = self.path("/mnt");
        let mut found = BTreeSet::new();
        let mut folders = vec![upper.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)
                .expect("list the upper layer")
                .flatten()
            {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                }
                found.insert(
                    entry
                        .path()
                        .strip_prefix(&upper)
                        .expect("below it")
                        .to_owned(),
                );
            }
        }
        found
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// The executable, without what debuggers read where that can be taken out: it is copied often, and would be ten times as large.
fn executable() -> &'static Path {
    static EXECUTABLE: OnceLock<PathBuf> = OnceLock::new();
    EXECUTABLE.get_or_init(|| {
        let whole = env!("CARGO_BIN_EXE_ollama-tap");
        let stripped = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ollama-tap");
        let new = stripped.with_extension(std::process::id().to_string()); // others may be running the one that is there
        let is_done = runs("strip", &["-o", &new.to_string_lossy(), whole])
            && fs::rename(&new, &stripped).is_ok();
        if is_done {
            stripped
        } else {
            PathBuf::from(whole)
        }
    })
}

/// Kind, rights, owner and content of what is there.
fn describe(path: &Path) -> String {
    let Ok(meta) = path.symlink_metadata() else {
        return "nothing".to_owned();
    };
    let content = if meta.is_symlink() {
        format!(
            "link to {}",
            fs::read_link(path).unwrap_or_default().display()
        )
    } else if meta.len() > LARGE {
        format!("file of {} bytes", meta.len())
    } else if meta.is_file() {
        let mut hasher = DefaultHasher::new();
        fs::read(path).unwrap_or_default().hash(&mut hasher);
        format!("file {:x}", hasher.finish())
    } else {
        "directory".to_owned()
    };
    format!("{content} {:o} {}:{}", meta.mode(), meta.uid(), meta.gid())
}
