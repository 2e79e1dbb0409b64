//! Signatures through the front door: releases that are signed, checked by gpg, gpgv and minisign, and keys that keep a run
//! from beginning.

mod windows;

use crate::support::clients::find;
use crate::support::project::{HOST, Project, Ran, Scratch, tree};
use camino::Utf8PathBuf;
use cargo_deploy::bench::environment::Environment;
use cargo_deploy::key::{Key, Subject};
use cargo_deploy::sign::{self, KeyContext};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What must be seen nowhere.
const PASSPHRASE: &str = "planted-correct-horse";

/// When the tests' projects were last changed, 2024-01-01.
const EPOCH: i64 = 1_704_067_200;

/// A home of gpg. Its path is short, since the agent's sockets are in it.
struct Home(Scratch);

impl Home {
    fn new() -> Option<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        find("gpg")?;
        let scratch = Scratch::new();
        std::fs::set_permissions(&scratch.0, std::fs::Permissions::from_mode(0o700)).expect("permissions");
        Some(Home(scratch))
    }

    fn path(&self) -> &Path {
        &self.0.0
    }

    /// Runs gpg at a moment; it must succeed.
    fn gpg(&self, moment: i64, arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"]);
        command.args(["--faked-system-time", &format!("{moment}!")]).args(arguments);
        let output = command.env("GNUPGHOME", self.path()).stdin(Stdio::null()).output().expect("it starts");
        assert!(output.status.success(), "gpg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Makes a key at a moment and gives its fingerprint.
    fn generate(&self, moment: i64, algorithm: &str, expire: &str, passphrase: &str) -> String {
        let name = format!("{algorithm} {moment} <release@example.com>");
        let quick = ["--passphrase", passphrase, "--quick-generate-key", &name, algorithm, "sign", expire];
        self.gpg(moment, &quick);
        let list = self.gpg(moment, &["--with-colons", "--list-keys", &format!("={name}")]);
        let list = String::from_utf8(list).expect("UTF-8");
        let line = list.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).expect("a fingerprint");
        line.trim_end_matches(':').to_owned()
    }

    fn secret(&self, fingerprint: &str, passphrase: &str) -> Vec<u8> {
        self.gpg(EPOCH, &["--passphrase", passphrase, "--armor", "--export-secret-keys", fingerprint])
    }

    /// What gpg says of a signature of a file, today.
    fn verify(&self, signature: &Path, file: &Path) -> String {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--status-fd", "1", "--verify"]).args([signature, file]);
        let output = command.env("GNUPGHOME", self.path()).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}: {said}", signature.display());
        said
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.path()).status();
    }
}

/// Gives the program its key, its passphrase and its agent's home.
fn run(project: &Project, home: Option<&Home>, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = project.command(arguments);
    if let Some(home) = home {
        command.env("GNUPGHOME", home.path());
    }
    command.envs(variables.iter().copied());
    project.ran(command)
}

fn archive() -> String {
    format!("hello-1.0.0-{HOST}.tar.gz")
}

/// Every file below the test's directory, and what was said, without the passphrase.
fn nothing_tells(project: &Project, ran: &Ran) {
    assert!(!ran.text().contains(PASSPHRASE), "{}", ran.text());
    let mut looked = 0;
    for (name, what) in tree(project.scratch()) {
        if what.starts_with("file") {
            let bytes = std::fs::read(project.scratch().join(&name)).expect("read");
            let found = bytes.windows(PASSPHRASE.len()).any(|window| window == PASSPHRASE.as_bytes());
            assert!(!found, "the passphrase stands in {name}");
            looked += 1;
        }
    }
    assert!(looked >= 5, "only {looked} files");
}

