//! A real Prometheus with a configuration of the test's, and questions to it.
//!
//! It scrapes for the first time 5 seconds after its start, and no setting changes that.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::client::{Client, request};
use super::eventually;

/// A running Prometheus; killed when dropped.
pub struct Prometheus {
    child: Child,
    addr: SocketAddr,
    _dir: tempfile::TempDir,
}

/// One series of an answer, and its value now.
#[derive(Clone, Debug)]
pub struct Sample {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Prometheus {
    /// Starts it and waits until it answers.
    pub fn start(config: &str) -> Prometheus {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("prometheus.yml");
        fs::write(&path, config).expect("write the configuration");
        let addr = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        let child = spawn(&path, &dir.path().join("data"), addr);
        let prometheus = Prometheus {
            child,
            addr,
            _dir: dir,
        };
        eventually("Prometheus answers", || {
            prometheus.value("vector(1)") == Some(1.0)
        });
        prometheus
    }

    /// Returns the answer to an instant query; an error in Prometheus's own words, or why it could not be asked.
    pub fn ask(&self, query: &str) -> Result<Vec<Sample>, String> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", query)
            .finish();
        let headers = [
            "Content-Type: application/x-www-form-urlencoded",
            "Connection: close",
        ];
        let answer = self.exchange("POST", request("POST", "/api/v1/query", &headers, form))?;
        let all = answer["data"]["result"]
            .as_array()
            .ok_or_else(|| answer["error"].to_string())?;
        Ok(all.iter().filter_map(sample).collect())
    }

    /// The value of a query with one result, where it has one.
    pub fn value(&self, query: &str) -> Option<f64> {
        Some(self.ask(query).ok()?.first()?.value)
    }

    /// Any page of its interface that answers JSON.
    pub fn get(&self, target: &str) -> Result<Value, String> {
        self.exchange("GET", request("GET", target, &["Connection: close"], ""))
    }

    fn exchange(&self, method: &str, bytes: Vec<u8>) -> Result<Value, String> {
        let stream = TcpStream::connect(self.addr).map_err(|error| error.to_string())?;
        let mut client = Client::over(stream);
        client.try_send(bytes).map_err(|error| error.to_string())?;
        let reply = client
            .try_reply(method)
            .map_err(|error| error.to_string())?;
        serde_json::from_slice(&reply.body).map_err(|error| format!("{error}: {}", reply.text()))
    }
}

fn spawn(config: &Path, data: &Path, addr: SocketAddr) -> Child {
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--web.listen-address={addr}"));
    command.arg(format!("--storage.tsdb.path={}", data.display()));
    command.arg("--log.level=error");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("start prometheus")
}

fn sample(one: &Value) -> Option<Sample> {
    let labels = one["metric"]
        .as_object()?
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    Some(Sample {
        labels: labels.collect(),
        value: one["value"][1].as_str()?.parse().ok()?,
    })
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
