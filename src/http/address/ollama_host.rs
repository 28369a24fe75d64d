//! `OLLAMA_HOST`, by Ollama's own rules.

use super::host::{port, split_host_port, unbracketed};
use super::{OLLAMA_PORT, Scheme};

/// A value of `OLLAMA_HOST`, parsed as Ollama does (its `envconfig.Host`).
#[derive(Debug, PartialEq)]
pub struct OllamaHost {
    pub scheme: Scheme,
    /// Empty for `:1234`: every interface.
    pub host: String,
    pub port: u16,
    pub path: String,
    pub warning: Option<String>,
}

/// The error for credentials: an address is shown in messages, pages and the list of processes.
const CREDENTIALS_REFUSED: &str = "holds a user or a password, which do not belong there: clients send their own Authorization, and it passes";

/// Parses a value. The error completes a sentence that begins with the value.
pub fn parse_ollama_host(value: &str) -> Result<OllamaHost, String> {
    let value = value.trim().trim_matches(['"', '\'']).trim();
    let (scheme, default_port, rest) = match value.split_once("://") {
        None if value == "ollama.com" => (Scheme::Https, 443, value),
        None => (Scheme::Http, OLLAMA_PORT, value),
        Some((s, rest)) if s.eq_ignore_ascii_case("http") => (Scheme::Http, 80, rest),
        Some((s, rest)) if s.eq_ignore_ascii_case("https") => (Scheme::Https, 443, rest),
        Some((s, _)) => {
            return Err(format!(
                "has the scheme `{s}`, which is neither http nor https"
            ));
        }
    };
    if rest.contains('@') {
        return Err(CREDENTIALS_REFUSED.to_owned());
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port, warning) = match split_host_port(authority) {
        Some((host, digits)) => match port(digits) {
            Ok(port) => (host, port, None),
            Err(why) => (
                host,
                default_port,
                Some(format!("{why}; {default_port} is used")),
            ),
        },
        None if authority.is_empty() => ("127.0.0.1", default_port, None),
        None => (unbracketed(authority), default_port, None),
    };
    Ok(OllamaHost {
        scheme,
        host: host.to_owned(),
        port,
        path: path.to_owned(),
        warning,
    })
}
