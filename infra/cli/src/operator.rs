//! Owns the operator's access to AWS: whichever credentials, region and endpoints the AWS tools of this machine use (environment, profile, SSO, a process).
//! Needs [`Outbound`]. Refuses to know what the services are used for.

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
