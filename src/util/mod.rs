//! UTIL: the memory budget, safe texts, threads.

pub mod budget;
pub mod sanitize;
pub mod threads;
