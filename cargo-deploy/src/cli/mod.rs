//! The command line: arguments, verbs, words.

pub mod args;
pub mod command;
pub mod exit;
pub mod render;
