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

/// The places of all content and descriptions in the resource block, modulo 8.
fn alignments(file: &[u8]) -> Vec<u32> {
    let headers = Pe::read(file).unwrap().headers;
    let table = headers.directory(headers::directory::RESOURCE).unwrap();
    let start = headers.locate(table.address).unwrap().start as usize;
    let (mut found, mut level) = (Vec::new(), vec![0]);
    for _ in 0..3 {
        let mut next = Vec::new();
        for directory in level {
            let at = start + directory as usize;
            let count = usize::from(u16_at(file, at + 12) + u16_at(file, at + 14));
            next.extend((0..count).map(|line| u32_at(file, at + 20 + line * 8) & 0x7fff_ffff));
        }
        level = next;
    }
    for description in level {
        found.extend([description % 8, u32_at(file, start + description as usize) % 8]);
    }
    found
}

#[test]
fn content_begins_at_multiples_of_eight_and_names_are_sorted() {
    let name = ResourceName::text;
    let key = |kind: ResourceName, name: ResourceName, language| ResourceKey { kind, name, language };
    // In the wrong order, and of all lengths.
    let keys = [
        key(10.into(), name("zebra"), 1033),
        key(10.into(), 7.into(), 1033),
        key(10.into(), 7.into(), 1031),
        key(name("integrity"), name("electronasar"), 1033),
        key(name("a"), 1.into(), 0),
        key(2.into(), name("a"), 0),
        key(10.into(), 300.into(), 0),
        key(10.into(), name("ab"), 1033),
    ];
    let resources = keys.iter().enumerate().map(|(index, key)| {
        let resource = Resource { key: key.clone(), content: vec![index as u8; index] };
        Wanted { value: resource, policy: Policy::Fill }
    });
    let finishing = Finishing { resources: resources.collect(), ..Finishing::default() };
    let file = finish(Program::new().file(), &finishing).unwrap();
    assert_eq!(alignments(&file), vec![0; 16]);
    let read = Pe::read(&file).unwrap().resources().unwrap();
    let names: Vec<String> = read
        .iter()
        .map(|(key, content)| format!("{:?}/{:?}/{} {}", key.kind, key.name, key.language, content.len()))
        .collect();
    let expected = [
        "\"A\"/1/0 4",
        "\"INTEGRITY\"/\"ELECTRONASAR\"/1033 3",
        "2/\"A\"/0 5",
        "10/\"AB\"/1033 7",
        "10/\"ZEBRA\"/1033 0",
        "10/7/1031 2",
        "10/7/1033 1",
        "10/300/0 6",
    ];
    assert_eq!(names, expected);
}

/// A program whose resources are followed by another section.
fn with_resources_in_the_middle() -> (Program, Vec<u8>) {
    let mut resources = Resources::default();
    resources.insert(ResourceKey { kind: 10.into(), name: 1.into(), language: 1033 }, vec![1; 900]);
    let mut program = Program::new();
    let address = program.address(1);
    let block = resources.block(address).unwrap();
    program.directories = vec![(2, address, block.len() as u32)];
    program.sections.push((".rsrc", block.clone()));
    program.sections.push((".reloc", b"relocations".to_vec()));
    (program, block)
}

#[test]
fn resources_in_the_middle_are_written_in_place_while_they_fit() {
    let (program, block) = with_resources_in_the_middle();
    let before = program.file();
    let small = finish(before.clone(), &with(20)).unwrap();
    assert_eq!(small.len(), before.len());
    let headers = Pe::read(&small).unwrap().headers;
    assert_eq!(headers.sections.len(), 3);
    assert_eq!(headers.sections[1].offset, Pe::read(&before).unwrap().headers.sections[1].offset);

    // What does not fit goes into a section at the end, and the old one stays as it is.
    let large = finish(before.clone(), &with(5000)).unwrap();
    let mut pe = Pe::read(&large).unwrap();
    let names: Vec<&str> = pe.headers.sections.iter().map(|section| &*section.name).collect();
    assert_eq!(names, [".text", ".rsrc", ".reloc", ".rsrc"]);
    let range = pe.headers.sections[1].range();
    assert!(large[range.start as usize..].starts_with(&block));
    let last = pe.headers.sections[3].clone();
    assert_eq!(last.address, 0x4000);
    assert_eq!(pe.headers.image_size, 0x6000);
    assert_eq!(pe.headers.directories[2], Directory { address: 0x4000, size: last.virtual_size });
    assert_eq!(pe.resources().unwrap().len(), 1);
    // From then on, that one grows and shrinks.
    let larger = finish(large.clone(), &with(50_000)).unwrap();
    assert_eq!(Pe::read(&larger).unwrap().headers.sections.len(), 4);
    assert!(finish(larger, &with(5000)).unwrap() == large);
}

