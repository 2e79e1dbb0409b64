//! Plans of made-up projects for made-up machines: nothing is looked at, so everything can be made up, a packager
//! `deb` that exists for Linux only among it.

mod windows;

use crate::support::snapshot::{check, same};
use cargo_deploy::cli::command::session::sections;
use deploy_model::artifact::SignatureForm;
use deploy_model::{Arch, FailureClass, Os, Triple};
use deploy_plan::catalog::{
    Catalog, CodeSignerEntry, Layout, Offer, PackagerEntry, PluginEntry, RepositoryEntry, Shape,
};
use deploy_plan::draw::{Until, draw};
use deploy_plan::facts::{Availability, Facts};
use deploy_plan::finding::Finding;
use deploy_plan::manifest::{self, InputFile, Inputs, Merged};
use deploy_plan::plan::{Action, Plan, PlannedSigner};
use deploy_plan::project::Project;
use deploy_plan::resolve::{Given, Request, resolve};
use deploy_plan::workspace::{Workspace, WorkspaceBinary, WorkspacePackage};
use std::collections::{BTreeMap, BTreeSet};

/// The program's own catalog, with a packager `deb`.
fn catalog() -> Catalog {
    let mut catalog = cargo_deploy::catalog::catalog().expect("a catalog");
    let deb = PackagerEntry {
        plugin: PluginEntry {
            summary: "A package for Debian".to_owned(),
            revision: 1,
            settings: serde_json::json!({ "type": "object", "properties": {}, "additionalProperties": false }),
        },
        shape: Shape {
            systems: &[Os::Linux],
            file_name: "{name}_{version}_{arch}.deb",
            layout: Layout::Freedesktop,
            ..Shape::ANYWHERE
        },
    };
    catalog.packagers.insert("deb".parse().expect("a format"), deb);
    sealing(&mut catalog);
    catalog
}

/// A format `parcel` that holds a program of ours and a signature of the signer `seal`, a second signer `stamp`, a
/// repository `shelf` of parcels, and for Windows a format `casket` with a signer of programs `bolt`.
fn sealing(catalog: &mut Catalog) {
    let plugin = |keys: &[&str]| {
        let properties: serde_json::Map<String, serde_json::Value> = keys
            .iter()
            .map(|key| {
                let kind = if *key == "signed" { "boolean" } else { "string" };
                ((*key).to_owned(), serde_json::json!({ "type": kind }))
            })
            .collect();
        let settings = serde_json::json!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        PluginEntry { summary: "Made up".to_owned(), revision: 1, settings }
    };
    let shape = Shape {
        systems: &[Os::Linux],
        architectures: &[(Arch::X64, "amd64"), (Arch::Arm64, "arm64")],
        file_name: "{name}-{version}-{revision}.{arch}.parcel",
        plain_names: false,
        revision: Some(("release", "1")),
        pre_release: '~',
        layout: Layout::Freedesktop,
        program: Some("stub"),
        installs_program: None,
        embeds: Some("seal"),
        executable: false,
    };
    let parcel = PackagerEntry { plugin: plugin(&["release"]), shape };
    catalog.packagers.insert("parcel".parse().expect("a format"), parcel);
    catalog.signers = ["seal", "stamp"].map(|id| (id.to_owned(), plugin(&["key"]))).into();
    let casket = Shape {
        systems: &[Os::Windows],
        architectures: &[(Arch::X64, "x64"), (Arch::Arm64, "arm64")],
        file_name: "{name}-{version}-{arch}.casket",
        layout: Layout::Flat,
        embeds: Some("bolt"),
        ..Shape::ANYWHERE
    };
    let casket = PackagerEntry { plugin: plugin(&[]), shape: casket };
    catalog.packagers.insert("casket".parse().expect("a format"), casket);
    let bolt = CodeSignerEntry { plugin: plugin(&["key"]), systems: &[Os::Windows] };
    catalog.code_signers = BTreeMap::from([("bolt".to_owned(), bolt)]);
    let offer = Offer {
        format: "parcel",
        directory: "shelf",
        signer: "seal",
        signatures: &[("{suite}/List", SignatureForm::Cleartext, "{suite}/SealedList")],
        defaults: &[("suite", "stable")],
    };
    let shelf = RepositoryEntry { plugin: plugin(&["signed", "suite"]), offer };
    catalog.repositories = BTreeMap::from([("shelf".to_owned(), shelf)]);
}

