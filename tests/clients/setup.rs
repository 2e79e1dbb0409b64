//! setup.exe of a whole release under wine: installed, run, replaced while it runs, kept from going back, removed without
//! a trace; for one user, elsewhere, and for everybody.

use crate::support::clients;
use crate::support::project::Project;
use crate::support::snapshot::same;
use crate::support::windows;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that ends with 7, or waits to be ended.
const PROGRAM: &str = r#"fn main() {
    println!("hello {} from {}", env!("CARGO_PKG_VERSION"), std::env::current_exe().unwrap().display());
    if std::env::args().any(|argument| argument == "wait") {
        loop {
            std::thread::park();
        }
    }
    std::process::exit(7);
}
"#;

const MANIFEST: &str = r#"
[app]
id = "com.example.Hello"
name = "Hello App"
icon = "icon.svg"

[windows]
path = true

[[windows.shortcut]]
name = "Hello"
folder = "The Makers"
app-user-model-id = "Example.Hello"

[[windows.registry]]
key = 'Software\Example\Hello'
name = "Folder"
value = "{install}"

[[windows.association]]
extension = "hello"

[[windows.protocol]]
scheme = "hello-app"

[package.setup]
scope = "choose"
close-timeout = "1s"
updater-cache-directory = "hello-updater"
"#;

const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256">
  <circle cx="128" cy="128" r="120" fill="#2f6f4f"/>
</svg>
"##;

/// What happens on the machine, one line for each thing that is looked at.
const STORY: &str = r###"
export WINEPREFIX=/work/prefix WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe=d"
wineboot -i >/dev/null 2>&1; wineserver -w
drive=/work/prefix/drive_c
user=$drive/users/root
here="$user/AppData/Local/Programs/Hello App"
there='C:\users\root\AppData\Local\Programs\Hello App'
uninstall='HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\com.example.Hello'
run() { timeout 120 wine "$@" 2>/dev/null | tr -d '\r'; echo "-> ${PIPESTATUS[0]}"; }
value() { wine reg query "$1" /v "$2" 2>/dev/null | tr -d '\r' | sed -n "s/^ *$2 *REG_[A-Z_]* *//p"; }
files() { (cd "$drive" && find . -type f ! -path './windows/*' ! -name '*.reg' | sort); }
mkdir -p "$user/AppData/Local/Programs"
files >/work/before

echo "# install"
run setup-1.0.0.exe /S
(cd "$here" && find . -type f | sort)
run "$there\hello.exe"
(cd "$user" && find . -name '*.lnk' -o -name installer.exe | sort)
value "$uninstall" DisplayName; value "$uninstall" DisplayVersion; value "$uninstall" InstallLocation
value "$uninstall" QuietUninstallString
value 'HKCU\Environment' Path; value 'HKCU\Software\Example\Hello' Folder

echo "# a newer version while it runs"
echo mine >"$here/mine.txt"
wine "$there\hello.exe" wait >/dev/null 2>&1 &
sleep 1
run setup-1.1.0.exe --updated /S
run "$there\hello.exe"
cat "$here/mine.txt"; value "$uninstall" DisplayVersion
wait

echo "# an older version"
run setup-1.0.0.exe /S
run "$there\hello.exe"

echo "# a damaged one"
run damaged.exe /S
run "$there\hello.exe"

echo "# one that was ended in between"
mkdir -p "$here/.setup/old" "$here/.setup/new"
mv "$here/hello.exe" "$here/.setup/old/"
echo half | tee "$here/hello.exe" "$here/half.txt" "$here/.setup/new/last.txt" >/dev/null
printf 'half.txt\nhello.exe\nlast.txt' >"$here/.setup/plan"
run damaged.exe /S
run "$there\hello.exe"
(cd "$here" && ls -A | grep -e half -e setup -e last) || echo "put back"

echo "# one that cannot be finished"
mkdir "$here/.hold"; cat >"$drive/hold.bat" <<'BATCH'
ping -n 20 127.0.0.1 < "C:\users\root\AppData\Local\Programs\Hello App\hello.exe"
BATCH
wine cmd /c 'C:\hold.bat' >/dev/null 2>&1 &
sleep 1
before=$(cd "$here" && find . -type f | sort | xargs -d '\n' sha256sum)
run setup-1.0.0.exe /S --allow-downgrade
[ "$before" = "$(cd "$here" && find . -type f | sort | xargs -d '\n' sha256sum)" ] && echo "as it was"
wait
rm -r "$here/.hold" "$drive/hold.bat"

echo "# removed"
rm "$here/mine.txt"
run "$there\uninstall.exe" /uninstall /S
for second in 1 2 3 4 5 6 7 8 9 10; do ls "$user/AppData/Local/Temp"/uninstall-* >/dev/null 2>&1 || break; sleep 1; done
files | diff /work/before - && echo "nothing is left"
value 'HKCU\Environment' Path; value "$uninstall" DisplayName; value 'HKCU\Software\Example\Hello' Folder
wine reg query 'HKCU\Software\Classes\hello-app' >/dev/null 2>&1 || echo "no protocol"

