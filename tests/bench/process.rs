//! The processes the bench starts: where they listen, what memory they hold, and that they end with it.

use std::env;
use std::fs::{self, File};
use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::os;
use crate::wire::Wire;

/// The executable under test: what `OLLAMA_TAP_TEST_EXE` names, else what cargo built for the bench.
pub fn executable() -> PathBuf {
    env::var_os("OLLAMA_TAP_TEST_EXE")
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_ollama-tap").into())
        .into()
}

/// Every start of a tap, or of nginx, is over, or failed, within this time.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A server that uses no more than [`NOTHING`] of a processor within this time has nothing to do.
const IDLE: Duration = Duration::from_millis(300);
const NOTHING: Duration = Duration::from_millis(10);

/// What a case leaves to do is done within this time.
const BACKLOG: Duration = Duration::from_secs(120);

/// A server of the bench's own, in a directory of its own. Dropping it ends it and everything it started.
pub struct Server {
    child: Child,
    dir: TempDir,
    /// Where it answers.
    pub address: SocketAddr,
}

impl Server {
    /// Starts the tap on a free port in front of `upstream`, with `flags` besides: without any as users run it, history included. That lies in the
    /// directory which goes with the server, because the tap runs there. Its log goes to a file, as a service's would, so that nothing of the bench
    /// has to read it meanwhile.
    pub fn tap(upstream: SocketAddr, flags: &[&str]) -> io::Result<Server> {
        let dir = tempfile::tempdir()?;
        let upstream = format!("http://{upstream}");
        let mut command = Command::new(executable());
        command
            .args(["proxy", "--listen", "127.0.0.1:0", "--upstream", &upstream])
            .args(flags);
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server {
            child: spawn(command.env_clear(), dir.path())?,
            dir,
            address: unknown,
        };
        server.address = server.wait_for(PATIENCE, |server| bound_address(&server.log()))?;
        Ok(server)
    }

    /// Starts the tap on a history in `dir` that is there already.
    pub fn tap_on(upstream: SocketAddr, backend: &str, dir: &Path) -> io::Result<Server> {
        let dir = dir
            .to_str()
            .ok_or_else(|| io::Error::other("the temporary directory has no UTF-8 name"))?;
        Server::tap(
            upstream,
            &[
                "--analytics-backend",
                backend,
                "--analytics-dir",
                dir,
                "--retention-days",
                "0",
            ],
        )
    }

    /// Starts `command`, which is known to listen on `address` within `patience`, in `dir`.
    pub fn start(
        mut command: Command,
        dir: TempDir,
        address: SocketAddr,
        patience: Duration,
    ) -> io::Result<Server> {
        let child = spawn(&mut command, dir.path())?;
        let mut server = Server {
            child,
            dir,
            address,
        };
        server.wait_for(patience, |server| Wire::connect(server.address).ok())?;
        Ok(server)
    }

    /// A figure of its memory in MB (10⁶ bytes): `VmRSS` is what it holds now, `VmHWM` the most it ever held.
    pub fn memory(&self, name: &str) -> io::Result<f64> {
        let kibibytes: f64 = self
            .processes()?
            .into_iter()
            .map(|pid| os::status(pid, name))
            .sum::<io::Result<_>>()?;
        Ok(kibibytes * 1024.0 / 1e6)
    }

    /// Returns how many threads it has.
    pub fn threads(&self) -> io::Result<f64> {
        self.processes()?
            .into_iter()
            .map(|pid| os::status(pid, "Threads"))
            .sum()
    }

    /// Returns how long it has used a processor.
    pub fn cpu(&self) -> io::Result<Duration> {
        self.processes()?.into_iter().map(os::cpu_time).sum()
    }

    /// Waits until it has had nothing to do for a while.
    pub fn wait_until_idle(&self) -> io::Result<()> {
        let begin = Instant::now();
        let mut used = self.cpu()?;
        while begin.elapsed() < BACKLOG {
            thread::sleep(IDLE);
            let before = mem::replace(&mut used, self.cpu()?);
            if used <= before + NOTHING {
                return Ok(());
            }
        }
        Err(io::Error::other(format!(
            "the server still works {BACKLOG:?} after its last request"
        )))
    }

    /// What was started, and all that it started: nginx serves in processes of its own.
    fn processes(&self) -> io::Result<Vec<u32>> {
        let mut processes = vec![self.child.id()];
        let mut seen = 0;
        while seen < processes.len() {
            processes.extend(os::children(processes[seen])?);
            seen += 1;
        }
        Ok(processes)
    }

    fn wait_for<T>(
        &mut self,
        patience: Duration,
        ready: impl Fn(&Server) -> Option<T>,
    ) -> io::Result<T> {
        let begin = Instant::now();
        while begin.elapsed() < patience {
            if let Some(found) = ready(self) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!(
                    "the server ended ({status}): {}",
                    self.log()
                )));
            }
            thread::sleep(Duration::from_micros(200));
        }
        Err(io::Error::other(format!(
            "the server does not listen after {patience:?}: {}",
            self.log()
        )))
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
        while begin.elapsed() < Duration::from_secs(1) && matches!(self.child.try_wait(), Ok(None))
        {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address for a server that has to be told one. Nobody else takes the port between its release here and the server's start, short of bad luck
/// that the start then reports.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

const LOG: &str = "stderr.log";

fn spawn(command: &mut Command, dir: &Path) -> io::Result<Child> {
    let log = File::create(dir.join(LOG))?;
    command
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
}

/// The address in the line `listening on http://ADDRESS`, once it is written to its end.
fn bound_address(log: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once("listening on http://")?;
    let (address, _) = rest.split_once('\n')?;
    address.split_whitespace().next()?.parse().ok()
}
