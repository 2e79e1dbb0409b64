//! Which layer wins, where each setting comes from, and what only several layers together can get wrong.

use super::{inputs, read_bytes, rendered};
use crate::manifest::{FieldPath, InputFile, Inputs, Merged, Report, SourceKind, read};

/// The texts of all layers; an empty one is not there.
#[derive(Clone, Debug, Default)]
struct Layers {
    config: Vec<&'static str>,
    environment: Vec<(&'static str, &'static str)>,
    package_file: &'static str,
    workspace_file: &'static str,
    package_cargo: &'static str,
    workspace_cargo: &'static str,
}

fn read_layers(layers: &Layers) -> Result<Merged, Report> {
    let config: Vec<String> = layers.config.iter().map(ToString::to_string).collect();
    let environment: Vec<(String, String)> =
        layers.environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let file =
        |name, text: &'static str| (!text.is_empty()).then_some(InputFile { name, bytes: text.as_bytes() });
    read(&Inputs {
        config: &config,
        environment: &environment,
        package_file: file("app/Deploy.toml", layers.package_file),
        workspace_file: file("Deploy.toml", layers.workspace_file),
        package_cargo: file("app/Cargo.toml", layers.package_cargo),
        workspace_cargo: file("Cargo.toml", layers.workspace_cargo),
        ..inputs()
    })
}

fn path(text: &str) -> FieldPath {
    text.parse().unwrap()
}

/// Each setting with its value and where it comes from.
fn shown(merged: &Merged) -> String {
    let mut text = String::new();
    for (path, node) in merged.settings() {
        let origin = merged.origin_of(&path).unwrap();
        text.push_str(&format!("{path} = {} # {origin}\n", node.to_json()));
    }
    text
}

#[test]
fn without_any_layer_the_defaults_hold() {
    let merged = read(&inputs()).unwrap();
    assert_eq!(
        shown(&merged),
        r#"bundle.formats.linux = ["tar.gz","deb","rpm","appimage"] # default
bundle.formats.macos = ["tar.gz"] # default
bundle.formats.wasi = ["tar.gz"] # default
bundle.formats.windows = ["zip"] # default
bundle.level = "default" # default
cargo.profile = "release" # default
schema = 1 # default
"#
    );
}

#[test]
fn each_layer_covers_all_weaker_ones() {
    // The weakest first; each step adds a layer that is stronger than all before.
    let mut layers = Layers::default();
    let mut steps = Vec::new();
    let mut step = |layers: &Layers| {
        let merged = read_layers(layers).unwrap_or_else(|report| panic!("{}", rendered(&report)));
        let origin = merged.origin_of(&path("cargo.profile")).unwrap();
        steps.push(format!("{} from {origin}", merged.manifest.cargo.profile.clone().unwrap()));
    };
    step(&layers);
    layers.workspace_cargo = "[workspace.metadata.deploy]\ncargo.profile = \"one\"\n";
    step(&layers);
    layers.package_cargo = "[package]\nname = \"x\"\n\n[package.metadata.deploy.cargo]\nprofile = \"two\"\n";
    step(&layers);
    layers.workspace_cargo = "[workspace]\n";
    layers.workspace_file = "[cargo]\nprofile = \"three\"\n";
    step(&layers);
    layers.package_cargo = "";
    layers.package_file = "cargo = { profile = \"four\" }\n";
    step(&layers);
    layers.environment = vec![("CARGO_DEPLOY_CARGO_PROFILE", "five")];
    step(&layers);
    layers.config = vec!["cargo.profile = 'six'"];
    step(&layers);
    layers.config = vec!["cargo.profile = 'six'", "cargo.profile=\"seven\""];
    step(&layers);
    assert_eq!(
        steps,
        [
            "release from default",
            "one from Cargo.toml:2:17",
            "two from app/Cargo.toml:5:11",
            "three from Deploy.toml:2:11",
            "four from app/Deploy.toml:1:21",
            "five from environment variable CARGO_DEPLOY_CARGO_PROFILE",
            "six from --config",
            "seven from --config",
        ]
    );
}

