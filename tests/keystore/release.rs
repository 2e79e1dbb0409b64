//! Keystores through the front door: releases that are signed with keys which nobody can copy, and what a run tells of the
//! secrets that it was given, which is nothing.

use super::azure::{BY_SECRET, vault};
use super::token::{module, token};
use super::{SECRET, executable};
use crate::support::clients::find;
use crate::support::office::Office;
use crate::support::project::{Project, Ran, tree};
use crate::support::windows::{TRIPLE, project, run};
use std::process::Command;

/// A project whose key is said in this table, without timestamps.
fn with_key(key: &str) -> Option<Project> {
    project(&["zip"], &format!("[sign.windows]\ntimestamp = []\nkey = {key}\n"))
}

/// What osslsigncode says of the program in the release.
fn osslsigncode(office: &Office, project: &Project) -> String {
    let name = format!("hello-1.0.0-{TRIPLE}");
    let mut command = Command::new("unzip");
    command
        .args(["-q", "-o"])
        .arg(project.release().join(format!("{name}.zip")))
        .current_dir(project.scratch());
    assert!(command.status().expect("it runs").success());
    let mut command = Command::new("osslsigncode");
    command.args(["verify", "-CAfile"]).arg(office.path("root.crt")).arg("-in");
    let output = command.arg(project.scratch().join(name).join("hello.exe")).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// Neither what was said nor any file that was written holds a secret.
fn nothing_tells(project: &Project, ran: &Ran) {
    super::nothing_tells(&ran.text());
    let mut looked = 0;
    for (name, what) in tree(project.scratch()) {
        if what.starts_with("file") {
            let bytes = std::fs::read(project.scratch().join(&name)).expect("read");
            let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!found, "the secret stands in {name}");
            looked += 1;
        }
    }
    assert!(looked >= 5, "only {looked} files");
}

#[test]
fn a_release_is_signed_by_a_vault_which_is_asked_once_for_each_program() {
    let (Some(_), Some(_), Some(office)) = (find("osslsigncode"), find("unzip"), Office::new()) else {
        return;
    };
    office.issue("rsa", "rsa:2048");
    let server = vault(&office, "rsa", |_| None);
    let url = server.url("");
    let key = format!("{{ azure-key-vault = {url:?}, certificate = \"release\", authority = {url:?} }}");
    let Some(project) = with_key(&key) else { return };
    let signatures = || server.requests().iter().filter(|request| request.path.contains("/sign?")).count();

    // The plan knows the key, and holds no secret; nothing was signed for it.
    let plan = run(&project, &BY_SECRET, &["plan", "--message-format", "json"]).good();
    super::nothing_tells(&plan.text());
    let doctor = run(&project, &BY_SECRET, &["doctor"]);
    assert!(doctor.stdout.contains("Example rsa"), "{}", doctor.text());
    super::nothing_tells(&doctor.text());
    assert_eq!(signatures(), 0);

    let ran = run(&project, &BY_SECRET, &["bundle"]).good();
    nothing_tells(&project, &ran);
    assert!(osslsigncode(&office, &project).contains("CN=Example rsa"));
    assert_eq!(signatures(), 1);
    std::fs::remove_dir_all(project.path("target/deploy")).expect("remove");
    run(&project, &BY_SECRET, &["bundle"]).good();
    assert_eq!(signatures(), 1, "a signature that was made is used again");
}

