//! Owns the operator's access to AWS: whichever credentials, region and endpoints the AWS tools of this machine use (environment, profile, SSO, a process).
//! Needs [`Outbound`]. Refuses to know what the services are used for.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig};
use shared::{
    aws::http_client,
    outbound::{Outbound, OutboundError},
};

/// How often a call is made at most: a long import should outlive a throttled minute.
const ATTEMPTS: u32 = 8;

/// What the services' clients are made of.
///
/// # Errors
/// [`OutboundError`] when there can be no HTTP client.
pub(crate) async fn aws() -> Result<SdkConfig, OutboundError> {
    let outbound = Outbound::new()?;
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(&outbound))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    Ok(config.load().await)
}

/// A new file that nobody else on this machine may read: it says who subscribes.
///
/// # Errors
/// When it cannot be created.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
