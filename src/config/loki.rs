//! The way to Loki: its address, and the secrets that a gateway in front of it may want. Secrets come from variables only and
//! are never shown.

use super::resolver::Resolver;
use super::settings::{LokiAuth, LokiSettings};
use super::variables::*;
use crate::http::address::Upstream;

/// The path of the push address that other log writers use, after the base of Loki's address.
const PUSH_PATH: &str = "/loki/api/v1/push";

const ACCEPTED_URL: &str = "http://HOST:PORT or https://HOST:PORT";
const ACCEPTED_SECRET: &str = "letters, digits and signs of ASCII, without spaces";

impl Resolver<'_> {
    /// `None` where no address is given, which is wrong only where the backend needs one. Without one, the rest is not looked at.
    pub fn loki(&mut self, flag: &Option<String>, required: bool) -> Option<LokiSettings> {
        let Some((name, url)) = self.text(("--loki-url", flag), ENV_LOKI_URL) else {
            if required {
                self.reject(
                    "--loki-url",
                    String::new(),
                    Some("is required by the backend loki".to_owned()),
                    ACCEPTED_URL,
                );
            }
            return None;
        };
        let url = self.loki_url(name, url);
        let (auth, tenant) = (self.loki_auth(), self.loki_header(ENV_LOKI_TENANT));
        Some(LokiSettings {
            url: url?,
            auth,
            tenant,
        })
    }

    /// Secrets have no place in an address, which is shown in messages and in the list of processes.
    fn loki_url(&mut self, name: &'static str, url: String) -> Option<Upstream> {
        if url.contains('@') {
            let reason =
                Some("holds a user, who belongs in LOKI_USER and LOKI_PASSWORD".to_owned());
            self.reject(name, "(not shown)".to_owned(), reason, ACCEPTED_URL);
            return None;
        }
        let base = url.trim_end_matches('/');
        let reason = match Upstream::parse(base.strip_suffix(PUSH_PATH).unwrap_or(base)) {
            Ok((upstream, None)) if url.contains("://") => return Some(upstream),
            Ok((_, warning)) => warning.map(|warning| format!("({warning})")),
            Err(reason) => Some(reason),
        };
        self.reject(name, url, reason, ACCEPTED_URL);
        None
    }

    fn loki_auth(&mut self) -> LokiAuth {
        let (user, password) = (
            self.variable(ENV_LOKI_USER),
            self.variable(ENV_LOKI_PASSWORD),
        );
        match (self.loki_header(ENV_LOKI_TOKEN), user, password) {
            (Some(_), Some(_), _) => {
                self.loki_wrong(ENV_LOKI_TOKEN, "contradicts LOKI_USER", "one of the two")
            }
            (_, None, Some(_)) => self.loki_wrong(
                ENV_LOKI_PASSWORD,
                "has no LOKI_USER beside it",
                "both or none",
            ),
            (None, Some(user), _) if user.contains(|c: char| c == ':' || c.is_control()) => self
                .loki_wrong(
                    ENV_LOKI_USER,
                    "cannot be sent",
                    "a name without colons and control characters",
                ),
            (None, Some(user), password) => LokiAuth::Basic {
                user,
                password: password.unwrap_or_default(),
            },
            (Some(token), None, None) => LokiAuth::Bearer(token),
            (None, None, None) => LokiAuth::None,
        }
    }

    fn loki_wrong(&mut self, name: &'static str, reason: &str, accepted: &'static str) -> LokiAuth {
        self.reject(
            name,
            "(not shown)".to_owned(),
            Some(reason.to_owned()),
            accepted,
        );
        LokiAuth::None
    }

    /// A value that travels in a header as it is.
    fn loki_header(&mut self, name: &'static str) -> Option<String> {
        let value = self.variable(name)?;
        if !value.bytes().all(|b| b.is_ascii_graphic()) {
            self.reject(name, "(not shown)".to_owned(), None, ACCEPTED_SECRET);
        }
        Some(value)
    }
}