#[test]
fn a_vault_that_refuses_ends_the_run_before_anything_is_compiled() {
    let Some(office) = Office::new() else { return };
    office.issue("small", "P-256");
    let server = vault(&office, "small", |_| None);
    let url = server.url("");
    let key = format!("{{ azure-key-vault = {url:?}, certificate = \"release\", authority = {url:?} }}");
    let Some(project) = with_key(&key) else { return };
    let wrong = format!("{SECRET}!");
    let variables = [BY_SECRET[0], BY_SECRET[1], ("AZURE_CLIENT_SECRET", wrong.as_str())];
    let ran = run(&project, &variables, &["bundle"]);
    assert_eq!(ran.code, Some(77), "{}", ran.text());
    assert!(ran.stderr.contains("Invalid client secret *** provided."), "{}", ran.stderr);
    assert!(ran.stderr.contains("keystore::service"), "{}", ran.stderr);
    nothing_tells(&project, &ran);
    let doctor = run(&project, &variables, &["doctor"]);
    assert!(doctor.stdout.contains("MISSING"), "{}", doctor.text());
    super::nothing_tells(&doctor.text());
    assert!(!project.path(&format!("target/{TRIPLE}")).exists());

    drop(server);
    let ran = run(&project, &BY_SECRET, &["plan"]);
    assert_eq!(ran.code, Some(69), "{}", ran.text());
    assert!(ran.stderr.contains("there is no connection to"), "{}", ran.stderr);
}

#[test]
fn a_release_is_signed_by_a_token() {
    let (Some(_), Some(_), Some(office)) = (find("osslsigncode"), find("unzip"), token()) else { return };
    let key = format!(
        "{{ pkcs11 = {:?}, token = \"release\", label = \"small\", pin-env = \"TOKEN_PIN\" }}",
        module()
    );
    let Some(project) = with_key(&key) else { return };
    let configuration = office.path("softhsm2.conf");
    let configuration = ("SOFTHSM2_CONF", configuration.to_str().expect("UTF-8"));
    let wrong = format!("{SECRET}!");
    let ran = run(&project, &[configuration, ("TOKEN_PIN", &wrong)], &["plan"]);
    assert_eq!(ran.code, Some(77), "{}", ran.text());
    assert!(ran.stderr.contains("the PIN is not that of the token release"), "{}", ran.stderr);
    super::nothing_tells(&ran.text());
    let ran = run(&project, &[configuration, ("TOKEN_PIN", SECRET)], &["bundle"]).good();
    nothing_tells(&project, &ran);
    assert!(osslsigncode(&office, &project).contains("CN=Example small"));
}

#[test]
fn a_release_is_signed_by_a_program_that_finds_no_secret_in_its_arguments() {
    let (Some(_), Some(_), Some(office)) = (find("osslsigncode"), find("unzip"), Office::new()) else {
        return;
    };
    let openssl = find("openssl").expect("it is there");
    office.issue("rsa", "rsa:2048");
    let key = "{ command = [\"./sign\", \"--key\", \"release\"], certificate = \"rsa.crt\" }";
    let Some(project) = with_key(key) else { return };
    std::fs::copy(office.path("rsa.crt"), project.path("rsa.crt")).expect("copy");
    executable(
        &project.path("sign"),
        &format!(
            "#!/bin/sh\nset -e\necho \"$*\" > told\n{} pkeyutl -sign -inkey {} -pkeyopt digest:$DEPLOY_SIGN_HASH\n",
            openssl.display(),
            office.path("rsa.key").display()
        ),
    );
    let ran = run(&project, &[("SIGNER_TOKEN", SECRET)], &["bundle"]).good();
    nothing_tells(&project, &ran);
    assert_eq!(project.read("told"), b"--key release\n");
    assert!(osslsigncode(&office, &project).contains("CN=Example rsa"));

    // What the program says when it fails is shown without what it was given.
    let fails = format!("#!/bin/sh\necho 'refused: {SECRET}' >&2\nexit 1\n");
    executable(&project.path("sign"), &fails);
    std::fs::remove_dir_all(project.path("target/deploy")).expect("remove");
    std::fs::remove_dir_all(project.scratch().join("cache")).expect("remove");
    let ran = run(&project, &[("SIGNER_TOKEN", SECRET)], &["bundle"]);
    assert_eq!(ran.code, Some(77), "{}", ran.text());
    assert!(ran.stderr.contains("refused: ***"), "{}", ran.stderr);
    super::nothing_tells(&ran.text());
    assert!(!project.release().exists());
}