#[test]
fn a_section_with_something_else_in_it_is_left_alone() {
    let (mut program, block) = with_resources_in_the_middle();
    // As packers do it: an import table behind the resources.
    program.directories.push((1, program.address(1) + block.len() as u32 - 4, 4));
    let file = finish(program.file(), &with(20)).unwrap();
    let headers = Pe::read(&file).unwrap().headers;
    assert_eq!(headers.sections.len(), 4);
    let range = headers.sections[1].range();
    assert!(file[range.start as usize..].starts_with(&block));
}

#[test]
fn pointers_behind_the_resources_move_with_what_they_point_to() {
    // With 15 sections the headers have no room for the line of another, so all moves by the file alignment.
    let mut program = Program { free_lines: 0, overlay: b"symbols!debug".to_vec(), ..Program::new() };
    program.sections = (0..15).map(|_| (".s", vec![3; 100])).collect();
    program.sections[0].1 = vec![0; 56];
    program.directories = vec![(6, 0x1000, 56)];
    let mut file = program.file();
    let headers = Pe::read(&file).unwrap().headers;
    assert_eq!(headers.headers_size, 0x400);
    let end = headers.sections_end() as u32;
    put(&mut file, 0x80 + 12, &end.to_le_bytes());
    let debug = headers.sections[0].offset as usize;
    put(&mut file, debug + 24, &(end + 8).to_le_bytes());
    put(&mut file, debug + 28 + 24, &(headers.sections[1].offset).to_le_bytes());
    let before = file.clone();

    let file = finish(file, &with(3000)).unwrap();
    let pe = Pe::read(&file).unwrap();
    assert_eq!(pe.headers.headers_size, 0x600);
    assert_eq!(pe.headers.sections.len(), 16);
    let symbols = u32_at(&file, 0x80 + 12) as usize;
    assert!(file[symbols..].starts_with(b"symbols!debug"));
    let debug = pe.headers.sections[0].offset as usize;
    assert!(file[u32_at(&file, debug + 24) as usize..].starts_with(b"debug"));
    assert_eq!(u32_at(&file, debug + 28 + 24), pe.headers.sections[1].offset);
    for (old, new) in headers.sections.iter().zip(&pe.headers.sections).skip(1) {
        let content = |file: &[u8], section: &Section| {
            file[section.range().start as usize..section.range().end as usize].to_vec()
        };
        assert_eq!(content(&before, old), content(&file, new));
    }
}

