//! Repositories through the front door: made, read back, and installed from by name with apt and dnf.

use crate::support::clients;
use crate::support::http::{Act, Server, ok, status};
use crate::support::project::{Project, tree};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const CARGO: &str = "[package]\nname = \"hello\"\nversion = \"1.0.0\"\nedition = \"2024\"\ndescription = \"Says hello\"\nlicense = \"MIT\"\n\
                     authors = [\"The Makers <makers@example.com>\"]\n\n[profile.release]\nstrip = true\n\n[workspace]\n";

/// A project whose release has a deb, an rpm and a repository of each, and the home of the gpg that has its key.
struct Signed {
    project: Project,
    home: PathBuf,
}

impl Signed {
    fn new(directory: &str, apt: &str, rpm: &str) -> Option<Self> {
        clients::find("gpg")?;
        let project = Project::named(directory);
        let home = project.scratch().join("gpg");
        std::fs::create_dir_all(&home).expect("create");
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).expect("permissions");
        project.write("Cargo.toml", CARGO);
        project.write(
            "Deploy.toml",
            format!(
                "schema = 1\n\n[bundle]\nformats = {{ linux = [\"deb\", \"rpm\"] }}\n\n[sign.gpg]\nkey = {{ env = \"RELEASE_KEY\" }}\n\n\
                 [repository.apt]\n{apt}\n[repository.rpm]\n{rpm}"
            ),
        );
        let signed = Signed { project, home };
        // A moment before the release's own.
        let key = [
            "--faked-system-time",
            "1704060000!",
            "--passphrase",
            "",
            "--quick-generate-key",
            "Makers <makers@example.com>",
        ];
        signed.gpg(&[&key[..], &["rsa2048", "sign", "never"]].concat());
        Some(signed)
    }

    fn gpg(&self, arguments: &[&str]) -> String {
        let output = Command::new("gpg")
            .args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"])
            .args(arguments)
            .env("GNUPGHOME", &self.home)
            .output()
            .expect("it starts");
        assert!(output.status.success(), "gpg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn key(&self) -> String {
        self.gpg(&["--passphrase", "", "--armor", "--export-secret-keys"])
    }

    fn bundle(&self) -> PathBuf {
        let mut command = self.project.command(&["bundle"]);
        command.env("RELEASE_KEY", self.key());
        self.project.ran(command).good();
        self.project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
        self.project.release()
    }
}

impl Drop for Signed {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", &self.home).output();
    }
}

/// A web server that gives the files below a directory.
fn web(directory: PathBuf) -> Server {
    Server::start(move |request, _| -> Vec<Act> {
        let path = request.path.trim_start_matches('/').replace("%2b", "+").replace("%7e", "~");
        match std::fs::read(directory.join(path)) {
            Ok(content) => ok(&[], &content),
            Err(_) => status("404 Not Found", &[]),
        }
    })
}

/// Runs a script in a root of Debian without writing into that root; what it says.
fn in_root(root: &Path, release: &Path, scratch: &Path, script: &str) -> String {
    const AROUND: &str = r#"set -e
root=$1; release=$2; scratch=$3
mount -t tmpfs tmpfs "$scratch"; mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
mount -t proc proc "$scratch/root/proc"; mkdir -p "$scratch/root/srv/release"; mount --bind "$release" "$scratch/root/srv/release"
rm -rf "$scratch/root/etc/apt/sources.list" "$scratch/root/etc/apt/sources.list.d"; mkdir "$scratch/root/etc/apt/sources.list.d"
exec chroot "$scratch/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive sh -ec "$4"
"#;
    std::fs::create_dir_all(scratch).expect("create");
    let output = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "sh", "-c", AROUND, "sh"])
        .args([root, release, scratch])
        .arg(script)
        .output()
        .expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// dnf with nothing of the machine's: everything it has and makes is below a directory.
