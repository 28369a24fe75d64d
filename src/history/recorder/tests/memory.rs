//! A store in memory that fails, blocks and panics on demand.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};

use crate::history::record::{Record, RecordSummary};
use crate::history::store::redaction::Redaction;
use crate::history::store::{
    Detail, Engine, Extent, Limits, Query, Refused, Result, Selection, StoreError,
};

#[derive(Default)]
pub struct Memory {
    pub records: Mutex<Vec<Record>>,
    /// The results of the next writes; later ones succeed.
    pub plan: Mutex<Vec<Step>>,
    /// The results of the next pieces of deferred work.
    pub left: Mutex<Vec<Step>>,
    pub refused: AtomicU64,
    pub held: Mutex<bool>,
    pub moved: Condvar,
}

#[derive(Clone, Copy)]
pub enum Step {
    Fail,
    /// There is room for so many.
    Room(usize),
    Panic,
    Refuse(u64),
}

impl Memory {
    pub fn hold(&self, held: bool) {
        *self.held.lock().unwrap() = held;
        self.moved.notify_all();
    }

    pub fn ids(&self) -> Vec<String> {
        self.records
            .lock()
            .unwrap()
            .iter()
            .map(|record| record.interaction_id.clone())
            .collect()
    }
}

impl Engine for Arc<Memory> {
    fn name(&self) -> &'static str {
        "memory"
    }
    fn location(&self) -> String {
        "memory".to_owned()
    }
    fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        let held = self.held.lock().unwrap();
        drop(self.moved.wait_while(held, |held| *held).unwrap());
        let step = self.plan.lock().unwrap().pop();
        match step {
            Some(Step::Room(most)) if batch.len() > most => {
                return Err(StoreError::DiskFull("write to memory: full".to_owned()));
            }
            Some(Step::Fail) => return Err(StoreError::Failed("write to memory: full".to_owned())),
            Some(Step::Panic) => {
                batch.clear(); // as a store may have taken what it writes
                panic!("on demand")
            }
            _ => {}
        }
        self.records.lock().unwrap().append(batch);
        Ok(if let Some(Step::Refuse(count)) = step {
            count
        } else {
            0
        })
    }
    fn catch_up(&self) -> Result<bool> {
        let mut left = self.left.lock().unwrap();
        match left.pop() {
            Some(Step::Fail) => {
                return Err(StoreError::Failed(
                    "send what was left: no connection".to_owned(),
                ));
            }
            Some(Step::Refuse(count)) => self.refused.store(count, SeqCst),
            _ => {}
        }
        Ok(!left.is_empty())
    }
    fn take_refused(&self) -> Refused {
        Refused {
            records: self.refused.swap(0, SeqCst),
            texts: 0,
        }
    }
    fn for_each_newest(
        &self,
        _: &Query,
        _: Detail,
        _: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        unreachable!()
    }
    fn for_each(&self, _: &Query, _: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<()> {
        unreachable!()
    }
    fn for_each_summary(&self, _: &Query, _: &mut dyn FnMut(&RecordSummary)) -> Result<()> {
        unreachable!()
    }
    fn get(&self, _: &str) -> Result<Option<Record>> {
        unreachable!()
    }
    fn extent(&self, _: f64) -> Result<Extent> {
        unreachable!()
    }
    fn retain(&self, _: &Limits) -> Result<u64> {
        unreachable!()
    }
    fn ids(&self, _: &str, _: usize) -> Result<Vec<String>> {
        unreachable!()
    }
    fn purge(&self, _: Option<f64>) -> Result<u64> {
        unreachable!()
    }
    fn redact(&self, _: &Redaction) -> Result<u64> {
        unreachable!()
    }
    fn delete(&self, _: &Selection) -> Result<u64> {
        unreachable!()
    }
}
