//! Connections in memory: output is stored, and input is scripted.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use super::*;
use crate::forward::buffers::SmallBuffers;
use crate::http::address::Upstream;
use crate::util::threads::lock;

/// A step of a connection when more of a reply is awaited. Nothing may be awaited beyond the end of the script.
#[derive(Clone, Copy, Debug)]
pub(super) enum ScriptStep {
    Bytes(&'static [u8]),
    Reset,
    /// It is closed in order.
    End,
}

/// Connections in memory, each with its script.
#[derive(Clone)]
pub(super) struct Network {
    control: Arc<ConnectionControl>,
    scripts: Arc<Mutex<VecDeque<Vec<ScriptStep>>>>,
    /// The bytes sent on each connection.
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
    /// After this many bytes the other side takes no more.
    pub(super) room: usize,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

impl Network {
    pub(super) fn new(scripts: &[&[ScriptStep]]) -> Network {
        Network {
            control: Arc::new(ConnectionControl::new(false)),
            scripts: Arc::new(Mutex::new(
                scripts.iter().map(|script| script.to_vec()).collect(),
            )),
            sent: Arc::default(),
            room: usize::MAX,
        }
    }

    pub(super) fn connect_upstream(&self) -> UpstreamConnection {
        let upstream = Upstream::loopback(11434);
        let target = Target::new(upstream);
        UpstreamConnection::over(
            self.clone(),
            self.control.clone(),
            &target,
            &Budget::of(None),
        )
    }

    pub(super) fn sent(&self) -> Vec<String> {
        let sent = lock(&self.sent);
        sent.iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect()
    }
}

impl Connector<()> for Network {
    type Out = MemoryTransport;

    fn connect(
        &self,
        _: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<MemoryTransport>, Error> {
        let script = lock(&self.scripts)
            .pop_front()
            .expect("a script for one more connection");
        let mut sent = lock(&self.sent);
        sent.push(Vec::new());
        Ok(Some(MemoryTransport {
            network: self.clone(),
            index: sent.len() - 1,
            script: script.into(),
            buffers: SmallBuffers::default(),
        }))
    }
}

#[derive(Debug)]
pub(super) struct MemoryTransport {
    network: Network,
    index: usize,
    script: VecDeque<ScriptStep>,
    buffers: SmallBuffers,
}

impl Transport for MemoryTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        let output = self.buffers.output()[..amount].to_vec();
        let sent = &mut lock(&self.network.sent)[self.index];
        let room = self.network.room.saturating_sub(sent.len());
        sent.extend_from_slice(&output[..amount.min(room)]);
        if amount > room {
            self.network.control.write_failed();
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let mut bytes = match self.script.pop_front() {
            Some(ScriptStep::Bytes(bytes)) => bytes,
            Some(ScriptStep::Reset) => {
                let reset = io::Error::from(ErrorKind::ConnectionReset);
                self.network.control.read_failed(&reset);
                return Err(reset.into());
            }
            Some(ScriptStep::End) => return Ok(false),
            None => panic!("more of the reply is awaited than there is"),
        };
        while !bytes.is_empty() {
            let amount = io::Read::read(&mut bytes, self.buffers.input_append_buf())?;
            self.buffers.input_appended(amount);
        }
        Ok(true)
    }

    fn is_open(&mut self) -> bool {
        true
    }
}