fn dnf(place: &Path, arguments: &[&str]) -> String {
    for directory in ["log", "repos.d"] {
        std::fs::create_dir_all(place.join(directory)).expect("create");
    }
    let at = |option: &str, name: &str| format!("--setopt={option}={}", place.join(name).display());
    let output = Command::new("dnf")
        .args([at("reposdir", "repos.d"), at("cachedir", "cache"), at("varsdir", "vars")])
        .args([at("logdir", "log"), at("persistdir", "persist")])
        .arg(format!("--installroot={}", place.join("root").display()))
        .args(["--releasever=1", "--noplugins", "-y"])
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "dnf {arguments:?}: {said}");
    said
}

/// A package that stands for the rest of a system: it says that it has everything that is needed.
fn system(place: &Path, needed: &str) {
    let provides: String =
        needed.lines().filter(|line| !line.is_empty()).map(|line| format!("Provides: {line}\n")).collect();
    let spec = format!(
        "Name: system\nVersion: 1\nRelease: 1\nSummary: All\nLicense: MIT\nBuildArch: noarch\n{provides}%description\nAll\n%files\n"
    );
    std::fs::write(place.join("system.spec"), spec).expect("write");
    let directory = |name: &str| format!("{name} {}", place.join("system").display());
    for words in [
        &["rpmbuild", "-bb", "--quiet", "--define", &directory("_topdir"), "system.spec"][..],
        &["createrepo_c", "--quiet", "system"],
    ] {
        let output = Command::new(words[0]).args(&words[1..]).current_dir(place).output().expect("it starts");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = format!(
        "[system]\nname=System\nbaseurl=file://{}\nenabled=1\ngpgcheck=0\nrepo_gpgcheck=0\n",
        place.join("system").display()
    );
    std::fs::write(place.join("repos.d/system.repo"), text).expect("write");
}

/// `[repository.*]` with an address.
fn address(url: &str) -> String {
    format!("url = \"{url}\"\n")
}

#[test]
fn apt_installs_by_name_from_a_directory_and_from_a_web_server() {
    let Some(root) = clients::debian("bookworm", "bookworm") else { return };
    let local = "file:///srv/release/apt";
    let Some(signed) = Signed::new("project", &address(local), "") else { return };
    let release = signed.bundle();
    // The root has no other source, so what a program needs must be there already: libc6 and libgcc-s1 are.
    let server = web(release.clone());
    let script = format!(
        "cp /srv/release/apt/hello.sources /etc/apt/sources.list.d/\n\
         apt-get update 2>&1 | grep -E '^(W|E|N):' && exit 1\n\
         apt-get install -y -qq hello >/tmp/log 2>&1 || {{ cat /tmp/log; exit 1; }}\n\
         hello; apt-cache policy hello | grep Installed; apt-get purge -y -qq hello >/dev/null 2>&1\n\
         sed -i 's|^URIs:.*|URIs: {}|' /etc/apt/sources.list.d/hello.sources\n\
         apt-get update 2>&1 | grep -E '^(W|E|N):' && exit 1\n\
         apt-get install -y -qq hello >/tmp/log 2>&1 || {{ cat /tmp/log; exit 1; }}\nhello\n",
        server.url("/apt")
    );
    let said = in_root(&root, &release, &signed.project.scratch().join("overlay"), &script);
    assert_eq!(said, "hello\n  Installed: 1.0.0-1\nhello\n");
    assert!(server.requests().iter().any(|request| request.path.contains("/by-hash/SHA256/")));
}

#[test]
fn dnf_installs_by_name_from_a_directory_and_from_a_web_server() {
    if ["dnf", "rpmbuild", "createrepo_c"].iter().any(|program| clients::find(program).is_none()) {
        return;
    }
    let Some(signed) = Signed::new("project", "", &address("http://127.0.0.1:1/rpm")) else { return };
    let release = signed.bundle();
    let server = web(release.clone());
    for (name, url) in [("local", format!("file://{}/rpm", release.display())), ("web", server.url("/rpm"))] {
        let place = signed.project.scratch().join(name);
        dnf(&place, &["--version"]);
        let text = std::fs::read_to_string(release.join("rpm/hello.repo")).expect("read");
        assert!(text.contains("\nrepo_gpgcheck=1\n"), "{text}");
        std::fs::write(place.join("repos.d/hello.repo"), text.replace("http://127.0.0.1:1/rpm", &url))
            .expect("write");
        let listed = dnf(&place, &["repoquery", "--qf", "%{name}-%{version}-%{release}.%{arch}"]);
        assert!(listed.contains("hello-1.0.0-1.x86_64"), "{listed}");
        let files = dnf(&place, &["repoquery", "-l", "hello"]);
        assert!(files.contains("/usr/bin/hello"), "{files}");
        system(&place, &dnf(&place, &["repoquery", "--quiet", "--requires", "hello"]));
        let said = dnf(&place, &["install", "hello"]);
        assert!(said.contains("Importing GPG key"), "{said}");
        let program = Command::new(place.join("root/usr/bin/hello")).output().expect("it starts");
        assert_eq!(String::from_utf8_lossy(&program.stdout), "hello\n");
    }
}

#[test]
fn a_changed_repository_is_found_by_verify() {
    let Some(signed) =
        Signed::new("project", &address("https://example.com/apt"), &address("https://example.com/rpm"))
    else {
        return;
    };
    let release = signed.bundle();
    for (file, expected) in [
        ("apt/dists/stable/main/binary-amd64/Packages.gz", "Packages.gz"),
        ("apt/dists/stable/InRelease", "InRelease"),
        ("rpm/repodata/repomd.xml", "repomd.xml"),
        ("rpm/repodata/repomd.xml.asc", "repomd.xml.asc"),
    ] {
        let path = release.join(file);
        let bytes = std::fs::read(&path).expect("read");
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&path, changed).expect("write");
        let ran = signed.project.run(&["verify", "target/deploy/hello-1.0.0"]);
        assert_eq!(ran.code, Some(65), "{file}: {}", ran.text());
        assert!(ran.text().contains(expected), "{file}: {}", ran.text());
        std::fs::write(&path, bytes).expect("write");
    }
    signed.project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
}

