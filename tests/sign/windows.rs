//! Authenticode through the front door: what is in archives is signed, as osslsigncode sees it, and what keeps a run from
//! signing is told.

use crate::support::clients::find;
use crate::support::office::Office;
use crate::support::project::Project;
use crate::support::windows::{TRIPLE, find_file, project, run, wine};
use serde_json::Value as Json;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What must be seen nowhere.
const PASSWORD: &str = "planted-correct-horse";

/// The table for a key in a pfx file, with these servers for timestamps.
fn table(pfx: &Path, servers: &[String]) -> String {
    format!(
        "[sign.windows]\nkey = {{ pfx = {:?}, password-env = \"WIN_PASSWORD\" }}\ntimestamp = {servers:?}\n",
        pfx.display().to_string()
    )
}

/// A project whose release is a signed zip, with its authority.
fn signed(more: &str) -> Option<(Office, Project, crate::support::http::Server)> {
    let office = Office::new()?;
    office.issue("code", "rsa:3072");
    office.export("code", PASSWORD, &["-certfile", "root.crt"]);
    let server = office.timestamps();
    let table = table(&office.path("code.pfx"), &[server.url("/nonsense"), server.url("/")]);
    let project = project(&["zip"], &format!("{more}\n{table}"))?;
    Some((office, project, server))
}

fn release_json(project: &Project) -> Json {
    serde_json::from_slice(&project.read("target/deploy/hello-1.0.0/release.json")).expect("JSON")
}

/// Unpacks the zip of the release and gives its directory.
fn unpacked(project: &Project, place: &str) -> PathBuf {
    let name = format!("hello-1.0.0-{TRIPLE}");
    let place = project.scratch().join(place);
    std::fs::create_dir_all(&place).expect("create");
    let mut command = Command::new("unzip");
    command.args(["-q", "-o"]).arg(project.release().join(format!("{name}.zip"))).current_dir(&place);
    assert!(command.status().expect("it runs").success());
    place.join(name)
}

/// What osslsigncode says of a signed file, and whether it is content.
fn osslsigncode(office: &Office, file: &Path) -> (bool, String) {
    let root = office.path("root.crt");
    let mut command = Command::new("osslsigncode");
    command.args(["verify", "-CAfile"]).arg(&root).arg("-TSA-CAfile").arg(&root).arg("-in").arg(file);
    let output = command.output().expect("it starts");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn what_is_in_an_archive_is_signed_and_stamped_and_paid_for_once() {
    let (Some(_), Some(_)) = (find("osslsigncode"), find("unzip")) else { return };
    let Some((office, project, server)) = signed("[release]\nrequire = [\"signed\", \"timestamped\"]\n")
    else {
        return;
    };
    let variables = [("WIN_PASSWORD", PASSWORD)];
    let ran = run(&project, &variables, &["bundle"]).good();
    assert!(!ran.text().contains(PASSWORD));
    let program = unpacked(&project, "home").join("hello.exe");
    let (good, said) = osslsigncode(&office, &program);
    assert!(good, "{said}");
    assert!(said.contains("Signature verification: ok"), "{said}");
    assert!(said.contains("Timestamp Server Signature verification: ok"), "{said}");
    assert!(said.contains("Text description: hello"), "{said}");
    project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
    if let Some(output) = wine(program.parent().expect("a directory"), &["hello.exe"]) {
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), "hello");
    }
    // Without its signature it is the program that the same source gives without a key.
    let release = release_json(&project);
    let contents = &release["artifacts"][0]["contents"];
    let contents = if contents.is_null() { &release["artifacts"][1]["contents"] } else { contents };
    let content = contents
        .as_array()
        .expect("contents")
        .iter()
        .find(|one| one["path"].as_str().is_some_and(|path| path.ends_with("hello.exe")));
    let recorded = &content.expect("the program")["code-signature"];
    assert_eq!(recorded["signer"], "windows");
    assert_eq!(release["code-signers"]["windows"]["timestamped"], true);
    let asked = server.requests().len();
    assert_eq!(asked, 2, "one answer was nonsense, the next a timestamp");
    // Nothing of the engine's own is left; the signature is.
    std::fs::remove_dir_all(project.path("target/deploy")).expect("remove");
    run(&project, &variables, &["bundle", "--max-signatures", "0"]).good();
    assert_eq!(server.requests().len(), asked);
    std::fs::remove_dir_all(project.path("target/deploy")).expect("remove");
    let manifest = String::from_utf8(project.read("Deploy.toml")).expect("UTF-8");
    project.write("Deploy.toml", manifest.replace("[\"signed\", \"timestamped\"]", "[]"));
    run(&project, &[], &["bundle", "--no-sign"]).good();
    let unsigned = std::fs::read(unpacked(&project, "cache").join("hello.exe")).expect("read");
    let digest = deploy_model::Sha256::of(&unsigned);
    assert_eq!(recorded["unsigned"], digest.as_str());
}

