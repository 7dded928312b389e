//! The operator's tools: the `soa-link` command and the partners function.

mod doctor;
mod explain;
mod feeds;
mod keys;
mod logs;
mod partners_cli;
mod partners_function;
mod roster_export;
mod roster_import;
mod rotate_secret;
mod sync_commands;
