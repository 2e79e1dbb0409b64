//! Cargo's configuration: the files that cargo would read, what they include, and `--config` arguments, merged as
//! cargo merges them (The Cargo Book, "Configuration").
//!
//! Only what decides the flags of rustc is looked at. cargo's own `cargo config get` is not stable, and the crates
//! that read these files know neither `include` nor `--config`.

use crate::bench::environment::Environment;
use crate::bench::files::{self, FileError};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::FailureClass;
use std::collections::BTreeSet;

/// The configuration in force in a directory.
#[derive(Debug, Clone, Default)]
pub struct CargoConfig {
    /// From the weakest to the strongest.
    layers: Vec<Layer>,
}

#[derive(Debug, Clone)]
struct Layer {
    strength: Strength,
    /// The directory that relative paths in it are relative to.
    directory: Utf8PathBuf,
    table: toml::Table,
}

/// Where a value comes from; lists from several places are joined in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    File,
    Environment,
    CommandLine,
}

/// A configuration that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CargoConfigError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file or an argument is no TOML.
    #[error("understand cargo's configuration {place}")]
    Syntax {
        /// The file, or the argument.
        place: String,
        /// What is wrong.
        source: Box<toml::de::Error>,
    },
    /// A value has another type than cargo expects.
    #[error("understand cargo's configuration {place}: {expected} expected")]
    Type {
        /// The file or the key.
        place: String,
        /// What should be there.
        expected: &'static str,
    },
    /// Files include each other in a circle.
    #[error("read cargo's configuration {path}: it includes itself")]
    Circle {
        /// The file.
        path: Utf8PathBuf,
    },
}

impl CargoConfigError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        FailureClass::Configuration
    }
}

impl CargoConfig {
    /// Reads what is in force in `directory`. `arguments` are the values of `--config`, with paths relative to the
    /// directory that the tool was started in.
    pub fn read(
        directory: &Utf8Path,
        environment: &Environment,
        arguments: &[String],
    ) -> Result<Self, CargoConfigError> {
        let mut config = CargoConfig::default();
        // From the directory upwards, then cargo's home, each weaker than the one before.
        let mut homes: Vec<Utf8PathBuf> = directory.ancestors().map(|above| above.join(".cargo")).collect();
        if let Some(home) = environment.cargo_home()
            && !homes.contains(&home)
        {
            homes.push(home);
        }
        for home in homes.iter().rev() {
            for name in ["config", "config.toml"] {
                let path = home.join(name);
                if path.is_file() {
                    config.add_file(&path, Strength::File, &mut BTreeSet::new())?;
                    break;
                }
            }
        }
        for argument in arguments {
            let path = environment.directory.join(argument);
            if path.is_file() {
                config.add_file(&path, Strength::CommandLine, &mut BTreeSet::new())?;
            } else {
                let table = parse(argument, || format!("--config {argument}"))?;
                config.add(table, &environment.directory, Strength::CommandLine, &mut BTreeSet::new())?;
            }
        }
        Ok(config)
    }

    fn add_file(
        &mut self,
        path: &Utf8Path,
        strength: Strength,
        above: &mut BTreeSet<Utf8PathBuf>,
    ) -> Result<(), CargoConfigError> {
        if !above.insert(path.to_owned()) {
            return Err(CargoConfigError::Circle { path: path.to_owned() });
        }
        let text = String::from_utf8_lossy(&files::read(path)?).into_owned();
        let table = parse(&text, || path.to_string())?;
        let directory = path.parent().unwrap_or(Utf8Path::new(""));
        self.add(table, directory, strength, above)?;
        above.remove(path);
        Ok(())
    }

    /// Adds a table and what it includes, which is weaker than the table itself.
    fn add(
        &mut self,
        table: toml::Table,
        directory: &Utf8Path,
        strength: Strength,
        above: &mut BTreeSet<Utf8PathBuf>,
    ) -> Result<(), CargoConfigError> {
        let included = match table.get("include") {
            None => Vec::new(),
            Some(toml::Value::Array(values)) => values.clone(),
            Some(value) => vec![value.clone()],
        };
        for value in included {
            let path =
                value.as_str().or_else(|| value.get("path")?.as_str()).ok_or(CargoConfigError::Type {
                    place: format!("include in {directory}"),
                    expected: "a path",
                })?;
            let optional = value.get("optional").and_then(toml::Value::as_bool).unwrap_or(false);
            let path = directory.join(path);
            if !optional || path.is_file() {
                self.add_file(&path, strength, above)?;
            }
        }
        self.layers.push(Layer { strength, directory: directory.to_owned(), table });
        Ok(())
    }

    /// `build.rustc`, absolute where it is a path.
    pub fn rustc(&self) -> Option<Utf8PathBuf> {
        let (layer, value) = self.values(&["build", "rustc"]).last()?;
        let path = Utf8Path::new(value.as_str()?);
        if path.components().count() == 1 {
            return Some(path.to_owned());
        }
        // Relative to the directory that holds `.cargo`.
        Some(layer.directory.parent().unwrap_or(Utf8Path::new("")).join(path))
    }

    /// The keys below `target`: triples and `cfg(...)` expressions, sorted.
    pub fn target_keys(&self) -> BTreeSet<String> {
        self.values(&["target"])
            .filter_map(|(_, value)| value.as_table())
            .flat_map(|table| table.keys().cloned())
            .collect()
    }

