//! DISPATCH: which worker gets which request. A state machine without threads or clocks; `worker_pool` lets threads use it.
//!
//! A job is a request with the connection that it came on. What always holds, and what the test below tries:
//!
//! 1. A job that was offered is in exactly one place: with the worker that it was given to, in a queue, or back with who offered it.
//! 2. While a worker is idle, nothing waits that it may take.
//! 3. The worker that was idle last is given work first: its connection to Ollama is the warmest.
//! 4. Jobs begin in the order in which they came, but for uploads that stream, which are overtaken while all their places are taken.
//! 5. No more than `upload_places` workers serve uploads, so that slow senders leave workers to others.

use std::collections::VecDeque;

/// What a worker is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request is here as a whole.
    Whole,
    /// Its body is still coming, and the worker passes it on piece by piece.
    Upload,
}

/// What became of a job that was offered.
#[derive(Debug, PartialEq, Eq)]
pub enum Offered<J> {
    /// It is this worker's now, which was idle.
    Given(usize, J),
    Waits,
    /// There was no room for it.
    Refused(J),
}

pub struct Dispatch<J> {
    /// Idle workers, the one that was idle last on top.
    idle: Vec<usize>,
    waiting: VecDeque<(u64, J)>,
    /// Uploads that wait for a worker or for one of their places.
    waiting_uploads: VecDeque<(u64, J)>,
    /// Numbers the jobs in the order in which they came.
    count: u64,
    uploading: usize,
    upload_places: usize,
    /// Jobs that may wait, those of both kinds.
    waiting_max: usize,
}

impl<J> Dispatch<J> {
    /// For so many workers, none of which is idle before it has come.
    pub fn new(workers: usize, waiting_max: usize) -> Dispatch<J> {
        let upload_places = (workers / 2).max(1);
        let (waiting, waiting_uploads) = (VecDeque::new(), VecDeque::new());
        Dispatch {
            idle: Vec::new(),
            waiting,
            waiting_uploads,
            count: 0,
            uploading: 0,
            upload_places,
            waiting_max,
        }
    }

    /// A job came.
    pub fn offer(&mut self, job: J, kind: Kind) -> Offered<J> {
        let may_begin = kind == Kind::Whole || self.uploading < self.upload_places;
        if may_begin && let Some(worker) = self.idle.pop() {
            self.begin(kind);
            return Offered::Given(worker, job);
        }
        if self.waiting() >= self.waiting_max {
            return Offered::Refused(job);
        }
        self.count += 1;
        let queue = if kind == Kind::Whole {
            &mut self.waiting
        } else {
            &mut self.waiting_uploads
        };
        queue.push_back((self.count, job));
        Offered::Waits
    }

    /// A worker has nothing to do: it gets what waits, or is idle from now on.
    pub fn next(&mut self, worker: usize) -> Option<J> {
        let job = self.take();
        if job.is_none() {
            self.idle.push(worker);
        }
        job
    }

    /// An upload has ended, whose worker may go on with another request. An upload that waited for its place begins with the
    /// worker that is returned.
    pub fn upload_ended(&mut self) -> Option<(usize, J)> {
        self.uploading -= 1;
        if self.idle.is_empty() || self.waiting_uploads.is_empty() {
            return None;
        }
        Some((self.idle.pop()?, self.take()?))
    }

    /// Takes out the waiting jobs that are so.
    pub fn remove(&mut self, mut is_so: impl FnMut(&J) -> bool) -> Vec<J> {
        let mut removed = Vec::new();
        for queue in [&mut self.waiting, &mut self.waiting_uploads] {
            let (gone, stay): (VecDeque<_>, VecDeque<_>) = std::mem::take(queue)
                .into_iter()
                .partition(|(_, job)| is_so(job));
            *queue = stay;
            removed.extend(gone.into_iter().map(|(_, job)| job));
        }
        removed
    }

    /// Every idle worker, none of which is idle any more.
    pub fn dismiss(&mut self) -> Vec<usize> {
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
            .filter(|_| self.uploading < self.upload_places)
            .map(|(number, _)| *number);
        let whole = self.waiting.front().map(|(number, _)| *number);
        let is_upload = upload.is_some_and(|upload| whole.is_none_or(|whole| upload < whole));
        let (kind, queue) = if is_upload {
            (Kind::Upload, &mut self.waiting_uploads)
        } else {
            (Kind::Whole, &mut self.waiting)
        };
        let (_, job) = queue.pop_front()?;
        self.begin(kind);
        Some(job)
    }

    fn begin(&mut self, kind: Kind) {
        if kind == Kind::Upload {
            self.uploading += 1;
        }
    }
}

#[cfg(test)]
mod tests;
