//! `cargo deploy`: from a manifest to a release that was read back from its bytes.
//!
//! ```text
//! Manifest  --resolve-->  Project  --+
//!                                    +--draw-->  Plan  --run-->  Ledger of Artifacts
//! this machine --probe--> Facts   ---+  (pure)         (effects, emits Events --render--> people)
//! ```
//!
//! | module | layer | what is in it |
//! |---|---|---|
//! | [`cli`] | says, drives | arguments, one file a verb, and all that prints |
//! | [`engine`] | does | runs a plan: schedule, store, ledger, journal |
//! | [`release`] | does | describes a release directory and reads it back |
//! | [`toolchain`], [`package`], [`sign`], [`repository`], [`publish`] | knows | the plug-ins, one file each |
//! | [`asset`] | knows | what is fetched: the store of assets, the lock, the vendored directory |
//! | [`keystore`] | knows | keys of X.509 certificates, wherever they are: plug-ins, one file each |
//! | [`cloud`] | knows | services: how they are asked, and who asks |
//! | [`layout`] | knows | where things stand in packages, for formats that share it |
//! | [`probe`] | looks | facts about this machine and this checkout |
//! | [`bench`] | touches | the only door to files, programs, the network, the clock |
//!
//! What is decided lies in the crate `deploy-plan`, the words in `deploy-model`, the bytes in `deploy-formats`.
//! Arrows between layers point down only, and plug-ins do not import plug-ins; `tests/tidy` checks it.

pub mod asset;
pub mod bench;
pub mod catalog;
pub mod cause;
pub mod cli;
pub mod cloud;
pub mod embedded;
pub mod engine;
pub mod key;
pub mod keystore;
pub mod layout;
pub mod package;
pub mod plugin;
pub mod probe;
pub mod publish;
pub mod release;
pub mod repository;
pub mod sign;
pub mod toolchain;
