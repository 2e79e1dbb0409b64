//! What tests share: a server, a project of a test's own, and texts to compare with.

pub(crate) mod clients;
pub(crate) mod elf;
pub(crate) mod http;
pub(crate) mod office;
pub(crate) mod pe;
pub(crate) mod project;
pub(crate) mod snapshot;
pub(crate) mod windows;