fn triple(text: &str) -> Triple {
    text.parse().expect("a triple")
}

/// A machine with every toolchain and every standard library.
fn facts(catalog: &Catalog) -> Facts {
    let ready =
        |name: &str| Availability::Ready { version: format!("{name} 1.0"), place: format!("/bin/{name}") };
    Facts {
        host: triple("x86_64-unknown-linux-gnu"),
        rustc: "rustc 1.95.0".to_owned(),
        rustc_commit: Some("0123456789abcdef".to_owned()),
        sysroot: "/sysroot".into(),
        cargo_home: "/home/cargo".into(),
        standard_libraries: catalog.targets.target.iter().map(|row| row.triple.clone()).collect(),
        rustup: false,
        rust_src: false,
        toolchains: catalog.toolchains.keys().map(|name| (name.clone(), ready(name))).collect(),
        signers: BTreeMap::new(),
        code_signers: BTreeMap::new(),
        rustflags: BTreeMap::new(),
        source: None,
        epoch: 1_704_067_200,
        ci: false,
        offline: false,
    }
}

fn package(name: &str, version: &str, binaries: &[&str]) -> WorkspacePackage {
    WorkspacePackage {
        name: name.to_owned(),
        version: version.to_owned(),
        directory: format!("/work/{name}").into(),
        is_root: false,
        is_default_member: true,
        description: None,
        license: None,
        license_file: None,
        readme: None,
        authors: Vec::new(),
        homepage: None,
        repository: None,
        binaries: binaries
            .iter()
            .map(|name| WorkspaceBinary { name: (*name).to_owned(), required_features: Vec::new() })
            .collect(),
        features: BTreeMap::new(),
    }
}

/// What is planned.
struct Case {
    manifest: &'static str,
    packages: Vec<WorkspacePackage>,
    request: Request,
    change: fn(&mut Facts),
}

impl Case {
    fn of(manifest: &'static str) -> Self {
        let packages = vec![package("hello", "1.0.0", &["hello"])];
        Case { manifest, packages, request: Request::default(), change: |_| {} }
    }

    fn plan(&self) -> Result<Plan, Vec<Finding>> {
        let catalog = catalog();
        let mut facts = facts(&catalog);
        (self.change)(&mut facts);
        let project = self.project()?;
        let plan = draw(&project, &facts, &catalog, Until::Published)?;
        let again = draw(&project, &facts, &catalog, Until::Published)?;
        let text = |plan: &Plan| serde_json::to_string(plan).expect("JSON");
        same(&text(&plan), &text(&again));
        Ok(plan)
    }

    fn project(&self) -> Result<Project, Vec<Finding>> {
        let catalog = catalog();
        let merged = read(self.manifest, &catalog);
        let workspace = Workspace {
            root: "/work".into(),
            target_directory: "/work/target".into(),
            packages: self.packages.clone(),
        };
        let files = BTreeSet::new();
        resolve(&Given {
            merged: &merged,
            workspace: &workspace,
            current_package: None,
            request: &self.request,
            catalog: &catalog,
            host: &triple("x86_64-unknown-linux-gnu"),
            default_target: None,
            ci: false,
            macos: None,
            locked: &[],
            files: &files,
        })
    }

    /// Everything that is in the way, as text.
    fn findings(&self) -> String {
        let findings = self.plan().expect_err("something is in the way");
        let line = |finding: &Finding| {
            let path = finding.path.as_deref().unwrap_or("-");
            format!(
                "{} ({:?}) at {path}\n  {}\n  help: {}\n",
                finding.code, finding.class, finding.message, finding.help
            )
        };
        findings.iter().map(line).collect()
    }
}

