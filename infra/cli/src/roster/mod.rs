//! Rosters of a partner's subscribers: `soa-link import` writes one to the subscribers table, `soa-link export` reads the table.

mod args;
mod cells;
mod changes;
mod columns;
mod consent;
mod csv_rows;
mod export;
mod header;
mod import;
mod import_args;
mod index;
mod json_rows;
mod plan;
mod plan_map;
mod progress;
mod report;
mod rows;
mod source;
mod tally;
#[cfg(test)]
mod tests;
mod tracker;

pub(crate) use self::{
    args::RosterArgs,
    export::{ExportArgs, people, run as export},
    import::run as import,
    import_args::ImportArgs,
};
