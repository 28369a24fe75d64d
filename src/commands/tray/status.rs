//! The content of the icon: the state of the tap as its colour, and its numbers as its tooltip. Decided from what the tap
//! answers alone.

use crate::commands::metrics_text::sum_series;
use crate::diagnose::groups::FindingGroup;
use crate::util::layout::truncate;
use crate::util::sanitize::escape_control_chars;

/// The longest name of a model in the tooltip (characters).
const MODEL_MAX: usize = 32;

/// The longest tooltip (characters).
const TOOLTIP_MAX: usize = 126;

/// The state of the tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapState {
    /// Tap and Ollama answer.
    Serving,
    /// The tap answers, Ollama does not.
    OllamaDown,
    /// No tap answers.
    TapDown,
}

/// The content of the icon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayStatus {
    pub state: TapState,
    /// At most four lines, shorter than the 127 letters that Windows shows.
    pub tooltip: String,
}

/// The look for what /metrics says; `None` where no tap answers. `worst` is what cost most of the
/// findings of the last hour: it comes first.
pub fn status(metrics: Option<&str>, worst: Option<&FindingGroup>) -> TrayStatus {
    let Some(metrics) = metrics else {
        return TrayStatus {
            state: TapState::TapDown,
            tooltip: "Ollama Tap: not running".to_owned(),
        };
    };
    let (state, text) = match sum_series(metrics, "ollama_up", "") {
        Some(up) if up > 0.0 => (TapState::Serving, "Ollama Tap: serving"),
        Some(_) | None => (TapState::OllamaDown, "Ollama Tap: Ollama does not answer"),
    };
    let lines = [
        worst.map(finding),
        Some(text.to_owned()),
        Some(numbers(metrics)),
    ];
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    let tooltip = lines.join("\n");
    TrayStatus {
        state,
        tooltip: truncate(&tooltip, TOOLTIP_MAX),
    }
}

/// `llama3.2: context cut (12)`.
fn finding(group: &FindingGroup) -> String {
    let kind = group.kind.as_str().replace('_', " ");
    let model = truncate(&escape_control_chars(&group.model), MODEL_MAX);
    format!("{model}: {kind} ({})", group.requests)
}

/// Requests since the tap was started, those under way, and the mean speed of those that told it.
fn numbers(metrics: &str) -> String {
    let whole = |family: &str| sum_series(metrics, family, "").unwrap_or_default();
    let (requests, active) = (
        whole("ollama_requests_total"),
        whole("ollama_active_requests"),
    );
    let (speeds, count) = (
        whole("ollama_tokens_per_second_sum"),
        whole("ollama_tokens_per_second_count"),
    );
    let plural = if requests == 1.0 { "" } else { "s" };
    let mut text = format!("{requests} request{plural}");
    if active > 0.0 {
        text += &format!(", {active} under way");
    }
    if count > 0.0 {
        text += &format!("\n{:.1} tokens/s", speeds / count);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Certainty, Kind};

    const METRICS: &str = "\
# TYPE ollama_up gauge
ollama_up 1
ollama_requests_total{model=\"a\",status=\"success\"} 40
ollama_requests_total{model=\"b\",status=\"error\"} 2
ollama_active_requests{model=\"a\"} 1
ollama_tokens_per_second_sum{model=\"a\",prompt_category=\"other\"} 300
ollama_tokens_per_second_count{model=\"a\",prompt_category=\"other\"} 7
";

    #[test]
    fn colour_and_numbers_follow_from_what_the_tap_says() {
        let serving = status(Some(METRICS), None);
        assert_eq!(serving.state, TapState::Serving);
        assert_eq!(
            serving.tooltip,
            "Ollama Tap: serving\n42 requests, 1 under way\n42.9 tokens/s"
        );
        let down = status(Some(&METRICS.replace("ollama_up 1", "ollama_up 0")), None);
        assert_eq!(down.state, TapState::OllamaDown);
        assert!(
            down.tooltip
                .starts_with("Ollama Tap: Ollama does not answer\n42 requests"),
            "{}",
            down.tooltip
        );
        assert_eq!(
            status(None, None),
            TrayStatus {
                state: TapState::TapDown,
                tooltip: "Ollama Tap: not running".to_owned()
            }
        );
    }

    fn worst(model: &str) -> FindingGroup {
        FindingGroup {
            key: String::new(),
            kind: Kind::ContextCut,
            cause: "middle".to_owned(),
            certainty: Certainty::Sure,
            sentence: String::new(),
            way_out: String::new(),
            model: model.to_owned(),
            clients: Vec::new(),
            requests: 12,
            seconds_lost: 0.0,
            first: 0.0,
            last: 0.0,
            examples: Vec::new(),
            hidden_until: None,
        }
    }

    #[test]
    fn what_went_wrong_comes_first() {
        let status = status(Some(METRICS), Some(&worst("llama3.2")));
        let first = "llama3.2: context cut (12)\nOllama Tap: serving\n42 requests";
        assert!(status.tooltip.starts_with(first), "{}", status.tooltip);
    }

    #[test]
    fn a_tap_that_has_counted_nothing_has_no_speed() {
        assert_eq!(
            status(Some("ollama_up 1\n"), None).tooltip,
            "Ollama Tap: serving\n0 requests"
        );
        assert_eq!(
            status(Some("ollama_up 1\nollama_requests_total{} 1\n"), None).tooltip,
            "Ollama Tap: serving\n1 request"
        );
        assert_eq!(status(Some("nonsense"), None).state, TapState::OllamaDown);
    }

    #[test]
    fn the_text_fits_where_windows_shows_it() {
        let many = METRICS
            .replace(" 40", " 999999999999999")
            .replace(" 300", " 99999999999");
        let text = status(
            Some(&many.replace("ollama_up 1", "ollama_up 0")),
            Some(&worst(&"x".repeat(99))),
        )
        .tooltip;
        assert!(text.encode_utf16().count() < 127, "{text}");
    }
}
