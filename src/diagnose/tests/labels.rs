//! LABELS: findings counted against what really happened.

use super::recorded::Case;
use crate::diagnose::Certainty;
use crate::diagnose::context::{self, Memory};

/// What is said of a prompt: `None` where it is called whole.
pub type Verdict = Option<Certainty>;

/// How findings and labels meet.
#[derive(Debug, Default)]
pub struct Score {
    pub cut: usize,
    pub whole: usize,
    pub sure: usize,
    pub found: usize,
    pub false_sure: Vec<String>,
    pub false_likely: Vec<String>,
    pub missed: Vec<String>,
}

impl Score {
    pub fn note(&mut self, name: &str, is_cut: bool, verdict: Verdict) {
        match (is_cut, verdict) {
            (true, Some(certainty)) => {
                self.sure += usize::from(certainty == Certainty::Sure);
                self.found += 1;
            }
            (true, None) => self.missed.push(name.to_owned()),
            (false, Some(Certainty::Sure)) => self.false_sure.push(name.to_owned()),
            (false, Some(Certainty::Likely)) => self.false_likely.push(name.to_owned()),
            (false, None) => {}
        }
        self.cut += usize::from(is_cut);
        self.whole += usize::from(!is_cut);
    }

    pub fn recall_sure(&self) -> f64 {
        self.sure as f64 / self.cut as f64
    }

    pub fn recall(&self) -> f64 {
        self.found as f64 / self.cut as f64
    }

    /// Says the counts, and asks that they are no worse than these.
    pub fn is_at_least(&self, what: &str, sure: f64, found: f64) {
        println!(
            "{what}: {} cut, {} whole; sure {:.3} (asked {sure}), {} false; sure or likely {:.3} (asked {found}), {} false",
            self.cut,
            self.whole,
            self.recall_sure(),
            self.false_sure.len(),
            self.recall(),
            self.false_likely.len(),
        );
        println!("  missed {:?}, false {:?}", self.missed, self.false_likely);
        assert!(self.false_sure.is_empty(), "{what}: {:?}", self.false_sure);
        assert!(
            self.false_likely.len() * 100 <= self.whole,
            "{what}: {:?}",
            self.false_likely
        );
        assert!(
            self.recall_sure() >= sure && self.recall() >= found,
            "{what}"
        );
    }
}

/// What is found of the prompt of a case.
pub fn verdict(case: &Case, with_log: bool, memory: &mut Memory) -> Verdict {
    let said = if with_log { case.said() } else { Vec::new() };
    let findings = context::findings(&case.seen, &said, memory);
    findings
        .iter()
        .find(|finding| finding.cause != "reply")
        .map(|finding| finding.certainty)
}
