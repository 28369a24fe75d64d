//! Labels stay few, and series without a meaning are removed.

use super::super::bounded_family::MAX_LABEL_SETS;
use super::*;

/// An exchange of a model that does not exist.
fn missing(model: &str) -> Exchange {
    let nothing = Exchange {
        prompt_tokens: None,
        generated_tokens: None,
        tokens_per_second: None,
        ..chat()
    };
    Exchange {
        model: Some(model.to_owned()),
        outcome: Outcome::Error,
        http_status: Some(404),
        ..nothing
    }
}

#[test]
fn a_request_leaves_the_active_series_that_it_entered() {
    let metrics = metrics();
    metrics.request_started("00000000000000aa", Some("talk"));
    metrics.models.confirm("talk");
    metrics.request_started("00000000000000bb", Some("talk"));
    metrics.request_started("00000000000000cc", None);
    let active = |model: &str| {
        value(
            &metrics,
            &format!("ollama_active_requests{{model=\"{model}\"}}"),
        )
    };
    assert_eq!(
        (active("other"), active("talk"), active("unknown")),
        (Some("1".into()), Some("1".into()), Some("1".into()))
    );
    metrics.request_finished(&chat());
    metrics.request_finished(&chat());
    assert_eq!(
        (active("other"), active("talk"), active("unknown")),
        (Some("0".into()), Some("1".into()), Some("1".into()))
    );
}

#[test]
fn a_model_that_no_reply_confirmed_is_other_and_a_missing_model_is_unknown() {
    let metrics = metrics();
    metrics.request_finished(&missing("no-such-model"));
    metrics.request_finished(&Exchange {
        model: None,
        ..chat()
    });
    metrics.request_finished(&Exchange {
        model: Some(String::new()),
        ..chat()
    });
    let total = |model: &str| {
        value(
            &metrics,
            &format!("ollama_tokens_processed_total{{model=\"{model}\"}}"),
        )
    };
    assert_eq!(total("unknown").as_deref(), Some("22"));
    assert!(
        String::from_utf8(metrics.encode())
            .unwrap()
            .contains("model=\"other\",prompt_category=\"question\",status=\"error\"} 1")
    );
    assert!(
        !String::from_utf8(metrics.encode())
            .unwrap()
            .contains("no-such-model")
    );
}

#[test]
fn a_confirmed_model_keeps_its_name_when_it_fails_later() {
    let metrics = metrics();
    metrics.request_finished(&chat());
    let changed = changes(&metrics, |m| {
        m.request_finished(&Exchange {
            http_status: Some(500),
            ..missing("talk")
        })
    });
    assert!(
        changed
            .iter()
            .any(|line| line.contains("model=\"talk\"") && line.contains("status=\"error\"} 1")),
        "{changed:?}"
    );
}

#[test]
fn sets_of_labels_beyond_the_bound_of_a_family_are_other_and_counted() {
    let metrics = metrics();
    let of = |model: usize, prompt_category| Exchange {
        model: Some(format!("model-{model}")),
        prompt_category,
        ..chat()
    };
    let categories = crate::observe::category::CATEGORIES;
    for model in 0..MAX_MODELS {
        for category in categories {
            metrics.request_finished(&of(model, category));
        }
    }
    let shown = samples(&metrics);
    let series = |family: &str| -> Vec<&String> {
        shown.keys().filter(|key| key.starts_with(family)).collect()
    };
    let named = |family: &str| {
        series(family)
            .into_iter()
            .filter(|key| !key.contains("model=\"other\""))
            .count()
    };
    for family in [
        "ollama_requests_total{",
        "ollama_tokens_generated_count{",
        "ollama_request_duration_seconds_count{",
    ] {
        assert_eq!(named(family), MAX_LABEL_SETS, "{family}");
        assert_eq!(series(family).len(), MAX_LABEL_SETS + 1, "{family}");
    }
    let other = "endpoint=\"api/chat\",model=\"other\",prompt_category=\"other\"";
    let folded = (MAX_MODELS * categories.len() - MAX_LABEL_SETS).to_string();
    assert_eq!(
        shown[&format!("ollama_request_duration_seconds_count{{{other}}}")],
        folded
    );
    assert_eq!(
        shown["ollama_tap_label_sets_folded_total{family=\"ollama_request_duration_seconds\"}"],
        folded
    );
    assert_eq!(
        shown["ollama_tokens_processed_total{model=\"model-199\"}"],
        (11 * categories.len()).to_string(),
        "which has room"
    );
    assert_eq!(
        changes(&metrics, |m| m.request_finished(&of(0, categories[0])))
            .iter()
            .filter(|line| line.contains("folded"))
            .count(),
        0
    );
}

