//! nginx as the measure of what a proxy may cost: the one everybody knows, set up to do its best at this job.

use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::process::{PATIENCE, Server, free_address};

/// The nginx of this machine, on PATH or where distributions hide it from users.
pub fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    places
        .map(|dir| dir.join("nginx"))
        .find(|file| file.is_file())
}

/// What it calls itself, such as `nginx/1.22.1`.
pub fn version(nginx: &PathBuf) -> String {
    let said = Command::new(nginx)
        .arg("-v")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
        .unwrap_or_default();
    said.rsplit(' ')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// Starts it in the foreground in front of `upstream`, with settings, log and pid file in a directory that goes with it.
pub fn start(nginx: &PathBuf, upstream: SocketAddr) -> io::Result<Server> {
    let dir = tempfile::tempdir()?;
    let address = free_address()?;
    fs::write(dir.path().join("nginx.conf"), settings(address, upstream))?;
    let mut command = Command::new(nginx);
    command
        .arg("-p")
        .arg(dir.path())
        .args(["-c", "nginx.conf", "-e", "stderr"]);
    Server::start(command, dir, address, PATIENCE)
}

/// Streams pass unbuffered, connections stay open on both sides, nothing is logged. The limits of requests per connection are lifted because
/// their default of 1,000 would make nginx connect anew all the time.
fn settings(address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "daemon off;
worker_processes auto;
worker_rlimit_nofile 16384;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream ollama {{
        server {upstream};
        keepalive 128;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {address} backlog=4096;
        location / {{
            proxy_pass http://ollama;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_buffering off;
            proxy_read_timeout 300s;
        }}
    }}
}}
"
    )
}
