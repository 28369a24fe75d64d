//! UTIL: the memory budget, work that ends early, names as numbers, numbers as people read them, safe texts, standard error, threads.

pub mod budget;
pub mod interrupt;
pub mod name_table;
pub mod numbers;
pub mod sanitize;
pub mod stderr;
pub mod threads;