#[test]
fn gpg_finds_every_package_and_the_checksums_signed() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate(EPOCH - 1000, "rsa2048", "never", PASSPHRASE);
    let key = home.secret(&fingerprint, PASSPHRASE);
    let bundle = |directory: &str| {
        let project = Project::named(directory);
        project.write("../release-key.asc", &key);
        project.write(
            "Deploy.toml",
            "schema = 1\n\n[sign.gpg]\nkey = { file = \"../release-key.asc\" }\npassphrase-env = \"KEY_PASSPHRASE\"\n\n\
             [release]\nrequire = [\"signed\"]\n",
        );
        let ran =
            run(&project, None, &[("KEY_PASSPHRASE", PASSPHRASE)], &["bundle", "--format", "tar.gz,zip"]);
        (project, ran.good())
    };
    let (project, ran) = bundle("one");
    nothing_tells(&project, &ran);

    // Users have the public key only.
    let users = Home::new().expect("gpg is there");
    let release = project.release();
    users.gpg(EPOCH, &["--import", release.join("hello-key.asc").to_str().expect("UTF-8")]);
    let zip = format!("hello-1.0.0-{HOST}.zip");
    for name in [&archive(), &zip, "SHA256SUMS"] {
        let said = users.verify(&release.join(format!("{name}.asc")), &release.join(name));
        assert!(said.contains(&format!("VALIDSIG {fingerprint} 2024-01-01 {EPOCH} ")), "{said}");
    }
    let verified = project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
    assert!(verified.stderr.contains("hello 1.0.0"), "{}", verified.text());

    let (other, _) = bundle("another directory");
    assert_eq!(tree(&release), tree(&other.release()), "the same source and key give other bytes");
}

#[test]
fn signatures_inside_packages_are_of_the_key_and_read_back() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate(EPOCH - 1000, "ed25519", "never", "");
    let project = Project::new();
    project.write("key.asc", home.secret(&fingerprint, ""));
    project.write("Deploy.toml", "schema = 1\n\n[sign.gpg]\nkey = { file = \"key.asc\" }\n");
    let cargo_home = std::env::var("CARGO_HOME")
        .unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").unwrap_or_default()));
    run(&project, None, &[("CARGO_HOME", &cargo_home)], &["bundle", "--format", "rpm,appimage"]).good();
    let verified = project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
    assert!(verified.stderr.contains("hello 1.0.0"), "{}", verified.text());
    let release = project.release();
    let image = release.join("hello-1.0.0-x86_64.AppImage");
    let output = Command::new(&image).arg("--appimage-signature").output().expect("it starts");
    let signature = home.path().join("signature");
    std::fs::write(&signature, output.stdout).expect("write");
    // What is signed inside is the digest of the image without its signature; gpg only tells here whose it is.
    let packets = home.gpg(EPOCH, &["--list-packets", signature.to_str().expect("UTF-8")]);
    let packets = String::from_utf8_lossy(&packets).into_owned();
    assert!(packets.contains(&fingerprint), "{packets}");
    let Some(rpm) = find("rpm") else { return };
    let keys = home.path().join("rpm");
    let call = |arguments: &[&str]| {
        let mut command = Command::new(&rpm);
        command.arg("--dbpath").arg(&keys).args(arguments).current_dir(&release).env("LC_ALL", "C");
        let output = command.output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    };
    call(&["--initdb"]);
    call(&["--import", "hello-key.asc"]);
    let said = call(&["-K", "hello-1.0.0-1.x86_64.rpm"]);
    assert_eq!(said, "hello-1.0.0-1.x86_64.rpm: digests signatures OK\n");
}

#[test]
fn a_second_run_asks_no_key_for_signatures_that_are_there() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate(EPOCH, "ed25519", "never", "");
    let project = Project::new();
    project.write("Deploy.toml", "schema = 1\n\n[sign.gpg]\nkey = { env = \"RELEASE_KEY\" }\n");
    let key = String::from_utf8(home.secret(&fingerprint, "")).expect("UTF-8");
    let variables = [("RELEASE_KEY", key.as_str())];
    run(&project, None, &variables, &["bundle"]).good();
    let before = tree(&project.release());
    let again = run(&project, None, &variables, &["bundle"]).good();
    assert!(!again.stderr.contains("Signing"), "{}", again.text());
    assert_eq!(tree(&project.release()), before);
}

