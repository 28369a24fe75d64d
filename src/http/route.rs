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
            Page::Message => "analytics/messages/:id",
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
        ("DELETE", _) => segment(path, ACTIVE_PREFIX).map(|_| Page::Cancel),
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

/// The id in a target of `Page::Message`, as it was sent.
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
mod tests {
    use super::*;

    fn route(method: &str, target: &str) -> Route {
        super::route(method, target, ServedRoutes::All)
    }

    fn endpoint(method: &str, target: &str) -> &'static str {
        route(method, target).endpoint()
    }

    #[test]
    fn with_an_admin_listener_the_public_one_serves_ollama_alone() {
        let route_of = |served, target| super::route("GET", target, served);
        assert_eq!(
            route_of(ServedRoutes::OllamaOnly, "/metrics").endpoint(),
            OTHER
        );
        assert_eq!(
            route_of(ServedRoutes::PagesOnly, "/metrics"),
            Route::Own(Page::Metrics)
        );
        assert_eq!(
            route_of(ServedRoutes::PagesOnly, "/api/tags"),
            Route::Own(Page::Nowhere)
        );
    }

    fn inference(method: &str, target: &str) -> Option<Inference> {
        match route(method, target) {
            Route::Forward(forward) => forward.inference,
            Route::Own(_) => None,
        }
    }

    #[test]
    fn our_pages_answer_get_and_head_with_and_without_a_slash_and_everything_else_is_ollamas() {
        for target in [
            "/metrics",
            "/metrics/",
            "/metrics?x=1",
            "http://tap:1/metrics",
        ] {
            assert_eq!(route("GET", target), Route::Own(Page::Metrics), "{target}");
        }
        assert_eq!(route("HEAD", "/test"), Route::Own(Page::Test));
        for target in [
            "http://localhost?x=/metrics",
            "a?x=http://h/metrics",
            "http://h#/metrics",
            "/?http://h/metrics",
            "http://h?/metrics",
        ] {
            assert!(
                matches!(route("GET", target), Route::Forward(_)),
                "{target}"
            );
        }
        assert_eq!(endpoint("POST", "/metrics"), OTHER);
        assert_eq!(endpoint("GET", "/metrics/x"), OTHER);
        assert_eq!(
            route("GET", "/analytics/messages/?limit=1"),
            Route::Own(Page::Messages)
        );
        assert_eq!(
            route("HEAD", "/analytics/messages/00ff/"),
            Route::Own(Page::Message)
        );
        assert_eq!(
            route("DELETE", "/analytics/messages?all=true"),
            Route::Own(Page::Purge)
        );
        assert_eq!(
            route("POST", "/analytics/why/hide?key=x"),
            Route::Own(Page::HideFindings)
        );
        assert_eq!(endpoint("GET", "/analytics/why/hide"), OTHER);
        assert_eq!(
            route("DELETE", "/analytics/active/00ff"),
            Route::Own(Page::Cancel)
        );
        for (method, target) in [
            ("GET", "/analytics/active/00ff"),
            ("DELETE", "/analytics/active"),
            ("DELETE", "/analytics/active/a/b"),
        ] {
            assert_eq!(endpoint(method, target), OTHER, "{method} {target}");
        }
        for target in ["/analytics/messages/a/b", "/analytics/other", "/analyticsx"] {
            assert_eq!(endpoint("GET", target), OTHER, "{target}");
        }
        assert_eq!(endpoint("POST", "/analytics/search"), OTHER);
    }

    #[test]
    fn a_target_is_parsed() {
        assert_eq!(message_of("/analytics/messages/a%20b/?x=1"), "a%20b");
        assert_eq!(active_of("http://tap/analytics/active/00ff"), "00ff");
        assert_eq!(query_of("/x?a=1&b=?#c"), "a=1&b=?");
        assert_eq!(query_of("http://h/x"), "");
    }

    #[test]
    fn a_post_to_exactly_one_of_the_known_paths_is_inference() {
        for known in Inference::ALL {
            let path = format!("/{}", known.as_str());
            assert_eq!(inference("POST", &path), Some(known));
            assert_eq!(inference("POST", &format!("{path}?ts=1")), Some(known));
            assert_eq!(inference("GET", &path), None);
            assert_eq!(inference("POST", &format!("{path}/")), None);
            assert_eq!(inference("POST", &format!("/{path}")), None);
        }
    }

    #[test]
    fn paths_become_templates() {
        assert_eq!(endpoint("GET", "/"), "/");
        assert_eq!(
            endpoint("POST", "/api/blobs/sha256:aa"),
            "api/blobs/:digest"
        );
        assert_eq!(endpoint("GET", "/v1/models"), "v1/models");
        assert_eq!(endpoint("GET", "/v1/models/phi4"), "v1/models/:model");
        assert_eq!(endpoint("GET", "/v1/models/a/b"), OTHER);
        assert_eq!(endpoint("GET", "/api/blobs/"), OTHER);
        assert_eq!(endpoint("GET", "/nope"), OTHER);
        assert_eq!(endpoint("OPTIONS", "*"), OTHER);
    }
}
