//! The processes of one start of a server.

use crate::harness::process::lives;

#[derive(Clone, Debug)]
pub struct Run {
    pub guard: u32,
    pub ollama: u32,
    /// The processes that the server started.
    pub children: Vec<u32>,
}

impl Run {
    /// As the stand-in wrote them down.
    pub fn read(line: &str) -> Run {
        let mut ids = line.split(' ').map(|id| id.parse().expect("a process id"));
        Run {
            guard: ids.next().expect("a guard"),
            ollama: ids.next().expect("an ollama"),
            children: ids.collect(),
        }
    }

    pub fn is_gone(&self) -> bool {
        [self.guard, self.ollama]
            .iter()
            .chain(&self.children)
            .all(|id| !lives(*id))
    }
}
