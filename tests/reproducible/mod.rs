//! The same project made at two places, under circumstances that have nothing to do with it, gives the same bytes.

use crate::support::project::{Project, tree};
use crate::support::windows;
use std::process::Command;

/// What is around a run and must not be seen in what it makes.
struct Circumstances {
    directory: &'static str,
    umask: &'static str,
    jobs: &'static str,
    backwards: bool,
    variables: &'static [(&'static str, &'static str)],
}

const ONE: Circumstances = Circumstances {
    directory: "one",
    umask: "022",
    jobs: "1",
    backwards: false,
    variables: &[("LC_ALL", "C"), ("TZ", "UTC")],
};

const OTHER: Circumstances = Circumstances {
    directory: "quite another place/below",
    umask: "077",
    jobs: "2",
    backwards: true,
    variables: &[
        ("LC_ALL", "de_DE.UTF-8"),
        ("LANG", "tr_TR.UTF-8"),
        ("TZ", "Asia/Kathmandu"),
        ("USER", "somebody"),
    ],
};

/// A program with a panic in it, which carries the path of its source, and files of several kinds.
fn project(circumstances: &Circumstances) -> Project {
    let project = Project::named(circumstances.directory);
    let mut files = vec![
        (
            "src/main.rs",
            "mod words;\n\nfn main() {\n    let first = std::env::args().nth(1).expect(\"an argument\");\n    \
             println!(\"{} {}\", words::greeting(&first), file!());\n}\n"
                .to_owned(),
        ),
        (
            "src/words.rs",
            "pub fn greeting(name: &str) -> String {\n    assert!(!name.is_empty(), \"no name\");\n    \
             format!(\"hello {name}\")\n}\n"
                .to_owned(),
        ),
        ("data/b.txt", "b\n".repeat(10_000)),
        ("data/a.txt", "a\n".repeat(10_000)),
        ("data/deeper/c.txt", "c\n".to_owned()),
        ("Deploy.toml", "schema = 1\n\n[bundle]\ninclude = [\"data/**\"]\n".to_owned()),
    ];
    if circumstances.backwards {
        files.reverse();
    }
    for (name, text) in files {
        project.write(name, text);
    }
    project
}

fn made(circumstances: &Circumstances) -> Project {
    let project = project(circumstances);
    bundle(&project, circumstances, "tar.gz,tar.xz,tar.zst,zip");
    project
}