#[test]
fn what_a_program_says_itself_is_kept_or_filled_or_replaced() {
    let mut theirs = all(Policy::Fill);
    let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    theirs.version = Some(Wanted::filling(VersionInfo {
        product_version: [7, 0, 0, 0],
        strings: vec![line("companyname", "Theirs"), line("FileVersion", "")],
        language: 1033,
        ..VersionInfo::default()
    }));
    theirs.manifest = Some(Wanted::filling(Manifest::Text(
        "<assembly xmlns='urn:schemas-microsoft-com:asm.v1'><trustInfo><security><requestedPrivileges>\
         <requestedExecutionLevel level='requireAdministrator'/></requestedPrivileges></security></trustInfo></assembly>"
            .to_owned(),
    )));
    let red = WindowsIcon::open(SVG).unwrap();
    let one = WindowsIcon { pictures: red.pictures[..1].to_vec() };
    theirs.icons = Some(Wanted::filling(vec![one.clone(), one]));
    // Their first icon has a name, so that it is the one that is shown.
    let named = resource(14, 9, &[0, 0, 1, 0, 0, 0]);
    let named = Wanted {
        value: Resource {
            key: ResourceKey { name: ResourceName::text("MAIN"), ..named.value.key },
            ..named.value
        },
        ..named
    };
    theirs.resources.push(named);
    let theirs = finish(Program::new().file(), &theirs).unwrap();
    let finished = |policy| finish(theirs.clone(), &all(policy)).unwrap();

    assert!(finished(Policy::Keep) == theirs);
    let file = finished(Policy::Fill);
    let mut filled = Pe::read(&file).unwrap();
    let version = filled.version_info().unwrap().unwrap();
    assert_eq!((version.file_version, version.product_version), ([1, 2, 3, 4], [7, 0, 0, 0]));
    let expected = [
        line("companyname", "Theirs"),
        line("FileVersion", "1.2.3-rc.1"),
        line("FileDescription", "Größe 名前"),
    ];
    assert_eq!(version.strings, expected);
    let manifest = ApplicationManifest::read(&filled.manifest().unwrap().unwrap()).unwrap();
    let expected = ApplicationManifest {
        execution_level: Some(ExecutionLevel::RequireAdministrator),
        ..ApplicationManifest::default()
    };
    assert_eq!(manifest, expected);
    assert_eq!(filled.resources().unwrap().of_kind(&3.into()).count(), 2);

    let file = finished(Policy::Replace);
    let mut replaced = Pe::read(&file).unwrap();
    assert_eq!(replaced.version_info().unwrap(), Some(self::version()));
    let manifest = ApplicationManifest::read(&replaced.manifest().unwrap().unwrap()).unwrap();
    assert_eq!(manifest, ApplicationManifest::default());
    let resources = replaced.resources().unwrap();
    let groups: Vec<String> = resources
        .of_kind(&14.into())
        .map(|(key, list)| format!("{} {}", key.name, u16_at(list, 4)))
        .collect();
    assert_eq!(groups, ["MAIN 8", "1 1", "2 1"]);
    assert_eq!(resources.of_kind(&3.into()).count(), 10);
}

#[test]
fn a_console_where_none_is_wanted_is_said() {
    let file = Program::new().file();
    let pe = Pe::read(&file).unwrap();
    pe.check_subsystem(Subsystem::Console).unwrap();
    assert_eq!(
        pe.check_subsystem(Subsystem::Gui).unwrap_err().to_string(),
        "use the program: its subsystem is console, and windows is wanted; write `#![windows_subsystem = \"windows\"]` at the top of \
         its main.rs, or it opens a black window behind its own"
    );
}

/// A section with an import table of some libraries, for an address.
fn imports(address: u32, libraries: &[&str], line: usize, name_at: usize) -> Vec<u8> {
    let mut table = vec![0; (libraries.len() + 1) * line];
    for (index, library) in libraries.iter().enumerate() {
        let name = address + table.len() as u32;
        put(&mut table, index * line, &1u32.to_le_bytes());
        put(&mut table, index * line + name_at, &name.to_le_bytes());
        table.extend(library.as_bytes());
        table.push(0);
    }
    table
}

#[test]
fn libraries_are_listed_and_those_of_a_c_runtime_are_told() {
    let mut program = Program::new();
    let now =
        imports(0x2000, &["KERNEL32.dll", "VCRUNTIME140.dll", "api-ms-win-crt-heap-l1-1-0.dll"], 20, 12);
    let later = imports(0x3000, &["libgcc_s_seh-1.dll", "USER32.dll"], 32, 4);
    program.sections.push((".idata", now));
    program.sections.push((".didat", later));
    program.directories = vec![(1, 0x2000, 80), (13, 0x3000, 96)];
    let file = program.file();
    let mut pe = Pe::read(&file).unwrap();
    assert_eq!(pe.imports().unwrap(), ["KERNEL32.dll", "VCRUNTIME140.dll", "api-ms-win-crt-heap-l1-1-0.dll"]);
    assert_eq!(pe.delayed_imports().unwrap(), ["libgcc_s_seh-1.dll", "USER32.dll"]);
    let runtime: Vec<(String, RuntimeOrigin)> =
        pe.c_runtime().unwrap().into_iter().map(|found| (found.library, found.origin)).collect();
    let expected = [
        ("VCRUNTIME140.dll".to_owned(), RuntimeOrigin::VisualCpp),
        ("api-ms-win-crt-heap-l1-1-0.dll".to_owned(), RuntimeOrigin::Windows),
        ("libgcc_s_seh-1.dll".to_owned(), RuntimeOrigin::Compiler),
    ];
    assert_eq!(runtime, expected);
}

