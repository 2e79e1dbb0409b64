//! What is wrong with the settings of a Debian package is said before anything is compiled.

use crate::support::project::Project;
use crate::support::snapshot::check;

fn project(settings: &str) -> Project {
    let project = Project::new();
    project.write("Deploy.toml", format!("schema = 1\n\n{settings}"));
    // Whatever is compiled fails, so that it would be noticed.
    project.write("src/main.rs", "this is no Rust\n");
    project
}

#[test]
fn everything_wrong_is_told_at_once() {
    let project = project(
        r#"[package.deb]
name = "Hello_World"
maintainer = "The Makers"
revision = "1-2"
section = "Utils and more"
depends = ["$auto", "libc6 >= 2.17", "${shlibs:Depends}"]
recommends = "$auto"
assets = [["target/release/hallo", "usr/bin/", "755"], ["README.md", "../etc/", "644"], ["README.md", "etc/", "rw"]]
conf-files = ["etc/hello.conf"]
features = ["fast"]
dbgsym = true
"#,
    );
    let ran = project.run(&["bundle", "--format", "deb"]);
    assert_eq!(ran.code, Some(64));
    check("cli/deb/settings", &ran.text());
}

#[test]
fn scripts_and_texts_are_looked_at() {
    let project = project(
        r#"[package.deb]
maintainer-scripts = "debian/"
triggers-file = "debian/hello.triggers"
changelog = "debian/changelog"
systemd-units = { unit-name = "other" }
"#,
    );
    project.write("debian/postinst", "#!/bin/sh\r\nset -e\r\n");
    project.write("debian/prerm", "echo removed\n");
    project.write("debian/hello.triggers", "intrest /usr/share/hello\n");
    project.write("debian/changelog", "# Changes\n\n- none\n");
    let ran = project.run(&["bundle", "--format", "deb"]);
    assert_eq!(ran.code, Some(64));
    check("cli/deb/files", &ran.text());
}

#[test]
fn a_file_that_is_missing_is_named_with_its_place() {
    let project = project(
        "[package.deb]\nassets = [\"$auto\", [\"dist/hello.conf\", \"etc/\", \"644\"], [\"more/*\", \"usr/share/\", \"644\"]]\n",
    );
    let ran = project.run(&["bundle", "--format", "deb"]);
    assert_eq!(ran.code, Some(66));
    check("cli/deb/missing", &ran.text());
}