    /// A list of flags: an array, or a text split at white space. `variable` is the value of the environment
    /// variable that stands for the same key.
    pub fn flags(&self, key: &[&str], variable: Option<&str>) -> Result<Vec<String>, CargoConfigError> {
        let refused =
            || CargoConfigError::Type { place: key.join("."), expected: "a text or a list of texts" };
        let split = |text: &str, strength| -> Vec<(Strength, String)> {
            text.split_whitespace().map(|word| (strength, word.to_owned())).collect()
        };
        let mut joined: Vec<(Strength, String)> = Vec::new();
        for (layer, value) in self.values(key) {
            match value {
                // Lists are joined, a text takes the place of what was there.
                toml::Value::Array(values) => {
                    for value in values {
                        let text = value.as_str().ok_or_else(refused)?;
                        joined.push((layer.strength, text.to_owned()));
                    }
                }
                toml::Value::String(text) => joined = split(text, layer.strength),
                _ => return Err(refused()),
            }
        }
        joined.extend(split(variable.unwrap_or_default(), Strength::Environment));
        joined.sort_by_key(|(strength, _)| *strength);
        Ok(joined.into_iter().map(|(_, flag)| flag).collect())
    }

    /// The values at a key, from the weakest to the strongest.
    fn values<'a>(&'a self, key: &'a [&str]) -> impl Iterator<Item = (&'a Layer, &'a toml::Value)> {
        self.layers.iter().filter_map(move |layer| {
            let (first, rest) = key.split_first()?;
            let start = layer.table.get(*first)?;
            Some((layer, rest.iter().try_fold(start, |value, part| value.get(*part))?))
        })
    }
}

fn parse(text: &str, place: impl FnOnce() -> String) -> Result<toml::Table, CargoConfigError> {
    toml::from_str(text)
        .map_err(|source| CargoConfigError::Syntax { place: place(), source: Box::new(source) })
}

/// `--config` arguments for a cargo that is started in another directory: paths are made absolute.
pub fn absolute_arguments(arguments: &[String], environment: &Environment) -> Vec<String> {
    let absolute = |argument: &String| {
        let path = environment.directory.join(argument);
        if path.is_file() { path.into_string() } else { argument.clone() }
    };
    arguments.iter().map(absolute).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::machine::testing::directory as test_directory;

    fn write(directory: &Utf8Path, name: &str, text: &str) {
        let path = directory.join(name);
        files::create_directory(path.parent().expect("below")).expect("create");
        files::replace(&path, text.as_bytes()).expect("write");
    }

    #[test]
    fn lists_are_joined_from_home_to_project_to_environment_to_command_line() {
        let root = test_directory("cargo-config");
        write(&root, "home/config.toml", "build.rustflags = ['--cfg=home']");
        write(&root, "a/.cargo/config.toml", "build.rustflags = ['--cfg=above']");
        write(
            &root,
            "a/b/.cargo/config.toml",
            "include = ['more.toml', { path = 'no.toml', optional = true }]\nbuild.rustflags = ['--cfg=project']",
        );
        write(&root, "a/b/.cargo/more.toml", "build.rustflags = ['--cfg=included']");
        write(&root, "line.toml", "build.rustflags = ['--cfg=file']");
        let home = root.join("home");
        let environment = Environment::of(&[("CARGO_HOME", home.as_str())], root.as_str());
        let arguments = ["build.rustflags=['--cfg=key']".to_owned(), "line.toml".to_owned()];
        let config = CargoConfig::read(&root.join("a/b"), &environment, &arguments).expect("readable");
        assert_eq!(
            config.flags(&["build", "rustflags"], Some(" --cfg=variable ")).expect("lists"),
            ["home", "above", "included", "project", "variable", "key", "file"]
                .map(|name| format!("--cfg={name}"))
        );
        assert_eq!(
            absolute_arguments(&arguments, &environment),
            [arguments[0].clone(), root.join("line.toml").into_string()]
        );
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn a_text_takes_the_place_of_a_weaker_one() {
        let root = test_directory("cargo-config-text");
        write(&root, ".cargo/config.toml", "build.rustflags = '-C a'");
        write(&root, "b/.cargo/config.toml", "build.rustflags = '-C b'");
        let home = root.join("home");
        let environment = Environment::of(&[("CARGO_HOME", home.as_str())], root.as_str());
        let config = CargoConfig::read(&root.join("b"), &environment, &[]).expect("readable");
        assert_eq!(config.flags(&["build", "rustflags"], None).expect("texts"), ["-C", "b"]);
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let root = test_directory("cargo-config-wrong");
        write(&root, ".cargo/config.toml", "include = 'config.toml'");
        let environment = Environment::of(&[("CARGO_HOME", "/nowhere")], root.as_str());
        let error = CargoConfig::read(&root, &environment, &[]).expect_err("a circle");
        assert_eq!(
            error.to_string(),
            format!("read cargo's configuration {root}/.cargo/config.toml: it includes itself")
        );
        write(&root, ".cargo/config.toml", "build = [");
        let error = CargoConfig::read(&root, &environment, &[]).expect_err("no TOML");
        assert_eq!(error.to_string(), format!("understand cargo's configuration {root}/.cargo/config.toml"));
        write(&root, ".cargo/config.toml", "build.rustflags = 1");
        let config = CargoConfig::read(&root, &environment, &[]).expect("TOML");
        let error = config.flags(&["build", "rustflags"], None).expect_err("a number");
        assert_eq!(
            error.to_string(),
            "understand cargo's configuration build.rustflags: a text or a list of texts expected"
        );
        files::remove_directory(&root).expect("clean");
    }
}
