//! The program as its users see it: what it prints, what it leaves behind, and how it ends.

mod bundle;
mod deb;
mod documents;
mod exit_codes;
mod manifest;
mod reporting;
mod show;
mod verify;
