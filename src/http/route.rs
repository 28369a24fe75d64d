//! ROUTE: routes a request by method and path. Pure.

mod inference;

pub use inference::{Dialect, Inference};

/// A page of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Metrics,
    Healthz,
    Test,
    Dashboard,
    Stats,
    Enhanced,
    Search,
    Messages,
    Message,
    Models,
    /// What is now.
    Active,
    /// Cancels a request.
    Cancel,
    Why,
    /// Hides findings.
    HideFindings,
    Export,
    /// Deletes records.
    Purge,
    /// Deletes one.
    DeleteMessage,
    /// A path without a page on a listener for pages alone.
    Nowhere,
}

impl Page {
    /// The path template without its first slash.
    pub fn as_str(self) -> &'static str {
        match self {
            Page::Metrics => "metrics",
            Page::Healthz => "healthz",
            Page::Test => "test",
            Page::Dashboard => "analytics",
            Page::Stats => "analytics/stats",
            Page::Enhanced => "analytics/stats/enhanced",
            Page::Search => "analytics/search",
            Page::Messages | Page::Purge => "analytics/messages",
            Page::Message | Page::DeleteMessage => "analytics/messages/:id",
            Page::Models => "analytics/models",
            Page::Active => "analytics/active",
            Page::Cancel => "analytics/active/:id",
            Page::Why => "analytics/why",
            Page::HideFindings => "analytics/why/hide",
            Page::Export => "analytics/export",
            Page::Nowhere => OTHER,
        }
    }
}

/// The properties of a forwarded request that matter to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The path template, or `other`.
    pub endpoint: &'static str,
    /// The shape of our own errors on this route.
    pub dialect: Dialect,
    /// A POST to exactly one of the paths of `Inference`.
    pub inference: Option<Inference>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Own(Page),
    Forward(Forward),
}

impl Route {
    /// Label `endpoint` of `ollama_tap_http_requests_total`.
    pub fn endpoint(&self) -> &'static str {
        match self {
            Route::Own(page) => page.as_str(),
            Route::Forward(forward) => forward.endpoint,
        }
    }
}

/// A path template that is not among the known ones.
pub const OTHER: &str = "other";

/// Ollama's routes that run no model (server/routes.go); a pattern that ends in a slash takes one more segment.
const OTHER_ROUTES: [(&str, &str); 20] = [
    ("/", "/"),
    ("/api/version", "api/version"),
    ("/api/status", "api/status"),
    ("/api/pull", "api/pull"),
    ("/api/push", "api/push"),
    ("/api/create", "api/create"),
    ("/api/copy", "api/copy"),
    ("/api/delete", "api/delete"),
    ("/api/show", "api/show"),
    ("/api/tags", "api/tags"),
    ("/api/ps", "api/ps"),
    ("/api/me", "api/me"),
    ("/api/signout", "api/signout"),
    (
        "/api/experimental/web_search",
        "api/experimental/web_search",
    ),
    ("/api/experimental/web_fetch", "api/experimental/web_fetch"),
    (
        "/api/experimental/model-recommendations",
        "api/experimental/model-recommendations",
    ),
    ("/v1/models", "v1/models"),
    ("/api/blobs/", "api/blobs/:digest"),
    ("/api/user/keys/", "api/user/keys/:encodedKey"),
    ("/v1/models/", "v1/models/:model"),
];

/// The routes that a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedRoutes {
    /// Our own pages; all other paths are Ollama's.
    All,
    /// All paths are Ollama's.
    OllamaOnly,
    /// Our own pages, and nothing else.
    PagesOnly,
}

/// Routes a request. `target` is that of its request line.
pub fn route(method: &str, target: &str, served: ServedRoutes) -> Route {
    let path = path_of(target);
    match page(method, path.strip_suffix('/').unwrap_or(path)) {
        Some(page) if served != ServedRoutes::OllamaOnly => return Route::Own(page),
        None if served == ServedRoutes::PagesOnly => return Route::Own(Page::Nowhere),
        _ => {}
    }
    let inference = Inference::ALL
        .into_iter()
        .find(|endpoint| path.strip_prefix('/') == Some(endpoint.as_str()));
    let endpoint = inference.map_or_else(|| template_of(path), Inference::as_str);
    let dialect = inference.map_or_else(|| dialect_of(path), Inference::dialect);
    Route::Forward(Forward {
        endpoint,
        dialect,
        inference: inference.filter(|_| method == "POST"),
    })
}