fn read(text: &str, catalog: &Catalog) -> Merged {
    let schema = manifest::schema(&sections(catalog));
    manifest::read(&Inputs {
        config: &[],
        environment: &[],
        package_file: None,
        workspace_file: Some(InputFile { name: "Deploy.toml", bytes: text.as_bytes() }),
        package_cargo: None,
        workspace_cargo: None,
        schema: &schema,
        running: &semver::Version::new(0, 1, 0),
    })
    .unwrap_or_else(|report| panic!("{report}: {:?}", report.records()))
}

/// The steps, one a line, each with what it needs.
fn steps(plan: &Plan) -> String {
    let mut text = format!("{} {}\n", plan.name, plan.version);
    for step in &plan.steps {
        let needs: Vec<&str> = step.needs.iter().map(|need| need.as_str()).collect();
        let arrow = if needs.is_empty() { "" } else { " <- " };
        text.push_str(&format!("{}{arrow}{}\n", step.id, needs.join(", ")));
    }
    text
}

const SEALED: &str = r#"schema = 1
[targets]
build = ["linux-x64", "linux-x64-musl", "linux-arm64", "windows-x64"]
[bundle.formats]
linux = ["tar.gz", "parcel"]
[package.parcel]
release = "2"
[sign.seal]
key = "seal.key"
[sign.stamp]
[repository.shelf]
suite = "testing"
"#;

/// Keys for `seal` and `stamp`, as a look at them would have found them.
fn with_keys(facts: &mut Facts) {
    for (id, suffix) in [("seal", ".seal"), ("stamp", ".stamp")] {
        let signer = PlannedSigner {
            settings: serde_json::json!({}),
            key: format!("KEY-OF-{id}"),
            created: 1_600_000_000,
            public_key: format!("public key of {id}\n"),
            public_key_file: format!("hello.{id}.pub"),
            suffix: suffix.to_owned(),
        };
        facts.signers.insert(id.to_owned(), signer);
    }
}

#[test]
fn signatures_inside_come_before_those_beside_and_the_checksums_are_signed_last() {
    let mut case = Case::of(SEALED);
    case.change = with_keys;
    let plan = case.plan().expect("a plan");
    let skipped: String =
        plan.skipped.iter().map(|skipped| format!("skipped: {}: {}\n", skipped.what, skipped.why)).collect();
    check("plan/signed", &format!("{}{skipped}", steps(&plan)));
}

#[test]
fn nothing_is_signed_when_the_command_line_says_so() {
    let mut case = Case::of(SEALED);
    case.request.no_sign = true;
    let plan = case.plan().expect("a plan");
    assert!(!plan.steps.iter().any(|step| matches!(step.action, Action::Sign(_))));
    let skipped: Vec<String> =
        plan.skipped.iter().map(|skipped| format!("{}: {}", skipped.what, skipped.why)).collect();
    assert!(skipped.contains(&"signing with seal: --no-sign was given".to_owned()), "{skipped:?}");
}

#[test]
fn a_repository_without_packages_or_without_a_signer_is_refused() {
    let case = Case::of("schema = 1\nbundle.formats = [\"tar.gz\"]\n[repository.shelf]\n");
    check("plan/bad-repository", &case.findings());
    let unsigned = "schema = 1\nbundle.formats = [\"parcel\"]\n[repository.shelf]\nsigned = false\n";
    let plan = Case::of(unsigned).plan().expect("a plan");
    let signs = plan.steps.iter().filter(|step| matches!(step.action, Action::Sign(_))).count();
    assert_eq!(signs, 0);
}

#[test]
fn a_release_that_is_to_be_signed_needs_a_signer() {
    let case = Case::of("schema = 1\nrelease.require = [\"signed\"]\n");
    check("plan/signed-without-signer", &case.findings());
}

const SIX: &str = r#"schema = 1
[targets]
build = ["linux-x64.2.17", "linux-arm64", "linux-x64-musl", "windows-x64", "macos-universal", "wasi"]
[bundle.formats]
linux = ["tar.gz", "deb"]
windows = ["zip"]
"#;

#[test]
fn six_targets_and_their_packages() {
    let plan = Case::of(SIX).plan().expect("a plan");
    check("plan/six-targets", &steps(&plan));
    check("plan/six-targets-json", &format!("{}\n", serde_json::to_string_pretty(&plan).expect("JSON")));
}

