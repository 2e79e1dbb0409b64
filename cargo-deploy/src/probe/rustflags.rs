//! The flags that cargo would give rustc for a triple, were we not there (The Cargo Book, "build.rustflags").
//!
//! Cargo takes them from the first of four places that has any: `CARGO_ENCODED_RUSTFLAGS`; `RUSTFLAGS`;
//! `target.<triple>.rustflags` joined with every `target.<cfg>.rustflags` that holds; `build.rustflags`. Whoever
//! sets one of them takes away the others, so we have to know what would have been in force and carry it along.

use crate::bench::environment::Environment;
use crate::bench::process::{ProcessError, Program};
use crate::probe::answer::Remembered;
use crate::probe::cargo_config::{CargoConfig, CargoConfigError};
use crate::probe::cfg::CfgSet;
use camino::Utf8Path;
use deploy_model::{FailureClass, Triple};

/// Flags that cannot be found out.
#[derive(Debug, thiserror::Error)]
pub enum RustflagsError {
    /// Cargo's configuration cannot be understood.
    #[error(transparent)]
    Config(#[from] CargoConfigError),
    /// rustc does not say what holds for a triple.
    #[error("ask rustc what holds for {triple}")]
    Cfg {
        /// The triple.
        triple: Triple,
        /// How it failed.
        source: ProcessError,
    },
    /// A key of `[target]` is neither a triple nor an expression.
    #[error("understand the key {key:?} of [target] in cargo's configuration")]
    Key {
        /// The key.
        key: String,
    },
}

impl RustflagsError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match self {
            RustflagsError::Cfg { .. } => FailureClass::Unexpected,
            RustflagsError::Config(_) | RustflagsError::Key { .. } => FailureClass::Configuration,
        }
    }
}

/// The flags in force for `triple`. `cfg` is asked only where the configuration has expressions.
pub fn rustflags(
    environment: &Environment,
    config: &CargoConfig,
    triple: &Triple,
    cfg: impl FnOnce() -> Result<CfgSet, RustflagsError>,
) -> Result<Vec<String>, RustflagsError> {
    if let Some(encoded) = environment.get_os("CARGO_ENCODED_RUSTFLAGS") {
        let encoded = encoded.to_string_lossy();
        return Ok(encoded.split('\u{1f}').filter(|_| !encoded.is_empty()).map(str::to_owned).collect());
    }
    if let Some(flags) = environment.get_os("RUSTFLAGS") {
        let flags = flags.to_string_lossy();
        return Ok(flags
            .split(' ')
            .map(str::trim)
            .filter(|flag| !flag.is_empty())
            .map(str::to_owned)
            .collect());
    }
    let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", triple.environment_name());
    let mut flags = config.flags(&["target", triple.as_str(), "rustflags"], environment.get(&variable))?;
    let mut expressions = Vec::new();
    for key in config.target_keys().into_iter().filter(|key| key.starts_with("cfg(")) {
        let own = config.flags(&["target", &key, "rustflags"], None)?;
        if !own.is_empty() {
            expressions.push((key, own));
        }
    }
    if !expressions.is_empty() {
        let set = cfg()?;
        for (key, own) in expressions {
            if set.holds(&key).ok_or(RustflagsError::Key { key })? {
                flags.extend(own);
            }
        }
    }
    if flags.is_empty() {
        flags = config.flags(&["build", "rustflags"], environment.get("CARGO_BUILD_RUSTFLAGS"))?;
    }
    Ok(flags)
}

/// What rustc says holds for a triple.
pub fn cfg(rustc: &Utf8Path, triple: &Triple, cache: &Utf8Path) -> Result<CfgSet, RustflagsError> {
    let question = vec!["cfg".to_owned(), rustc.to_string(), triple.to_string()];
    let remembered = Remembered::of(cache, question);
    if let Some(text) = remembered.recall::<String>() {
        return Ok(CfgSet::parse(&text));
    }
    let text = Program::new(rustc.as_str())
        .args(["--print", "cfg", "--target", triple.as_str()])
        .run()
        .map_err(|source| RustflagsError::Cfg { triple: triple.clone(), source })?
        .text();
    remembered.keep(&text, [rustc.to_owned()]);
    Ok(CfgSet::parse(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::files;
    use crate::probe::machine::testing::directory as test_directory;

    const CONFIG: &str = "
        build.rustflags = ['--cfg=build']
        target.aarch64-unknown-linux-gnu.rustflags = ['--cfg=triple']
        target.'cfg(target_arch = \"aarch64\")'.rustflags = '--cfg=arch'
        target.'cfg(windows)'.rustflags = ['--cfg=windows']
    ";

    fn in_force(variables: &[(&str, &str)], triple: &str, arguments: &[&str]) -> Vec<String> {
        let root = test_directory(&format!("rustflags-{}-{triple}", variables.len() + arguments.len()));
        files::create_directory(&root.join(".cargo")).expect("create");
        files::replace(&root.join(".cargo/config.toml"), CONFIG.as_bytes()).expect("write");
        let mut variables = variables.to_vec();
        variables.push(("CARGO_HOME", "/nowhere"));
        let environment = Environment::of(&variables, root.as_str());
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let config = CargoConfig::read(&root, &environment, &arguments).expect("readable");
        let triple: Triple = triple.parse().expect("a triple");
        let arch = triple.as_str().split('-').next().expect("a word").to_owned();
        let flags = rustflags(&environment, &config, &triple, || {
            Ok(CfgSet::parse(&format!("target_arch=\"{arch}\"\nunix")))
        });
        files::remove_directory(&root).expect("clean");
        flags.expect("understood")
    }

    #[test]
    fn the_first_of_four_places_that_has_any_decides() {
        let arm = "aarch64-unknown-linux-gnu";
        assert_eq!(in_force(&[], arm, &[]), ["--cfg=triple", "--cfg=arch"]);
        assert_eq!(in_force(&[], "x86_64-unknown-linux-gnu", &[]), ["--cfg=build"]);
        assert_eq!(in_force(&[("RUSTFLAGS", " -C  a=b ")], arm, &[]), ["-C", "a=b"]);
        assert_eq!(in_force(&[("RUSTFLAGS", "")], arm, &[]), Vec::<String>::new());
        assert_eq!(
            in_force(&[("RUSTFLAGS", "-Ca"), ("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}a b")], arm, &[]),
            ["--cfg", "a b"]
        );
    }

    #[test]
    fn variables_and_arguments_join_the_place_that_they_stand_for() {
        let arm = "aarch64-unknown-linux-gnu";
        let variable = ("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "--cfg=variable");
        let argument = "target.aarch64-unknown-linux-gnu.rustflags=['--cfg=argument']";
        assert_eq!(
            in_force(&[variable], arm, &[argument]),
            ["--cfg=triple", "--cfg=variable", "--cfg=argument", "--cfg=arch"]
        );
        assert_eq!(
            in_force(&[], "x86_64-unknown-linux-gnu", &["build.rustflags=['-g']"]),
            ["--cfg=build", "-g"]
        );
    }
}
