//! The memory of the executable, where the system reports it: Linux.

use super::Proxy;

/// The memory at one moment, as a base for a limit.
pub struct Memory<'a> {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    tap: &'a Proxy,
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    before: u64,
}

#[cfg(target_os = "linux")]
impl Memory<'_> {
    /// Once every worker has been started: each costs a little.
    pub fn at_rest(tap: &Proxy) -> Memory<'_> {
        /// Threads that each tap has by default (README).
        const WORKERS: u64 = 256;
        let mut threads = 0;
        super::eventually("all threads run", || {
            let before = std::mem::replace(&mut threads, super::proc::status(tap.id(), "Threads:"));
            threads == before && threads > WORKERS
        });
        Memory {
            tap,
            before: super::proc::status(tap.id(), "VmRSS:") << 10,
        }
    }

    /// Asserts that it never held so many bytes more.
    pub fn grew_less_than(&self, bytes: u64, what: &str) {
        let most = super::proc::status(self.tap.id(), "VmHWM:") << 10;
        assert!(
            most < self.before + bytes,
            "{what}: grew from {} to {most}",
            self.before
        );
    }
}

#[cfg(not(target_os = "linux"))]
impl Memory<'_> {
    /// Measures nothing, which is said aloud.
    pub fn at_rest(tap: &Proxy) -> Memory<'_> {
        super::skip("how much memory it takes is measured on Linux");
        Memory { tap, before: 0 }
    }

    pub fn grew_less_than(&self, _bytes: u64, _what: &str) {}
}