#[test]
fn every_step_stands_after_what_it_needs() {
    let plan = Case::of(SIX).plan().expect("a plan");
    let mut known = BTreeSet::new();
    for step in &plan.steps {
        for need in &step.needs {
            assert!(known.contains(need), "{} stands before {need}", step.id);
        }
        assert!(known.insert(step.id.clone()), "{} is there twice", step.id);
    }
}

#[test]
fn a_universal_target_and_its_parts_share_their_compile_steps() {
    let plan =
        Case::of("schema = 1\ntargets.build = [\"macos-x64\", \"macos-arm64\", \"macos-universal\"]\n");
    check("plan/universal", &steps(&plan.plan().expect("a plan")));
}

#[test]
fn targets_of_one_toolchain_are_compiled_by_one_call() {
    let plan = Case::of(SIX).plan().expect("a plan");
    let mut text = String::new();
    for step in &plan.steps {
        if let Action::Compile(compile) = &step.action {
            text.push_str(&format!(
                "{} {} {}\n",
                compile.batch, compile.toolchain, compile.triple_with_floor
            ));
        }
    }
    check("plan/batches", &text);
}

#[test]
fn a_format_of_another_system_is_refused_where_it_is_meant_for_that_system() {
    let case = Case::of(
        "schema = 1\ntargets.build = [\"windows-x64\"]\n[bundle.formats]\nwindows = [\"zip\", \"deb\"]\n",
    );
    check("plan/impossible-format", &case.findings());
}

#[test]
fn a_format_of_another_system_on_the_command_line_is_refused() {
    let mut case = Case::of("schema = 1\n");
    case.request.targets = vec!["macos-arm64".to_owned()];
    case.request.formats = vec!["deb".to_owned()];
    check("plan/impossible-format-asked", &case.findings());
}

#[test]
fn a_list_of_formats_for_all_systems_gives_each_target_those_it_can_have() {
    let case = Case::of(
        "schema = 1\ntargets.build = [\"linux-x64\", \"windows-x64\"]\nbundle.formats = [\"tar.gz\", \"deb\"]\n",
    );
    let plan = case.plan().expect("a plan");
    let files: Vec<&str> = plan.packages().map(|package| package.file.as_str()).collect();
    assert_eq!(
        files,
        [
            "hello-1.0.0-x86_64-unknown-linux-gnu.tar.gz",
            "hello_1.0.0_x64.deb",
            "hello-1.0.0-x86_64-pc-windows-gnullvm.tar.gz",
        ]
    );
}

#[test]
fn targets_without_a_toolchain_are_told_of_together() {
    let mut case =
        Case::of("schema = 1\ntargets.build = [\"linux-arm64\", \"linux-x64-musl\", \"windows-x64\"]\n");
    case.change = |facts| {
        for name in ["zig", "cross", "xwin"] {
            let missing = Availability::Missing {
                what: format!("{name} is not on PATH"),
                mend: format!("install {name}"),
            };
            facts.toolchains.insert(name.to_owned(), missing);
        }
    };
    check("plan/no-toolchain", &case.findings());
    let findings = case.plan().expect_err("no toolchain");
    assert!(findings.iter().all(|finding| finding.class == FailureClass::MissingTool));
}

#[test]
fn a_glibc_floor_needs_zig_even_on_the_machine_itself() {
    let mut case = Case::of("schema = 1\ntargets.build = [\"linux-x64.2.17\"]\n");
    let plan = case.plan().expect("a plan");
    assert_eq!(plan.targets[0].toolchain, "zig");
    case.manifest = "schema = 1\ntargets.build = [\"linux-x64\"]\n";
    assert_eq!(case.plan().expect("a plan").targets[0].toolchain, "native");
}