echo "# elsewhere, and for everybody"
run setup-1.0.0.exe /S '/D=C:\My Programs\Hello'
run 'C:\My Programs\Hello\hello.exe'
run 'C:\My Programs\Hello\uninstall.exe' /S
run setup-1.0.0.exe /S /ALLUSERS
run 'C:\Program Files\Hello App\hello.exe'
value "${uninstall/HKCU/HKLM}" DisplayVersion
run 'C:\Program Files\Hello App\uninstall.exe' /S
run setup-1.0.0.exe /S /ALLUSER
timeout 20 wineserver -k
"###;

const TOLD: &str = r###"# install
-> 0
./LICENSE
./README.md
./hello.exe
./uninstall.exe
./uninstall.json
hello 1.0.0 from C:\users\root\AppData\Local\Programs\Hello App\hello.exe
-> 7
./AppData/Local/hello-updater/installer.exe
./AppData/Roaming/Microsoft/Windows/Start Menu/Programs/The Makers/Hello.lnk
Hello App
1.0.0
C:\users\root\AppData\Local\Programs\Hello App
"C:\users\root\AppData\Local\Programs\Hello App\uninstall.exe" /uninstall /S
C:\users\root\AppData\Local\Programs\Hello App
C:\users\root\AppData\Local\Programs\Hello App
# a newer version while it runs
-> 0
hello 1.1.0 from C:\users\root\AppData\Local\Programs\Hello App\hello.exe
-> 7
mine
1.1.0
# an older version
-> 5
hello 1.1.0 from C:\users\root\AppData\Local\Programs\Hello App\hello.exe
-> 7
# a damaged one
-> 4
hello 1.1.0 from C:\users\root\AppData\Local\Programs\Hello App\hello.exe
-> 7
# one that was ended in between
-> 4
hello 1.1.0 from C:\users\root\AppData\Local\Programs\Hello App\hello.exe
-> 7
put back
# one that cannot be finished
-> 1
as it was
# removed
-> 0
nothing is left
no protocol
# elsewhere, and for everybody
-> 0
hello 1.0.0 from C:\My Programs\Hello\hello.exe
-> 7
-> 0
-> 0
hello 1.0.0 from C:\Program Files\Hello App\hello.exe
-> 7
1.0.0
-> 0
-> 2
"###;

/// Makes the release of a version and gives its setup program.
fn setup(project: &Project, version: &str) -> PathBuf {
    project.write(
        "Cargo.toml",
        format!(
            "[package]\nname = \"hello\"\nversion = \"{version}\"\nedition = \"2024\"\n\
             description = \"Says hello\"\nlicense = \"MIT\"\nhomepage = \"https://example.com/hello\"\n\
             authors = [\"The Makers <makers@example.com>\"]\n\n[workspace]\n"
        ),
    );
    project.write(
        "Cargo.lock",
        format!("version = 4\n\n[[package]]\nname = \"hello\"\nversion = \"{version}\"\n"),
    );
    let mut command = windows::command(project, &["bundle"]);
    // The crates of the program come from where the machine has them already.
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cargo_home = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    command.env("CARGO_HOME", cargo_home);
    let ran = project.ran(command).good();
    let release = format!("target/deploy/hello-{version}");
    let file = format!("{release}/hello-{version}-x64-setup.exe");
    same(&format!("{file}\n"), &ran.stdout);
    project.run(&["verify", &release]).good();
    project.root().join(file)
}

#[test]
fn a_setup_program_installs_replaces_and_removes() {
    let Some(project) = windows::project(&["setup"], MANIFEST) else { return };
    project.write("src/main.rs", PROGRAM);
    project.write("icon.svg", ICON);
    let work = project.scratch().join("home");
    for version in ["1.0.0", "1.1.0"] {
        let file = setup(&project, version);
        fs::copy(file, work.join(format!("setup-{version}.exe"))).expect("copy");
    }
    let mut damaged = fs::read(work.join("setup-1.1.0.exe")).expect("read");
    let middle = damaged.len() / 2 + damaged.len() / 4;
    damaged[middle] ^= 1;
    fs::write(work.join("damaged.exe"), damaged).expect("write");
    let Ok(provision) = std::env::var("CARGO_DEPLOY_PROVISION") else {
        return clients::skip("wine (CARGO_DEPLOY_PROVISION is not set)");
    };
    same(TOLD, &told(&provision, &work));
}

/// What the story says, on a machine of its own.
fn told(provision: &str, work: &Path) -> String {
    fs::write(work.join("story.sh"), STORY).expect("write");
    let mut command = Command::new("bash");
    command.args([provision, "in-newer", "bash", "story.sh"]).current_dir(work);
    let output = command.output().expect("it starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