#[test]
fn the_agent_of_gpg_signs_with_the_same_moment() {
    let Some(home) = Home::new() else { return };
    for (algorithm, passphrase) in [("ed25519", ""), ("rsa2048", PASSPHRASE)] {
        let fingerprint = home.generate(EPOCH - 1000, algorithm, "never", passphrase);
        let project = Project::new();
        std::os::unix::fs::symlink(find("gpg").expect("found"), project.scratch().join("bin/gpg"))
            .expect("link");
        let line = if passphrase.is_empty() { "" } else { "passphrase-env = \"KEY_PASSPHRASE\"\n" };
        project.write(
            "Deploy.toml",
            format!("schema = 1\n\n[sign.gpg]\nkey = {{ agent = \"{fingerprint}\" }}\n{line}"),
        );
        let variables = [("KEY_PASSPHRASE", passphrase), ("CI", "true")];
        let ran = run(&project, Some(&home), &variables, &["bundle"]).good();
        if !passphrase.is_empty() {
            nothing_tells(&project, &ran);
        }
        let release = project.release();
        let said = home.verify(&release.join(format!("{}.asc", archive())), &release.join(archive()));
        assert!(said.contains(&format!("VALIDSIG {fingerprint} 2024-01-01 {EPOCH} ")), "{said}");
        project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
    }
}

#[test]
fn an_agent_that_must_not_or_cannot_sign_keeps_the_run_from_beginning() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate(EPOCH, "ed25519", "never", PASSPHRASE);
    // The agent knows the passphrase from making the key.
    let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", home.path()).status();
    let project = Project::new();
    let link = || std::os::unix::fs::symlink("/usr/bin/gpg", project.scratch().join("bin/gpg"));
    let manifest = |fingerprint: &str, more: &str| {
        let text = format!("schema = 1\n\n[sign.gpg]\nkey = {{ agent = \"{fingerprint}\" }}\n{more}");
        project.write("Deploy.toml", text);
    };
    manifest(&fingerprint, "");
    fails(&project, Some(&home), &[], 78, "gpg is not on PATH");
    link().expect("link");
    fails(
        &project,
        Some(&home),
        &[("CI", "1")],
        77,
        &format!("gpg does not sign with {fingerprint}: signing failed: No pinentry"),
    );
    manifest(&fingerprint, "passphrase-env = \"KEY_PASSPHRASE\"\n");
    fails(&project, Some(&home), &[("KEY_PASSPHRASE", "battery staple")], 77, "Bad passphrase");
    manifest("release@example.com", "");
    fails(&project, Some(&home), &[], 64, "is not the fingerprint of an OpenPGP key");
    manifest("0123456789ABCDEF0123456789ABCDEF01234567", "");
    fails(&project, Some(&home), &[], 77, "gpg has no key 0123456789ABCDEF0123456789ABCDEF01234567");
}

/// The run must end with this code, say this, and have compiled nothing.
#[track_caller]
fn fails(project: &Project, home: Option<&Home>, variables: &[(&str, &str)], code: i32, expected: &str) {
    let ran = run(project, home, variables, &["bundle"]);
    assert_eq!(ran.code, Some(code), "{}", ran.text());
    assert!(joined(&ran.stderr).contains(expected), "{expected}\n{}", ran.text());
    assert!(!project.path("target").join(HOST).exists(), "something was compiled");
    assert!(!project.path("target/release").exists(), "something was compiled");
    nothing_tells(project, &ran);
}

/// A message without the frame and the line breaks that it was shown with.
fn joined(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>().join(" ")
}

