//! `cargo deploy schema`: the JSON Schema of a document.

use crate::catalog;
use crate::cli::args::{Document, Schema};
use crate::cli::command::session::sections;
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble};
use deploy_model::{Event, FailureClass, Release};
use deploy_plan::catalog::Catalog;
use deploy_plan::manifest;
use deploy_plan::plan::Plan;

/// Prints a schema.
pub fn run(arguments: &Schema, console: &Console) -> Result<ExitCode, Trouble> {
    let catalog = catalog::catalog().map_err(|error| Trouble::failure(FailureClass::Bug, &error))?;
    console.data(&text(arguments.document, &catalog));
    Ok(ExitCode::Done)
}

/// A schema as it is printed and as it is kept in `schemas/`.
pub fn text(document: Document, catalog: &Catalog) -> String {
    let schema = match document {
        Document::Manifest => manifest::schema(&sections(catalog)),
        Document::Plan => schemars::schema_for!(Plan).to_value(),
        Document::Event => schemars::schema_for!(Event).to_value(),
        Document::Release => schemars::schema_for!(Release).to_value(),
    };
    // A schema is a value already.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
