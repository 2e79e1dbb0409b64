//! Makes runtimes, images and AppImages, and starts them.

use deploy_appimage_runtime::{Directories, MAGIC, NAME, SOURCE, rustflags};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

/// This machine's kind, as far as tests run on it.
pub(crate) const HERE: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-musl" } else { "x86_64-unknown-linux-musl" };
pub(crate) const ARM64: &str = "aarch64-unknown-linux-musl";

/// Whether all of these programs are on PATH; says which are not.
#[expect(clippy::print_stderr, reason = "a check that is left out must be seen")]
pub(crate) fn have(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    programs.iter().all(|program| {
        let found = std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
        if !found {
            assert!(!required(), "{program} is not on PATH, and CARGO_DEPLOY_CLIENTS=required");
            eprintln!("skipped: {program} not found");
        }
        found
    })
}

/// Whether something else that a check needs is there; says so where it is not.
#[expect(clippy::print_stderr, reason = "a check that is left out must be seen")]
pub(crate) fn given(there: bool, what: &str) -> bool {
    if !there {
        assert!(!required(), "{what} not found, and CARGO_DEPLOY_CLIENTS=required");
        eprintln!("skipped: {what} not found");
    }
    there
}

fn required() -> bool {
    std::env::var_os("CARGO_DEPLOY_CLIENTS").is_some_and(|value| value == "required")
}

/// Whether this is root with a FUSE device, who can mount.
pub(crate) fn can_mount() -> bool {
    given(is_root() && Path::new("/dev/fuse").exists(), "root with /dev/fuse")
}