#[test]
fn a_key_that_cannot_sign_keeps_the_run_from_beginning() {
    let Some(home) = Home::new() else { return };
    let locked = home.generate(EPOCH, "ed25519", "never", PASSPHRASE);
    let expired = home.generate(EPOCH + 1, "ed25519", "2024-02-01", "");
    let project = Project::new();
    let manifest = |key: &str, more: &str| {
        project.write("Deploy.toml", format!("schema = 1\n\n[sign.gpg]\nkey = {key}\n{more}"));
    };
    project.write("../locked.asc", home.secret(&locked, PASSPHRASE));
    project.write("../expired.asc", home.secret(&expired, ""));
    project.write("../public.asc", home.gpg(EPOCH, &["--armor", "--export", &locked]));
    project.write("../other.asc", "hello\n");

    manifest("{ file = \"../locked.asc\" }", "");
    let missing = format!(
        "failed to unlock the OpenPGP key {locked}: it is protected by a passphrase, and none was given"
    );
    fails(&project, None, &[], 77, &missing);
    manifest("{ file = \"../locked.asc\" }", "passphrase-env = \"KEY_PASSPHRASE\"\n");
    fails(
        &project,
        None,
        &[],
        77,
        "the variable KEY_PASSPHRASE, which should hold the passphrase of the key, is not set",
    );
    let wrong = format!("failed to unlock the OpenPGP key {locked}: the passphrase is wrong");
    fails(&project, None, &[("KEY_PASSPHRASE", "battery staple")], 77, &wrong);

    manifest("{ file = \"../expired.asc\" }", "");
    let message =
        format!("failed to sign with the OpenPGP key {expired}: it expired on 2024-02-01 12:00:00 UTC");
    fails(&project, None, &[], 77, &message);
    manifest("{ file = \"../public.asc\" }", "");
    fails(&project, None, &[], 77, "this is the public key");
    manifest("{ file = \"../other.asc\" }", "");
    fails(&project, None, &[], 77, "this is some other text, not an OpenPGP key");
    manifest("{ file = \"../absent.asc\" }", "");
    fails(&project, None, &[], 77, "the key file \"../absent.asc\" is not there");
    manifest("{ env = \"RELEASE_KEY\" }", "");
    fails(&project, None, &[], 77, "the variable RELEASE_KEY, which should hold the key, is not set");
    manifest("{ env = \"RELEASE_KEY\", file = \"../locked.asc\" }", "");
    fails(&project, None, &[], 64, "env");

    // What needs no signature needs no key.
    manifest("{ file = \"../absent.asc\" }", "");
    run(&project, None, &[], &["bundle", "--no-sign"]).good();
    let names: Vec<String> = tree(&project.release()).into_keys().collect();
    assert!(!names.iter().any(|name| name.ends_with(".asc")), "{names:?}");
}

#[test]
fn a_signature_of_something_else_is_found_by_verify() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate(EPOCH - 5000, "ed25519", "never", "");
    let stranger = home.generate(EPOCH - 4000, "ed25519", "never", "");
    let project = Project::new();
    project.write("../key.asc", home.secret(&fingerprint, ""));
    project.write("Deploy.toml", "schema = 1\n\n[sign.gpg]\nkey = { file = \"../key.asc\" }\n");
    project.run(&["bundle"]).good();
    let sums = project.release().join("SHA256SUMS");
    let signature = project.release().join("SHA256SUMS.asc");
    let good = std::fs::read(&signature).expect("read");
    let sign = |by: &str, moment: i64| {
        let sums = sums.to_str().expect("UTF-8");
        home.gpg(moment, &["--local-user", by, "--armor", "--output", "-", "--detach-sign", sums])
    };
    let refused = |bytes: &[u8], expected: &str| {
        std::fs::write(&signature, bytes).expect("write");
        let ran = project.run(&["verify", "target/deploy/hello-1.0.0"]);
        assert_eq!(ran.code, Some(65), "{}", ran.text());
        assert!(joined(&ran.text()).contains(expected), "{expected}\n{}", ran.text());
    };
    refused(
        &sign(&stranger, EPOCH),
        &format!("verify the signature: it was made by the key {stranger}, and not by {fingerprint}"),
    );
    refused(
        &sign(&fingerprint, EPOCH + 1),
        &format!("it says that it was made {} seconds after 1970, expected {EPOCH}", EPOCH + 1),
    );
    std::fs::write(&signature, &good).expect("write");
    project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
    // Whoever changes the checksums cannot sign them.
    let text = std::fs::read_to_string(&sums).expect("read");
    std::fs::write(&sums, text.replacen('a', "b", 1)).expect("write");
    refused(&good, "verify the signature: it does not fit what it should have signed");
}

