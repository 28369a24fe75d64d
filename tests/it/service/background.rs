//! Commands that run in a machine while the test asks: an Ollama in Python, and the tap.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::harness::runs;

/// Answers as an Ollama would, at the place where the service sends it.
pub const OLLAMA: &str = r#"
import http.server
class Ollama(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answers = {"/api/tags": '{"models":[{"name":"a"},{"name":"b"}]}', "/api/version": '{"version":"0.33.0"}', "/api/ps": '{"models":[]}'}
        self.answer(answers.get(self.path, "{}"))
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer('{"model":"a","response":"Yes.","done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":5,"eval_duration":9}')
    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 11435), Ollama)
print("listening", flush=True)
server.serve_forever()
"#;

/// Asks the tap one question.
pub const ASK: &str = r#"
import urllib.request
body = b'{"model":"a","prompt":"Is it?","stream":false}'
print(urllib.request.urlopen("http://127.0.0.1:11434/api/generate", body).read().decode())
"#;

/// A command that runs in a machine until the end of the test.
pub struct Running(Child);

impl Running {
    /// Waits until it says this, on either output.
    pub fn start(mut command: Command, word: &str) -> Running {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start it");
        let said: Box<dyn Read> = match word {
            "listening" => Box::new(child.stdout.take().expect("stdout")),
            _ => Box::new(child.stderr.take().expect("stderr")),
        };
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        assert!(
            lines.any(|line| line.contains(word)),
            "it never said {word:?}"
        );
        Running(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        runs("kill", &[&self.0.id().to_string()]); // `timeout` passes it on
        let _ = self.0.wait();
    }
}
