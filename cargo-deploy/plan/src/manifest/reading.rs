//! From texts to a [`Manifest`]: every layer parsed, checked, merged, with the place of each setting kept.

use semver::{Version, VersionReq};
use serde_json::Value as Json;

use super::Manifest;
use super::check::{Scope, check};
use super::document::{Node, Parsed, Table, Value, parse, take_in};
use super::field_path::{FieldPath, Segment, quoted};
use super::layer::{self, Layer, SetTwice};
use super::problem::{Problem, Report};
use super::source::{Location, Source, SourceId, SourceKind, Sources};
use super::view::View;

/// The defaults: a manifest like any other, weaker than all.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// The version of the manifest's format that this program reads.
pub const SCHEMA_VERSION: i64 = 1;

/// A file that the caller has read.
#[derive(Clone, Copy, Debug)]
pub struct InputFile<'a> {
    /// The path as it is shown to the user.
    pub name: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// All that a reading depends on.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The `--config` arguments, each `KEY=VALUE`, as given. Of two for one setting the later wins.
    pub config: &'a [String],
    /// The variables `CARGO_DEPLOY_*` that name settings, with their values. What the program uses for something
    /// else is not handed in.
    pub environment: &'a [(String, String)],
    /// `Deploy.toml` of the package. `None` if there is none, or if the package is the workspace's root; a
    /// file of the same name as `workspace_file` is read once.
    pub package_file: Option<InputFile<'a>>,
    /// `Deploy.toml` of the workspace; of a package that is no member of any other workspace, its own.
    pub workspace_file: Option<InputFile<'a>>,
    /// `Cargo.toml` of the package.
    pub package_cargo: Option<InputFile<'a>>,
    /// `Cargo.toml` of the workspace; may be the same file.
    pub workspace_cargo: Option<InputFile<'a>>,
    /// What [`super::schema`] gives for the plug-ins of this program.
    pub schema: &'a Json,
    /// The version of this program, for `required-version`.
    pub running: &'a Version,
}

/// The settings of all layers together.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The settings, typed.
    pub manifest: Manifest,
    /// The settings with the place of each.
    pub tree: Node,
    /// The texts that the places are in.
    pub sources: Sources,
}

/// Reads all layers. Every problem of all of them comes in one report.
///
/// # Errors
///
/// A [`Report`] of at least one problem.
pub fn read(inputs: &Inputs<'_>) -> Result<Merged, Report> {
    let mut reading =
        Reading { inputs, sources: Sources::default(), layers: Vec::new(), problems: Vec::new() };
    reading.take_in_layers();
    let version_problems = reading.version_problems();
    if !version_problems.is_empty() {
        // Whatever else is wrong may be right for the version it was written for.
        return Err(Report::new(version_problems, reading.sources));
    }
    reading.check_layers();
    reading.finish()
}

