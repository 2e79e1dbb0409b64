//! The program `cargo-xwin`, which fetches Microsoft's C library and SDK and points clang-cl and lld-link at them
//! (<https://github.com/rust-cross/cargo-xwin>).

use crate::bench::Workbench;
use crate::bench::process::Program;
use crate::plugin::{Info, NoSettings, Plugin};
use crate::probe::machine::Machine;
use crate::toolchain::{Job, Preparation, Toolchain, ToolchainError};
use camino::Utf8PathBuf;
use deploy_plan::facts::Availability;
use deploy_plan::plan::Compile;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Xwin;

impl Plugin for Xwin {
    type Settings = NoSettings;
    const INFO: Info = Info {
        id: "xwin",
        summary: "cargo-xwin: clang-cl and lld-link with Microsoft's libraries",
        revision: 1,
    };
}

const ABSENT: &str = "the program cargo-xwin is not on PATH";
const INSTALL: &str = "run `cargo install cargo-xwin`";

impl Toolchain for Xwin {
    /// Fetching the libraries means accepting Microsoft's licence: that is for a person to do, not for us.
    fn probe(&self, machine: &Machine) -> Availability {
        let missing =
            |what: &str, mend: &str| Availability::Missing { what: what.to_owned(), mend: mend.to_owned() };
        let Some(xwin) = machine.program("cargo-xwin") else { return missing(ABSENT, INSTALL) };
        let fetched = cache(machine).is_some_and(|cache| cache.join("xwin").join("DONE").is_file());
        if !fetched && (machine.offline || !machine.environment.is_true("XWIN_ACCEPT_LICENSE")) {
            return missing(
                "cargo-xwin has not fetched Microsoft's libraries yet",
                "read their licence (https://go.microsoft.com/fwlink/?LinkId=2086102), then run `cargo xwin cache \
                 xwin` or set XWIN_ACCEPT_LICENSE=1",
            );
        }
        match Program::new(xwin.as_str()).arg("--version").run() {
            Ok(output) => {
                let said = output.text();
                let version = said.lines().next().filter(|line| !line.is_empty()).unwrap_or("cargo-xwin");
                Availability::Ready { version: version.to_owned(), place: xwin.into_string() }
            }
            Err(error) => missing(&format!("cargo-xwin does not say its version: {error}"), INSTALL),
        }
    }

    fn prepare(
        &self,
        _: &NoSettings,
        job: &Job<'_>,
        machine: &Machine,
        bench: &Workbench<'_>,
    ) -> Result<Preparation, ToolchainError> {
        let xwin = machine.program("cargo-xwin").ok_or_else(|| ToolchainError::Gone {
            toolchain: "xwin",
            what: ABSENT.to_owned(),
            mend: INSTALL.to_owned(),
        })?;
        // The libraries' directories are flags of rustc, and differ between processors.
        let mut preparation = Preparation { one_target_a_call: true, ..Preparation::default() };
        for compile in job.compiles {
            preparation.add(environment(&xwin, compile, machine, bench)?);
        }
        Ok(preparation)
    }
}

/// Where cargo-xwin keeps what it fetches.
fn cache(machine: &Machine) -> Option<Utf8PathBuf> {
    let environment = &machine.environment;
    if let Some(path) = environment.get("XWIN_CACHE_DIR") {
        return Some(environment.directory.join(path));
    }
    let caches = match environment.get("XDG_CACHE_HOME") {
        Some(path) => Utf8PathBuf::from(path),
        None => Utf8PathBuf::from(environment.get("HOME")?).join(if cfg!(target_os = "macos") {
            "Library/Caches"
        } else {
            ".cache"
        }),
    };
    Some(caches.join("cargo-xwin"))
}

fn environment(
    xwin: &camino::Utf8Path,
    compile: &Compile,
    machine: &Machine,
    bench: &Workbench<'_>,
) -> Result<Preparation, ToolchainError> {
    let mut said = String::new();
    Program::new(xwin.as_str())
        .args(["xwin", "env", "--target", compile.triple.as_str()])
        .directory(&machine.root)
        .env("CARGO_ENCODED_RUSTFLAGS", compile.rustflags.join("\u{1f}"))
        .stream(
            |line| {
                said.push_str(line);
                said.push('\n');
            },
            |line| bench.output(line),
        )
        .map_err(|source| ToolchainError::Ask {
            toolchain: "xwin",
            triples: compile.triple.to_string(),
            source,
        })?;
    let mut preparation = understand(&said).ok_or_else(|| ToolchainError::Answer {
        toolchain: "xwin",
        answer: said.chars().take(200).collect(),
    })?;
    // It gives back the flags that it was given, and its own after them.
    if let Some(encoded) = preparation.set.remove("CARGO_ENCODED_RUSTFLAGS") {
        let flags: Vec<String> = encoded.split('\u{1f}').map(str::to_owned).collect();
        let own = flags.strip_prefix(compile.rustflags.as_slice()).map(<[String]>::to_vec);
        preparation.rustflags.insert(compile.triple.clone(), own.unwrap_or(flags));
    }
    Ok(preparation)
}

