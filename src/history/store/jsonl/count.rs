//! Counting the records of a time.

use super::line::position;
use super::scan::LineVisitor;

/// Counts the records of a time in those blocks that begin or end outside of it.
pub struct CountAtEdges {
    /// Unix seconds; the end is no part of it.
    pub bounds: [f64; 2],
    pub found: u64,
}

impl LineVisitor for CountAtEdges {
    fn wants(&self, first: f64, last: f64) -> bool {
        let mut bounds = self.bounds.into_iter();
        bounds.any(|bound| first < bound && bound <= last)
    }

    fn visit_line(&mut self, line: &[u8]) -> Option<()> {
        let time = position(line)?.timestamp;
        let [from, until] = self.bounds;
        self.found += u64::from((from..until).contains(&time));
        Some(())
    }
}
