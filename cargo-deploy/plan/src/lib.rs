//! What cargo-deploy decides: manifest to project to plan, without any effect.
//!
//! ```text
//! Manifest  --resolve-->  Project  --+
//!                                    +--draw-->  Plan
//! Facts, Catalog (plain values)   ---+
//! ```
//!
//! This crate opens no file, starts no program, reads no variable and asks no clock: what it needs to know of the
//! world comes in as [`facts::Facts`] and as texts. So a test can draw the plan of any project for any machine.

pub mod catalog;
pub mod draw;
pub mod facts;
pub mod finding;
pub mod lock;
pub mod manifest;
pub mod plan;
pub mod project;
pub mod resolve;
pub mod target_table;
pub mod windows_app;
pub mod workspace;
