//! How a prompt or a reply was cut by the model's context, as a record tells it.

use serde::{Deserialize, Serialize};

use crate::diagnose::{Certainty, Finding, Kind};

/// What the context cut of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContextCut {
    /// refused, middle, messages, end or reply.
    pub kind: String,
    pub certainty: Certainty,
    /// Tokens of the prompt, where their number is known.
    #[serde(default)]
    pub lost_tokens: Option<u64>,
}

impl ContextCut {
    /// Returns what the finding of a cut says, if there is one.
    pub fn of(findings: &[Finding]) -> Option<ContextCut> {
        let cut = findings
            .iter()
            .find(|finding| finding.kind == Kind::ContextCut)?;
        Some(ContextCut {
            kind: cut.cause.clone(),
            certainty: cut.certainty,
            lost_tokens: cut.fields.get("lost_tokens").and_then(|lost| lost.as_u64()),
        })
    }
}
