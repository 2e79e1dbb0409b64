//! `templates/`, `toolchains/` and `schemas/` as constants, so that the program is one file.

/// `toolchains/targets.toml`.
pub const TARGETS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/toolchains/targets.toml"));

/// `templates/init/Deploy.toml.j2`.
pub const INIT_MANIFEST: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/init/Deploy.toml.j2"));