#[test]
fn tables_merge_by_key_and_everything_else_is_replaced() {
    let merged = read_layers(&Layers {
        config: vec!["targets.toolchain.linux-arm64 = 'zig'"],
        package_file: r#"
[targets]
build = ["linux-x64"]
toolchain = { linux-x64 = "native" }

[bundle.formats]
linux = ["zip"]

[[asset]]
path = "a"
file = "a"

[release.max-size]
deb = "1 MiB"

[sign.windows]
key = { pkcs11 = { module = "m" } }

[x-other]
anything = 1
"#,
        workspace_file: r#"
[targets]
build = ["windows-x64", "macos-arm64"]
glibc = "2.17"

[[asset]]
path = "b"
file = "b"

[[asset]]
path = "c"
file = "c"

[release.max-size]
rpm = "2 MiB"

[sign.windows]
key = { pfx = "w.pfx" }
timeout = "30s"

[metadata]
anything = { goes = [1, "two"] }
"#,
        ..Layers::default()
    })
    .unwrap();
    assert_eq!(
        shown(&merged),
        r#"asset = [{"file":"a","path":"a"}] # app/Deploy.toml:9:1
bundle.formats.linux = ["zip"] # app/Deploy.toml:7:9
bundle.formats.macos = ["tar.gz"] # default
bundle.formats.wasi = ["tar.gz"] # default
bundle.formats.windows = ["zip"] # default
bundle.level = "default" # default
cargo.profile = "release" # default
metadata.anything.goes = [1,"two"] # Deploy.toml:22:21
release.max-size.deb = "1 MiB" # app/Deploy.toml:14:7
release.max-size.rpm = "2 MiB" # Deploy.toml:15:7
schema = 1 # default
sign.windows.key.pkcs11.module = "m" # app/Deploy.toml:17:29
sign.windows.timeout = "30s" # Deploy.toml:19:11
targets.build = ["linux-x64"] # app/Deploy.toml:3:9
targets.glibc = "2.17" # Deploy.toml:4:9
targets.toolchain.linux-arm64 = "zig" # --config
targets.toolchain.linux-x64 = "native" # app/Deploy.toml:4:27
x-other.anything = 1 # app/Deploy.toml:20:12
"#
    );
    assert_eq!(merged.manifest.assets.len(), 1);
    assert_eq!(merged.source_of(&path("targets.glibc")).unwrap().kind(), SourceKind::WorkspaceFile);
}

