//! The stand-in for the program `ollama` on Windows, where ollama.py cannot run: as much of that as a Windows program can be.
//!
//! STANDIN_DIR is where it leaves what the tests look at, and STANDIN says how the server behaves; ollama.py has the particulars.
//! With `interrupt ID` it is none, but presses Ctrl-C at the console of another process.

#[cfg_attr(windows, path = "ollama_windows.rs")]
#[cfg_attr(unix, path = "ollama_unix.rs")]
mod system;

use std::env;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{self, Command};
use std::thread;
use std::time::Duration;

use serde_json::Value;

const VERSION: &str = r#"{"version":"0.99.0"}"#;
const TAGS: &str = r#"{"models":[{"name":"talk:latest","model":"talk:latest"}]}"#;
const DONE: &str = r#"{"model":"talk","created_at":"2026-11-21T08:49:09Z","response":"","done":true,"done_reason":"stop","total_duration":82762732,"load_duration":989213,"prompt_eval_count":3,"prompt_eval_duration":2957000,"eval_count":2,"eval_duration":75846000}"#;
const CUT: &str = r#"time=2026-11-29T08:49:09.000Z level=WARN source=llama_server.go:317 msg="truncating input prompt" limit=514 prompt=1025 keep=4 new=514"#;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

fn main() -> io::Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => serve(),
        ["child"] => {
            eprintln!("asleep");
            sleep_for_ever()
        }
        ["list"] => {
            let tags: Value = serde_json::from_str(&ask("GET", "/api/tags", "")?)?;
            for model in tags["models"].as_array().into_iter().flatten() {
                println!("{}", model["name"].as_str().unwrap_or_default());
            }
            Ok(())
        }
        ["run", "talk"] => chat(),
        ["run", "talk", prompt] => say(prompt),
        ["ps"] => writeln!(io::stdout(), "{}", environment()),
        ["pull", "wait"] => {
            eprintln!(
                "waiting at {} as {}",
                env::var("OLLAMA_HOST").unwrap_or_default(),
                process::id()
            );
            sleep_for_ever()
        }
        ["interrupt", id] => system::interrupt(id.parse().unwrap_or_default()),
        ["stop", code] => process::exit(code.parse().unwrap_or(1)),
        ["--help"] => writeln!(
            io::stdout(),
            "Available Commands:\n  run    Run a model\n  serch  Find a model"
        ),
        ["help" | "-v" | "launch" | "search" | "serch", ..] => {
            writeln!(io::stdout(), "these words: {}", words.join(" "))
        }
        _ => fail(&format!("unknown command {words:?}")),
    }
}

fn fail(why: &str) -> ! {
    eprintln!("Error: {why}");
    process::exit(1)
}

fn sleep_for_ever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(600));
    }
}

fn behaves(word: &str) -> bool {
    env::var("STANDIN")
        .unwrap_or_default()
        .split(',')
        .any(|behaviour| behaviour == word)
}

fn here(name: &str) -> PathBuf {
    PathBuf::from(env::var("STANDIN_DIR").unwrap_or_default()).join(name)
}

fn wait_for(name: &str) {
    while !here(name).exists() {
        thread::sleep(LOOK);
    }
}

