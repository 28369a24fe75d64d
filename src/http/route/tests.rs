//! The pages, the endpoints and the templates of paths.

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
