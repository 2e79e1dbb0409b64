//! rpm packages of a project, installed, checked, upgraded and removed by the real rpm: that of this machine, and rpm 4.20 in the root of the next
//! Debian release.

use crate::support::clients;
use crate::support::project::{Project, Ran};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A project with a program, a configuration file, a unit, a manual page and scripts.
fn project() -> Project {
    let project = Project::new();
    let manifest = String::from_utf8(project.read("Cargo.toml")).expect("UTF-8");
    project.write("Cargo.toml", manifest.replace("tar.gz", "rpm"));
    project.write(
        "Deploy.toml",
        r#"schema = 1

[targets]
build = ["linux-x64"]

[linux]
man = ["hello.1"]
changelog = "CHANGELOG.md"

[[linux.config]]
from = "hello.conf"
to = "etc/hello/hello.conf"
mode = "0640"

[[linux.unit]]
file = "hello.service"

[package.rpm]
packager = "The Makers <makers@example.com>"
requires = ["$auto", "hello-data >= 1"]
recommends = ["(bash or zsh)"]
post-install-script = "post.sh"
"#,
    );
    project.write("hello.conf", "greeting = 1\n");
    project.write("hello.1", ".TH HELLO 1\n.SH NAME\nhello \\- says hello\n");
    project.write("CHANGELOG.md", "# Changes\n\n## 1.0.0\n\n- Says hello\n");
    project.write(
        "hello.service",
        "[Unit]\nDescription=Hello\n\n[Service]\nExecStart=/usr/bin/hello\n\n[Install]\nWantedBy=multi-user.target\n",
    );
    project.write("post.sh", "#!/bin/sh\necho installed $1 > /var/lib/hello.installed\n");
    project
}

/// Makes the package of a version and gives its path.
fn package(project: &Project, version: &str) -> PathBuf {
    for file in ["Cargo.toml", "Cargo.lock"] {
        let text = String::from_utf8(project.read(file)).expect("UTF-8");
        project.write(file, text.replace("version = \"1.0.0\"", &format!("version = \"{version}\"")));
    }
    project.run(&["bundle"]).good();
    let release = project.path(&format!("target/deploy/hello-{version}"));
    project.run(&["verify", release.to_str().expect("UTF-8")]).good();
    release.join(format!("hello-{version}-1.x86_64.rpm"))
}

fn said(program: &Path, arguments: &[&str]) -> (bool, String) {
    let output =
        Command::new(program).args(arguments).env("LC_ALL", "C").env("TZ", "UTC").output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    // Debian's rpm warns of being used on Debian.
    let text = String::from_utf8_lossy(&text).into_owned();
    let own = text.split_inclusive('\n').filter(|line| !line.starts_with("rpm: ") && *line != "\n");
    (output.status.success(), own.collect())
}

fn good(program: &Path, arguments: &[&str]) -> String {
    let (success, text) = said(program, arguments);
    assert!(success, "{arguments:?}: {text}");
    text
}

#[test]
fn a_package_is_installed_upgraded_and_removed_by_rpm() {
    let Some(rpm) = clients::find("rpm") else { return };
    let project = project();
    let first = package(&project, "1.0.0");
    let first = first.to_str().expect("UTF-8");
    assert_eq!(good(&rpm, &["-K", first]), format!("{first}: digests OK\n"));
    let requires = good(&rpm, &["-qp", "--requires", first]);
    for line in
        ["libc.so.6()(64bit)", "rtld(GNU_HASH)", "hello-data >= 1", "config(hello) = 1.0.0-1", "/bin/sh"]
    {
        assert!(requires.lines().any(|found| found == line), "{line} is not in\n{requires}");
    }
    let list = good(&rpm, &["-qp", "--qf", "[%{FILEMODES:perms} %{FILEFLAGS:fflags} %{FILENAMES}\n]", first]);
    let expected = "drwxr-xr-x  /etc/hello\n\
        -rw-r----- cn /etc/hello/hello.conf\n\
        -rwxr-xr-x  /usr/bin/hello\n\
        -rw-r--r--  /usr/lib/systemd/system/hello.service\n\
        drwxr-xr-x  /usr/share/doc/hello\n\
        -rw-r--r-- d /usr/share/doc/hello/CHANGELOG.md\n\
        -rw-r--r-- d /usr/share/doc/hello/README.md\n\
        drwxr-xr-x  /usr/share/licenses/hello\n\
        -rw-r--r-- l /usr/share/licenses/hello/LICENSE\n\
        -rw-r--r-- d /usr/share/man/man1/hello.1.gz\n";
    assert_eq!(list, expected);
    let scripts = good(&rpm, &["-qp", "--scripts", first]);
    for part in [
        "install-system-units 'hello.service'",
        "echo installed $1",
        "remove-system-units 'hello.service'",
        "mark-restart-system-units 'hello.service'",
    ] {
        assert!(scripts.contains(part), "{part} is not in\n{scripts}");
    }
    assert!(good(&rpm, &["-qp", "--changelog", first]).contains("- Says hello"));

    let root = project.scratch().join("root");
    fs::create_dir(&root).expect("create");
    let root_text = root.to_str().expect("UTF-8").to_owned();
    let inside = |arguments: &[&str]| {
        let common = ["--root", &root_text, "--nodeps", "--noscripts"];
        let all: Vec<&str> = common.into_iter().chain(arguments.iter().copied()).collect();
        said(&rpm, &all)
    };
    let is_good = |(success, text): (bool, String)| assert!(success && text.is_empty(), "{text}");
    is_good(inside(&["-i", first]));
    assert_eq!(good(&root.join("usr/bin/hello"), &[]), "hello\n");
    is_good(inside(&["-V", "hello"]));
    let mode = fs::metadata(root.join("etc/hello/hello.conf")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);

    // A changed file stays, and the new one is put beside it.
    fs::write(root.join("etc/hello/hello.conf"), "greeting = 2\n").expect("write");
    project.write("hello.conf", "greeting = 3\n");
    let second = package(&project, "1.1.0");
    let (success, text) = inside(&["-U", second.to_str().expect("UTF-8")]);
    assert!(success, "{text}");
    let conf = |name: &str| fs::read_to_string(root.join("etc/hello").join(name)).unwrap_or_default();
    assert_eq!([conf("hello.conf"), conf("hello.conf.rpmnew")], ["greeting = 2\n", "greeting = 3\n"]);
    let (_, changed) = inside(&["-V", "hello"]);
    assert_eq!(changed, "..5....T.  c /etc/hello/hello.conf\n");
    let (success, text) = inside(&["-e", "hello"]);
    assert!(success, "{text}");
    assert!(!root.join("usr/bin/hello").exists() && !root.join("usr/share/doc/hello").exists());
    assert_eq!(conf("hello.conf.rpmsave"), "greeting = 2\n");
}