#[test]
fn a_family_without_a_model_folds_all_its_labels() {
    let metrics = metrics();
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    for code in 100..600 {
        for method in methods {
            metrics.count_http_request("api/chat", method, code);
        }
    }
    let shown = samples(&metrics);
    assert_eq!(
        shown
            .keys()
            .filter(|key| key.starts_with("ollama_tap_http_requests_total"))
            .count(),
        MAX_LABEL_SETS + 1
    );
    let other =
        "ollama_tap_http_requests_total{code=\"other\",endpoint=\"other\",method=\"other\"}";
    assert_eq!(
        shown[other],
        shown["ollama_tap_label_sets_folded_total{family=\"ollama_tap_http_requests_total\"}"]
    );
}

#[test]
fn categories_may_be_left_out() {
    let metrics = Metrics::new("1.2.3").unwrap().without_categories();
    metrics.request_finished(&chat());
    let text = String::from_utf8(metrics.encode()).unwrap();
    let categories: Vec<&str> = text
        .split("prompt_category=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(
        !categories.is_empty()
            && categories
                .iter()
                .all(|category| *category == ALL_CATEGORIES),
        "{categories:?}"
    );
}

#[test]
fn names_beyond_the_bound_and_names_too_long_are_other() {
    let models = ModelLabels::default();
    models.confirm(&"x".repeat(MAX_MODEL_LABEL + 1));
    assert_eq!(
        models.label(Some(&"x".repeat(MAX_MODEL_LABEL + 1))),
        "other"
    );
    for n in 0..=MAX_MODELS {
        models.confirm(&format!("model-{n}"));
    }
    assert_eq!(models.label(Some("model-199")), "model-199");
    assert_eq!(models.label(Some("model-200")), "other");
}

#[test]
fn series_of_models_that_were_unloaded_are_removed() {
    let metrics = metrics();
    metrics.set_ollama_status(&status(&["a", "b"]));
    metrics.set_ollama_status(&status(&["b", "c"]));
    let shown = samples(&metrics);
    let series = |name: &str| {
        shown
            .keys()
            .filter(|key| key.contains(&format!("model=\"{name}\"")))
            .count()
    };
    assert_eq!((series("a"), series("b"), series("c")), (0, 4, 4));
    assert_eq!(shown["ollama_version_info{version=\"0.33.0\"}"], "1");
    assert_eq!(shown["ollama_model_vram_bytes{model=\"b\"}"], "3");

    metrics.set_ollama_status(&OllamaStatus::default());
    let shown = samples(&metrics);
    assert!(!shown.keys().any(|key| key.starts_with("ollama_model_")));
    let versions: Vec<&String> = shown
        .keys()
        .filter(|key| key.starts_with("ollama_version_info"))
        .collect();
    assert_eq!(versions, ["ollama_version_info{version=\"unknown\"}"]);
}

#[test]
fn ollama_is_up_or_not() {
    let metrics = metrics();
    for (is_up, shown) in [(true, "1"), (false, "0")] {
        metrics.set_ollama_up(is_up);
        assert_eq!(value(&metrics, "ollama_up").as_deref(), Some(shown));
    }
}

#[test]
fn the_runners_of_one_model_are_one_series_of_their_sums() {
    let metrics = metrics();
    let runner = |name: &str, context_length| LoadedModel {
        context_length,
        ..status(&[name]).models[0].clone()
    };
    let models = vec![
        runner("talk:latest", Some(8192)),
        runner("vec", None),
        runner("Talk:latest", Some(2048)),
        runner("talk", None),
    ];
    metrics.set_ollama_status(&OllamaStatus {
        models,
        ..status(&[])
    });
    let shown = samples(&metrics);
    let gauge = |name: &str| shown[&format!("ollama_model_{name}{{model=\"talk\"}}")].as_str();
    assert_eq!(
        [
            gauge("loaded"),
            gauge("size_bytes"),
            gauge("vram_bytes"),
            gauge("context_length")
        ],
        ["1", "15", "9", "2048"]
    );
    assert_eq!(
        shown
            .keys()
            .filter(|key| key.starts_with("ollama_model_loaded"))
            .count(),
        2
    );

    metrics.set_ollama_status(&status(&["talk:latest"]));
    assert_eq!(
        value(&metrics, "ollama_model_size_bytes{model=\"talk\"}").as_deref(),
        Some("5"),
        "one runner is left"
    );
}

#[test]
fn loaded_models_are_bounded() {
    let metrics = metrics();
    let names: Vec<String> = (0..300).map(|n| format!("model-{n}")).collect();
    metrics.set_ollama_status(&status(
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    ));
    assert_eq!(
        samples(&metrics)
            .keys()
            .filter(|key| key.starts_with("ollama_model_loaded"))
            .count(),
        MAX_MODELS
    );
    let huge = LoadedModel {
        size: u64::MAX,
        context_length: None,
        ..status(&["b"]).models[0].clone()
    };
    metrics.set_ollama_status(&OllamaStatus {
        models: vec![huge],
        ..status(&[])
    });
    assert_eq!(
        value(&metrics, "ollama_model_size_bytes{model=\"b\"}"),
        Some((i64::MAX as f64).to_string())
    );
    assert_eq!(
        value(&metrics, "ollama_model_context_length{model=\"b\"}"),
        None
    );
}
