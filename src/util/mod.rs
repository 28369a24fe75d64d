//! UTIL: the memory budget, numbers as people read them, safe texts, threads.

pub mod budget;
pub mod numbers;
pub mod sanitize;
pub mod threads;
