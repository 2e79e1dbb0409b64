//! Packages of Windows Installer through the front door: installed, upgraded, repaired and removed by wine's msiexec, and read by
//! msitools and 7-Zip.

use crate::support::clients::find;
use crate::support::project::Project;
use crate::support::snapshot::same;
use crate::support::windows::{self, find_file, project, run};
use std::path::PathBuf;
use std::process::Command;

const MANIFEST: &str = r#"[app]
id = "com.example.hello"
name = "Hello World"
homepage = "https://example.com/hello"
authors = ["Example Ltd <hello@example.com>"]

[windows]
path = true

[[windows.shortcut]]
[[windows.shortcut]]
place = "desktop"

[[windows.registry]]
key = 'Software\Example\Place'
value = '{install}'

[[windows.association]]
extension = "hello"

[[windows.protocol]]
scheme = "hello"

[[component]]
id = "Reading"
files = ["README.md"]
default = false
"#;

/// The package of a version that says `said`.
fn package(project: &Project, version: &str, said: &str) -> PathBuf {
    let manifest = String::from_utf8(project.read("Cargo.toml")).expect("UTF-8");
    let lock = String::from_utf8(project.read("Cargo.lock")).expect("UTF-8");
    let replaced = |text: String| {
        ["1.0.0", "1.1.0"]
            .iter()
            .fold(text, |text, old| text.replace(&format!("\"{old}\""), &format!("\"{version}\"")))
    };
    project.write("Cargo.toml", replaced(manifest));
    project.write("Cargo.lock", replaced(lock));
    project.write("src/main.rs", format!("fn main() {{\n    println!(\"{said}\");\n}}\n"));
    run(project, &[], &["bundle"]).good();
    project.path(&format!("target/deploy/hello-{version}/hello-{version}-x64.msi"))
}

/// Both versions, in a directory for wine.
fn two_versions(more: &str) -> Option<(Project, PathBuf)> {
    let project = project(&["msi"], &format!("{MANIFEST}\n{more}"))?;
    let place = project.scratch().join("home");
    for (name, version, said) in [("one.msi", "1.0.0", "the first"), ("two.msi", "1.1.0", "the second")] {
        std::fs::copy(package(&project, version, said), place.join(name)).expect("copy");
    }
    Some((project, place))
}

