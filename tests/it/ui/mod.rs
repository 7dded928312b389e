//! The pages in a real browser.

mod axe;
mod both_engines;
mod console;
mod journeys;
mod pages;
mod person;
