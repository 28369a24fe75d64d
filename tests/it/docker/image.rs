//! The container image, unpacked: what the last stage of packaging/docker/Dockerfile says, around the static executable.
//!
//! No container runtime is needed. `unshare` does to a process what one would: another root, another working directory, another
//! user, and the variables of the image alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Options, Proxy, released, require, runs, text};

const DOCKERFILE: &str = "packaging/docker/Dockerfile";

/// The file as it is.
pub fn dockerfile() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCKERFILE))
        .expect("read the Dockerfile")
}

/// The image as the Dockerfile describes it.
pub struct Image {
    pub env: Vec<(String, String)>,
    pub user: (u32, u32),
    pub volume: String,
    directory: String,
    entrypoint: Vec<String>,
    command: Vec<String>,
    health: Vec<String>,
    copies: Vec<Vec<String>>,
}

impl Image {
    /// Reads the last stage, and holds it against the stages before: what it copies must have been made there.
    pub fn read() -> Image {
        let text = dockerfile();
        let (built, last) = text.split_at(text.rfind("\nFROM ").expect("a last stage"));
        assert!(
            last.starts_with("\nFROM scratch\n"),
            "there is something below the executable"
        );
        let instructions = instructions(last);
        let all = |name: &str| {
            instructions
                .iter()
                .filter(|(word, _)| word == name)
                .map(|(_, rest)| rest.clone())
                .collect::<Vec<_>>()
        };
        let one = |name: &str| all(name).pop().unwrap_or_else(|| panic!("no {name}"));
        let copies: Vec<Vec<String>> = all("COPY")
            .iter()
            .map(|rest| rest.split_whitespace().map(str::to_owned).collect())
            .collect();
        for source in copies.iter().map(|words| &words[words.len() - 2]) {
            assert!(built.contains(source.as_str()), "no stage makes {source}");
        }
        let health = one("HEALTHCHECK");
        let ids = |text: String| {
            text.split(':')
                .map(|id| id.parse().expect("a number"))
                .collect::<Vec<u32>>()
        };
        let user = ids(one("USER"));
        Image {
            env: one("ENV").split_whitespace().map(pair).collect(),
            user: (user[0], user[1]),
            volume: one("VOLUME"),
            directory: one("WORKDIR"),
            entrypoint: words(&one("ENTRYPOINT")),
            command: words(&one("CMD")),
            health: words(health.split_once("CMD ").expect("a command").1),
            copies,
        }
    }

    /// The value of one of its variables.
    pub fn variable(&self, name: &str) -> &str {
        &self
            .env
            .iter()
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("no {name}"))
            .1
    }

    /// Its files in a directory of their own; `None`, said aloud, where this machine cannot become another root and user.
    pub fn unpack(self) -> Option<Container> {
        let is_able = runs(
            "unshare",
            &[
                "--root=/",
                "--wd=/",
                "--setuid=65532",
                "--setgid=65532",
                "true",
            ],
        );
        let archives = if require("unshare, as root", is_able) {
            released()
        } else {
            Vec::new()
        };
        let name = format!("{}-unknown-linux-musl.", std::env::consts::ARCH);
        let archive = archives
            .into_iter()
            .find(|path| text(path).contains(&name))?;
        let root = tempfile::tempdir().expect("a temporary directory");
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755))
            .expect("open the root to its user");
        for words in &self.copies {
            place(words, root.path(), &archive);
        }
        Some(Container {
            image: self,
            root,
            set: Vec::new(),
        })
    }
}

/// The instructions of a stage: name and the rest of the line, continuation lines joined.
fn instructions(stage: &str) -> Vec<(String, String)> {
    let lines = stage
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n")
        .replace("\\\n", " ");
    lines
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, rest)| (name.to_owned(), rest.trim().to_owned()))
        .collect()
}

fn pair(word: &str) -> (String, String) {
    word.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .expect("NAME=value")
}

/// The exec form: no shell is there to read another.
fn words(list: &str) -> Vec<String> {
    serde_json::from_str(list).unwrap_or_else(|error| panic!("{list}: {error}"))
}

/// What one COPY puts into the root: the executable of the archive, or an empty directory.
fn place(words: &[String], root: &Path, archive: &Path) {
    let [.., source, target] = words else {
        panic!("{words:?}")
    };
    let target = root.join(target.trim_start_matches('/'));
    let flag = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    if source.ends_with("/ollama-tap") {
        fs::create_dir_all(target.parent().expect("a parent")).expect("make directories");
        let mut tar = Command::new("tar");
        tar.arg("-xzf")
            .arg(archive)
            .arg("-C")
            .arg(target.parent().expect("a parent"))
            .args(["--strip-components=1", "--wildcards"]);
        assert!(
            tar.arg("*/ollama-tap").status().expect("run tar").success(),
            "unpack {}",
            archive.display()
        );
    } else {
        fs::create_dir_all(&target).expect("make the directory");
    }
    if let Some((user, group)) = flag("--chown=").map(pair_of_ids) {
        chown(&target, Some(user), Some(group)).expect("give it away");
    }
    if let Some(mode) = flag("--chmod=") {
        let mode = u32::from_str_radix(mode, 8).expect("an octal mode");
        fs::set_permissions(&target, fs::Permissions::from_mode(mode)).expect("set its mode");
    }
}

fn pair_of_ids(text: &str) -> (u32, u32) {
    let (user, group) = text.split_once(':').expect("USER:GROUP");
    (
        user.parse().expect("a number"),
        group.parse().expect("a number"),
    )
}

/// An image with variables of its own, ready to run.
pub struct Container {
    pub image: Image,
    root: tempfile::TempDir,
    set: Vec<(String, String)>,
}

impl Container {
    /// As `docker run --env NAME=value`.
    pub fn env(mut self, name: &str, value: &str) -> Container {
        self.set.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The directory of the volume on this machine.
    pub fn volume(&self) -> PathBuf {
        self.path().join(self.image.volume.trim_start_matches('/'))
    }

    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Runs what the image runs.
    pub fn start(&self) -> Proxy {
        self.options(&[&self.image.entrypoint[..], &self.image.command[..]].concat())
            .start()
    }

    /// Runs its health check to the end: exit code, and what it said.
    pub fn health(&self) -> (i32, String) {
        let (code, stdout, stderr) = self.options(&self.image.health).run();
        (code, stdout + &stderr)
    }

    fn options(&self, words: &[String]) -> Options {
        let set = self
            .image
            .env
            .iter()
            .chain(&self.set)
            .map(|(name, value)| format!("{name}={value}"));
        let (user, group) = self.image.user;
        let around = [
            "unshare".to_owned(),
            format!("--root={}", text(self.path())),
            format!("--wd={}", self.image.directory),
            format!("--setuid={user}"),
            format!("--setgid={group}"),
        ];
        let clean = ["env".to_owned(), "-i".to_owned()];
        Options::bare(&[]).program(
            &clean
                .into_iter()
                .chain(set)
                .chain(around)
                .chain(words.iter().cloned())
                .collect::<Vec<_>>(),
        )
    }
}
