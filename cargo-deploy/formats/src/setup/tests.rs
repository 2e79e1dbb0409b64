//! What is said of setup.exes, tried.

use super::*;
use crate::sample::{mixed, text};
use deploy_setup_stub::description::{Run, Scope};
use std::io::Cursor;

/// The headers of a program with one section, and its content.
fn program() -> Vec<u8> {
    let mut bytes = vec![0; 0x400];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x80;
    bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
    bytes[0x84..0x86].copy_from_slice(&[0x64, 0x86]);
    bytes[0x86] = 1;
    bytes[0x94] = 240;
    bytes[0x98..0x9a].copy_from_slice(&[0x0B, 0x02]);
    bytes[0x98 + 108] = 16;
    let section = 0x98 + 240;
    bytes[section + 16..section + 20].copy_from_slice(&0x200_u32.to_le_bytes());
    bytes[section + 20..section + 24].copy_from_slice(&0x200_u32.to_le_bytes());
    bytes
}

fn description() -> Description {
    Description {
        schema: SCHEMA,
        id: "com.example.app".to_owned(),
        name: "App".to_owned(),
        version: "1.2.3".to_owned(),
        publisher: None,
        homepage: None,
        help: None,
        updates: None,
        scope: Scope::User,
        directory: "App".to_owned(),
        cache: None,
        run: Some(Run { program: "app.exe".to_owned(), arguments: None }),
        language: None,
        close_seconds: 10,
        icon: None,
        uninstaller: "uninstall.exe".to_owned(),
        path: false,
        files: Vec::new(),
        shortcuts: Vec::new(),
        registry: Vec::new(),
        associations: Vec::new(),
        protocols: Vec::new(),
        services: Vec::new(),
    }
}

fn written(files: &[(&str, Vec<u8>)], level: Level, threads: usize) -> Vec<u8> {
    let threads = NonZeroUsize::new(threads).unwrap();
    let mut writer = Writer::new(Cursor::new(Vec::new()), &program(), level, threads).unwrap();
    for (path, content) in files {
        writer.file(path, &mut content.as_slice()).unwrap();
    }
    writer.finish(description()).unwrap().into_inner()
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let mut exe = program();
    exe.extend(mixed(3, 3 << 20));
    vec![
        ("app.exe", exe),
        ("data/empty", Vec::new()),
        ("data/text.txt", text(1, 9 << 20)),
        ("uninstall.exe", program()),
    ]
}

fn contents(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, SetupError> {
    let mut found = Vec::new();
    read(Cursor::new(bytes), &mut |file, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        found.push((file.path.clone(), bytes));
        Ok(())
    })?;
    Ok(found)
}

#[test]
fn the_files_come_back_whatever_the_level() {
    for level in [Level::Fast, Level::Default] {
        let expected: Vec<(String, Vec<u8>)> =
            files().into_iter().map(|(path, bytes)| (path.to_owned(), bytes)).collect();
        assert!(contents(&written(&files(), level, 2)).unwrap() == expected, "{level:?}");
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    assert!(written(&files(), Level::Fast, 1) == written(&files(), Level::Fast, 3));
}

#[test]
fn programs_are_filtered_and_everything_else_is_not() {
    let bytes = written(&files(), Level::Fast, 2);
    let setup = read(Cursor::new(&bytes), &mut |_, _| Ok(())).unwrap();
    let filters: Vec<Filter> = setup.description.files.iter().map(|file| file.filter).collect();
    assert_eq!(filters, [Filter::X86, Filter::None, Filter::None, Filter::X86]);
    assert_eq!(setup.program, 0..0x400);
    assert_eq!(setup.container, 0x400..bytes.len() as u64);
    assert_eq!(setup.certificates, None);
}

#[test]
fn an_inserted_byte_leaves_nearly_all_compressed_bytes_as_they_were() {
    let blocks = |content: Vec<u8>| -> Vec<Vec<u8>> {
        let files = [("data", content), ("app.exe", program()), ("uninstall.exe", program())];
        let bytes = written(&files, Level::Fast, 2);
        let setup = read(Cursor::new(&bytes), &mut |_, _| Ok(())).unwrap();
        let start = setup.container.start as usize;
        let of =
            |&Block(place, packed, _): &Block| bytes[start + place as usize..][..packed as usize].to_vec();
        setup.description.files[0].blocks.iter().map(of).collect()
    };
    let before = mixed(7, 24 << 20);
    let mut after = before.clone();
    after.insert(10 << 20, b'!');
    let (before, after) = (blocks(before), blocks(after));
    assert!(before.len() > 4, "{}", before.len());
    let new = after.iter().filter(|block| !before.contains(block)).count();
    assert!(new <= 2, "{new} of {} blocks are new", after.len());
}

#[test]
fn certificates_may_follow_and_nothing_else() {
    let mut bytes = written(&files(), Level::Fast, 2);
    let end = bytes.len();
    assert_eq!(end % 8, 0);
    bytes.extend([7; 64]);
    let said = contents(&bytes).unwrap_err().to_string();
    assert_eq!(said, "read the container: something stands behind it that is no table of certificates");
    bytes[0x98 + 144..0x98 + 148].copy_from_slice(&u32::try_from(end).unwrap().to_le_bytes());
    bytes[0x98 + 148..0x98 + 152].copy_from_slice(&64_u32.to_le_bytes());
    let setup = read(Cursor::new(&bytes), &mut |_, _| Ok(())).unwrap();
    assert_eq!(setup.certificates, Some(end as u64..end as u64 + 64));
}

#[test]
fn a_changed_byte_anywhere_in_the_container_is_found() {
    let files = [("app.exe", mixed(5, 30_000)), ("uninstall.exe", program())];
    let good = written(&files, Level::Default, 1);
    for place in (0x400..good.len()).step_by(37) {
        let mut bad = good.clone();
        bad[place] ^= 0x40;
        assert!(contents(&bad).is_err() || place >= good.len() - 8, "byte {place} of {}", good.len());
    }
    for length in (0..good.len()).step_by(997) {
        assert!(contents(&good[..length]).is_err(), "cut to {length}");
    }
}

#[test]
fn what_cannot_be_installed_is_refused() {
    let mut writer =
        Writer::new(Cursor::new(Vec::new()), &program(), Level::Fast, NonZeroUsize::MIN).unwrap();
    for path in ["../a", "a\\b", "C:a", "/a", ""] {
        assert!(writer.file(path, &mut &b""[..]).is_err(), "{path}");
    }
    writer.file("App.exe", &mut &b""[..]).unwrap();
    assert!(writer.file("app.EXE", &mut &b""[..]).is_err());
    let said = writer.finish(description()).unwrap_err().to_string();
    assert_eq!(said, "describe the installation: it names uninstall.exe, which is not among the files");
    let mut signed = program();
    signed[0x98 + 148] = 8;
    for bad in [&b"no program"[..], &signed, &[program(), vec![0; 9]].concat()] {
        assert!(Writer::new(Cursor::new(Vec::new()), bad, Level::Fast, NonZeroUsize::MIN).is_err());
    }
}
