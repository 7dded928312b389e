//! (to come)
use crate::{Failed, explain::Episode};
use clap::Args;
use std::io::Write;
/// Looks at feeds.
#[derive(Args)]
pub(crate) struct FeedArgs {}
pub(crate) fn run(_args: &FeedArgs, _out: &mut dyn Write) -> Result<bool, Failed> {
    Ok(true)
}
pub(crate) fn episode(_feed: &str, _episode: &str) -> Result<Episode, Failed> {
    Err(Failed::new("to come"))
}
