//! The template, the runbook, the dependencies, and the functions as they are deployed.

mod alarms;
mod configuration;
mod costs;
mod data;
mod dependencies;
mod deploy;
mod functions;
mod invoke;
mod layers;
mod limits;
mod routes;
mod runbook;
mod stack;
mod versions;
