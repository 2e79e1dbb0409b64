//! What every plug-in has, whatever its family: an id, a line for lists, typed settings with a schema.

use deploy_plan::catalog::PluginEntry;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// A plug-in. Its family's trait says what it does; this says who it is.
pub trait Plugin: Send + Sync + 'static {
    /// Its table in the manifest. The schema, the reference page and "did you mean" are made from this type.
    type Settings: DeserializeOwned + JsonSchema;
    /// Who it is.
    const INFO: Info;
}

/// Who a plug-in is.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    /// Its name in manifests: `deb`, `zig`, `directory`.
    pub id: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    /// Raise it whenever the plug-in makes other bytes from the same arguments: it is part of every cache key.
    pub revision: u32,
}

/// Settings that passed the manifest's checks and yet cannot be read: the schema and the type disagree.
#[derive(Debug, thiserror::Error)]
#[error("read the settings of {plugin}")]
pub struct SettingsError {
    /// The plug-in.
    plugin: &'static str,
    /// What serde says.
    source: serde_json::Error,
}

/// The settings of plug-in `P` from their place in the plan.
pub fn settings<P: Plugin>(value: &serde_json::Value) -> Result<P::Settings, SettingsError> {
    let value = if value.is_null() { serde_json::json!({}) } else { value.clone() };
    serde_json::from_value(value).map_err(|source| SettingsError { plugin: P::INFO.id, source })
}

/// What the planner knows of plug-in `P`.
pub fn entry<P: Plugin>() -> PluginEntry {
    PluginEntry {
        summary: P::INFO.summary.to_owned(),
        revision: P::INFO.revision,
        settings: schemars::schema_for!(P::Settings).to_value(),
    }
}

/// Settings of a plug-in that has none.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}
