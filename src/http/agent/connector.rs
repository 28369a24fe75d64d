//! The connector of our own questions.

use ureq::Error;
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, Transport};

use super::{StepError, UpstreamErrorKind};

/// Connects as ureq does, and adds the addresses that were tried to the error.
#[derive(Debug)]
pub(super) struct AddressReporting(pub(super) DefaultConnector);

impl Connector for AddressReporting {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        none: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        self.0.connect(details, none).map_err(|e| match e {
            Error::Io(cause) => {
                let tried: Vec<String> = details.addrs.iter().map(ToString::to_string).collect();
                StepError::wrap(
                    UpstreamErrorKind::Connect,
                    format!("connect to {}", tried.join(", ")),
                    cause,
                )
            }
            other => other,
        })
    }
}
