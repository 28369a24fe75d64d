//! A latch, on which one thread waits until another one releases it.

use std::sync::{Arc, Condvar, Mutex};

use super::TIMEOUT;

/// Something that one thread waits for and another one lets happen.
#[derive(Clone, Default)]
pub struct Latch(Arc<(Mutex<bool>, Condvar)>);

impl Latch {
    pub fn release(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits for `release`. Gives up after `TIMEOUT`, when the test has failed anyway.
    pub fn wait(&self) {
        let held = self.0.0.lock().unwrap();
        drop(
            self.0
                .1
                .wait_timeout_while(held, TIMEOUT, |released| !*released),
        );
    }
}
