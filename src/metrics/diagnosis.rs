//! Counts what diagnosis says of requests.

use super::Metrics;
use crate::diagnose::context::CutCause;
use crate::diagnose::diagnosis::Report;
use crate::diagnose::reload::ReloadCause;
use crate::diagnose::{Certainty, Kind};
use crate::observe::Exchange;

impl Metrics {
    /// Begins the series of a model's findings, cuts and loads at 0, so that the first of them is an
    /// increase.
    pub(super) fn start_findings_at_zero(&self, model: &str) {
        let f = &self.families;
        for certainty in [Certainty::Sure, Certainty::Likely].map(Certainty::as_str) {
            for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Slower) {
                f.findings.start_at_zero(&[model, kind.as_str(), certainty]);
            }
            for cause in CutCause::ALL.map(CutCause::as_str) {
                f.context_cut.start_at_zero(&[model, cause, certainty]);
            }
        }
        for cause in ReloadCause::ALL.map(ReloadCause::as_str) {
            f.model_reloads.start_at_zero(&[model, cause]);
        }
    }

    /// Counts what was found about a request.
    pub fn count_report(&self, exchange: &Exchange) {
        let report: &Report = &exchange.report;
        let (f, model) = (&self.families, self.models.label(exchange.model.as_deref()));
        let mut is_cut = false;
        for finding in &report.findings {
            let certainty = finding.certainty.as_str();
            f.findings
                .with_label_values(&[model, finding.kind.as_str(), certainty])
                .inc();
            if finding.kind == Kind::ContextCut {
                is_cut = finding.cause != "reply";
                f.context_cut
                    .with_label_values(&[model, &finding.cause, certainty])
                    .inc();
            }
        }
        if let Some(cause) = report.reload_cause {
            f.model_reloads
                .with_label_values(&[model, cause.as_str()])
                .inc();
        }
        let context = report.context_length.filter(|tokens| *tokens > 0);
        if let Some((prompt, context)) = exchange.prompt_tokens.zip(context) {
            let tokens = prompt.saturating_add(exchange.generated_tokens.unwrap_or_default());
            let least = if is_cut { 1.0 } else { 0.0 };
            f.context_used
                .with_label_values(&[model])
                .observe((tokens as f64 / context as f64).max(least));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Finding;
    use crate::metrics::tests::chat;

    fn counted(report: &Report) -> String {
        let metrics = Metrics::new("1.2.3").unwrap();
        metrics.request_finished(&chat());
        let report = Report {
            context_length: Some(4096),
            ..report.clone()
        };
        let exchange = Exchange {
            report: Box::new(report),
            prompt_tokens: Some(1000),
            generated_tokens: Some(24),
            ..chat()
        };
        metrics.count_report(&exchange);
        String::from_utf8(metrics.encode()).unwrap()
    }

    #[test]
    fn a_cut_prompt_counts_as_a_whole_context() {
        let report = Report {
            findings: vec![Finding::new(Kind::ContextCut, Certainty::Sure, "middle")],
            ..Report::default()
        };
        let text = counted(&report);
        for line in [
            r#"ollama_context_cut_total{certainty="sure",kind="middle",model="talk"} 1"#,
            r#"ollama_findings_total{certainty="sure",kind="context_cut",model="talk"} 1"#,
            r#"ollama_context_used_ratio_sum{model="talk"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn a_load_counts_by_its_cause_and_a_whole_prompt_by_its_part() {
        let report = Report {
            reload_cause: Some(ReloadCause::Options),
            ..Report::default()
        };
        let text = counted(&report);
        for line in [
            r#"ollama_model_reloads_total{cause="options",model="talk"} 1"#,
            r#"ollama_context_used_ratio_sum{model="talk"} 0.25"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        for zero in [
            r#"ollama_findings_total{certainty="sure",kind="waited",model="talk"} 0"#,
            r#"ollama_context_cut_total{certainty="likely",kind="end",model="talk"} 0"#,
            r#"ollama_model_reloads_total{cause="room",model="talk"} 0"#,
        ] {
            assert!(text.contains(zero), "{zero} in {text}");
        }
    }
}