/// Asks everything that can be asked of a file.
fn ask(file: &[u8]) -> Result<(), PeError> {
    let mut pe = Pe::read(file)?;
    pe.imports()?;
    pe.delayed_imports()?;
    pe.resources()?;
    pe.version_info()?;
    pe.manifest()?;
    pe.computed_checksum()?;
    Ok(())
}

#[test]
fn cut_or_damaged_files_are_errors_and_no_panics() {
    let mut program = Program::new();
    program.sections.push((".idata", imports(0x2000, &["KERNEL32.dll"], 20, 12)));
    program.directories = vec![(1, 0x2000, 40)];
    let mut small = all(Policy::Fill);
    small.icons = None;
    small.resources.push(resource(ResourceName::text("text"), 3, b"content"));
    let file = finish(program.file(), &small).unwrap();
    ask(&file).unwrap();
    for length in 0..file.len() {
        assert!(ask(&file[..length]).is_err(), "cut to {length}");
    }
    let mut random = crate::sample::Random::new(5);
    let resources = Pe::read(&file).unwrap().headers.sections[2].offset as usize;
    for round in 0..30_000 {
        let mut damaged = file.clone();
        for _ in 0..1 + random.below(4) {
            let at = if round % 2 == 0 { random.below(0x200) } else { resources + random.below(0x400) };
            damaged[at] = [0, 0xff, 0x7f, 0x80, random.next() as u8][random.below(5)];
        }
        let _ = ask(&damaged);
        // What can be finished can be read.
        if let Ok(finished) = finish(damaged, &with(10)) {
            assert!(Pe::read(&finished).unwrap().resources().is_ok());
        }
    }
}

#[test]
fn a_resource_tree_that_leads_back_to_itself_is_an_error() {
    let directory = |named: u16, numbered: u16, lines: &[(u32, u32)]| {
        let mut table = vec![0; 12];
        table.extend(named.to_le_bytes());
        table.extend(numbered.to_le_bytes());
        table.extend(
            lines.iter().flat_map(|(name, target)| [name.to_le_bytes(), target.to_le_bytes()].concat()),
        );
        table
    };
    let error = |block: Vec<u8>| {
        let mut program = Program::new();
        program.directories = vec![(2, 0x2000, block.len() as u32)];
        program.sections.push((".rsrc", block));
        let file = program.file();
        let error = Pe::read(&file).unwrap().resources().unwrap_err().to_string();
        assert_eq!(finish(file, &with(1)).unwrap_err().to_string(), error);
        error
    };
    assert_eq!(
        error(directory(0, 1, &[(1, 1 << 31)])),
        "read the program: its resource tree has another depth than three levels"
    );
    assert_eq!(
        error(directory(0xffff, 0xffff, &[])),
        "read the program: its resource tree reaches beyond its section"
    );
    // Each of 600 lines leads to the same 600 lines.
    let lines = |offset: u32| (0..600).map(|id| (id, offset | 1 << 31)).collect::<Vec<_>>();
    let next = 16 + 600 * 8;
    let wide = [directory(0, 600, &lines(next)), directory(0, 600, &lines(2 * next)), directory(0, 0, &[])];
    assert_eq!(error(wide.concat()), "read the program: it has more than 200000 resources");
    // Two resources of the same name, and content beyond the file.
    let leaf = |address: u32, size: u32| [address, size, 0, 0].map(u32::to_le_bytes).concat();
    let chain = |lines: &[(u32, u32)], leaf: Vec<u8>| {
        let levels = [directory(0, 1, &[(10, 24 | 1 << 31)]), directory(0, 1, &[(1, 48 | 1 << 31)])];
        [levels.concat(), directory(0, lines.len() as u16, lines), leaf].concat()
    };
    assert_eq!(
        error(chain(&[(0, 80), (0, 80)], leaf(0x2000, 4))),
        "read the program: there are two resources 10/1 of the same language"
    );
    assert_eq!(
        error(chain(&[(0, 72)], leaf(0x9000, 4))),
        "read the program: the resource 10/1 is not in the file, as if the file were packed by another program"
    );
    assert_eq!(
        error(chain(&[(0, 72)], leaf(0x2000, u32::MAX))),
        "read the program: the resource 10/1 is not in the file, as if the file were packed by another program"
    );
}
