//! A screen that nobody sees, with a Windows desktop on it, and what it shows.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::harness::{require_tool, text};

/// Programs that this needs, each with words that make it end well at once.
const TOOLS: [(&str, &[&str]); 3] = [
    ("Xvfb", &["-help"]),
    ("import", &["-version"]),
    ("convert", &["-version"]),
];

const WIDTH: usize = 640;
const HEIGHT: usize = 400;

/// The directory of the screenshots.
const PICTURES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../pictures");

pub struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    /// `None` where a tool is missing, which is said aloud.
    pub fn new() -> Option<Screen> {
        if !TOOLS.iter().all(|(tool, words)| require_tool(tool, words)) {
            return None;
        }
        let size = format!("{WIDTH}x{HEIGHT}x24");
        let mut command = Command::new("Xvfb");
        command
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", &size])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = command.spawn().expect("start Xvfb");
        let mut number = String::new();
        BufReader::new(server.stdout.take().expect("its output"))
            .read_line(&mut number)
            .expect("its number");
        Some(Screen {
            server,
            display: format!(":{}", number.trim()),
        })
    }

    pub fn display(&self) -> &str {
        &self.display
    }

    /// The words that a program on a desktop of this screen is started behind.
    pub fn desktop(&self) -> [String; 2] {
        [
            "explorer".to_owned(),
            format!("/desktop=tap,{WIDTH}x{HEIGHT}"),
        ]
    }

    /// Returns how many pixels are of exactly this colour, in a picture that is kept under this name.
    pub fn count(&self, color: [u8; 3], name: &str) -> usize {
        let picture = self.picture(name);
        let output = Command::new("convert")
            .args([text(&picture), "-depth", "8", "rgb:-"])
            .output()
            .expect("read the picture");
        assert_eq!(
            output.stdout.len(),
            WIDTH * HEIGHT * 3,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
            .stdout
            .chunks_exact(3)
            .filter(|pixel| **pixel == color)
            .count()
    }

    fn picture(&self, name: &str) -> PathBuf {
        fs::create_dir_all(PICTURES).expect("a directory");
        let path = PathBuf::from(PICTURES).join(format!("windows-tray-{name}.png"));
        let done = Command::new("import")
            .args(["-display", &self.display, "-window", "root", text(&path)])
            .status();
        assert!(done.is_ok_and(|status| status.success()), "import");
        path
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