#[test]
fn a_machine_is_given_an_upgrade_refused_a_downgrade_repaired_and_left_as_it_was() {
    let Some((_project, place)) =
        two_versions("[[windows.service]]\nname = \"HelloWorld\"\nstart = \"manual\"\n")
    else {
        return;
    };
    let said = windows::script(
        &place,
        r#"
P="$C/Program Files/Hello World"
wineboot -i >/dev/null 2>&1; wineserver -w
files() { (cd "$C" && find . -type f ! -name '*.log' ! -path './windows/*' | sort); }
list() { wine reg query 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall' /s 2>/dev/null | grep -E 'Display(Name|Version)|Publisher|URLInfoAbout' | sed 's/  */ /g'; }
files > before
echo "== install"; run msiexec /i one.msi /qn; ls "$P"; run 'C:\Program Files\Hello World\hello.exe'; list
wine reg query 'HKLM\Software\Example\Place' 2>/dev/null | grep -o 'REG_SZ.*'
wine reg query 'HKLM\Software\Classes\hello\shell\open\command' 2>/dev/null | grep -o '".*'
wine reg query 'HKLM\System\CurrentControlSet\Services\HelloWorld' /v ImagePath 2>/dev/null | grep -o '[A-Z]:.*exe'
wine reg query 'HKLM\System\CurrentControlSet\Control\Session Manager\Environment' /v PATH 2>/dev/null | grep -o '[^;]*Hello World[^;]*'
find "$C" -name '*.lnk' | grep -c 'Hello World.lnk'
echo "== upgrade"; run msiexec /i two.msi /qn; run 'C:\Program Files\Hello World\hello.exe'; list
echo "== downgrade"; run msiexec /i one.msi /qn; run 'C:\Program Files\Hello World\hello.exe'
echo "== repair"; rm "$P/hello.exe"; run msiexec /i two.msi REINSTALL=ALL REINSTALLMODE=amus /qn; run 'C:\Program Files\Hello World\hello.exe'
echo "== a part"; run msiexec /i two.msi ADDLOCAL=Reading /qn; ls "$P"
echo "== remove"; run msiexec /x two.msi /qn; list; files > after; diff before after && echo nothing left
wine reg query 'HKLM\Software\Example' 2>/dev/null; wine reg query 'HKLM\Software\Classes\hello' 2>/dev/null
wine reg query 'HKLM\System\CurrentControlSet\Services\HelloWorld' 2>/dev/null
"#,
    );
    let Some(said) = said else { return };
    same(
        r#"== install
[0]
LICENSE
hello.exe
the first
[0]
 DisplayName REG_SZ Hello World
 DisplayVersion REG_SZ 1.0.0
 Publisher REG_SZ Example Ltd
 URLInfoAbout REG_SZ https://example.com/hello
REG_SZ    C:\Program Files\Hello World\
"C:\Program Files\Hello World\hello.exe" "%1"
C:\Program Files\Hello World\hello.exe
C:\Program Files\Hello World\
2
== upgrade
[0]
the second
[0]
 DisplayName REG_SZ Hello World
 DisplayVersion REG_SZ 1.1.0
 Publisher REG_SZ Example Ltd
 URLInfoAbout REG_SZ https://example.com/hello
== downgrade
[67]
the second
[0]
== repair
[0]
the second
[0]
== a part
[0]
LICENSE
README.md
hello.exe
== remove
[0]
nothing left
reg: Unable to find the specified registry key
reg: Unable to find the specified registry key
reg: Unable to find the specified registry key
"#,
        &said,
    );
}

#[test]
fn a_user_without_rights_installs_for_herself() {
    let Some((_project, place)) = two_versions("[package.msi]\nscope = \"user\"\nlanguage = \"de\"\n") else {
        return;
    };
    let said = windows::script(
        &place,
        r#"
wineboot -i >/dev/null 2>&1; wineserver -w
P="$C/users/root/AppData/Local/Programs/Hello World"
echo "== install"; run msiexec /i one.msi /qn; ls "$P"; ls "$C/Program Files" | grep -c Hello
wine reg query 'HKCU\Environment' /v PATH 2>/dev/null | grep -o 'Programs.*'
wine reg query 'HKCU\Software\Example\Place' 2>/dev/null | grep -o 'Programs.*'
echo "== upgrade"; run msiexec /i two.msi /qn; (cd "$P" && run ./hello.exe)
echo "== remove"; run msiexec /x two.msi /qn; ls "$C/users/root/AppData/Local/Programs" 2>/dev/null; wine reg query 'HKCU\Software\Example' 2>/dev/null
"#,
    );
    let Some(said) = said else { return };
    same(
        "== install\n[0]\nLICENSE\nhello.exe\n0\nPrograms\\Hello World\\\nPrograms\\Hello World\\\n== upgrade\n[0]\nthe \
         second\n[0]\n== remove\n[0]\nreg: Unable to find the specified registry key\n",
        &said,
    );
}

#[test]
fn msitools_and_7_zip_read_a_package() {
    let (Some(_), Some(_), Some(_)) = (find("msiinfo"), find("msiextract"), find("7z")) else { return };
    let Some(project) = project(&["msi"], MANIFEST) else { return };
    let package = package(&project, "1.0.0", "the first");
    let place = project.scratch().join("home");
    let said = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).arg(&package).current_dir(&place);
        let output = command.output().expect("it starts");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).replace('\r', "")
    };
    let summary = said("msiinfo", &["suminfo"]);
    for line in ["Subject: Hello World", "Author: Example Ltd", "Template: x64;1033"] {
        assert!(summary.contains(line), "{summary}");
    }
    assert!(said("7z", &["t"]).contains("Everything is Ok"));
    said("msiextract", &["-C", "out"]);
    let installed = find_file(&place.join("out"), "hello.exe").expect("the program");
    let compiled = std::fs::read(installed).expect("read");
    assert!(compiled.starts_with(b"MZ"));
    let listed = project.run(&["inspect", package.to_str().expect("UTF-8")]).good().stdout;
    assert!(listed.contains("ProgramFiles64Folder/Hello World/hello.exe"), "{listed}");
}

#[test]
fn what_no_package_can_hold_is_told_before_anything_is_compiled() {
    let Some(project) = project(
        &["msi"],
        "[package.msi]\nupgrade-code = \"x\"\nlanguage = \"tlh\"\n[app]\nversion = \"1.2.3-beta.1\"\n",
    ) else {
        return;
    };
    let ran = run(&project, &[], &["bundle"]);
    assert_eq!(ran.code, Some(64), "{}", ran.text());
    for part in [
        "msi::version",
        "`1.2.3-beta.1` is a pre-release",
        "msi::upgrade-code",
        "`x` is no GUID",
        "msi::language",
        "there are no texts of installers in `tlh`",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    project.write(
        "Deploy.toml",
        "schema = 1\ntargets.build = [\"windows-x64\"]\nbundle.formats.windows = [\"msi\"]\npackage.msi.scope = \"user\"\n\
         [[windows.service]]\nname = \"Hello\"\n[[windows.registry]]\nroot = \"machine\"\nkey = 'Software\\Hello'\nvalue = \"1\"\n",
    );
    let ran = run(&project, &[], &["bundle"]);
    assert_eq!(ran.code, Some(64), "{}", ran.text());
    for part in ["only administrators can install", "HKEY_LOCAL_MACHINE"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    assert!(!project.path("target/x86_64-pc-windows-gnullvm").exists());
}

#[test]
fn an_upgrade_that_windows_would_not_recognise_is_refused() {
    let Some(project) = project(&["msi"], MANIFEST) else { return };
    package(&project, "1.0.0", "the first");
    let manifest = String::from_utf8(project.read("Deploy.toml")).expect("UTF-8");
    project.write("Deploy.toml", manifest.replace("com.example.hello", "com.example.other"));
    let ran = run(&project, &[], &["bundle", "--config", "app.version=\"1.1.0\""]);
    assert_eq!(ran.code, Some(64), "{}", ran.text());
    assert!(ran.stderr.contains("msi::upgrade-code"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the upgrade code of 1.0.0 was {"), "{}", ran.stderr);
}
