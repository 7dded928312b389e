//! Behaviour across the functions: whole journeys through the sandbox's gateway, the functions' own processes under cargo-lambda, a real browser,
//! storage on two emulators, and the template.

mod browser;
mod configuration;
mod faults;
mod handoff;
mod hostile;
mod invoke;
mod leak;
mod lean;
mod link;
mod ministack;
mod secrets;
mod storage;
mod template;
mod unlinking;
mod world;