/// The key of `[sign.gpg]` opened as the program opens it.
fn open(settings: &serde_json::Value, root: &Path, variables: &[(&str, &str)]) -> Box<dyn Key> {
    let root = Utf8PathBuf::from_path_buf(root.to_owned()).expect("UTF-8");
    let environment = Environment::of(variables, root.as_str());
    let cache = root.join("cache");
    let context =
        KeyContext { root: &root, environment: &environment, moment: EPOCH, cache: &cache, offline: false };
    let signer = sign::find("gpg").expect("it exists");
    signer.open(settings, &context).unwrap_or_else(|finding| panic!("{}", finding.message))
}

#[test]
fn gpgv_reads_an_in_release_and_the_agent_makes_the_same() {
    let (Some(home), Some(gpgv)) = (Home::new(), find("gpgv")) else { return };
    let fingerprint = home.generate(EPOCH - 1000, "rsa2048", "never", PASSPHRASE);
    let directory = home.path().join("files");
    std::fs::create_dir(&directory).expect("create");
    std::fs::write(directory.join("key.asc"), home.secret(&fingerprint, PASSPHRASE)).expect("write");
    let text = "Origin: example\nSuite: stable\nSHA256:\n 00 12 main/binary-amd64/Packages\n";
    let subject = Subject { file: "dists/stable/Release", name: "hello", version: "1.0.0", moment: EPOCH };

    let settings = serde_json::json!({ "key": { "file": "key.asc" }, "passphrase-env": "PASS" });
    let key = open(&settings, &directory, &[("PASS", PASSPHRASE)]);
    assert_eq!(key.identity().key, fingerprint);
    let message = key.cleartext(text, &subject).expect("it signs");
    std::fs::write(directory.join("InRelease"), &message).expect("write");
    let ring: PathBuf = directory.join("ring.gpg");
    std::fs::write(directory.join("hello-key.asc"), &key.identity().public_key).expect("write");
    let dearmor = ["--output", ring.to_str().expect("UTF-8"), "--dearmor"];
    home.gpg(EPOCH, &[&dearmor[..], &[directory.join("hello-key.asc").to_str().expect("UTF-8")]].concat());
    let output = Command::new(gpgv)
        .args(["--keyring", ring.to_str().expect("UTF-8"), "--output", "-"])
        .arg(directory.join("InRelease"))
        .env("GNUPGHOME", home.path())
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).expect("UTF-8"), text);

    let certificate =
        sign::find("gpg").expect("it exists").certificate(&key.identity().public_key).expect("a key");
    assert_eq!(certificate.check_cleartext(&message).expect("it is good"), text);
    let packet = key.packet(b"header", &subject).expect("it signs");
    certificate.check_packet(b"header", &packet).expect("it is good");
    // The same by gpg and its agent.
    let settings = serde_json::json!({ "key": { "agent": fingerprint }, "passphrase-env": "PASS" });
    let (gpg, gnupg) = (find("gpg").expect("found"), home.path().to_str().expect("UTF-8"));
    let path = gpg.parent().and_then(Path::to_str).expect("UTF-8");
    let variables = [("PASS", PASSPHRASE), ("GNUPGHOME", gnupg), ("PATH", path)];
    let agent = open(&settings, &directory, &variables);
    assert_eq!(agent.identity().key, fingerprint);
    let by_agent = agent.cleartext(text, &subject).expect("it signs");
    assert_eq!(certificate.check_cleartext(&by_agent).expect("it is good"), text);
    let packet_by_agent = agent.packet(b"header", &subject).expect("it signs");
    certificate.check_packet(b"header", &packet_by_agent).expect("it is good");
    // Headers of 3 bytes, gpg's in the older form.
    assert_eq!(packet[3..], packet_by_agent[3..]);

    let error = certificate.check_packet(b"other", &packet).expect_err("other content").to_string();
    assert_eq!(error, format!("check the signature of the package with the key {fingerprint}"));
}

