//! What soa-link's functions share.
//!
//! ```text
//! functions/* ──► http, config, sign_in, telemetry          the edge
//!      │   └────► spotify ──► oauth, jws, partner, secrets   talks to Spotify, through outbound
//!      ├────────► store ────► oauth, partner                 talks to DynamoDB
//!      └────────► sign_in ──► jws, partner, secrets          who a person or a backend is
//! ```
//! `jws` and `oauth` know neither a clock nor Spotify. SDK types stay in `aws`, `store`, `secrets` and `events`; `reqwest` in `outbound` and `aws`;
//! `lambda_http` in `http`. The environment is read in `config` alone, the time in `clock` alone, chance in `chance` alone.

pub mod aws;
pub mod chance;
pub mod clock;
pub mod config;
pub mod directory;
pub mod encoding;
pub mod events;
pub mod fetched;
pub mod http;
pub mod jws;
pub mod oauth;
pub mod outbound;
pub mod partner;
pub mod sealed;
pub mod secret;
pub mod secrets;
pub mod sign_in;
pub mod spotify;
pub mod start;
pub mod store;
pub mod telemetry;
pub mod worker;