#[test]
fn one_list_for_all_systems_covers_the_lists_of_the_defaults() {
    let merged = read_bytes(b"bundle.formats = [\"zip\"]").unwrap();
    assert_eq!(serde_json::to_string(&merged.manifest.bundle.formats).unwrap(), r#"["zip"]"#);
}

#[test]
fn variables_name_settings_by_the_schema() {
    for (name, value, setting) in [
        ("CARGO_DEPLOY_TARGETS_GLIBC", "2.17", r#"targets.glibc = "2.17""#),
        ("CARGO_DEPLOY_TARGETS_MACOS_MINIMUM", "11.0", r#"targets.macos-minimum = "11.0""#),
        (
            "CARGO_DEPLOY_TARGETS_BUILD",
            "linux-x64, macos-arm64",
            r#"targets.build = ["linux-x64","macos-arm64"]"#,
        ),
        ("CARGO_DEPLOY_TARGETS_BUILD", "[\"linux-x64\"]", r#"targets.build = ["linux-x64"]"#),
        ("CARGO_DEPLOY_TARGETS_BUILD", "", "targets.build = []"),
        ("CARGO_DEPLOY_CARGO_NO_DEFAULT_FEATURES", "true", "cargo.no-default-features = true"),
        ("CARGO_DEPLOY_CARGO_LOCKED", " false ", "cargo.locked = false"),
        ("CARGO_DEPLOY_APP_NAME", "5", r#"app.name = "5""#),
        ("CARGO_DEPLOY_APP_NAME", "true", r#"app.name = "true""#),
        ("CARGO_DEPLOY_BUNDLE_LEVEL", "small", r#"bundle.level = "small""#),
        ("CARGO_DEPLOY_BUNDLE_FORMATS", "zip,deb", r#"bundle.formats = ["zip","deb"]"#),
        ("CARGO_DEPLOY_BUNDLE_FORMATS_LINUX", "zip", r#"bundle.formats.linux = ["zip"]"#),
        ("CARGO_DEPLOY_BUNDLE_FORMATS", " { linux = [\"zip\"] }", r#"bundle.formats.linux = ["zip"]"#),
        ("CARGO_DEPLOY_PACKAGE_DEB_COMPRESSION_LEVEL", "9", "package.deb.compression-level = 9"),
        ("CARGO_DEPLOY_PACKAGE_DEB_RATIO", "0.5", "package.deb.ratio = 0.5"),
        ("CARGO_DEPLOY_REQUIRED_VERSION", ">=0.1", r#"required-version = ">=0.1""#),
        ("CARGO_DEPLOY_TARGETS_TOOLCHAIN", "{ linux-x64 = 'zig' }", r#"targets.toolchain.linux-x64 = "zig""#),
    ] {
        let merged = read_layers(&Layers { environment: vec![(name, value)], ..Layers::default() })
            .unwrap_or_else(|report| panic!("{name}={value}\n{}", rendered(&report)));
        let expected = format!("{setting} # environment variable {name}\n");
        assert!(shown(&merged).contains(&expected), "{expected} is not in\n{}", shown(&merged));
    }
}

#[test]
fn wrong_variables_and_arguments_are_shown_like_lines_of_a_file() {
    let report = read_layers(&Layers {
        config: vec![
            "bundle.level=fast",
            "bundle.levle=\"fast\"",
            "nothing",
            "a=1\nb=2",
            "[app]\nname='x'",
            "targets.glibc=2.17",
            "app.name='x' y",
        ],
        environment: vec![
            ("CARGO_DEPLOY_TARGETS_GLIBC", "2.x"),
            ("CARGO_DEPLOY_TARGET_GLIBC", "2.17"),
            ("CARGO_DEPLOY_TARGETS_TOOLCHAIN_LINUX_X64", "zig"),
            ("CARGO_DEPLOY_CARGO_LOCKED", "yes"),
            ("CARGO_DEPLOY_CARGO_FEATURES", "[\"a\", b]"),
            ("CARGO_DEPLOY_TARGETS_BUILD", "linux-x64, linux x64"),
            ("CARGO_DEPLOY_PACKAGE_DEB_COMPRESSION_LEVEL", "10"),
        ],
        ..Layers::default()
    })
    .unwrap_err();
    assert_eq!(rendered(&report), include_str!("wrong_arguments.txt").trim_end());
}

#[test]
fn a_setting_in_two_files_of_one_level_is_an_error_that_names_both() {
    let report = read_layers(&Layers {
        package_file: "[app]\nname = \"a\"\nid = \"a.b\"\n[targets]\ntoolchain = { linux-x64 = \"zig\" }\n",
        package_cargo: "[package]\nname = \"a\"\n[package.metadata.deploy]\napp = { name = \"b\" }\n\
                        targets.toolchain.linux-arm64 = \"zig\"\n",
        workspace_file: "[cargo]\nlocked = true\n",
        workspace_cargo: "[workspace.metadata.deploy.cargo]\nlocked = true\nfeatures = []\n",
        ..Layers::default()
    })
    .unwrap_err();
    assert_eq!(rendered(&report), include_str!("set_twice.txt").trim_end());
}

#[test]
fn the_root_package_of_a_workspace_has_the_workspace_file_for_its_own() {
    let cargo = "[package]\nname = \"a\"\n[package.metadata.deploy.app]\nname = \"b\"\n";
    let file = |name, text: &'static str| Some(InputFile { name, bytes: text.as_bytes() });
    let report = read(&Inputs {
        workspace_file: file("Deploy.toml", "[app]\nname = \"a\"\n"),
        package_cargo: file("Cargo.toml", cargo),
        workspace_cargo: file("Cargo.toml", cargo),
        ..inputs()
    })
    .unwrap_err();
    let codes: Vec<&str> = report.problems().iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["manifest::set-twice"]);

    // A member's metadata and the workspace's file are different levels.
    let merged = read(&Inputs {
        workspace_file: file("Deploy.toml", "[app]\nname = \"a\"\n"),
        package_cargo: file("app/Cargo.toml", cargo),
        workspace_cargo: file("Cargo.toml", "[workspace]\n"),
        ..inputs()
    })
    .unwrap();
    assert_eq!(merged.manifest.app.name.as_deref(), Some("a"));
}

#[test]
fn the_settings_of_cargo_deb_are_a_layer_below_all_others() {
    let layers = Layers {
        workspace_file: "[package.deb]\nsection = \"net\"\n",
        package_cargo: "[package]\nname = \"a\"\n[package.metadata.deb]\nsection = \"utils\"\ndepends = [\"git\"]\n",
        ..Layers::default()
    };
    let merged = read_layers(&layers).unwrap();
    let text = shown(&merged);
    assert!(text.contains("package.deb.section = \"net\" # Deploy.toml:2:11\n"), "{text}");
    assert!(text.contains("package.deb.depends = [\"git\"] # app/Cargo.toml:5:11\n"), "{text}");
    let source = merged.source_of(&path("package.deb.depends")).unwrap();
    assert_eq!(source.kind(), SourceKind::DebMetadata);

    let wrong = Layers { package_cargo: "[package]\nname = \"a\"\n[package.metadata]\ndeb = 1\n", ..layers };
    let report = read_layers(&wrong).unwrap_err();
    assert_eq!(report.problems()[0].message, "`package.metadata.deb` is the number 1");
}

#[test]
fn mistakes_in_metadata_have_their_place_in_cargo_toml() {
    let report = read_layers(&Layers {
        package_cargo: "[package]\nname = \"a\"\n\n[package.metadata.deploy.app]\nnmae = \"b\"\n\n\
                        [dependencies]\nunknown = { whatever = 1 }\n",
        workspace_cargo: "[workspace.metadata]\ndeploy = true\n",
        ..Layers::default()
    })
    .unwrap_err();
    let records: Vec<String> = report
        .records()
        .into_iter()
        .map(|record| {
            let start = record.start.unwrap();
            format!("{}:{start} {} {}", record.file.unwrap(), record.field.unwrap(), record.message)
        })
        .collect();
    assert_eq!(
        records,
        [
            "app/Cargo.toml:5:1 app.nmae unknown key `nmae` in `app`",
            "Cargo.toml:2:10 workspace.metadata.deploy `workspace.metadata.deploy` is true",
        ]
    );
}

#[test]
fn what_is_wrong_with_the_rest_of_cargo_toml_is_for_cargo_to_say() {
    let merged = read_layers(&Layers {
        package_cargo: "[package]\nname = oops\n[package.metadata.deploy.app]\nname = \"b\"\n",
        ..Layers::default()
    })
    .unwrap();
    assert_eq!(merged.manifest.app.name, None);
}

#[test]
fn keys_of_two_layers_can_conflict_or_complete_each_other() {
    // `key` is required in `[sign.windows]`; another layer may bring it.
    let complete = read_layers(&Layers {
        package_file: "[sign.windows]\ntimeout = \"1s\"\n",
        workspace_file: "[sign.windows]\nkey = { pfx = \"a\" }\n",
        ..Layers::default()
    });
    assert!(complete.is_ok());

    let report = read_layers(&Layers {
        package_file: "[sign.windows]\ntimeout = \"1s\"\n",
        workspace_file: "[app]\nname = \"x\"\n",
        ..Layers::default()
    })
    .unwrap_err();
    assert_eq!(report.problems()[0].message, "`sign.windows` lacks the key `key`");
    assert_eq!(report.problems().len(), 1);
}

#[test]
fn a_mistake_does_not_make_the_rest_look_incomplete() {
    // The required `key` is there, but its line cannot be read: that it is missing would be wrong.
    let report = read_bytes(b"[sign.windows]\nkey = { pfx = oops }\n").unwrap_err();
    let codes: Vec<&str> = report.problems().iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["manifest::syntax"]);
}

#[test]
fn checks_made_later_point_at_the_place() {
    let merged = read_layers(&Layers {
        workspace_file: "[targets]\nbuild = [\n  \"linux-x64\",\n  \"linux-x46\",\n]\n",
        ..Layers::default()
    })
    .unwrap();
    let at = path("targets.build[1]");
    let location = merged.location_of(&at).unwrap();
    assert_eq!(merged.sources.slice(&location), "\"linux-x46\"");
    assert_eq!(
        merged.sources.describe(&merged.key_location_of(&path("targets.build")).unwrap()),
        "Deploy.toml:2:1"
    );
    assert_eq!(merged.location_of(&path("targets.build[2]")), None);
    assert_eq!(merged.location_of(&path("app.name")), None);

    let known = merged.problem(
        &at,
        "project::unknown-target",
        "there is no target linux-x46",
        "did you mean linux-x64?",
    );
    let absent = merged.problem(&path("targets.glibc"), "project::glibc-floor", "no floor", "set one");
    let nowhere = merged.problem(&path("app.id"), "project::no-id", "no id", "set one");
    let report = merged.report(vec![absent, known, nowhere]);
    let places: Vec<(Option<String>, &str)> = report
        .records()
        .into_iter()
        .zip(report.problems())
        .map(|(record, problem)| (record.start.map(|start| start.to_string()), problem.code))
        .collect();
    assert_eq!(
        places,
        [
            (None, "project::no-id"),
            (Some("1:1".to_owned()), "project::glibc-floor"),
            (Some("4:3".to_owned()), "project::unknown-target"),
        ]
    );
}

#[test]
fn a_version_before_a_release_counts_as_that_release() {
    let fits = |requirement: &str, running: &str| {
        crate::manifest::version_fits(&requirement.parse().unwrap(), &running.parse().unwrap())
    };
    assert!(fits(">=0.4", "0.4.0-rc.1"));
    assert!(fits("=0.4.0-rc.1", "0.4.0-rc.1"));
    assert!(fits(">=0.4, <0.6", "0.5.3"));
    assert!(!fits(">=0.4", "0.3.9"));
    assert!(!fits(">=0.4", "0.3.9-rc.1"));
}
