//! UTIL: the memory budget, names as numbers, numbers as people read them, safe texts, threads.

pub mod budget;
pub mod name_table;
pub mod numbers;
pub mod sanitize;
pub mod threads;