/// Whether this is root.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// What a command printed.
pub(crate) fn said(command: &mut Command) -> String {
    let output = command.output().expect("start");
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// A directory for the whole test run, kept between runs.
fn shared(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("appimage-runtime").join(name)
}

/// Compiles the runtime as the library says, in the directory `source`, into `target`.
pub(crate) fn compile(source: &Path, target: &Path, triple: &str) -> PathBuf {
    for (path, text) in SOURCE {
        let path = source.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("make a directory");
        if fs::read_to_string(&path).ok().as_deref() != Some(text) {
            fs::write(path, text).expect("write");
        }
    }
    let home = std::env::var("CARGO_HOME").unwrap_or_else(|_| {
        Path::new(&std::env::var("HOME").expect("HOME")).join(".cargo").to_str().expect("UTF-8").to_owned()
    });
    let sysroot = said(Command::new("rustc").args(["--print", "sysroot"]));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    said(Command::new(&cargo).args(["fetch", "--locked", "--target", triple]).current_dir(source));
    let mut crates: Vec<String> = fs::read_dir(Path::new(&home).join("registry/src"))
        .expect("list")
        .map(|entry| entry.expect("list").path().to_str().expect("UTF-8").to_owned())
        .collect();
    crates.sort();
    let crates: Vec<&str> = crates.iter().map(String::as_str).collect();
    let directories =
        Directories { source: source.to_str().expect("UTF-8"), crates: &crates, sysroot: &sysroot };
    let output = Command::new(&cargo)
        .args(["build", "--release", "--locked", "--target", triple])
        .current_dir(source)
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(&directories).join("\x1f"))
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("start cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join(triple).join("release").join(NAME)
}

/// The runtime for a target, compiled once; nothing where rustc has no standard library for it.
pub(crate) fn runtime(triple: &str) -> Option<PathBuf> {
    static COMPILED: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let libraries = said(Command::new("rustc").args(["--print", "target-libdir", "--target", triple]));
    if !given(Path::new(&libraries).is_dir(), &format!("the standard library for {triple}")) {
        return None;
    }
    // One at a time; a compile that failed fails every test that needs it.
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let path = compiled
        .entry(triple.to_owned())
        .or_insert_with(|| compile(&shared("source"), &shared("target"), triple));
    Some(path.clone())
}

/// A directory that goes with the test.
pub(crate) struct Room {
    pub(crate) path: PathBuf,
}

impl Room {
    /// An empty directory that every user may enter.
    pub(crate) fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("appimage-runtime-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("tmp")).expect("make a directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set a mode");
        fs::set_permissions(path.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("set a mode");
        Self { path }
    }

    /// Writes a file of the application's directory.
    pub(crate) fn write(&self, path: &str, content: &[u8], mode: u32) {
        self.install(&self.path.join("AppDir").join(path), content, mode);
    }

    fn install(&self, path: &Path, content: &[u8], mode: u32) {
        fs::create_dir_all(path.parent().expect("a parent")).expect("make a directory");
        if mode & 0o111 == 0 {
            fs::write(path, content).expect("write");
        } else {
            // By another process: a program that another test starts at this moment would inherit our descriptor, and the
            // system runs nothing that is open for writing anywhere.
            let source = self.path.join("source");
            fs::write(&source, content).expect("write");
            let _ = fs::remove_file(path);
            assert!(Command::new("cp").args([&source, path]).status().expect("start cp").success());
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set a mode");
    }

    /// Packs the application's directory behind the runtime for `triple`; nothing where either cannot be made.
    pub(crate) fn pack(&self, triple: &str, options: &[&str]) -> Option<PathBuf> {
        if !have(&["mksquashfs"]) {
            return None;
        }
        let mut bytes = fs::read(runtime(triple)?).expect("read");
        bytes[8..11].copy_from_slice(&MAGIC);
        let image = self.path.join("image");
        let _ = fs::remove_file(&image);
        let output = Command::new("mksquashfs")
            .args([&self.path.join("AppDir"), &image])
            .args(["-noappend", "-all-root", "-no-xattrs", "-quiet", "-no-progress", "-processors", "1"])
            .args(options)
            .output()
            .expect("start mksquashfs");
        assert!(output.status.success(), "{output:?}");
        bytes.extend(fs::read(image).expect("read"));
        Some(self.put("it.AppImage", &bytes))
    }

    /// Writes an executable file beside the application's directory.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path.join(name);
        self.install(&path, bytes, 0o755);
        path
    }

    /// A command in this room whose temporary files are in this room.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.path).env("TMPDIR", self.path.join("tmp"));
        for name in ["APPIMAGE", "APPDIR", "ARGV0", "OWD", "APPIMAGE_EXTRACT_AND_RUN", "NO_CLEANUP"] {
            command.env_remove(name);
        }
        command
    }

    /// What is among the temporary files.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path.join("tmp"))
            .expect("list")
            .map(|entry| entry.expect("list").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        names
    }

    /// Waits until nothing is among the temporary files any more: the keeper works on after the application's end.
    pub(crate) fn wait_until_clean(&self) {
        let start = std::time::Instant::now();
        while !self.left().is_empty() {
            assert!(start.elapsed().as_secs() < 20, "left behind: {:?}", self.left());
            std::thread::yield_now();
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The lines of what a command printed, after it succeeded.
pub(crate) fn lines(output: &Output) -> Vec<String> {
    String::from_utf8(output.stdout.clone()).expect("UTF-8").lines().map(str::to_owned).collect()
}

/// The first line of what a command complained.
pub(crate) fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned()
}

/// Every path below a directory with its type, mode and content (as text of the first bytes and the length), sorted.
pub(crate) fn tree(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    walk(directory, directory, &mut found);
    found.sort();
    found
}

fn walk(top: &Path, directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("list") {
        let path = entry.expect("list").path();
        let about = path.symlink_metadata().expect("look");
        let name = path.strip_prefix(top).expect("below").display().to_string();
        if about.is_symlink() {
            found.push(format!("{name} -> {}", fs::read_link(&path).expect("read").display()));
            continue;
        }
        let content = if about.is_dir() { Vec::new() } else { fs::read(&path).expect("read") };
        let sum = content.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        found.push(format!("{name} {:o} {} {} {sum:x}", about.mode(), content.len(), about.mtime()));
        if about.is_dir() {
            walk(top, &path, found);
        }
    }
}
