//! The content of the icon: the state of the tap as its colour, and its numbers as its tooltip. Decided from what the tap
//! answers alone.

use crate::commands::metrics_text::sum_series;

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
    /// At most three lines, shorter than the 127 letters that Windows shows.
    pub tooltip: String,
}

/// The look for what /metrics says; `None` where no tap answers.
pub fn status(metrics: Option<&str>) -> TrayStatus {
    let Some(metrics) = metrics else {
        return TrayStatus {
            state: TapState::TapDown,
            tooltip: "Ollama Tap: not running".to_owned(),
        };
    };
    match sum_series(metrics, "ollama_up", "") {
        Some(up) if up > 0.0 => TrayStatus {
            state: TapState::Serving,
            tooltip: format!("Ollama Tap: serving\n{}", numbers(metrics)),
        },
        Some(_) | None => TrayStatus {
            state: TapState::OllamaDown,
            tooltip: format!("Ollama Tap: Ollama does not answer\n{}", numbers(metrics)),
        },
    }
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
        let serving = status(Some(METRICS));
        assert_eq!(serving.state, TapState::Serving);
        assert_eq!(
            serving.tooltip,
            "Ollama Tap: serving\n42 requests, 1 under way\n42.9 tokens/s"
        );
        let down = status(Some(&METRICS.replace("ollama_up 1", "ollama_up 0")));
        assert_eq!(down.state, TapState::OllamaDown);
        assert!(
            down.tooltip
                .starts_with("Ollama Tap: Ollama does not answer\n42 requests"),
            "{}",
            down.tooltip
        );
        assert_eq!(
            status(None),
            TrayStatus {
                state: TapState::TapDown,
                tooltip: "Ollama Tap: not running".to_owned()
            }
        );
    }

    #[test]
    fn a_tap_that_has_counted_nothing_has_no_speed() {
        assert_eq!(
            status(Some("ollama_up 1\n")).tooltip,
            "Ollama Tap: serving\n0 requests"
        );
        assert_eq!(
            status(Some("ollama_up 1\nollama_requests_total{} 1\n")).tooltip,
            "Ollama Tap: serving\n1 request"
        );
        assert_eq!(status(Some("nonsense")).state, TapState::OllamaDown);
    }

    #[test]
    fn the_text_fits_where_windows_shows_it() {
        let many = METRICS
            .replace(" 40", " 999999999999999")
            .replace(" 300", " 99999999999");
        let text = status(Some(&many.replace("ollama_up 1", "ollama_up 0"))).tooltip;
        assert!(text.encode_utf16().count() < 127, "{text}");
    }
}
