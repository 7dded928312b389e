//! A partner's people, in and out: `soa-link import` has the table want what a roster says, `soa-link export` says what is in the table.

mod args;
mod export;
mod import;
mod index;
mod plan;
mod progress;
mod rows;

pub(crate) use self::{
    export::{ExportArgs, run as export},
    import::{ImportArgs, run as import},
};
