//! Debian packages, opened, installed, upgraded and removed by Debian's own programs.

use crate::support::clients;
use crate::support::project::Project;
use crate::support::snapshot::same;
use std::path::{Path, PathBuf};
use std::process::Command;

const CARGO: &str = r#"[package]
name = "hello"
version = "VERSION"
edition = "2024"
description = "Says hello"
license = "MIT"
authors = ["The Makers <makers@example.com>"]
homepage = "https://example.com/hello"

[profile.release]
strip = true

[package.metadata.deb]
section = "utils"
extended-description = "Says hello to everyone who is there, and to nobody else."
maintainer-scripts = "debian"
systemd-units = {}
assets = ["$auto", ["hello.conf", "etc/hello/", "644"], { dest = "hello", link-name = "usr/bin/hi" }]

[workspace]
"#;

const UNIT: &str = "[Unit]\nDescription=Says hello\nDocumentation=man:hello(1)\n\n[Service]\nExecStart=/usr/bin/hello\n\n\
                    [Install]\nWantedBy=multi-user.target\n";

const MANUAL: &str =
    ".TH HELLO 1\n.SH NAME\nhello \\- says hello\n.SH DESCRIPTION\nIt says\n.B hello\nand ends.\n";

/// Packages of the versions 1.0.0 and 1.1.0, between which the configuration file changes.
fn packages() -> (Project, [PathBuf; 2]) {
    let project = Project::new();
    project
        .write("src/main.rs", "fn main() {\n    println!(\"hello {}\", env!(\"CARGO_PKG_VERSION\"));\n}\n");
    project.write("debian/hello.service", UNIT);
    project.write("debian/postinst", "#!/bin/sh\nset -e\n#DEBHELPER#\necho \"configured $1\"\n");
    project.write("hello.1", MANUAL);
    project.write("hello.bash", "complete -W '--help' hello\n");
    project
        .write("Deploy.toml", "schema = 1\n\n[linux]\nman = [\"hello.1\"]\ncompletions = [\"hello.bash\"]\n");
    let made = ["1.0.0", "1.1.0"].map(|version| {
        project.write("Cargo.toml", CARGO.replace("VERSION", version));
        project.write(
            "Cargo.lock",
            format!("version = 4\n\n[[package]]\nname = \"hello\"\nversion = \"{version}\"\n"),
        );
        project.write("hello.conf", format!("written-for = {version}\n"));
        project.run(&["bundle", "--format", "deb"]).good();
        let release = format!("target/deploy/hello-{version}");
        project.run(&["verify", &release]).good();
        project.path(&format!("{release}/hello_{version}-1_amd64.deb"))
    });
    (project, made)
}

/// What a program says of a package, if it is here.
fn said(program: &str, arguments: &[&str], package: &Path) -> Option<String> {
    let program = clients::find(program)?;
    let output = Command::new(&program)
        .args(arguments)
        .arg(package)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .output()
        .expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {errors}", program.display());
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn dpkg_deb_and_ar_list_the_package() {
    let (_project, [package, _]) = packages();
    if let Some(fields) = said("dpkg-deb", &["--field"], &package) {
        // How large the program is, and of which libc, is the compiler's affair.
        let is_ours =
            |line: &&str| !line.starts_with("Installed-Size: ") && !line.starts_with("Depends: libc6 (>= 2.");
        let without_size: String = fields.lines().filter(is_ours).map(|line| format!("{line}\n")).collect();
        assert_eq!(fields.lines().count(), without_size.lines().count() + 2, "{fields}");
        same(
            "Package: hello\n\
             Version: 1.0.0-1\n\
             Architecture: amd64\n\
             Maintainer: The Makers <makers@example.com>\n\
             Section: utils\n\
             Priority: optional\n\
             Homepage: https://example.com/hello\n\
             Description: Says hello\n \
             Says hello to everyone who is there, and to nobody else.\n",
            &without_size,
        );
    }
    if let Some(contents) = said("dpkg-deb", &["--contents"], &package) {
        let paths: String = contents
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                format!("{} {} {} {} {}\n", words[0], words[1], words[3], words[4], words[5..].join(" "))
            })
            .collect();
        let moment = "2024-01-01 00:00";
        let line = |mode: &str, path: &str| format!("{mode} root/root {moment} {path}\n");
        let directory = |path: &str| line("drwxr-xr-x", path);
        let file = |path: &str| line("-rw-r--r--", path);
        let expected = [
            directory("./"),
            directory("./etc/"),
            directory("./etc/hello/"),
            file("./etc/hello/hello.conf"),
            directory("./usr/"),
            directory("./usr/bin/"),
            line("-rwxr-xr-x", "./usr/bin/hello"),
            directory("./usr/lib/"),
            directory("./usr/lib/systemd/"),
            directory("./usr/lib/systemd/system/"),
            file("./usr/lib/systemd/system/hello.service"),
            directory("./usr/share/"),
            directory("./usr/share/bash-completion/"),
            directory("./usr/share/bash-completion/completions/"),
            file("./usr/share/bash-completion/completions/hello"),
            directory("./usr/share/doc/"),
            directory("./usr/share/doc/hello/"),
            file("./usr/share/doc/hello/LICENSE"),
            file("./usr/share/doc/hello/README.md"),
            file("./usr/share/doc/hello/changelog.Debian.gz"),
            file("./usr/share/doc/hello/copyright"),
            directory("./usr/share/man/"),
            directory("./usr/share/man/man1/"),
            file("./usr/share/man/man1/hello.1.gz"),
            line("lrwxrwxrwx", "./usr/bin/hi -> hello"),
        ];
        same(&expected.concat(), &paths);
    }
    if let Some(members) = said("ar", &["t"], &package) {
        same("debian-binary\ncontrol.tar.xz\ndata.tar.xz\n", &members);
    }
}

