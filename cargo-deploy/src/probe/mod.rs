//! Looks at this machine and at this checkout, and changes nothing but a few remembered answers in the cache.

pub mod answer;
pub mod cargo_config;
pub mod cargo_lock;
pub mod cfg;
pub mod epoch;
pub mod facts;
pub mod machine;
pub mod project_files;
pub mod rustflags;
pub mod source;
pub mod workspace;
