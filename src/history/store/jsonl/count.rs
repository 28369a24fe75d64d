//! Counting lines: the records of a time, and those that are meant.

use std::sync::Arc;

use super::files::DayFile;
use super::line::position;
use super::scan::{LineVisitor, scan};
use crate::history::store::{Result, failed};

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

/// Counts the lines of a file that are meant.
pub fn count_lines(file: &Arc<DayFile>, is_meant: impl Fn(&[u8]) -> bool) -> Result<u64> {
    let mut count = Count { is_meant, found: 0 };
    scan(file, &mut count).map_err(failed(format!("read {}", file.path.display())))?;
    Ok(count.found)
}

struct Count<F> {
    is_meant: F,
    found: u64,
}

impl<F: Fn(&[u8]) -> bool> LineVisitor for Count<F> {
    fn wants(&self, _: f64, _: f64) -> bool {
        true
    }

    fn visit_line(&mut self, line: &[u8]) -> Option<()> {
        self.found += u64::from((self.is_meant)(line));
        Some(())
    }
}
