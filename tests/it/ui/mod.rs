//! The pages in a real browser.

mod journeys;
mod pages;
mod person;