#[test]
fn lintian_finds_no_error() {
    let (_project, [package, _]) = packages();
    let Some(said) = said("lintian", &["--no-tag-display-limit", "--fail-on", "error"], &package) else {
        return;
    };
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("E:")).collect();
    assert!(errors.is_empty(), "{said}");
}

/// What is done in a root of Debian, and what is seen of it.
const SCRIPT: &str = r#"set -e
seen() { find / -xdev -not -path '/proc/*' -not -path '/packages*' -not -path '/tmp/*' -not -path '/var/log/*' \
  -not -path '/var/cache/*' -not -path '/var/lib/dpkg/*' | LC_ALL=C sort; }
wanted=/etc/systemd/system/multi-user.target.wants/hello.service
seen >/tmp/before
dpkg -i old.deb >/tmp/log 2>&1 || cat /tmp/log
grep '^configured' /tmp/log
hello; hi
test -L $wanted && echo enabled
dpkg -V hello
echo '# of the administrator' >>/etc/hello/hello.conf
rm $wanted
dpkg --force-confold -i new.deb >/tmp/log 2>&1 || cat /tmp/log
grep '^configured' /tmp/log
hello
test -L $wanted || echo still disabled
cat /etc/hello/hello.conf /etc/hello/hello.conf.dpkg-dist
dpkg -V hello || true
dpkg -r hello >/dev/null 2>&1
test -e /usr/bin/hello || echo removed
ls /etc/hello
dpkg -P hello >/dev/null 2>&1
seen >/tmp/after
diff /tmp/before /tmp/after && echo nothing left
"#;

/// Runs the script in a root of a Debian release that is made for it, without writing into that root.
const IN_ROOT: &str = r#"set -e
root=$1; packages=$2; scratch=$3
mount -t tmpfs tmpfs "$scratch"; mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
mount -t proc proc "$scratch/root/proc"; mkdir -p "$scratch/root/packages"; mount --bind "$packages" "$scratch/root/packages"
exec chroot "$scratch/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
  sh -c 'cd /packages && sh ./script'
"#;

#[test]
fn a_package_is_installed_upgraded_checked_and_purged() {
    let roots: Vec<PathBuf> = [("bookworm", "bookworm"), ("newer", "trixie")]
        .into_iter()
        .filter_map(|(name, suite)| clients::debian(name, suite))
        .collect();
    if roots.is_empty() {
        return;
    }
    let (project, [old, new]) = packages();
    let place = project.scratch().join("packages");
    std::fs::create_dir_all(&place).expect("create");
    std::fs::copy(old, place.join("old.deb")).expect("copy");
    std::fs::copy(new, place.join("new.deb")).expect("copy");
    std::fs::write(place.join("script"), SCRIPT).expect("write");
    for root in roots {
        let scratch = project.scratch().join("root");
        std::fs::create_dir_all(&scratch).expect("create");
        let output = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "sh", "-c", IN_ROOT, "sh"])
            .args([&root, &place, &scratch])
            .output()
            .expect("it runs");
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        same(
            "configured configure\n\
             hello 1.0.0\n\
             hello 1.0.0\n\
             enabled\n\
             configured configure\n\
             hello 1.1.0\n\
             still disabled\n\
             written-for = 1.0.0\n\
             # of the administrator\n\
             written-for = 1.1.0\n\
             ??5?????? c /etc/hello/hello.conf\n\
             removed\n\
             hello.conf\n\
             hello.conf.dpkg-dist\n\
             nothing left\n",
            &said,
        );
    }
}
