//! The pages in a real browser.

mod both_engines;
mod journeys;
mod pages;
mod person;
