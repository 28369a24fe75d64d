//! FACETS: the kinds of groups that a filter of a search chooses one of.

use super::StatsQuestion;
use super::group_set::GroupSet;
use super::grouping::{find_client, find_host, find_model};
use crate::history::record::RecordSummary;
use crate::history::store::Query;

/// A kind of groups.
pub struct FacetKind {
    /// Finds the group of a request.
    find: fn(&mut GroupSet, &RecordSummary) -> usize,
    /// Takes the filter of this kind out of a query.
    pub remove: fn(&mut Query),
}

/// All of them, in the order in which `Statistics::enhanced` takes them.
pub const FACETS: [FacetKind; 6] = [
    FacetKind {
        find: find_model,
        remove: |query| query.model = None,
    },
    FacetKind {
        find: |groups, summary| groups.find_named(&summary.prompt_category),
        remove: |query| query.prompt_category = None,
    },
    FacetKind {
        find: |groups, summary| groups.find_named(&summary.endpoint),
        remove: |query| query.endpoint = None,
    },
    FacetKind {
        find: |groups, summary| groups.find_named(&summary.status),
        remove: |query| query.status = None,
    },
    FacetKind {
        find: find_client,
        remove: |query| query.client = None,
    },
    FacetKind {
        find: find_host,
        remove: |query| (query.host, query.tap) = (None, None),
    },
];

/// The groups of one kind.
pub struct Facet {
    find: fn(&mut GroupSet, &RecordSummary) -> usize,
    pub groups: GroupSet,
    /// Where these groups count what the filter of their own kind keeps out: the other filters.
    others: Option<Query>,
}

impl Facet {
    pub fn new(question: &StatsQuestion, kind: &FacetKind) -> Facet {
        let mut others = question.query.clone();
        (kind.remove)(&mut others);
        Facet {
            find: kind.find,
            groups: GroupSet::default(),
            others: (question.has_facets && others != question.query).then_some(others),
        }
    }

    /// Returns whether its groups count a request of the question's span, which all filters let
    /// pass or not.
    pub fn counts(&self, summary: &RecordSummary, is_meant: bool) -> bool {
        let others = self.others.as_ref();
        others.map_or(is_meant, |others| others.matches_at_any_time(summary))
    }

    /// Returns the number of the group of a request, where its groups count that.
    pub fn group(&mut self, summary: &RecordSummary, is_meant: bool) -> Option<usize> {
        let counts = self.counts(summary, is_meant);
        counts.then(|| (self.find)(&mut self.groups, summary))
    }
}