struct Reading<'a> {
    inputs: &'a Inputs<'a>,
    sources: Sources,
    /// The strongest first.
    layers: Vec<Layer>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn take_in_layers(&mut self) {
        let inputs = self.inputs;
        let mut arguments = Vec::new();
        for argument in inputs.config {
            arguments.push(self.add_text(
                SourceKind::ConfigArgument,
                "--config",
                argument,
                layer::config_argument,
            ));
        }
        arguments.reverse();
        self.layers.extend(arguments);

        let mut variables: Vec<&(String, String)> = inputs.environment.iter().collect();
        variables.sort();
        for (name, value) in variables {
            let text = layer::variable_text(name, value);
            let shown = layer::variable_source(name);
            let layer = self.add_text(SourceKind::Environment, &shown, &text, |source| {
                layer::environment_variable(source, name, inputs.schema)
            });
            self.layers.push(layer);
        }

        let files = [
            (SourceKind::PackageFile, inputs.package_file),
            (SourceKind::WorkspaceFile, inputs.workspace_file),
            (SourceKind::PackageMetadata, inputs.package_cargo),
            (SourceKind::WorkspaceMetadata, inputs.workspace_cargo),
            (SourceKind::DebMetadata, inputs.package_cargo),
        ];
        let makes_deb = inputs.schema.pointer("/properties/package/properties/deb").is_some();
        for (kind, file) in files {
            let Some(file) = file else { continue };
            if kind == SourceKind::DebMetadata && !makes_deb {
                continue;
            }
            // The package at the root has one file at two levels.
            if kind == SourceKind::PackageFile
                && inputs.workspace_file.is_some_and(|other| other.name == file.name)
            {
                continue;
            }
            let (id, problem) = take_in(&mut self.sources, kind, file.name, file.bytes);
            let parsed = match (problem, self.sources.get(id)) {
                (Some(problem), _) => Parsed { root: None, problems: vec![problem] },
                (None, Some(source)) => match kind {
                    SourceKind::PackageFile | SourceKind::WorkspaceFile => parse(source),
                    _ => layer::metadata_table(source),
                },
                (None, None) => continue,
            };
            let layer = self.layer(kind, parsed);
            self.layers.push(layer);
        }

        let mut defaults = self.add_text(SourceKind::Defaults, "defaults.toml", DEFAULTS, parse);
        if let Some(root) = &mut defaults.root {
            layer::keep_known_words(&View::of(inputs.schema, inputs.schema), root);
        }
        self.layers.push(defaults);
    }

    fn add_text(
        &mut self,
        kind: SourceKind,
        name: &str,
        text: &str,
        parse: impl FnOnce(&Source) -> Parsed,
    ) -> Layer {
        let (id, problem) = take_in(&mut self.sources, kind, name, text.as_bytes());
        let parsed = match (problem, self.sources.get(id)) {
            (Some(problem), _) => Parsed { root: None, problems: vec![problem] },
            (None, Some(source)) => parse(source),
            (None, None) => Parsed { root: None, problems: Vec::new() },
        };
        self.layer(kind, parsed)
    }

    fn layer(&mut self, kind: SourceKind, parsed: Parsed) -> Layer {
        let complete = parsed.problems.is_empty();
        self.problems.extend(parsed.problems);
        Layer { kind, root: parsed.root, complete }
    }

    /// What says that a layer is written for another version.
    fn version_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for table in self.layers.iter().filter_map(|layer| layer.root.as_ref()?.as_table()) {
            problems.extend(schema_version_problem(table));
            problems.extend(required_version_problem(table, self.inputs.running));
        }
        problems
    }

    fn check_layers(&mut self) {
        let schema = self.inputs.schema;
        for layer in &self.layers {
            if let Some(root) = &layer.root {
                self.problems.extend(check(schema, &self.sources, root, Scope::Layer));
            }
        }

        let of = |kind: SourceKind| {
            self.layers.iter().find(|layer| layer.kind == kind).and_then(|layer| layer.root.as_ref())
        };
        let view = View::of(schema, schema);
        let package_name = "package.metadata.deploy";
        let mut pairs = vec![
            (SourceKind::PackageFile, SourceKind::PackageMetadata, package_name),
            (SourceKind::WorkspaceFile, SourceKind::WorkspaceMetadata, "workspace.metadata.deploy"),
        ];
        // The root package of a workspace has the workspace's file for its own.
        let same_cargo = match (self.inputs.package_cargo, self.inputs.workspace_cargo) {
            (Some(package), Some(workspace)) => package.name == workspace.name,
            (Some(_), None) => true,
            _ => false,
        };
        if same_cargo && self.inputs.package_file.is_none() {
            pairs.push((SourceKind::WorkspaceFile, SourceKind::PackageMetadata, package_name));
        }
        let mut twice = Vec::new();
        for (file, metadata, name) in pairs {
            if let (Some(in_file), Some(in_metadata)) = (of(file), of(metadata)) {
                let source = self.sources.get(in_file.location.source);
                let file = source.map_or("Deploy.toml", Source::name);
                twice.extend(SetTwice { file, in_file, metadata: name, in_metadata }.problems(&view));
            }
        }
        self.problems.extend(twice);
    }

    fn finish(mut self) -> Result<Merged, Report> {
        let schema = self.inputs.schema;
        let view = View::of(schema, schema);
        let complete = self.layers.iter().all(|layer| layer.complete);
        let mut tree: Option<Node> = None;
        for layer in self.layers {
            let Some(root) = layer.root else { continue };
            tree = Some(match tree {
                None => root,
                Some(stronger) => layer::merge(&view, stronger, root),
            });
        }
        let tree = tree.unwrap_or_else(|| Node {
            value: Value::Table(Table::new()),
            location: Location::new(SourceId::default(), 0..0),
        });
        // What a mistake took away is not missing.
        if complete {
            self.problems.extend(check(schema, &self.sources, &tree, Scope::Merged));
        }
        if !self.problems.is_empty() {
            return Err(Report::new(self.problems, self.sources));
        }
        match serde_json::from_value(settings_only(&tree)) {
            Ok(manifest) => Ok(Merged { manifest, tree, sources: self.sources }),
            Err(error) => {
                let problem = Problem::error(
                    "manifest::unreadable",
                    format!("the manifest could not be taken over: {error}"),
                )
                .help("this is a bug of cargo-deploy; please report it with the manifest");
                Err(Report::new(vec![problem], self.sources))
            }
        }
    }
}

