//! The names of the variables, each with its meaning.

/// Address to listen on (`ListenAddress::FORMS`). Unset or empty: `PROXY_PORT`, else [::]:8000.
pub const ENV_LISTEN: &str = "OLLAMA_TAP_LISTEN";
/// Address of our own pages (`ListenAddress::FORMS`). Unset or empty: they are on the port that is listened on.
pub const ENV_ADMIN_LISTEN: &str = "OLLAMA_TAP_ADMIN_LISTEN";
/// Port to listen on. Unset or empty: the default address as it is.
pub const ENV_PROXY_PORT: &str = "PROXY_PORT";
/// Address of Ollama, by Ollama's rules: where `proxy` asks it (`Upstream::parse`), and where `serve` answers in its place
/// (`ListenAddress::from_ollama_host`). Unset or empty: http://localhost:11434.
pub const ENV_UPSTREAM: &str = "OLLAMA_HOST";
/// Port of the Ollama that `serve` starts. Unset or empty: 11435, or the next that is free.
pub const ENV_BACKEND_PORT: &str = "OLLAMA_BACKEND_PORT";
/// The ollama that `serve` starts. Unset or empty: the one on PATH, else in its usual places.
pub const ENV_OLLAMA: &str = "OLLAMA_EXECUTABLE_PATH";
/// Requests forwarded at the same time. Unset or empty: 256.
pub const ENV_WORKERS: &str = "OLLAMA_TAP_WORKERS";
/// Seconds for streams to finish after the first signal. Unset or empty: 30.
pub const ENV_SHUTDOWN_GRACE: &str = "OLLAMA_TAP_SHUTDOWN_GRACE";
/// Seconds until a client that does nothing is dropped, 0 for never. Unset or empty: 900.
pub const ENV_IDLE_TIMEOUT: &str = "OLLAMA_TAP_IDLE_TIMEOUT";
/// DEBUG, INFO, WARNING or ERROR. Unset or empty: INFO.
pub const ENV_LOG_LEVEL: &str = "LOG_LEVEL";
/// Set to false, keeps embedding requests out of the `ollama_*` metrics. Unset or empty: true.
pub const ENV_TRACK_EMBEDDINGS: &str = "TRACK_EMBEDDINGS";
/// Set to false, keeps the categories of prompts out of the metrics. Unset or empty: true.
pub const ENV_METRICS_CATEGORY: &str = "OLLAMA_TAP_METRICS_CATEGORY";
/// Header whose value names a client in the history. Unset or empty: none, the User-Agent does.
pub const ENV_CLIENT_HEADER: &str = "OLLAMA_TAP_CLIENT_HEADER";
/// Bearer token for /analytics. Unset or empty: none, this machine only.
pub const ENV_TOKEN: &str = "OLLAMA_TAP_TOKEN";
/// jsonl, sqlite, loki or none. Unset or empty: jsonl.
pub const ENV_ANALYTICS_BACKEND: &str = "ANALYTICS_BACKEND";
/// Directory of the history. Unset or empty: ./ollama_analytics.
pub const ENV_ANALYTICS_DIR: &str = "ANALYTICS_DIR";
/// Days that the history is kept, 0 for ever. Unset or empty: 7.
pub const ENV_RETENTION_DAYS: &str = "ANALYTICS_RETENTION_DAYS";
/// full, preview or none. Unset or empty: full.
pub const ENV_STORE_TEXT: &str = "ANALYTICS_STORE_TEXT";
/// Address of Loki. Unset or empty: none, which the backend `loki` does not accept.
pub const ENV_LOKI_URL: &str = "LOKI_URL";
/// Bearer token for Loki. Unset or empty: none.
pub const ENV_LOKI_TOKEN: &str = "LOKI_TOKEN";
/// Name for Loki's basic authentication. Unset or empty: none.
pub const ENV_LOKI_USER: &str = "LOKI_USER";
/// The password that goes with `LOKI_USER`. Unset or empty: an empty one.
pub const ENV_LOKI_PASSWORD: &str = "LOKI_PASSWORD";
/// `X-Scope-OrgID` for a Loki with tenants. Unset or empty: none.
pub const ENV_LOKI_TENANT: &str = "LOKI_TENANT";
/// The name of this tap's machine in the history. Unset or empty: the host's name.
pub const ENV_NAME: &str = "OLLAMA_TAP_NAME";
/// Bytes that the history may take on disk, 0 for no limit. Unset or empty: 10 GiB.
pub const ENV_ANALYTICS_MAX_BYTES: &str = "ANALYTICS_MAX_BYTES";

/// Secrets of ours: no process that we start gets them.
pub const SECRETS: [&str; 6] = [
    ENV_TOKEN,
    ENV_LOKI_URL,
    ENV_LOKI_TOKEN,
    ENV_LOKI_USER,
    ENV_LOKI_PASSWORD,
    ENV_LOKI_TENANT,
];

/// The variables that mean what a flag means, the first that is set before the others. `--listen` and `--upstream` are those of `proxy`:
/// where `serve` listens, `OLLAMA_HOST` says too.
pub const VARIABLES_OF_FLAGS: [(&str, &[&str]); 20] = [
    ("--listen", &[ENV_LISTEN, ENV_PROXY_PORT]),
    ("--admin-listen", &[ENV_ADMIN_LISTEN]),
    ("--upstream", &[ENV_UPSTREAM]),
    ("--backend-port", &[ENV_BACKEND_PORT]),
    ("--ollama", &[ENV_OLLAMA]),
    ("--workers", &[ENV_WORKERS]),
    ("--shutdown-grace", &[ENV_SHUTDOWN_GRACE]),
    ("--idle-timeout", &[ENV_IDLE_TIMEOUT]),
    ("--log-level", &[ENV_LOG_LEVEL]),
    ("--track-embeddings", &[ENV_TRACK_EMBEDDINGS]),
    ("--metrics-category", &[ENV_METRICS_CATEGORY]),
    ("--client-header", &[ENV_CLIENT_HEADER]),
    ("--token", &[ENV_TOKEN]),
    ("--analytics-backend", &[ENV_ANALYTICS_BACKEND]),
    ("--analytics-dir", &[ENV_ANALYTICS_DIR]),
    ("--retention-days", &[ENV_RETENTION_DAYS]),
    ("--store-text", &[ENV_STORE_TEXT]),
    ("--name", &[ENV_NAME]),
    ("--loki-url", &[ENV_LOKI_URL]),
    ("--analytics-max-bytes", &[ENV_ANALYTICS_MAX_BYTES]),
];

/// The variables that no flag stands for, each with its meaning.
pub const VARIABLES_ALONE: [(&str, &str); 7] = [
    (ENV_LOKI_TOKEN, "bearer token for Loki"),
    (ENV_LOKI_USER, "name for Loki's basic authentication"),
    (ENV_LOKI_PASSWORD, "the password that goes with it"),
    (ENV_LOKI_TENANT, "X-Scope-OrgID for a Loki with tenants"),
    (
        "SSL_CERT_FILE",
        "certificates that are trusted besides the usual ones, for https",
    ),
    ("NO_COLOR", "set to anything: no colour in the terminal"),
    (
        "COLUMNS",
        "the width of the terminal, where it does not tell",
    ),
];
