//! Programs are read and finished.

use super::sample::Program;
use super::*;
use crate::linkage::Machine;
use crate::windows_icon::WindowsIcon;

const SVG: &[u8] =
    b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 10 10'><circle cx='5' cy='5' r='5' fill='#f00'/></svg>";

fn version() -> VersionInfo {
    let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    VersionInfo {
        file_version: [1, 2, 3, 4],
        product_version: [1, 2, 3, 0],
        flags: 0,
        is_library: false,
        strings: vec![
            line("CompanyName", "Example"),
            line("FileDescription", "Größe 名前"),
            line("FileVersion", "1.2.3-rc.1"),
        ],
        language: 1033,
    }
}

fn all(policy: Policy) -> Finishing {
    Finishing {
        version: Some(Wanted { value: version(), policy }),
        icons: Some(Wanted { value: vec![WindowsIcon::open(SVG).unwrap()], policy }),
        manifest: Some(Wanted { value: Manifest::Settings(ApplicationManifest::default()), policy }),
        resources: Vec::new(),
        language: 1033,
    }
}

fn resource(kind: impl Into<ResourceName>, name: u16, content: &[u8]) -> Wanted<Resource> {
    let key = ResourceKey { kind: kind.into(), name: name.into(), language: 1033 };
    Wanted { value: Resource { key, content: content.to_vec() }, policy: Policy::Replace }
}

/// With one resource of a size, so that its section can be told.
fn with(size: usize) -> Finishing {
    Finishing { resources: vec![resource(10, 1, &vec![7; size])], ..Finishing::default() }
}

#[test]
fn a_finished_program_says_who_it_is_on_every_processor() {
    let machines = [
        (Program::new(), Machine::X86_64),
        (Program::x86(), Machine::X86),
        (Program::arm64(), Machine::Aarch64),
    ];
    for (program, machine) in machines {
        let finished = finish(program.file(), &all(Policy::Fill)).unwrap();
        let mut pe = Pe::read(&finished).unwrap();
        assert_eq!(pe.headers.machine, machine);
        assert_eq!(pe.headers.is_64_bit, machine != Machine::X86);
        assert_eq!(pe.version_info().unwrap(), Some(version()));
        let manifest = pe.manifest().unwrap().unwrap();
        assert_eq!(ApplicationManifest::read(&manifest).unwrap(), ApplicationManifest::default());
        let resources = pe.resources().unwrap();
        let names: Vec<String> =
            resources.iter().map(|(key, _)| format!("{}/{}/{}", key.kind, key.name, key.language)).collect();
        let icons = (1..=8).map(|number| format!("3/{number}/1033"));
        let others = ["14/1/1033", "16/1/1033", "24/1/1033"].map(str::to_owned);
        assert_eq!(names, icons.chain(others).collect::<Vec<_>>());
        assert_eq!(finished.len() % 8, 0);
        assert_eq!(pe.computed_checksum().unwrap(), pe.headers.checksum);
        assert_ne!(pe.headers.checksum, 0);
    }
}

#[test]
fn finishing_twice_gives_the_same_bytes() {
    for policy in [Policy::Keep, Policy::Fill, Policy::Replace] {
        let once = finish(Program::new().file(), &all(policy)).unwrap();
        assert_eq!(finish(once.clone(), &all(policy)).unwrap(), once, "{policy:?}");
    }
}

#[test]
fn what_stands_behind_the_sections_stays_there() {
    let program = Program { overlay: b"payload of a setup program".to_vec(), ..Program::new() };
    let mut file = program.file();
    for size in [10, 100_000, 5_000, 5_001] {
        file = finish(file, &with(size)).unwrap();
        let pe = Pe::read(&file).unwrap();
        let overlay = pe.headers.overlay.clone().unwrap();
        let overlay = &file[overlay.start as usize..overlay.end as usize];
        assert!(overlay.starts_with(b"payload of a setup program"), "{size}");
        assert!(overlay.len() < 26 + 8);
        assert_eq!(pe.headers.sections.len(), 2);
        let section = pe.headers.sections.last().unwrap();
        assert!((size..size + 1024).contains(&(section.size as usize)), "{size}: {}", section.size);
    }
}

#[test]
fn a_signed_program_is_refused() {
    let mut program = Program { overlay: vec![0; 16], ..Program::new() };
    let end = program.file().len() as u32;
    program.directories = vec![(4, end - 16, 16)];
    let file = program.file();
    let pe = Pe::read(&file).unwrap();
    assert_eq!(pe.headers.certificate_table, Some(u64::from(end) - 16..u64::from(end)));
    assert_eq!(pe.headers.overlay, None);
    assert_eq!(
        finish(file, &Finishing::default()).unwrap_err().to_string(),
        "finish the program: it is signed, and any change would break the signature; finish it first, then sign it"
    );
}