fn page(method: &str, path: &str) -> Option<Page> {
    match (method, path) {
        ("DELETE", "/analytics/messages") => Some(Page::Purge),
        ("POST", "/analytics/why/hide") => Some(Page::HideFindings),
        ("DELETE", _) => match segment(path, ACTIVE_PREFIX) {
            Some(_) => Some(Page::Cancel),
            None => segment(path, MESSAGES_PREFIX).map(|_| Page::DeleteMessage),
        },
        ("GET" | "HEAD", "/metrics") => Some(Page::Metrics),
        ("GET" | "HEAD", "/healthz") => Some(Page::Healthz),
        ("GET" | "HEAD", "/test") => Some(Page::Test),
        ("GET" | "HEAD", "/analytics") => Some(Page::Dashboard),
        ("GET" | "HEAD", "/analytics/stats") => Some(Page::Stats),
        ("GET" | "HEAD", "/analytics/stats/enhanced") => Some(Page::Enhanced),
        ("GET" | "HEAD", "/analytics/search") => Some(Page::Search),
        ("GET" | "HEAD", "/analytics/messages") => Some(Page::Messages),
        ("GET" | "HEAD", "/analytics/models") => Some(Page::Models),
        ("GET" | "HEAD", "/analytics/active") => Some(Page::Active),
        ("GET" | "HEAD", "/analytics/why") => Some(Page::Why),
        ("GET" | "HEAD", "/analytics/export") => Some(Page::Export),
        ("GET" | "HEAD", _) => segment(path, MESSAGES_PREFIX).map(|_| Page::Message),
        _ => None,
    }
}

/// What a path of one record, or of one request under way, begins with.
const MESSAGES_PREFIX: &str = "/analytics/messages/";
const ACTIVE_PREFIX: &str = "/analytics/active/";

/// The only segment after `prefix`: an id.
fn segment<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix)
        .filter(|id| !id.is_empty() && !id.contains('/'))
}

/// The id in a target of `Page::Message` or `Page::DeleteMessage`, as it was sent.
pub fn message_of(target: &str) -> &str {
    id_of(target, MESSAGES_PREFIX)
}

/// The id in a target of `Page::Cancel`, as it was sent.
pub fn active_of(target: &str) -> &str {
    id_of(target, ACTIVE_PREFIX)
}

fn id_of<'a>(target: &'a str, prefix: &str) -> &'a str {
    let path = path_of(target);
    segment(path.strip_suffix('/').unwrap_or(path), prefix).unwrap_or_default()
}

/// The query of a target, as it was sent.
pub fn query_of(target: &str) -> &str {
    let target = target.split('#').next().unwrap_or_default();
    target.split_once('?').map_or("", |(_, query)| query)
}

/// The path of a target in either form, without its query.
fn path_of(target: &str) -> &str {
    let target = target.split(['?', '#']).next().unwrap_or_default();
    let absolute = target
        .split_once("://")
        .map(|(_, rest)| rest)
        .filter(|_| !target.starts_with('/'));
    absolute.map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]))
}

fn template_of(path: &str) -> &'static str {
    OTHER_ROUTES
        .iter()
        .find(|(pattern, _)| matches(pattern, path))
        .map_or(OTHER, |(_, template)| template)
}

fn matches(pattern: &str, path: &str) -> bool {
    match path.strip_prefix(pattern) {
        Some("") => pattern == "/" || !pattern.ends_with('/'),
        Some(rest) => pattern != "/" && pattern.ends_with('/') && !rest.contains('/'),
        None => false,
    }
}

fn dialect_of(path: &str) -> Dialect {
    if path.starts_with("/v1/messages") {
        Dialect::Anthropic
    } else if path.starts_with("/v1/") {
        Dialect::OpenAi
    } else {
        Dialect::Native
    }
}

#[cfg(test)]
mod tests;
