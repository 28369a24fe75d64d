//! The reason a tap gives where its answer breaks off, which no HTTP client shows: the chunk line that ends it (`server::response::ABORT_PREFIX`).

use std::sync::{Arc, Mutex};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use crate::server::response::ABORT_PREFIX;
use crate::util::sanitize::escape_control_chars;
use crate::util::threads::lock;

/// The longest end of an answer that is kept (bytes).
const END_MAX: usize = 4096;

/// The end of all that came over the connections of one agent.
#[derive(Clone, Debug, Default)]
pub struct AbortReason(Arc<Mutex<Vec<u8>>>);

impl AbortReason {
    /// Returns the reason that the last answer broke off, where the tap gave one.
    pub fn text(&self) -> Option<String> {
        parse(&lock(&self.0))
    }

    fn add(&self, bytes: &[u8]) {
        let mut end = lock(&self.0);
        end.extend_from_slice(&bytes[bytes.len().saturating_sub(END_MAX)..]);
        let too_many = end.len().saturating_sub(END_MAX);
        end.drain(..too_many);
    }
}

/// The last line, if it is such a one and whole.
fn parse(end: &[u8]) -> Option<String> {
    let end = std::str::from_utf8(
        end.strip_suffix(b"\r\n")?
            .rsplit(|byte| *byte == b'\n')
            .next()?,
    )
    .ok()?;
    end.strip_prefix(ABORT_PREFIX)
        .map(|reason| escape_control_chars(reason).into_owned())
}

impl<In: Transport> Connector<In> for AbortReason {
    type Out = CapturingTransport<In>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        inner: Option<In>,
    ) -> Result<Option<CapturingTransport<In>>, Error> {
        Ok(inner.map(|inner| CapturingTransport {
            inner,
            abort_reason: self.clone(),
        }))
    }
}

/// A connection that is listened to.
#[derive(Debug)]
pub struct CapturingTransport<In> {
    inner: In,
    abort_reason: AbortReason,
}

impl<In: Transport> Transport for CapturingTransport<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let before = self.inner.buffers().input().len();
        let has_more = self.inner.await_input(timeout)?;
        self.abort_reason
            .add(&self.inner.buffers().input()[before..]);
        Ok(has_more)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_line_says_why_an_answer_broke_off() {
        for (pieces, expected) in [
            (
                &["5\r\n{\"a\":\r\nthe answer broke off: ask loki: 503\r\n"][..],
                Some("ask loki: 503"),
            ),
            (
                &["5\r\n12345\r\nthe answer bro", "ke off: é\r", "\n"],
                Some("é"),
            ),
            (&["the answer broke off: of a prompt\r\n0\r\n\r\n"], None),
            (&["the answer broke off: half"], None),
            (&["\r\n"], None),
            (&[], None),
        ] {
            let abort_reason = AbortReason::default();
            pieces
                .iter()
                .for_each(|chunk| abort_reason.add(chunk.as_bytes()));
            assert_eq!(abort_reason.text().as_deref(), expected, "{pieces:?}");
        }
    }

    #[test]
    fn however_much_comes_little_is_kept() {
        let abort_reason = AbortReason::default();
        (0..3).for_each(|_| abort_reason.add(&[b'x'; 3 * END_MAX]));
        abort_reason.add(b"\r\nthe answer broke off: y\r\n");
        assert_eq!(
            (abort_reason.text().as_deref(), lock(&abort_reason.0).len()),
            (Some("y"), END_MAX)
        );
    }
}
