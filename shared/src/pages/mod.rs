//! HTML pages: what happened, the one next step, and the request id for support. All pages share one template without script; the texts are in
//! `shared/locales`. Must not know why a page is shown.

mod account;
mod branding;
mod icons;
mod layout;
mod status;
#[cfg(test)]
mod tests;
mod unlink;

pub use account::{AccountPage, LinkStatus};
pub use branding::{Branding, Color, EntitlementNames, Show};
pub use layout::PageContext;
pub use status::StatusPage;
pub use unlink::UnlinkConfirmation;