#[test]
fn a_missing_standard_library_is_fetched_or_built_or_missed() {
    let mut case = Case::of("schema = 1\ntargets.build = [\"linux-arm64\"]\n");
    case.change = |facts| {
        facts.standard_libraries = BTreeSet::new();
        facts.rustup = true;
    };
    check("plan/standard-library-rustup", &steps(&case.plan().expect("a plan")));
    case.change = |facts| {
        facts.standard_libraries = BTreeSet::new();
        facts.rustup = true;
        facts.rust_src = true;
        facts.offline = true;
    };
    let plan = case.plan().expect("a plan");
    let built =
        plan.steps.iter().any(|step| matches!(&step.action, Action::Compile(compile) if compile.own_sysroot));
    assert!(built, "offline, it is built from rust-src");
    case.change = |facts| facts.standard_libraries = BTreeSet::new();
    check("plan/no-standard-library", &case.findings());
}

#[test]
fn two_names_of_one_target_are_a_duplicate() {
    let case = Case::of(
        "schema = 1\ntargets.build = [\"linux-x64\", \"x86_64-unknown-linux-gnu\", \"linux-x64.2.17\"]\n",
    );
    check("plan/duplicate-target", &case.findings());
}

#[test]
fn a_glibc_floor_for_musl_is_refused() {
    check(
        "plan/glibc-floor",
        &Case::of("schema = 1\ntargets.build = [\"linux-x64-musl.2.17\"]\n").findings(),
    );
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let case = Case::of(
        "schema = 1\ntargets.build = [\"linux-x46\", \"linux-x64-musl.2.17\"]\n\
         targets.toolchain = { linux-x46 = \"zig\" }\nbundle.include = [\"no such file.txt\"]\n",
    );
    check("plan/all-at-once", &case.findings());
}

#[test]
fn several_packages_need_a_name_and_a_version() {
    let mut case = Case::of("schema = 1\n");
    case.packages =
        vec![package("client", "1.0.0", &["client"]), package("server", "2.0.0", &["server", "admin"])];
    check("plan/several-packages", &case.findings());
    case.manifest = "schema = 1\napp.name = \"Suite\"\n";
    check("plan/several-versions", &case.findings());
    case.manifest = "schema = 1\napp.name = \"Suite\"\napp.version = \"3.0.0\"\n";
    let plan = case.plan().expect("a plan");
    let binaries: Vec<&str> = plan.binaries.iter().map(|binary| binary.name.as_str()).collect();
    assert_eq!(binaries, ["client", "admin", "server"]);
    check("plan/suite", &steps(&plan));
}

#[test]
fn an_unknown_package_and_an_unknown_binary_get_proposals() {
    let mut case = Case::of("schema = 1\n");
    case.request.packages = vec!["helo".to_owned()];
    check("plan/unknown-package", &case.findings());
    case.request.packages = Vec::new();
    case.request.binaries = vec!["helo".to_owned()];
    check("plan/unknown-binary", &case.findings());
}

#[test]
fn the_users_own_rustflags_come_first() {
    let mut case = Case::of("schema = 1\n");
    case.change = |facts| {
        let flags = vec!["-Ctarget-cpu=native".to_owned()];
        facts.rustflags.insert(facts.host.clone(), flags);
    };
    let plan = case.plan().expect("a plan");
    let Action::Compile(compile) = &plan.steps[0].action else { panic!("the first step compiles") };
    assert_eq!(compile.rustflags[0], "-Ctarget-cpu=native");
    assert!(compile.rustflags.contains(&"--remap-path-prefix=/work=/project".to_owned()));
}

#[test]
fn a_format_that_nobody_asked_for_is_left_out_where_it_cannot_be_made() {
    let only_the_host = |facts: &mut Facts| {
        facts.standard_libraries = BTreeSet::from([triple("x86_64-unknown-linux-gnu")]);
    };
    let asked = "schema = 1\nbundle.formats = { linux = [\"parcel\"] }\n";
    let mut case = Case::of(asked);
    case.change = only_the_host;
    check("plan/program-without-library", &case.findings());
    // The defaults have formats that hold a program of ours; here they are left out.
    let plan = Case { change: only_the_host, ..Case::of("schema = 1\n") }.plan().expect("a plan");
    let with_programs = plan.packages().filter(|package| package.program.is_some()).count();
    assert_eq!(with_programs, 0);
}