fn environment() -> Value {
    env::vars()
        .map(|(name, value)| (name, Value::from(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn address() -> String {
    let host = env::var("OLLAMA_HOST").unwrap_or_else(|_| "127.0.0.1:11434".to_owned());
    host.trim_start_matches("http://").to_owned()
}

fn serve() -> io::Result<()> {
    let is_first = !here("runs").exists();
    fs::write(here("environment"), environment().to_string())?;
    let mut ids = vec![system::parent()?, process::id()];
    if behaves("parent") {
        ids.push(Command::new(env::current_exe()?).arg("child").spawn()?.id());
    }
    let listener = TcpListener::bind(address());
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    writeln!(
        File::options()
            .append(true)
            .create(true)
            .open(here("runs"))?,
        "{}",
        ids.join(" ")
    )?;
    let Ok(listener) = listener else {
        fail(&format!(
            "listen tcp {}: bind: address already in use",
            address()
        ));
    };
    if behaves("chatty") {
        println!("a line of no level");
        eprintln!("time=2026-11-21T08:49:09.000Z level=WARN msg=careful");
        eprintln!("time=2026-11-21T08:49:09.000Z level=DEBUG msg=whisper");
    }
    if behaves("crash") || behaves("crash-once") && is_first {
        fail("out of luck");
    }
    if behaves("late") {
        wait_for("go");
    }
    for connection in listener.incoming() {
        let connection = connection?;
        thread::spawn(move || converse(&connection));
    }
    Ok(())
}

/// Answers one request after the other, until the client leaves.
fn converse(connection: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(connection);
    loop {
        let (mut start, mut length) = (String::new(), 0);
        if reader.read_line(&mut start)? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim().to_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mut words = start.split_whitespace();
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        answer(connection, method, path, &body)?;
    }
}

fn answer(mut stream: &TcpStream, method: &str, path: &str, body: &[u8]) -> io::Result<()> {
    if method == "POST" {
        let question: Value = serde_json::from_slice(body)?;
        return generate(stream, question["prompt"].as_str().unwrap_or_default());
    }
    if behaves("mute") && method == "HEAD" && here("mute").exists() {
        sleep_for_ever();
    }
    let (status, text) = match path {
        "/" => ("200 OK", "Ollama is running"),
        "/api/version" => ("200 OK", VERSION),
        "/api/tags" => ("200 OK", TAGS),
        "/api/ps" => ("200 OK", r#"{"models":[]}"#),
        _ => ("404 Not Found", "404 page not found"),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        text.len()
    );
    stream.write_all((head + if method == "HEAD" { "" } else { text }).as_bytes())
}

fn generate(stream: &TcpStream, prompt: &str) -> io::Result<()> {
    let mut out = stream;
    if prompt == "cut" {
        wait_for("cut");
        eprintln!("{CUT}");
    }
    out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let mut piece =
        |line: &str| out.write_all(format!("{:x}\r\n{line}\n\r\n", line.len() + 1).as_bytes());
    let token = |text: &str| {
        format!(
            r#"{{"model":"talk","created_at":"2026-11-21T08:49:09Z","response":"{text}","done":false}}"#
        )
    };
    piece(&token("It is "))?;
    match prompt {
        "for ever" => loop {
            piece(&token("on and "))?;
            thread::sleep(LOOK);
        },
        "held" | "cut" => wait_for("go"),
        _ => {}
    }
    piece(&token("blue."))?;
    let count = if ["cut", "as long"].contains(&prompt) {
        514
    } else {
        3
    };
    let done = DONE.replace(
        r#""prompt_eval_count":3"#,
        &format!(r#""prompt_eval_count":{count}"#),
    );
    piece(&done)?;
    out.write_all(b"0\r\n\r\n")
}

/// The body of the reply.
fn ask(method: &str, path: &str, body: &str) -> io::Result<String> {
    let mut connection = TcpStream::connect(address())?;
    let host = address();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: ollama/0.99.0\r\nContent-Length: {length}\r\n\r\n"
    );
    connection.write_all((head + body).as_bytes())?;
    let mut reply = String::new();
    connection.read_to_string(&mut reply)?;
    Ok(reply
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default())
}

fn say(prompt: &str) -> io::Result<()> {
    let question = serde_json::json!({"model": "talk", "prompt": prompt}).to_string();
    for line in ask("POST", "/api/generate", &question)?.lines() {
        let token: Value = serde_json::from_str(line)?;
        print!("{}", token["response"].as_str().unwrap_or_default());
    }
    println!();
    Ok(())
}

fn chat() -> io::Result<()> {
    print!(">>> ");
    io::stdout().flush()?;
    for line in io::stdin().lines() {
        let line = line?;
        if line.trim() == "/bye" {
            break;
        }
        say(line.trim())?;
        print!(">>> ");
        io::stdout().flush()?;
    }
    Ok(())
}
