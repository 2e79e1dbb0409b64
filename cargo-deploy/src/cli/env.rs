pub use crate::bench::environment::*;
