//! The checked settings that several commands share, and the error of a value that cannot be used.

use std::fmt;
use std::path::{self, Path, PathBuf};

use crate::http::address::Upstream;

/// The settings of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryConfig {
    pub backend: Backend,
    pub dir: PathBuf,
    /// A flag or a variable names it; else `dir` is the default.
    pub dir_is_given: bool,
    /// The machine's name in it; `None`: the host's name.
    pub name: Option<String>,
    /// `None`: for ever.
    pub retention_days: Option<u32>,
    pub store_text: StoreText,
    /// `None`: no limit.
    pub max_bytes: Option<u64>,
    /// Always there when `backend` is `Loki`.
    pub loki: Option<LokiSettings>,
}

impl HistoryConfig {
    /// Returns the settings of a history in a directory, of which nothing is deleted by age or size.
    pub fn on_disk(dir: &Path, backend: Backend) -> HistoryConfig {
        HistoryConfig {
            backend,
            dir: dir.to_owned(),
            dir_is_given: true,
            name: None,
            retention_days: None,
            store_text: StoreText::Full,
            max_bytes: None,
            loki: None,
        }
    }

    /// Returns them with the whole path of the directory, for whoever reads it elsewhere.
    pub fn with_whole_path(&self) -> HistoryConfig {
        HistoryConfig {
            dir: path::absolute(&self.dir).unwrap_or_else(|_| self.dir.clone()),
            ..self.clone()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Jsonl,
    Sqlite,
    Loki,
    None,
}

impl Backend {
    /// Returns its name in `--analytics-backend`.
    pub fn as_str(self) -> &'static str {
        match self {
            Backend::Jsonl => "jsonl",
            Backend::Sqlite => "sqlite",
            Backend::Loki => "loki",
            Backend::None => "none",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreText {
    Full,
    Preview,
    None,
}

/// A value that cannot be used. `Display` is the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// The flag or the variable that gave it.
    pub name: &'static str,
    /// As it was given; never a secret.
    pub value: String,
    /// The fault of the value, where the accepted forms do not explain it.
    pub reason: Option<String>,
    pub accepted: &'static str,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.value.as_str() {
            "" if self.reason.is_some() => write!(f, "bad value for {}: it", self.name)?,
            value => write!(f, "bad value for {}: `{value}`", self.name)?,
        }
        if let Some(reason) = &self.reason {
            write!(f, " {reason}")?;
        }
        write!(f, "; accepted: {}", self.accepted)
    }
}

/// The address of Loki, and our credentials there. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct LokiSettings {
    pub url: Upstream,
    pub auth: LokiAuth,
    /// `X-Scope-OrgID`.
    pub tenant: Option<String>,
}

/// The content of the header `Authorization`.
#[derive(Clone, PartialEq, Eq)]
pub enum LokiAuth {
    None,
    Bearer(String),
    Basic { user: String, password: String },
}

impl fmt::Debug for LokiSettings {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let auth = match self.auth {
            LokiAuth::None => "none",
            LokiAuth::Bearer(_) => "bearer",
            LokiAuth::Basic { .. } => "basic",
        };
        write!(f, "{} (auth {auth}, tenant {:?})", self.url, self.tenant)
    }
}
