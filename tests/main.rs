//! Everything that is tested from outside: the program as its users run it, and the library behind it.
#![expect(
    clippy::disallowed_methods,
    reason = "tests make projects, run programs and look at what they left"
)]

mod assets;
mod cli;
mod clients;
mod crash;
mod keystore;
mod package;
mod plan;
mod repository;
mod reproducible;
mod request;
mod sign;
mod support;
mod tidy;
