//! Rosters of a partner's subscribers: `soa-link import` writes one to the subscribers table, `soa-link export` reads the table.

mod args;
mod export;
mod import;
mod index;
mod plan;
mod progress;
mod rows;

pub(crate) use self::{
    args::RosterArgs,
    export::{ExportArgs, people, run as export},
    import::{ImportArgs, run as import},
};
