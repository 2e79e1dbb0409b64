//! cargo-deploy
