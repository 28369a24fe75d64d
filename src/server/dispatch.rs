//! DISPATCH: assigns requests to workers. A state machine without threads or clocks; `worker_pool` lets threads use it.
//!
//! A job is a request with its connection. The invariants, which the tests check:
//!
//! 1. A job that was offered is in exactly one place: with its worker, in a queue, or back with the caller.
//! 2. While a worker is idle, no job waits that it may take.
//! 3. The worker that was idle last is given work first: its connection to Ollama is the warmest.
//! 4. Jobs begin in the order of their offers, but uploads that stream are overtaken while all their places are taken.
//! 5. No more than `upload_slots` workers serve uploads, so that slow senders leave workers to others.

use std::collections::VecDeque;

/// The kind of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// The request has come, with its whole body.
    Buffered,
    /// Its body is still coming, and the worker passes it on piece by piece.
    Upload,
}

/// The result of offering a job.
#[derive(Debug, PartialEq, Eq)]
pub enum OfferResult<J> {
    /// It is for this worker, which was idle.
    Assigned(usize, J),
    Queued,
    /// The queue is full.
    Rejected(J),
}

/// The queues, the idle workers, and the places of uploads.
pub struct Dispatch<J> {
    /// Idle workers, the last one to become idle on top.
    idle: Vec<usize>,
    waiting: VecDeque<(u64, J)>,
    /// Uploads that wait for a worker or for one of their places.
    waiting_uploads: VecDeque<(u64, J)>,
    /// Numbers the jobs in the order of their offers.
    count: u64,
    uploading: usize,
    upload_slots: usize,
    /// The number of jobs that may wait, of both kinds together.
    waiting_max: usize,
}

impl<J> Dispatch<J> {
    /// Begins without idle workers: each becomes idle by `next`.
    pub fn new(workers: usize, waiting_max: usize) -> Dispatch<J> {
        let upload_slots = (workers / 2).max(1);
        let (waiting, waiting_uploads) = (VecDeque::new(), VecDeque::new());
        Dispatch {
            idle: Vec::new(),
            waiting,
            waiting_uploads,
            count: 0,
            uploading: 0,
            upload_slots,
            waiting_max,
        }
    }

    /// Offers a job.
    pub fn offer(&mut self, job: J, kind: JobKind) -> OfferResult<J> {
        let may_begin = kind == JobKind::Buffered || self.uploading < self.upload_slots;
        if may_begin && let Some(worker) = self.idle.pop() {
            self.begin(kind);
            return OfferResult::Assigned(worker, job);
        }
        if self.waiting() >= self.waiting_max {
            return OfferResult::Rejected(job);
        }
        self.count += 1;
        let queue = if kind == JobKind::Buffered {
            &mut self.waiting
        } else {
            &mut self.waiting_uploads
        };
        queue.push_back((self.count, job));
        OfferResult::Queued
    }

    /// Returns the next job for a worker that has none. Without one it is idle from now on.
    pub fn next(&mut self, worker: usize) -> Option<J> {
        let job = self.take();
        if job.is_none() {
            self.idle.push(worker);
        }
        job
    }

    /// Ends an upload, whose worker may go on with another request. An upload that waited for its slot begins with the
    /// worker that is returned.
    pub fn upload_ended(&mut self) -> Option<(usize, J)> {
        self.uploading -= 1;
        if self.idle.is_empty() || self.waiting_uploads.is_empty() {
            return None;
        }
        Some((self.idle.pop()?, self.take()?))
    }

    /// Removes the waiting jobs that match.
    pub fn remove_where(&mut self, mut matches: impl FnMut(&J) -> bool) -> Vec<J> {
        let mut removed = Vec::new();
        for queue in [&mut self.waiting, &mut self.waiting_uploads] {
            let (matching, remaining): (VecDeque<_>, VecDeque<_>) = std::mem::take(queue)
                .into_iter()
                .partition(|(_, job)| matches(job));
            *queue = remaining;
            removed.extend(matching.into_iter().map(|(_, job)| job));
        }
        removed
    }

    /// The jobs that wait.
    pub fn waiting_jobs(&self) -> impl Iterator<Item = &J> {
        let jobs = self.waiting.iter().chain(&self.waiting_uploads);
        jobs.map(|(_, job)| job)
    }

    /// Takes every idle worker, none of which is idle any more.
    pub fn take_idle(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.idle)
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len() + self.waiting_uploads.len()
    }

    pub fn waiting_uploads(&self) -> usize {
        self.waiting_uploads.len()
    }

    pub fn idle(&self) -> usize {
        self.idle.len()
    }

    /// The oldest job that may begin.
    fn take(&mut self) -> Option<J> {
        let upload = self
            .waiting_uploads
            .front()
            .filter(|_| self.uploading < self.upload_slots)
            .map(|(number, _)| *number);
        let whole = self.waiting.front().map(|(number, _)| *number);
        let is_upload = upload.is_some_and(|upload| whole.is_none_or(|whole| upload < whole));
        let (kind, queue) = if is_upload {
            (JobKind::Upload, &mut self.waiting_uploads)
        } else {
            (JobKind::Buffered, &mut self.waiting)
        };
        let (_, job) = queue.pop_front()?;
        self.begin(kind);
        Some(job)
    }

    fn begin(&mut self, kind: JobKind) {
        if kind == JobKind::Upload {
            self.uploading += 1;
        }
    }
}

#[cfg(test)]
mod tests;