fn bundle(project: &Project, circumstances: &Circumstances, formats: &str) {
    let script = format!("umask {}; exec \"$0\" \"$@\"", circumstances.umask);
    let mut command = project
        .command_by(&["sh", "-c", &script], &["bundle", "--format", formats, "--jobs", circumstances.jobs]);
    command.envs(circumstances.variables.iter().copied());
    windows::with_zig(&mut command, project);
    // What the runtime of AppImages is compiled from comes from where the machine has it already.
    let home = std::env::var("HOME").unwrap_or_default();
    command.env("CARGO_HOME", std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo")));
    project.ran(command).good();
}

/// The files of two releases that are not the same, by name.
fn differing(one: &Project, other: &Project) -> Vec<String> {
    let (ours, theirs) = (tree(&one.release()), tree(&other.release()));
    let content = |what: &String| what.rsplit(' ').next().unwrap_or_default().to_owned();
    let names = ours.keys().chain(theirs.keys()).collect::<std::collections::BTreeSet<&String>>();
    names
        .into_iter()
        .filter(|name| ours.get(*name).map(content) != theirs.get(*name).map(content))
        .cloned()
        .collect()
}

#[test]
fn packages_for_linux_and_their_repositories_are_the_same_wherever_and_however_they_are_made() {
    let made = |circumstances: &Circumstances| {
        let project = project(circumstances);
        project.write("hello.1", ".TH HELLO 1\n.SH NAME\nhello \\- says hello\n");
        project.write("hello.toml", "loud = false\n");
        project.write(
            "hello.service",
            "[Unit]\nDescription=Says hello\n\n[Service]\nExecStart=/usr/bin/hello world\n\n[Install]\nWantedBy=multi-user.target\n",
        );
        project.write(
            "Deploy.toml",
            "schema = 1\n\n[linux]\nman = [\"hello.1\"]\n\n[[linux.config]]\nfrom = \"hello.toml\"\nto = \"etc/hello.toml\"\n\n\
             [[linux.unit]]\nfile = \"hello.service\"\n\n\
             [repository.apt]\nsigned = false\n\n[repository.rpm]\nsigned = false\n",
        );
        bundle(&project, circumstances, "deb,rpm,appimage");
        project
    };
    let (one, other) = (made(&ONE), made(&OTHER));
    let names = tree(&one.release());
    for name in [
        "hello_1.0.0-1_amd64.deb",
        "hello-1.0.0-1.x86_64.rpm",
        "hello-1.0.0-x86_64.AppImage",
        "apt/dists/stable/Release",
        "rpm/repodata/repomd.xml",
    ] {
        assert!(names.contains_key(name), "{name} is not among {:?}", names.keys());
    }
    assert_eq!(differing(&one, &other), Vec::<String>::new());
}

#[test]
fn installers_for_windows_are_the_same_wherever_and_however_they_are_made() {
    let Some(_) = windows::project(&[], "") else { return };
    let made = |circumstances: &Circumstances| {
        let project = project(circumstances);
        project.write(
            "Deploy.toml",
            "schema = 1\ntargets.build = [\"windows-x64\"]\nbundle.include = [\"data/**\"]\n\
             [[windows.shortcut]]\n[[windows.association]]\nextension = \"hello\"\n\
             [[component]]\nid = \"Data\"\nfiles = [\"data/**\"]\n",
        );
        bundle(&project, circumstances, "zip,msi,setup");
        project
    };
    let (one, other) = (made(&ONE), made(&OTHER));
    assert_eq!(tree(&one.release()).len(), 6, "three packages, linkage.txt, release.json, SHA256SUMS");
    assert_eq!(differing(&one, &other), Vec::<String>::new());
}

#[test]
fn a_release_is_the_same_wherever_and_however_it_is_made() {
    let (one, other) = (made(&ONE), made(&OTHER));
    assert_eq!(tree(&one.release()).len(), 7, "four archives, linkage.txt, release.json, SHA256SUMS");
    assert_eq!(differing(&one, &other), Vec::<String>::new());
}

#[test]
fn no_path_of_this_machine_is_in_the_program() {
    let project = made(&ONE);
    let program = project.read("target/x86_64-unknown-linux-gnu/release/hello");
    let scratch = project.scratch().display().to_string();
    let text = String::from_utf8_lossy(&program);
    assert!(!text.contains(&scratch), "the program names {scratch}");
}

#[test]
fn what_git_says_is_written_down_and_dates_the_release() {
    let project = project(&ONE);
    project.write(".gitignore", "target\n");
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(project.root())
            .env("GIT_AUTHOR_DATE", "1700000000 +0000")
            .env("GIT_COMMITTER_DATE", "1700000000 +0000")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    let commit = git(&["rev-parse", "HEAD"]);
    let run = || {
        let mut command = project.command(&["bundle"]);
        command.env_remove("SOURCE_DATE_EPOCH");
        project.ran(command).good();
        let bytes = project.read("target/deploy/hello-1.0.0/release.json");
        serde_json::from_slice::<serde_json::Value>(&bytes).expect("JSON")
    };
    let release = run();
    assert_eq!(release["source-date-epoch"], 1_700_000_000);
    assert_eq!(release["source"], serde_json::json!({ "revision": commit, "dirty": false }));
    project.write("README.md", "# changed\n");
    assert_eq!(run()["source"], serde_json::json!({ "revision": commit, "dirty": true }));
}
