//! Resources of this process (memory, descriptors, stacks), and the machine's name and clock.

pub use super::system::resources::{
    host_name, memory_bytes, process_collector, raise_descriptor_limit, release_stack,
    return_freed_memory, set_thread_stack, steady_clock,
};
