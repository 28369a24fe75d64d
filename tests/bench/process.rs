//! The processes the bench starts: where they listen, what memory they hold, and that they end with it.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::os;
use crate::wire::Wire;

/// The release executable under test.
pub const EXECUTABLE: &str = env!("CARGO_BIN_EXE_ollama-tap");

/// Every start is over, or failed, within this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server of the bench's own, in a directory of its own. Dropping it ends it and everything it started.
pub struct Server {
    child: Child,
    dir: TempDir,
    /// Where it answers.
    pub address: SocketAddr,
}

impl Server {
    /// Starts the tap on a free port in front of `upstream`, with `flags` besides. Its log goes to a file, as a service's would, so that nothing
    /// of the bench has to read it meanwhile.
    pub fn tap(upstream: SocketAddr, flags: &[&str]) -> io::Result<Server> {
        let dir = tempfile::tempdir()?;
        let upstream = format!("http://{upstream}");
        let mut command = Command::new(EXECUTABLE);
        command.args(["proxy", "--listen", "127.0.0.1:0", "--upstream", &upstream]).args(flags);
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server { child: spawn(command.env_clear(), dir.path())?, dir, address: unknown };
        server.address = server.wait_for(|server| bound_address(&server.log()))?;
        Ok(server)
    }

    /// Starts `command`, which is known to listen on `address`, in `dir`.
    pub fn start(mut command: Command, dir: TempDir, address: SocketAddr) -> io::Result<Server> {
        let child = spawn(&mut command, dir.path())?;
        let mut server = Server { child, dir, address };
        server.wait_for(|server| Wire::connect(server.address).ok())?;
        Ok(server)
    }

    /// A figure of /proc/PID/status in MB (10⁶ bytes): `VmRSS` is what it holds now, `VmHWM` the most it ever held.
    pub fn memory(&self, name: &str) -> io::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().strip_suffix(" kB")?.parse().ok());
        let kibibytes: f64 = value.ok_or_else(|| io::Error::other(format!("reading memory: no {name} in the status of the process")))?;
        Ok(kibibytes * 1024.0 / 1e6)
    }

    fn wait_for<T>(&mut self, ready: impl Fn(&Server) -> Option<T>) -> io::Result<T> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(found) = ready(self) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("the server ended ({status}): {}", self.log())));
            }
            thread::sleep(Duration::from_micros(200));
        }
        Err(io::Error::other(format!("the server does not listen after {PATIENCE:?}: {}", self.log())))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join(LOG)).unwrap_or_default()
    }
}

impl Drop for Server {
    /// SIGTERM first, since a master that is killed outright leaves its workers behind.
    fn drop(&mut self) {
        let _ = os::terminate(self.child.id());
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(1) && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LOG: &str = "stderr.log";

fn spawn(command: &mut Command, dir: &Path) -> io::Result<Child> {
    let log = File::create(dir.join(LOG))?;
    command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()
}

/// The address in the line `listening on http://ADDRESS`, once it is written to its end.
fn bound_address(log: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once("listening on http://")?;
    let (address, _) = rest.split_once('\n')?;
    address.split_whitespace().next()?.parse().ok()
}
