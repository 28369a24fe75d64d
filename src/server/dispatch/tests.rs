//! The invariants of `dispatch`, checked after random steps beside a model that knows the place of every job.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const WORKERS: usize = 4;
const WAITING_MAX: usize = 5;

#[derive(Clone, Debug)]
enum Step {
    Offer(JobKind),
    /// The worker that has been busy for the n-th longest time is done.
    Done(usize),
    /// The client of the n-th waiting job leaves.
    ClientLeft(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::bool::weighted(0.4).prop_map(|upload| Step::Offer(if upload { JobKind::Upload } else { JobKind::Buffered })),
        4 => (0..WORKERS).prop_map(Step::Done),
        1 => (0..WAITING_MAX).prop_map(Step::ClientLeft),
    ]
}

/// The place of every job, numbered in the order of their offers.
#[derive(Default)]
struct Model {
    offered: u64,
    kinds: BTreeMap<u64, JobKind>,
    waiting: Vec<u64>,
    busy: Vec<(usize, u64)>,
    /// The worker that was idle last at the end.
    idle: Vec<usize>,
}

impl Model {
    fn uploading(&self) -> usize {
        self.busy
            .iter()
            .filter(|(_, job)| self.kinds[job] == JobKind::Upload)
            .count()
    }

    fn begins(&mut self, worker: usize, job: u64) {
        self.waiting.retain(|waiting| *waiting != job);
        self.busy.push((worker, job));
    }

    fn may_begin(&self, job: u64) -> bool {
        self.kinds[&job] == JobKind::Buffered || self.uploading() < WORKERS / 2
    }

    fn check(&self, dispatch: &Dispatch<u64>) {
        assert_eq!(
            (dispatch.waiting(), dispatch.idle()),
            (self.waiting.len(), self.idle.len())
        );
        assert!(self.uploading() <= WORKERS / 2);
        assert!(
            self.idle.is_empty() || !self.waiting.iter().any(|job| self.may_begin(*job)),
            "work waits beside an idle worker"
        );
        let mut workers: Vec<usize> = self
            .idle
            .iter()
            .copied()
            .chain(self.busy.iter().map(|(worker, _)| *worker))
            .collect();
        workers.sort_unstable();
        assert_eq!(
            workers,
            (0..WORKERS).collect::<Vec<_>>(),
            "a worker is idle or busy, and never both"
        );
    }

    fn offer(&mut self, dispatch: &mut Dispatch<u64>, kind: JobKind) {
        self.offered += 1;
        let job = self.offered;
        self.kinds.insert(job, kind);
        match dispatch.offer(job, kind) {
            OfferResult::Assigned(worker, given) => {
                assert_eq!(
                    (Some(worker), given),
                    (self.idle.pop(), job),
                    "not the worker that was idle last"
                );
                self.begins(worker, job);
            }
            OfferResult::Queued => {
                assert!(self.waiting.len() < WAITING_MAX);
                self.waiting.push(job);
            }
            OfferResult::Rejected(refused) => {
                assert_eq!((refused, self.waiting.len()), (job, WAITING_MAX))
            }
        }
    }

    fn done(&mut self, dispatch: &mut Dispatch<u64>, nth: usize) {
        if nth >= self.busy.len() {
            return;
        }
        let (worker, job) = self.busy.remove(nth);
        if self.kinds[&job] == JobKind::Upload
            && let Some((other, upload)) = dispatch.upload_ended()
        {
            assert_eq!(
                (Some(other), self.kinds[&upload]),
                (self.idle.pop(), JobKind::Upload)
            );
            self.begins(other, upload);
        }
        let expected = self
            .waiting
            .iter()
            .copied()
            .find(|job| self.may_begin(*job));
        let job = dispatch.next(worker);
        assert_eq!(job, expected, "not the oldest that may begin");
        match job {
            Some(job) => self.begins(worker, job),
            None => self.idle.push(worker),
        }
    }

    fn client_left(&mut self, dispatch: &mut Dispatch<u64>, nth: usize) {
        if let Some(job) = self.waiting.get(nth).copied() {
            assert_eq!(dispatch.remove_where(|waiting| *waiting == job), [job]);
            self.waiting.retain(|waiting| *waiting != job);
        }
    }
}

proptest! {
    #[test]
    fn the_invariants_hold_in_any_sequence_of_steps(steps in prop::collection::vec(step(), 1..200)) {
        let mut dispatch = Dispatch::new(WORKERS, WAITING_MAX);
        let mut model = Model { idle: (0..WORKERS).collect(), ..Model::default() };
        for worker in 0..WORKERS {
            assert_eq!(dispatch.next(worker), None);
        }
        for step in steps {
            match step {
                Step::Offer(kind) => model.offer(&mut dispatch, kind),
                Step::Done(nth) => model.done(&mut dispatch, nth),
                Step::ClientLeft(nth) => model.client_left(&mut dispatch, nth),
            }
            model.check(&dispatch);
        }
    }
}

#[test]
fn one_worker_alone_takes_uploads_too() {
    let mut dispatch = Dispatch::new(1, 1);
    assert_eq!(dispatch.next(0), None);
    assert_eq!(
        dispatch.offer("upload", JobKind::Upload),
        OfferResult::Assigned(0, "upload")
    );
    assert_eq!(
        dispatch.offer("second", JobKind::Buffered),
        OfferResult::Queued
    );
    assert_eq!(
        dispatch.offer("third", JobKind::Upload),
        OfferResult::Rejected("third")
    );
    assert_eq!(
        (dispatch.upload_ended(), dispatch.next(0)),
        (None, Some("second"))
    );
}