#[test]
fn the_newer_rpm_runs_its_scripts() {
    let Ok(provision) = std::env::var("CARGO_DEPLOY_PROVISION") else {
        return clients::skip("rpm 4.20 (CARGO_DEPLOY_PROVISION is not set)");
    };
    let project = project();
    let package = package(&project, "1.0.0");
    // A root of its own within the other, with what the script needs: rpm goes there as to a new system.
    let script = format!(
        "set -e; root=/tmp/root; libraries=lib/x86_64-linux-gnu; mkdir -p $root/bin $root/lib64 $root/$libraries $root/var/lib; \
         cp -L /bin/sh $root/bin; cp -L /lib64/ld-linux-x86-64.so.2 $root/lib64; \
         cp -L /$libraries/libc.so.6 /$libraries/libgcc_s.so.1 $root/$libraries; \
         rpm -K {0}; rpm --root /tmp/root --nodeps --noplugins -i {0}; cat /tmp/root/var/lib/hello.installed; \
         chroot /tmp/root /usr/bin/hello; rpm --root /tmp/root --nodeps --noplugins -V hello; \
         rpm --root /tmp/root --nodeps --noplugins -e hello; test ! -e /tmp/root/usr/bin/hello && echo gone",
        package.file_name().expect("a name").to_string_lossy()
    );
    let output = Command::new("bash")
        .args([&provision, "in-newer", "sh", "-c", &script])
        .current_dir(package.parent().expect("a directory"))
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}{errors}");
    let name = package.file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(text, format!("{name}: digests OK\ninstalled 1\nhello\ngone\n"), "{errors}");
}

/// What `check` says of a broken project.
fn refused(change: impl FnOnce(&Project)) -> Ran {
    let project = project();
    change(&project);
    project.run(&["plan"])
}

#[test]
fn what_rpm_cannot_have_is_said_before_anything_is_compiled() {
    let replaced = |from: &'static str, to: &'static str| {
        move |project: &Project| {
            let text = String::from_utf8(project.read("Deploy.toml")).expect("UTF-8");
            assert!(text.contains(from));
            project.write("Deploy.toml", text.replace(from, to));
        }
    };
    let table: [(Ran, &[&str]); 4] = [
        (
            refused(|project| project.write("post.sh", "#!/bin/sh\r\necho\r\n")),
            &["post.sh: line 1: the line ends in CR LF", "rpm::invalid-script"],
        ),
        (
            refused(replaced("hello-data >= 1", "hello-data (>= 1)")),
            &["`hello-data (>= 1)` is no dependency: after the name comes one of", "rpm::invalid-dependency"],
        ),
        (
            refused(replaced("[package.rpm]", "[package.rpm]\nrelease = \"1-2\"")),
            &["the release `1-2` contains `-`", "rpm::invalid-version"],
        ),
        (
            refused(replaced("[package.rpm]", "[package.rpm]\nname = \"my hello\"")),
            &["the name `my hello` contains ` `", "rpm::invalid-name"],
        ),
    ];
    for (ran, expected) in table {
        let text = ran.text();
        assert_ne!(ran.code, Some(0), "{text}");
        for part in expected {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
