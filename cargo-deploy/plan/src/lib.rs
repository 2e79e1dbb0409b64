//! What cargo-deploy decides: manifest to project to plan, without any effect.
