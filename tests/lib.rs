//! Behaviour across the functions is tested here; there is nothing to import.