#[test]
fn another_directory_gives_the_same_repository() {
    let settings = address("https://example.com/packages");
    let Some(one) = Signed::new("one", &settings, &settings) else { return };
    let Some(mut other) = Signed::new("another directory", &settings, &settings) else { return };
    // The same key.
    let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", &other.home).output();
    other.home.clone_from(&one.home);
    let (first, second) = (one.bundle(), other.bundle());
    for directory in ["apt", "rpm"] {
        assert_eq!(tree(&first.join(directory)), tree(&second.join(directory)), "{directory}");
    }
}

#[test]
fn a_repository_without_a_key_is_refused_before_anything_is_compiled() {
    let project = Project::new();
    project.write("Cargo.toml", CARGO);
    project.write(
        "Deploy.toml",
        "schema = 1\n\n[bundle]\nformats = { linux = [\"deb\"] }\n\n[repository.apt]\nsuite = \"stable\"\n",
    );
    let ran = project.run(&["bundle"]);
    assert_eq!(ran.code, Some(64), "{}", ran.text());
    assert!(ran.stderr.contains("signed = false"), "{}", ran.text());
    assert!(!project.path("target/release").exists() && !project.path("target/deploy/.work").exists());
}

#[test]
fn a_suite_that_is_no_name_is_refused() {
    let project = Project::new();
    project.write("Cargo.toml", CARGO);
    project.write(
        "Deploy.toml",
        "schema = 1\n\n[bundle]\nformats = { linux = [\"deb\"] }\n\n[repository.apt]\nsuite = \"../up\"\nsigned = false\n",
    );
    let ran = project.run(&["plan"]);
    assert_eq!(ran.code, Some(64), "{}", ran.text());
    assert!(ran.stderr.contains("`repository.apt.suite` is the string \"../up\""), "{}", ran.text());
}
