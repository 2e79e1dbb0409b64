//! Plans for Windows: programs are finished and signed before they are packed, installers signed after.

use super::{Case, steps};
use crate::support::snapshot::check;
use deploy_model::Os;
use deploy_model::release::CodeSignerRecord;
use deploy_plan::facts::Facts;
use deploy_plan::plan::{Action, PlannedCodeSigner};

const BOLTED: &str = r#"schema = 1
[app]
id = "com.example.hello"
authors = ["Example Ltd <hello@example.com>"]
[targets]
build = ["windows-x64", "windows-arm64", "linux-x64"]
[bundle.formats]
linux = ["tar.gz"]
windows = ["zip", "casket"]
[sign.bolt]
key = "bolt.key"
[release]
require = ["signed", "timestamped"]
[[windows.shortcut]]
folder = "Example"
[[windows.service]]
name = "Hello"
program = "hello"
[[windows.association]]
extension = "HELLO"
[[component]]
id = "Program"
files = ["hello.exe"]
"#;

fn with_bolt(facts: &mut Facts) {
    let record = CodeSignerRecord {
        key: "0123456789abcdef".to_owned(),
        subject: "CN=Example Ltd".to_owned(),
        digest: "sha256".to_owned(),
        timestamped: true,
    };
    let settings = serde_json::json!({ "key": "bolt.key" });
    let planned = PlannedCodeSigner { settings, systems: vec![Os::Windows], record };
    facts.code_signers.insert("bolt".to_owned(), planned);
}

#[test]
fn programs_are_finished_and_signed_before_they_are_packed_and_installers_after() {
    let mut case = Case::of(BOLTED);
    case.change = with_bolt;
    let plan = case.plan().expect("a plan");
    check("plan/windows", &steps(&plan));
    let windows = serde_json::to_string_pretty(&plan.windows).expect("JSON");
    check("plan/windows-app", &format!("{windows}\n"));
}

#[test]
fn a_release_without_targets_of_windows_says_nothing_of_windows() {
    let plan = Case::of("schema = 1\ntargets.build = [\"linux-x64\"]\n").plan().expect("a plan");
    assert!(plan.windows.is_none());
    assert!(!plan.steps.iter().any(|step| matches!(step.action, Action::Finish(_))));
}

#[test]
fn everything_that_windows_cannot_have_is_told_at_once() {
    let case = Case::of(
        r#"schema = 1
targets.build = ["windows-x64"]
app.version = "1.70000.0"
[[windows.shortcut]]
program = "helo"
[[windows.shortcut]]
name = "What?"
[[windows.shortcut]]
[[windows.shortcut]]
[[windows.registry]]
key = 'HKLM\Software\Example'
value = "x"
[[windows.registry]]
key = 'Software/Example'
value = "many"
type = "dword"
[[windows.service]]
name = "Hello"
[[windows.service]]
name = "hello"
[[windows.protocol]]
scheme = "hello"
[[windows.protocol]]
scheme = "hello"
[[component]]
id = "One"
files = ["hello.*"]
[[component]]
id = "Two"
files = ["*.exe", "docs/**"]
[[asset]]
path = "share/data.txt"
url = "https://example.com/data.txt"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"#,
    );
    check("plan/windows-findings", &case.findings());
}

#[test]
fn a_signed_release_needs_a_key_for_programs_of_windows() {
    let case = Case::of(
        "schema = 1\ntargets.build = [\"windows-x64\"]\nrelease.require = [\"signed\"]\n[sign.seal]\nkey = \"k\"\n",
    );
    check("plan/windows-without-signer", &case.findings());
}

#[test]
fn the_command_line_bounds_the_signatures_of_programs() {
    let mut case = Case::of(BOLTED);
    case.request.max_signatures = Some(7);
    let bounded = case.project().expect("a project");
    assert_eq!(bounded.signers["bolt"]["max-signatures"], 7);
}
