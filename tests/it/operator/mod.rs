//! The operators' tools: the partners function and the `soa-link` command.

mod doctor;
mod explain;
mod keys;
mod logs;
mod partners_cli;
mod partners_function;
mod roster_export;
mod roster_import;
mod rotate_secret;
