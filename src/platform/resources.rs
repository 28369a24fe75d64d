//! What this process has of the machine, memory, descriptors and stacks, and what identifies the machine: its name and its clock.

pub use super::system::resources::{
    host_name, memory_bytes, process_collector, raise_descriptor_limit, release_stack,
    return_freed_memory, set_thread_stack, steady_clock,
};
