//! The template, the runbook, dependencies, and the functions as deployed.

mod alarms;
mod configuration;
mod data;
mod dependencies;
mod functions;
mod invoke;
mod layers;
mod limits;
mod routes;
mod runbook;
mod stack;
mod versions;