/// The tree for serde, without the keys at the top that are free for others.
fn settings_only(tree: &Node) -> Json {
    let mut json = tree.to_json();
    if let Some(object) = json.as_object_mut() {
        object.retain(|key, _| key != "metadata" && !key.starts_with("x-"));
    }
    json
}

fn schema_version_problem(table: &Table) -> Option<Problem> {
    let entry = table.get("schema")?;
    let Value::Integer(version) = entry.node.value else { return None };
    if version == SCHEMA_VERSION {
        return None;
    }
    let help = if version > SCHEMA_VERSION {
        "a newer cargo-deploy reads it; update with `cargo install cargo-deploy-cli`"
    } else {
        "write `schema = 1`"
    };
    Some(
        Problem::error(
            "manifest::schema-version",
            format!("the manifest is written for version {version} of its format; this program reads version {SCHEMA_VERSION}"),
        )
        .label(entry.node.location.clone(), format!("expected {SCHEMA_VERSION}"))
        .help(help)
        .field("schema")
        .mismatch(format!("the number {version}"), SCHEMA_VERSION.to_string()),
    )
}

fn required_version_problem(table: &Table, running: &Version) -> Option<Problem> {
    let entry = table.get("required-version")?;
    let text = entry.node.as_str()?;
    let requirement = VersionReq::parse(text).ok()?;
    if version_fits(&requirement, running) {
        return None;
    }
    Some(
        Problem::error(
            "manifest::required-version",
            format!("the manifest asks for cargo-deploy {}; this is {running}", quoted(text)),
        )
        .label(entry.node.location.clone(), format!("{running} does not fit"))
        .help(format!(
            "install a version that fits: `cargo install cargo-deploy-cli --version {}`",
            quoted(text)
        ))
        .field("required-version")
        .mismatch(format!("version {running}"), format!("version {text}")),
    )
}

/// Whether a version meets a requirement. A version before a release (`1.2.0-rc.1`) counts as that release, since
/// whoever tries it out wants to use it.
pub fn version_fits(requirement: &VersionReq, running: &Version) -> bool {
    requirement.matches(running)
        || requirement.matches(&Version::new(running.major, running.minor, running.patch))
}

impl Merged {
    /// The value at a path; `None` if no layer sets it.
    pub fn node(&self, path: &FieldPath) -> Option<&Node> {
        self.step(path).map(|(node, _)| node)
    }

    /// Where the value at a path stands; `None` if no layer sets it.
    pub fn location_of(&self, path: &FieldPath) -> Option<Location> {
        self.node(path).map(|node| node.location.clone())
    }

    /// Where the key at a path stands; of an item of a list, the item.
    pub fn key_location_of(&self, path: &FieldPath) -> Option<Location> {
        self.step(path).map(|(node, key)| key.unwrap_or(&node.location).clone())
    }

    fn step(&self, path: &FieldPath) -> Option<(&Node, Option<&Location>)> {
        let mut at = (&self.tree, None);
        for segment in path.segments() {
            at = match (segment, &at.0.value) {
                (Segment::Key(key), Value::Table(table)) => {
                    let entry = table.get(key)?;
                    (&entry.node, Some(&entry.key))
                }
                (Segment::Index(position), Value::Array(items)) => (items.get(*position)?, None),
                _ => return None,
            };
        }
        Some(at)
    }

    /// The text that sets the value at a path. Its [`Source::kind`] says which directory a relative path in the
    /// value starts from.
    pub fn source_of(&self, path: &FieldPath) -> Option<&Source> {
        self.sources.get(self.node(path)?.location.source)
    }

    /// Where the value at a path comes from, in words: `Deploy.toml:4:9`, `--config`, `environment variable NAME`,
    /// `default`.
    pub fn origin_of(&self, path: &FieldPath) -> Option<String> {
        Some(layer::origin(&self.sources, &self.node(path)?.location))
    }

    /// Every setting with its path, sorted by path: what is not a table, and tables without keys.
    pub fn settings(&self) -> Vec<(FieldPath, &Node)> {
        let mut all = Vec::new();
        layer::leaves(&self.tree, &FieldPath::root(), &mut all);
        all
    }

    /// An error about the setting at a path, for checks that need more than the manifest. A path that nothing sets is
    /// shown at the nearest table around it.
    pub fn problem(
        &self,
        path: &FieldPath,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        let problem = Problem::error(code, message).help(help).field(path);
        let mut around = Some(path.clone());
        while let Some(here) = around.filter(|here| !here.is_root()) {
            if let Some(location) = self.location_of(&here) {
                return problem.label(location, "");
            }
            around = here.parent();
        }
        problem
    }

    /// Puts problems found later into one report with the texts they are about.
    pub fn report(&self, problems: Vec<Problem>) -> Report {
        Report::new(problems, self.sources.clone())
    }
}