#[test]
fn what_others_have_signed_stays_theirs_and_what_nobody_has_is_signed() {
    let (Some(_), Some(_)) = (find("osslsigncode"), find("unzip")) else { return };
    let assets = "[[asset]]\npath = \"theirs.dll\"\nfile = \"theirs.dll\"\n\
         [[asset]]\npath = \"nobodys.dll\"\nfile = \"nobodys.dll\"\n\
         [[asset]]\npath = \"notes.exe\"\nfile = \"notes.exe\"\n";
    let Some((office, project, _server)) = signed(assets) else { return };
    let Some(bare) = self::project(&["zip"], "") else { return };
    run(&bare, &[], &["bundle"]).good();
    let program = unpacked(&bare, "home").join("hello.exe");
    office.issue("other", "P-256");
    let theirs = project.path("theirs.dll");
    let mut command = Command::new("osslsigncode");
    command.args(["sign", "-h", "sha256", "-certs"]).arg(office.path("other.crt"));
    command.arg("-key").arg(office.path("other.key")).arg("-in").arg(&program).arg("-out").arg(&theirs);
    assert!(command.output().expect("it starts").status.success());
    std::fs::copy(&program, project.path("nobodys.dll")).expect("copy");
    project.write("notes.exe", "MZ is how it begins, and it is no program.\n");
    run(&project, &[], &["assets", "lock"]).good();
    run(&project, &[("WIN_PASSWORD", PASSWORD)], &["bundle"]).good();
    let place = unpacked(&project, "home");
    let same = |name: &str, path: &Path| {
        std::fs::read(place.join(name)).expect("read") == std::fs::read(path).expect("read")
    };
    assert!(same("theirs.dll", &theirs), "it was signed again");
    assert!(same("notes.exe", &project.path("notes.exe")));
    assert!(osslsigncode(&office, &place.join("theirs.dll")).1.contains("CN=Example other"));
    assert!(osslsigncode(&office, &place.join("nobodys.dll")).1.contains("CN=Example code"));
    // One that was changed after they signed it is told before it is packed.
    // Without a key of one's own, theirs is as good.
    run(&project, &[], &["bundle", "--no-sign"]).good();
    let unsigned = project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
    assert!(unsigned.text().contains("Verified"), "{}", unsigned.text());
    let mut bytes = std::fs::read(&theirs).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&theirs, bytes).expect("write");
    run(&project, &[], &["assets", "lock", "--update"]).good();
    let ran = run(&project, &[("WIN_PASSWORD", PASSWORD)], &["bundle"]);
    assert_eq!(ran.code, Some(77), "{}", ran.text());
    assert!(ran.stderr.contains("check the signature of theirs.dll"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the file is not the one that was signed"), "{}", ran.stderr);
}

#[test]
fn a_program_that_nobody_signed_is_named_where_the_release_is_to_be_signed() {
    let Some(project) = project(&["zip"], "") else { return };
    run(&project, &[], &["bundle"]).good();
    let mut release = release_json(&project);
    release["require"] = serde_json::json!(["signed"]);
    let text = format!("{}\n", serde_json::to_string_pretty(&release).expect("JSON"));
    project.write("target/deploy/hello-1.0.0/release.json", &text);
    let ran = project.run(&["verify", "target/deploy/hello-1.0.0"]);
    assert_eq!(ran.code, Some(65));
    let said = ran.text();
    let member = format!("hello-1.0.0-{TRIPLE}/hello.exe: it is a program that nobody has signed");
    assert!(said.contains(&member), "{said}");
}

#[test]
fn what_keeps_a_program_from_being_signed_is_told() {
    let Some((office, project, server)) = signed("") else { return };
    let manifest = String::from_utf8(project.read("Deploy.toml")).expect("UTF-8");
    // A wrong password: before anything is compiled, and never shown.
    let wrong = format!("{PASSWORD}r");
    let ran = run(&project, &[("WIN_PASSWORD", &wrong)], &["bundle"]);
    assert_eq!(ran.code, Some(77), "{}", ran.text());
    assert!(!ran.text().contains(PASSWORD), "{}", ran.text());
    assert!(!project.path("target/x86_64-pc-windows-gnullvm").exists());
    // A certificate that is for something else.
    office.issue_for("mail", "P-256", "extendedKeyUsage=emailProtection\n");
    office.export("mail", PASSWORD, &[]);
    project.write("Deploy.toml", manifest.replace("code.pfx", "mail.pfx"));
    let ran = run(&project, &[("WIN_PASSWORD", PASSWORD)], &["bundle"]);
    assert_eq!(ran.code, Some(77));
    assert!(ran.stderr.contains("not for"), "{}", ran.stderr);
    // No more signatures than allowed.
    project.write("Deploy.toml", &manifest);
    let ran = run(&project, &[("WIN_PASSWORD", PASSWORD)], &["bundle", "--max-signatures", "0"]);
    assert_eq!(ran.code, Some(64), "{}", ran.text());
    assert!(ran.stderr.contains("`max-signatures` allows no more"), "{}", ran.stderr);
    // Servers that tell no time.
    let good = format!("{:?}", server.url("/"));
    project.write("Deploy.toml", manifest.replace(&good, &format!("{:?}", server.url("/gone"))));
    let ran = run(&project, &[("WIN_PASSWORD", PASSWORD)], &["bundle"]);
    assert_eq!(ran.code, Some(69), "{}", ran.text());
    assert!(ran.stderr.contains("is no timestamp"), "{}", ran.stderr);
    assert!(ran.stderr.contains("404 Not Found"), "{}", ran.stderr);
    assert!(!project.release().exists());
    // Nothing may be asked for.
    project.write("Deploy.toml", &manifest);
    let ran = run(&project, &[("WIN_PASSWORD", PASSWORD)], &["bundle", "--offline"]);
    assert_eq!(ran.code, Some(77), "{}", ran.text());
    assert!(ran.stderr.contains("timestamps come from a server"), "{}", ran.stderr);
}

#[test]
fn a_setup_program_and_the_uninstaller_in_it_are_signed() {
    let (Some(_), Some(office)) = (find("osslsigncode"), Office::new()) else { return };
    office.issue("code", "rsa:3072");
    office.export("code", PASSWORD, &["-certfile", "root.crt"]);
    let table = table(&office.path("code.pfx"), &[]);
    let Some(project) = project(&["setup"], &format!("[release]\nrequire = [\"signed\"]\n\n{table}")) else {
        return;
    };
    // The crates of the program come from where the machine has them already.
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo_home = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    run(&project, &[("WIN_PASSWORD", PASSWORD), ("CARGO_HOME", &cargo_home)], &["bundle"]).good();
    let file = project.release().join("hello-1.0.0-x64-setup.exe");
    let (good, said) = osslsigncode(&office, &file);
    assert!(good, "{said}");
    let release = release_json(&project);
    let artifacts = release["artifacts"].as_array().expect("artifacts");
    let setup = artifacts.iter().find(|one| one["file"] == "hello-1.0.0-x64-setup.exe").expect("the setup");
    let contents = setup["contents"].as_array().expect("contents");
    for name in ["hello.exe", "uninstall.exe"] {
        let program = contents.iter().find(|one| one["path"] == name).expect("a program");
        assert_eq!(program["code-signature"]["signer"], "windows", "{name}");
    }
    project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
    let mut bytes = std::fs::read(&file).expect("read");
    let middle = bytes.len() * 3 / 4;
    bytes[middle] ^= 1;
    std::fs::remove_file(&file).expect("remove");
    std::fs::write(&file, &bytes).expect("write");
    assert!(!osslsigncode(&office, &file).0);
    let ran = project.run(&["verify", "target/deploy/hello-1.0.0/hello-1.0.0-x64-setup.exe"]);
    assert!(ran.text().contains("hello-1.0.0-x64-setup.exe"), "{}", ran.text());
    assert_ne!(ran.code, Some(0), "{}", ran.text());
}

#[test]
fn a_package_of_windows_installer_is_signed_outside_and_inside_and_its_signature_comes_off() {
    let (Some(_), Some(_), Some(office)) = (find("osslsigncode"), find("msiextract"), Office::new()) else {
        return;
    };
    office.issue("code", "P-256");
    office.export("code", PASSWORD, &["-certfile", "root.crt"]);
    let server = office.timestamps();
    let table = table(&office.path("code.pfx"), &[server.url("/")]);
    let Some(project) = project(&["msi"], &format!("[release]\nrequire = [\"signed\"]\n\n{table}")) else {
        return;
    };
    run(&project, &[("WIN_PASSWORD", PASSWORD)], &["bundle"]).good();
    let file = project.release().join("hello-1.0.0-x64.msi");
    let (good, said) = osslsigncode(&office, &file);
    assert!(good, "{said}");
    assert!(said.contains("Timestamp Server Signature verification: ok"), "{said}");
    let place = project.scratch().join("home");
    let mut command = Command::new("msiextract");
    assert!(command.arg(&file).current_dir(&place).output().expect("it starts").status.success());
    let (good, said) = osslsigncode(&office, &find_file(&place, "hello.exe").expect("the program"));
    assert!(good, "{said}");
    let release = release_json(&project);
    let artifacts = release["artifacts"].as_array().expect("artifacts");
    let package = artifacts.iter().find(|one| one["file"] == "hello-1.0.0-x64.msi").expect("the package");
    let bytes = std::fs::read(&file).expect("read");
    let bare = deploy_formats::msi::unsigned(Cursor::new(&bytes), Cursor::new(Vec::new())).expect("stripped");
    let digest = deploy_model::Sha256::of(&bare.into_inner());
    assert_eq!(package["signature"]["unsigned"], digest.as_str());
    // Far from its release, too, a changed byte is seen: in the cabinet, which is half of the file.
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    project.write("alone/hello-1.0.0-x64.msi", &changed);
    let ran = project.run(&["verify", "alone/hello-1.0.0-x64.msi"]);
    assert_eq!(ran.code, Some(65), "{}", ran.text());
    assert!(!osslsigncode(&office, &project.path("alone/hello-1.0.0-x64.msi")).0);
    project.write("alone/hello-1.0.0-x64.msi", &bytes);
    project.run(&["verify", "alone/hello-1.0.0-x64.msi"]).good();
}
