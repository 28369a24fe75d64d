//! Where the bench cannot measure, which it says at its start: it needs Linux.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

pub enum Poller {}

impl Poller {
    pub fn new() -> io::Result<Poller> {
        Err(needs_linux())
    }

    pub fn add(&self, _stream: &TcpStream, _name: usize) -> io::Result<()> {
        match *self {}
    }

    pub fn wait(&mut self, _patience: Duration) -> io::Result<impl Iterator<Item = usize>> {
        Err::<std::iter::Empty<usize>, _>(needs_linux())
    }
}

pub fn raise_descriptor_limit() -> io::Result<()> {
    Err(needs_linux())
}

pub fn widen_backlog(_listener: &TcpListener) -> io::Result<()> {
    Err(needs_linux())
}

pub fn terminate(_pid: u32) -> io::Result<()> {
    Err(needs_linux())
}

pub fn status(_pid: u32, _name: &str) -> io::Result<f64> {
    Err(needs_linux())
}

pub fn children(_pid: u32) -> io::Result<Vec<u32>> {
    Err(needs_linux())
}

pub fn cpu_time(_pid: u32) -> io::Result<Duration> {
    Err(needs_linux())
}

pub fn machine() -> (String, String) {
    (String::new(), String::new())
}

fn needs_linux() -> io::Error {
    io::Error::other("it measures on Linux alone")
}
