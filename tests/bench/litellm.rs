//! LiteLLM's proxy: what people put in front of Ollama who want to see what is asked of it.

use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::process::{Server, free_address};

/// It reads several hundred megabytes of Python before it listens.
const PATIENCE: Duration = Duration::from_secs(90);

/// The `litellm` that `OLLAMA_TAP_BENCH_LITELLM` names.
pub fn find() -> Option<PathBuf> {
    env::var_os("OLLAMA_TAP_BENCH_LITELLM").map(PathBuf::from)
}

/// Starts it in front of `upstream`, with nothing of this machine's settings, and with no question to the network.
pub fn start(litellm: &PathBuf, upstream: SocketAddr) -> io::Result<Server> {
    let (dir, address) = (tempfile::tempdir()?, free_address()?);
    fs::write(dir.path().join("config.yaml"), settings(upstream))?;
    let mut command = Command::new(litellm);
    command
        .env_clear()
        .env("HOME", dir.path())
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
    command.args(["--config", "config.yaml", "--telemetry", "False"]);
    command.args([
        "--host",
        &address.ip().to_string(),
        "--port",
        &address.port().to_string(),
    ]);
    Server::start(command, dir, address, PATIENCE)
}

/// One model, and no key, as the tap asks for none.
fn settings(upstream: SocketAddr) -> String {
    format!(
        "model_list:
  - model_name: talk
    litellm_params:
      model: ollama_chat/talk
      api_base: http://{upstream}
general_settings:
  dangerously_permit_weak_or_unset_master_key: true
"
    )
}