/// Reads the lines `export NAME=VALUE;` and `unset NAME;` of `cargo xwin env`.
fn understand(said: &str) -> Option<Preparation> {
    let mut preparation = Preparation::default();
    for line in said.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let line = line.strip_suffix(';')?;
        if let Some(name) = line.strip_prefix("unset ") {
            preparation.removed.insert(name.to_owned());
        } else {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            preparation.set.insert(name.to_owned(), unquote(value)?);
        }
    }
    Some(preparation)
}

/// What a POSIX shell makes of one quoted word.
fn unquote(word: &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = word.chars();
    let mut quote = None;
    while let Some(c) = characters.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '\\') => text.push(characters.next()?),
            (Some('"'), '\\') => match characters.next()? {
                next @ ('"' | '\\' | '$' | '`') => text.push(next),
                next => text.extend(['\\', next]),
            },
            (_, c) => text.push(c),
        }
    }
    quote.is_none().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::files;
    use crate::probe::machine::testing::{directory, machine, script};
    use crate::toolchain::testing::{compile, with_bench};

    fn missing(machine: &Machine) -> String {
        match Toolchain::probe(&Xwin, machine) {
            Availability::Missing { what, .. } => what,
            Availability::Ready { version, place } => panic!("{version} {place}"),
        }
    }

    #[test]
    fn microsofts_libraries_are_fetched_by_a_person_or_with_a_persons_word() {
        let root = directory("xwin");
        let unasked = machine(&root, &[]);
        assert_eq!(missing(&unasked), ABSENT);
        let xwin = script(&root.join("bin"), "cargo-xwin", "echo 'cargo-xwin 0.23.1'");
        assert_eq!(missing(&unasked), "cargo-xwin has not fetched Microsoft's libraries yet");
        let ready =
            Availability::Ready { version: "cargo-xwin 0.23.1".to_owned(), place: xwin.into_string() };
        let accepted = machine(&root, &[("XWIN_ACCEPT_LICENSE", "1")]);
        assert_eq!(Toolchain::probe(&Xwin, &accepted), ready);
        let cache = root.join("sdk");
        files::create_directory(&cache.join("xwin")).expect("create");
        files::replace(&cache.join("xwin/DONE"), b"x86_64").expect("write");
        let fetched = machine(&root, &[("XWIN_CACHE_DIR", cache.as_str())]);
        assert_eq!(Toolchain::probe(&Xwin, &fetched), ready);
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn flags_of_rustc_that_it_adds_go_after_ours() {
        let root = directory("xwin-prepare");
        let machine = machine(&root, &[]);
        script(
            &root.join("bin"),
            "cargo-xwin",
            r#"test "$1 $2 $3" = "xwin env --target" || exit 1
            printf "export CARGO_ENCODED_RUSTFLAGS='%s\037-Lnative=/%s';\n" "$CARGO_ENCODED_RUSTFLAGS" "$4"
            echo "export CL_FLAGS=/imsvc/c;""#,
        );
        let mut compile = compile("x86_64-pc-windows-msvc", "xwin");
        compile.rustflags = vec!["--cfg".to_owned(), "a b".to_owned()];
        let job = Job { compiles: &[&compile], profile: "release", target_directory: &root };
        let preparation =
            with_bench(&root, |bench| Toolchain::prepare(&Xwin, &NoSettings {}, &job, &machine, bench))
                .expect("prepared");
        assert_eq!(preparation.rustflags[&compile.triple], ["-Lnative=/x86_64-pc-windows-msvc"]);
        assert_eq!(
            preparation.set.into_iter().collect::<Vec<_>>(),
            [("CL_FLAGS".to_owned(), "/imsvc/c".to_owned())]
        );
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn shell_lines_become_variables() {
        let said = "export CC_x86_64_pc_windows_msvc=clang-cl;\n\
                    export CL_FLAGS='--target=x86_64-pc-windows-msvc /imsvc/c/crt/include';\n\
                    export A=\"it's \\\"so\\\"\";\nunset CARGO;\n";
        let preparation = understand(said).expect("understood");
        assert_eq!(preparation.set["CC_x86_64_pc_windows_msvc"], "clang-cl");
        assert_eq!(preparation.set["CL_FLAGS"], "--target=x86_64-pc-windows-msvc /imsvc/c/crt/include");
        assert_eq!(preparation.set["A"], "it's \"so\"");
        assert!(preparation.removed.contains("CARGO"));
        assert_eq!(understand("Downloading...\n"), None);
        assert_eq!(understand("export A='open;\n"), None);
    }
}
