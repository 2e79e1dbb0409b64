//! Tests of whole readings: from texts to the rendered report or the merged settings.

mod broken;
mod description;
mod hostile;
mod layering;
mod mutation;

use std::sync::LazyLock;

use miette::{GraphicalReportHandler, GraphicalTheme};
use schemars::JsonSchema;
use semver::Version;
use serde_json::Value as Json;

use super::{ByteSize, HumanDuration, InputFile, Inputs, Merged, Report, Sections, read, schema};

/// Settings of a format as a plug-in would have them.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "a description for the schema, never a value")]
struct DebSettings {
    section: Option<String>,
    #[schemars(extend("uniqueItems" = true))]
    depends: Option<Vec<String>>,
    priority: Option<Priority>,
    #[schemars(range(min = 1, max = 9))]
    compression_level: Option<u8>,
    installed_size: Option<ByteSize>,
    ratio: Option<f64>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[expect(dead_code, reason = "a description for the schema, never a value")]
enum Priority {
    /// Not needed.
    Optional,
    /// Needed.
    Required,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "a description for the schema, never a value")]
struct SignerSettings {
    key: Key,
    timeout: Option<HumanDuration>,
    check: Option<Check>,
}

/// A choice by the only key.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[expect(dead_code, reason = "a description for the schema, never a value")]
enum Key {
    Pfx(String),
    Pkcs11 { module: String, slot: Option<u16> },
}

/// A choice by a tag.
#[derive(JsonSchema)]
#[schemars(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "a description for the schema, never a value")]
enum Check {
    Http { path: String },
    Command { program: String, arguments: Option<Vec<String>> },
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct NoSettings {}

/// A handful of plug-ins.
pub(super) fn sections() -> Sections {
    let none = || schemars::schema_for!(NoSettings).to_value();
    let mut sections = Sections::default();
    for format in ["appimage", "msi", "rpm", "tar.gz", "zip"] {
        sections.packages.insert(format.to_owned(), none());
    }
    sections.packages.insert("deb".to_owned(), schemars::schema_for!(DebSettings).to_value());
    for toolchain in ["native", "zig"] {
        sections.toolchains.insert(toolchain.to_owned(), none());
    }
    sections.signers.insert("windows".to_owned(), schemars::schema_for!(SignerSettings).to_value());
    sections
}

pub(super) static SCHEMA: LazyLock<Json> = LazyLock::new(|| schema(&sections()));
pub(super) static RUNNING: LazyLock<Version> = LazyLock::new(|| Version::new(0, 3, 1));

/// No layer but the defaults.
pub(super) fn inputs() -> Inputs<'static> {
    Inputs {
        config: &[],
        environment: &[],
        package_file: None,
        workspace_file: None,
        package_cargo: None,
        workspace_cargo: None,
        schema: &SCHEMA,
        running: &RUNNING,
    }
}

/// Reads one `Deploy.toml`.
pub(super) fn read_bytes(bytes: &[u8]) -> Result<Merged, Report> {
    read(&Inputs { workspace_file: Some(InputFile { name: "Deploy.toml", bytes }), ..inputs() })
}

/// The report as a terminal without colour and without Unicode shows it.
pub(super) fn rendered(report: &Report) -> String {
    let handler =
        GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_width(100).with_links(false);
    let mut text = format!("{report}\n");
    for diagnostic in report.diagnostics() {
        text.push('\n');
        handler.render_report(&mut text, &diagnostic).unwrap();
    }
    // Rendering pads some lines.
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}
