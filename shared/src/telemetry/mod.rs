//! Owns what is written down: one JSON line an event, each with a registered code, through `tracing`. Needs nothing of ours. Refuses
//! text that came from outside: a line has codes, our own words, ids of requests, and numbers.

mod codes;
pub mod metrics;

use tracing_subscriber::{
    Layer as _, filter::filter_fn, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

pub use codes::Code;
pub use tracing;

/// Writes our own events to standard output, where Lambda's log group takes them. Other crates' are left out: nobody has looked at
/// what they might tell.
pub fn init() {
    init_with(std::io::stdout);
}

/// As [`init`], to another place.
pub fn init_with<W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static>(writer: W) {
    let ours =
        filter_fn(|metadata| metadata.target().starts_with("soa_link") && *metadata.level() <= tracing::Level::INFO);
    let json = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_target(false)
        .with_writer(writer);
    // A second call, as of a test, leaves the first one's choice.
    let _ = tracing_subscriber::registry().with(json.with_filter(ours)).try_init();
}

/// The one `tracing` target of all events, which the filter lets through.
pub(crate) const TARGET: &str = "soa_link";

/// Records in the current request's span whom it is about: the partner, and the subscriber under their name in the log.
pub fn record_subject(partner_id: &str, person: &str) {
    tracing::Span::current()
        .record("partner_id", partner_id)
        .record("person", person);
}

/// Logs a code at a level, with fields of ours.
#[macro_export]
macro_rules! log {
    ($level:ident, $code:expr $(, $($fields:tt)*)?) => {{
        let code: $crate::telemetry::Code = $code;
        $crate::telemetry::tracing::$level!(target: "soa_link", code = code.as_str(), $($($fields)*,)? "{}", code.description());
    }};
}
