//! Logs and metrics. A log event is one JSON line with a registered code, through `tracing`. Must not import any other module.
//!
//! A line contains codes, our own words, request ids and numbers, never text from outside.

mod codes;
pub mod metrics;

use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

pub use codes::Code;
pub use tracing;

/// Writes our own events to standard output, which Lambda sends to the log group. Drops the events of other crates, because they might contain secrets.
pub fn init() {
    init_with(std::io::stdout);
}

/// Like [`init`], with another writer.
pub fn init_with<W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static>(writer: W) {
    let ours = filter_fn(|metadata| metadata.target().starts_with("soa_link")).with_max_level_hint(LevelFilter::INFO);
    let json = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_target(false)
        .with_writer(writer);
    // Fails on a second call, as in tests: the first writer stays.
    let _ = tracing_subscriber::registry().with(json.with_filter(ours)).try_init();
}

/// The `tracing` target of our events, which the filter accepts.
pub(crate) const TARGET: &str = "soa_link";

/// Adds the partner and the subscriber, by their pseudonym in the log, to the span of the current request.
pub fn record_subject(partner_id: &str, person: &str) {
    // Together, because the subscriber formats all fields of the span again for each call.
    tracing::record_all!(tracing::Span::current(), partner_id, person);
}

/// Logs a code at a level, with fields. Their values must not come from outside.
#[macro_export]
macro_rules! log {
    ($level:ident, $code:expr $(, $($fields:tt)*)?) => {{
        let code: $crate::telemetry::Code = $code;
        $crate::telemetry::tracing::$level!(target: "soa_link", code = code.as_str(), $($($fields)*,)? "{}", code.description());
    }};
}
