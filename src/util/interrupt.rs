//! INTERRUPT: work whose result may become unwanted while it runs. Who begins it says how to find
//! out; its loops ask here now and then, and end early.

use std::cell::RefCell;
use std::time::{Duration, Instant};

/// The time between two checks: each may be a system call.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

thread_local! {
    /// That of the work on this thread.
    static CURRENT: RefCell<Option<Check>> = const { RefCell::new(None) };
}

struct Check {
    finds_out: Box<dyn Fn() -> bool>,
    last: Instant,
    is_unwanted: bool,
}

/// Does `work`, which may end early once `finds_out` has returned `true`. It is asked on this
/// thread, while the work runs.
pub fn unless<T>(finds_out: impl Fn() -> bool + 'static, work: impl FnOnce() -> T) -> T {
    /// Also after a panic.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            CURRENT.set(None);
        }
    }
    let _end = End;
    CURRENT.set(Some(Check {
        finds_out: Box::new(finds_out),
        last: Instant::now(),
        is_unwanted: false,
    }));
    work()
}

/// Returns whether nobody wants the result of the work on this thread any more.
pub fn is_unwanted() -> bool {
    CURRENT.with_borrow_mut(|current| {
        let Some(check) = current else { return false };
        if !check.is_unwanted && check.last.elapsed() >= CHECK_INTERVAL {
            check.is_unwanted = (check.finds_out)();
            check.last = Instant::now();
        }
        check.is_unwanted
    })
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn work_ends_early_once_it_is_found_to_be_unwanted_and_that_alone() {
        assert!(!is_unwanted());
        let rounds = unless(|| true, || (0..).take_while(|_| !is_unwanted()).count());
        assert!(rounds > 0, "the first check is not at once");
        assert!(!is_unwanted());
        let panicked = catch_unwind(|| unless(|| true, || panic!("on purpose")));
        assert!(panicked.is_err() && !is_unwanted());
    }
}