/// A pair of keys that minisign made; the secret one as text.
fn minisign(password: Option<&str>) -> Option<(Scratch, String)> {
    use std::io::Write as _;
    let program = find("minisign")?;
    let scratch = Scratch::new();
    let mut command = Command::new(program);
    command.current_dir(&scratch.0).args(["-G", "-f", "-p", "key.pub", "-s", "key"]);
    if password.is_none() {
        command.arg("-W");
    }
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    if let Some(password) = password {
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(format!("{password}\n{password}\n").as_bytes()).expect("written");
    }
    assert!(child.wait().expect("it ends").success());
    let secret = std::fs::read_to_string(scratch.0.join("key")).expect("read");
    Some((scratch, secret))
}

/// What minisign says of a file of a release and its signature.
fn minisign_verify(release: &Path, name: &str) -> (bool, String) {
    let output = Command::new("minisign")
        .args(["-V", "-p", "hello-key.pub", "-m", name])
        .current_dir(release)
        .output()
        .expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn minisign_finds_every_package_and_the_checksums_signed_for_their_name_and_version() {
    let Some((_scratch, secret)) = minisign(None) else { return };
    let project = Project::new();
    project.write("Deploy.toml", "schema = 1\n\n[sign.minisign]\nkey = { env = \"RELEASE_KEY\" }\n");
    let bundle = ["bundle", "--format", "tar.gz,zip"];
    run(&project, None, &[("RELEASE_KEY", &secret)], &bundle).good();
    let zip = format!("hello-1.0.0-{HOST}.zip");
    for name in [&archive(), &zip, "SHA256SUMS"] {
        let (good, said) = minisign_verify(&project.release(), name);
        let comment = format!("Trusted comment: timestamp:{EPOCH}\tfile:{name}\tversion:1.0.0\thashed\n");
        assert!(good && said.contains(&comment), "{said}");
    }
    project.run(&["verify", "target/deploy/hello-1.0.0"]).good();

    // A good signature of one file passed off as that of another.
    let signature = |name: &str| project.release().join(format!("{name}.minisig"));
    std::fs::copy(project.release().join(archive()), project.release().join("SHA256SUMS")).expect("copy");
    std::fs::copy(signature(&archive()), signature("SHA256SUMS")).expect("copy");
    let ran = project.run(&["verify", "target/deploy/hello-1.0.0"]);
    assert_eq!(ran.code, Some(65), "{}", ran.text());
    let expected = format!("its trusted comment is \"timestamp:{EPOCH}\\tfile:{}", archive());
    assert!(joined(&ran.text()).contains(&expected), "{}", ran.text());
}

#[test]
fn a_minisign_key_that_cannot_sign_keeps_the_run_from_beginning() {
    let Some((scratch, secret)) = minisign(Some(PASSPHRASE)) else { return };
    let project = Project::new();
    project.write("../minisign.key", &secret);
    project.write("../key.pub", std::fs::read(scratch.0.join("key.pub")).expect("read"));
    let manifest = |file: &str, more: &str| {
        let text = format!("schema = 1\n\n[sign.minisign]\nkey = {{ file = \"{file}\" }}\n{more}");
        project.write("Deploy.toml", text);
    };
    manifest("../minisign.key", "");
    fails(
        &project,
        None,
        &[],
        77,
        "failed to unlock the minisign key: it is protected by a password, and none was given",
    );
    manifest("../key.pub", "");
    fails(&project, None, &[], 77, "this is the public key");
    manifest("../minisign.key", "password-env = \"KEY_PASSWORD\"\n");
    fails(
        &project,
        None,
        &[],
        77,
        "the variable KEY_PASSWORD, which should hold the password of the key, is not set",
    );
    let wrong = "failed to unlock the minisign key: the password is wrong";
    fails(&project, None, &[("KEY_PASSWORD", "battery staple")], 77, wrong);

    let ran = run(&project, None, &[("KEY_PASSWORD", PASSPHRASE)], &["bundle"]).good();
    nothing_tells(&project, &ran);
    let (good, said) = minisign_verify(&project.release(), "SHA256SUMS");
    assert!(good, "{said}");
}
