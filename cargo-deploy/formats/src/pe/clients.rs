//! Finished programs under the eyes of those who read them: wine runs one and asks about it as Windows would, osslsigncode signs
//! one.

#![expect(clippy::disallowed_methods, reason = "the real clients are programs that read files")]
#![expect(clippy::print_stderr, reason = "a check that is left out must be seen")]

use std::env;
use std::fs;
use std::process::Command;

use super::sample::Program;
use super::*;
use crate::sample::Directory;
use crate::windows_icon::WindowsIcon;

/// Whether a check that lacks something may be left out, which is said.
fn missing(what: &str) {
    let required = env::var_os("CARGO_DEPLOY_CLIENTS").is_some_and(|value| value == "required");
    assert!(!required, "{what} is needed, since CARGO_DEPLOY_CLIENTS=required");
    eprintln!("skipped: {what} not found");
}

fn finishing(name: &str) -> Finishing {
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 10 10'><circle cx='5' cy='5' r='5' fill='#f00'/></svg>";
    let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let version = VersionInfo {
        file_version: [1, 2, 3, 4],
        strings: vec![line("CompanyName", "Example"), line("FileDescription", "Größe 名前")],
        language: 1033,
        ..VersionInfo::default()
    };
    let key =
        ResourceKey { kind: ResourceName::text("Other"), name: ResourceName::text("Name"), language: 1033 };
    let other = Resource { key, content: name.as_bytes().to_vec() };
    Finishing {
        version: Some(Wanted::filling(version)),
        icons: Some(Wanted::filling(vec![WindowsIcon::open(svg).unwrap()])),
        manifest: Some(Wanted::filling(Manifest::Settings(ApplicationManifest::default()))),
        resources: vec![Wanted { value: other, policy: Policy::Replace }],
        language: 1033,
    }
}

#[test]
fn wine_runs_a_finished_program_and_finds_what_was_put_into_it() {
    let Ok(zig) = Command::new("zig").arg("env").output() else { return missing("zig") };
    let Ok(provision) = env::var("CARGO_DEPLOY_PROVISION") else {
        return missing("wine (CARGO_DEPLOY_PROVISION is not set)");
    };
    let zig = String::from_utf8(zig.stdout).unwrap();
    let library = zig.split('"').find(|word| word.ends_with("/lib")).expect("zig says where its library is");
    let directory = Directory::new("pe-wine");
    let source = directory.file("ask.c", include_bytes!("clients/ask.c"));
    let said = |name: &str| {
        let output = Command::new("bash")
            .args([&provision, "in-newer", "env", "WINEPREFIX=/work/prefix", "wine", name])
            .current_dir(&directory.0)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    let compiled = Command::new("zig")
        .args(["cc", "-target", "x86_64-windows-gnu", "-nostdlib", "-fno-stack-protector", "-Os"])
        .args(["-isystem", &format!("{library}/libc/include/any-windows-any"), "-Wl,--entry=ask"])
        .args(["-o", "ask.exe", &source, "-lkernel32", "-luser32", "-lgdi32", "-lversion"])
        .current_dir(&directory.0)
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let program = fs::read(directory.0.join("ask.exe")).unwrap();
    let icons = "no icon\n".repeat(5);
    assert_eq!(said("ask.exe"), format!("no version\ncode page 1252\ndpi awareness 0\n{icons}"));

    let once = finish(program, &finishing("once")).unwrap();
    // The second time, the resources grow in the section that they have.
    let long = "again and ".repeat(20);
    let twice = finish(once.clone(), &finishing(&long)).unwrap();
    for (program, other) in [(once, "once"), (twice, &*long)] {
        directory.file("finished.exe", &program);
        let icons = [16, 32, 64, 128, 256].map(|size| format!("icon {size}: 32 bits\n")).concat();
        let expected = format!(
            "version 0001000200030004\nlanguage 04b00409\ncompany Example\ndescription Größe 名前\n\
             code page 65001\ndpi awareness 2\n{icons}other {other}\n"
        );
        assert_eq!(said("finished.exe"), expected);
    }
}

#[test]
fn a_signature_can_be_put_on_a_finished_program_and_taken_off_again() {
    let directory = Directory::new("pe-signature");
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(&directory.0).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(output.status.success(), "{program} {arguments:?}: {text}");
        text
    };
    if Command::new("osslsigncode").arg("--version").output().is_err() {
        return missing("osslsigncode");
    }
    let request = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "key.pem",
        "-out",
        "certificate.pem",
        "-subj",
        "/CN=Example",
        "-days",
        "30",
        "-addext",
        "extendedKeyUsage=codeSigning",
    ];
    run("openssl", &request);
    for program in [Program::new(), Program::x86(), Program::arm64()] {
        let program = Program { overlay: b"payload".to_vec(), ..program };
        let finished = finish(program.file(), &finishing("signed")).unwrap();
        for old in ["signed.exe", "stripped.exe"] {
            let _ = fs::remove_file(directory.0.join(old));
        }
        directory.file("finished.exe", &finished);
        let sign = ["sign", "-certs", "certificate.pem", "-key", "key.pem", "-h", "sha256"];
        run("osslsigncode", &[&sign[..], &["-in", "finished.exe", "-out", "signed.exe"]].concat());
        let verified = run("osslsigncode", &["verify", "-CAfile", "certificate.pem", "-in", "signed.exe"]);
        assert!(verified.contains("Signature verification: ok"), "{verified}");
        // It computes the checksum on its own.
        assert!(!verified.contains("Calculated PE checksum"), "{verified}");
        let signed = fs::read(directory.0.join("signed.exe")).unwrap();
        let mut pe = Pe::read(&signed).unwrap();
        assert_eq!(pe.headers.certificate_table.clone().unwrap().start, finished.len() as u64);
        assert_eq!(pe.computed_checksum().unwrap(), pe.headers.checksum);
        assert!(matches!(finish(signed, &finishing("again")), Err(PeError::Signed)));
        run("osslsigncode", &["remove-signature", "-in", "signed.exe", "-out", "stripped.exe"]);
        assert!(fs::read(directory.0.join("stripped.exe")).unwrap() == finished);
    }
}
