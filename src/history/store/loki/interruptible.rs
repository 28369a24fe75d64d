//! A wait for Loki that ends once nobody waits for the answer any more: the connection is closed then,
//! so that Loki stops as well.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use crate::util::interrupt;

/// The time between two checks.
const CHECK_INTERVAL: Duration = Duration::from_millis(40);

/// Makes connections on which reading can be interrupted.
#[derive(Clone, Copy, Debug)]
pub struct Interruptible;

impl<In: Transport> Connector<In> for Interruptible {
    type Out = InterruptibleTransport<In>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        inner: Option<In>,
    ) -> Result<Option<InterruptibleTransport<In>>, Error> {
        Ok(inner.map(InterruptibleTransport))
    }
}

#[derive(Debug)]
pub struct InterruptibleTransport<In>(In);

impl<In: Transport> Transport for InterruptibleTransport<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let began = Instant::now();
        loop {
            let left = timeout.after.saturating_sub(began.elapsed());
            let piece = NextTimeout {
                after: left.min(CHECK_INTERVAL).into(),
                ..timeout
            };
            match self.0.await_input(piece) {
                Err(Error::Timeout(_)) if interrupt::is_unwanted() => {
                    return Err(io::Error::from(ErrorKind::ConnectionAborted).into());
                }
                Err(Error::Timeout(_)) if left > CHECK_INTERVAL => {}
                result => return result,
            }
        }
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}
