//! Packages against themselves, against the crates `msi`, `cfb` and `cab`, and against the programs that read them elsewhere.
#![expect(clippy::disallowed_methods, reason = "real programs read what was written")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Cursor, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Level;
use crate::member::digest;
use crate::msi::{
    Cabinet, CabinetFile, Category, Column, Database, Guid, InstalledFile, MsiError, Package, Packing,
    Summary, Table, Value, listing, spread, unsigned, write,
};
use crate::sample::{Random, incompressible, mixed, text};

const MODIFIED: u64 = 1_700_000_000;

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("deploy-formats-msi-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a program prints, which must end well.
fn run(program: &str, arguments: &[&OsStr]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|cause| panic!("{program}: {cause}"));
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}

fn row<const N: usize>(values: [Value; N]) -> Vec<Value> {
    values.to_vec()
}

/// File names and their contents, as an installer that puts them all into one folder.
struct Sample {
    files: Vec<(String, Vec<u8>)>,
}

impl Sample {
    fn small() -> Self {
        Sample {
            files: vec![
                ("app.exe".to_owned(), mixed(1, 100_000)),
                ("empty".to_owned(), Vec::new()),
                ("größe ä.txt".to_owned(), text(2, 3000)),
                ("日本語.bin".to_owned(), incompressible(3, 70_000)),
                ("last.txt".to_owned(), text(4, 32_768)),
            ],
        }
    }

    fn keys(&self) -> Vec<CabinetFile> {
        let key = |(index, (_, content)): (usize, &(String, Vec<u8>))| CabinetFile {
            key: format!("f{index:05}"),
            size: content.len() as u64,
        };
        self.files.iter().enumerate().map(key).collect()
    }

    fn cabinets(&self, most: u64) -> Vec<Cabinet> {
        spread(self.keys(), most, &|number| format!("app{number}.cab"))
    }

    fn database(&self, cabinets: &[Cabinet]) -> Database {
        let id = |name| Column::text(name, 72);
        let mut property = Table::new(
            "Property",
            vec![id("Property").key().category(Category::Identifier), Column::text("Value", 0).localizable()],
        );
        for (name, value) in [
            ("ProductName", "Größe"),
            ("Manufacturer", "The Makers"),
            ("ProductVersion", "1.0.0"),
            ("ProductLanguage", "1033"),
            ("ProductCode", "{2ED6657D-E927-568B-95E1-2665A8AEA6A2}"),
            ("UpgradeCode", "{2ED6657D-E927-568B-95E1-2665A8AEA6A3}"),
        ] {
            property.rows.push(row([name.into(), value.into()]));
        }
        let mut directory = Table::new(
            "Directory",
            vec![
                id("Directory").key(),
                id("Directory_Parent").nullable().foreign("Directory", 1),
                Column::text("DefaultDir", 255).localizable(),
            ],
        );
        directory.rows = vec![
            row(["TARGETDIR".into(), Value::Null, "SourceDir".into()]),
            row(["ProgramFiles64Folder".into(), "TARGETDIR".into(), ".".into()]),
            row(["INSTALLDIR".into(), "ProgramFiles64Folder".into(), "APP|The App".into()]),
        ];
        let mut component = Table::new(
            "Component",
            vec![
                id("Component").key(),
                Column::text("ComponentId", 38).nullable().category(Category::Guid),
                id("Directory_"),
                Column::integer16("Attributes").range(0, 0x7fff),
                Column::text("Condition", 255).nullable(),
                id("KeyPath").nullable(),
            ],
        );
        let mut feature = Table::new(
            "Feature",
            vec![
                Column::text("Feature", 38).key(),
                Column::text("Feature_Parent", 38).nullable(),
                Column::text("Title", 64).nullable().localizable(),
                Column::text("Description", 255).nullable().localizable(),
                Column::integer16("Display").nullable(),
                Column::integer16("Level"),
                id("Directory_").nullable(),
                Column::integer16("Attributes"),
            ],
        );
        feature.rows.push(row([
            "App".into(),
            Value::Null,
            "App".into(),
            Value::Null,
            1.into(),
            1.into(),
            "INSTALLDIR".into(),
            0.into(),
        ]));
        let mut features =
            Table::new("FeatureComponents", vec![Column::text("Feature_", 38).key(), id("Component_").key()]);
        let mut file = Table::new(
            "File",
            vec![
                id("File").key(),
                id("Component_"),
                Column::text("FileName", 255).localizable(),
                Column::integer32("FileSize").range(0, i32::MAX),
                Column::text("Version", 72).nullable(),
                Column::text("Language", 20).nullable(),
                Column::integer16("Attributes").nullable(),
                Column::integer32("Sequence").range(1, i32::MAX),
            ],
        );
        for ((key, (name, _)), sequence) in self.keys().into_iter().zip(&self.files).zip(1..) {
            let of = format!("c{}", key.key);
            let guid = Guid::named(Guid::DNS, name).to_string();
            component.rows.push(row([
                of.as_str().into(),
                guid.into(),
                "INSTALLDIR".into(),
                256.into(),
                Value::Null,
                key.key.as_str().into(),
            ]));
            features.rows.push(row(["App".into(), of.as_str().into()]));
            file.rows.push(row([
                key.key.into(),
                of.into(),
                format!("F{sequence}.X|{name}").into(),
                (key.size as i32).into(),
                Value::Null,
                Value::Null,
                512.into(),
                sequence.into(),
            ]));
        }
        let mut media = Table::new(
            "Media",
            vec![
                Column::integer16("DiskId").key(),
                Column::integer32("LastSequence"),
                Column::text("DiskPrompt", 64).nullable().localizable(),
                Column::text("Cabinet", 255).nullable(),
                Column::text("VolumeLabel", 32).nullable(),
                id("Source").nullable(),
            ],
        );
        let mut last = 0;
        for (cabinet, disk) in cabinets.iter().zip(1..) {
            last += cabinet.files.len() as i32;
            let name = format!("#{}", cabinet.name);
            media.rows.push(row([
                disk.into(),
                last.into(),
                Value::Null,
                name.into(),
                Value::Null,
                Value::Null,
            ]));
        }
        let mut icon = Table::new("Icon", vec![id("Name").key(), Column::stream("Data")]);
        icon.rows.push(row(["app.ico".into(), Value::Stream(incompressible(5, 5000))]));
        icon.rows.push(row(["tiny.ico".into(), Value::Stream(b"tiny".to_vec())]));
        Database {
            tables: vec![property, media, icon, directory, component, feature, features, file],
            streams: vec![("extra".to_owned(), text(6, 4096)), ("größe".to_owned(), Vec::new())],
            summary: Summary {
                title: "Installation Database".to_owned(),
                subject: "Größe".to_owned(),
                author: "The Makers".to_owned(),
                keywords: "Installer".to_owned(),
                template: "x64;1033".to_owned(),
                package_code: Guid::named(Guid::DNS, "package"),
                created: MODIFIED,
                installer_version: 200,
                source: 2,
                security: 2,
                application: "cargo-deploy".to_owned(),
                ..Summary::default()
            },
        }
    }

    fn content(&self, key: &str) -> &[u8] {
        &self.files[key[1..].parse::<usize>().unwrap()].1
    }

    fn write(&self, level: Level, threads: usize, most: u64) -> Vec<u8> {
        let cabinets = self.cabinets(most);
        let packing = Packing { level, threads: NonZeroUsize::new(threads).unwrap(), modified: MODIFIED };
        let mut open = |key: &str| Ok(Box::new(Cursor::new(self.content(key).to_vec())) as Box<dyn Read>);
        let out = Cursor::new(Vec::new());
        write(out, &self.database(&cabinets), &cabinets, &mut open, packing).unwrap().into_inner()
    }

    fn package(&self) -> Vec<u8> {
        self.write(Level::Default, 2, u64::MAX)
    }
}

fn sorted(database: &Database) -> Database {
    let mut database = database.clone();
    database.tables.sort_by(|left, right| left.name.cmp(&right.name));
    for table in &mut database.tables {
        table.rows.sort();
        for column in &mut table.columns {
            column.validation = Default::default();
        }
    }
    database.streams.sort();
    database
}

#[test]
fn what_was_written_is_read_back() {
    let sample = Sample::small();
    let cabinets = sample.cabinets(u64::MAX);
    let database = sorted(&sample.database(&cabinets));
    let mut package = Package::open(Cursor::new(sample.package())).unwrap();
    let mut read = package.database().clone();
    let validation = read.tables.iter().position(|table| table.name == "_Validation").unwrap();
    let validation = read.tables.remove(validation);
    assert_eq!(read, database);
    let of_guid = validation.rows.iter().find(|row| row[1] == Value::from("ComponentId")).unwrap();
    let shown: Vec<Option<&str>> = of_guid.iter().map(Value::as_text).collect();
    assert_eq!(
        shown,
        [Some("Component"), Some("ComponentId"), Some("Y"), None, None, None, None, Some("Guid"), None, None]
    );

    let files = package.installed_files().unwrap();
    let expected: Vec<InstalledFile> = (sample.files.iter().zip(sample.keys()).zip(1..))
        .map(|(((name, content), key), sequence)| InstalledFile {
            path: format!("ProgramFiles64Folder/The App/{name}"),
            component: format!("c{}", key.key),
            key: key.key,
            version: None,
            sequence,
            cabinet: Some("app1.cab".to_owned()),
            size: content.len() as u64,
            sha256: Some(digest(&mut &content[..]).unwrap().1),
        })
        .collect();
    assert_eq!(files, expected);
    assert!(!package.signed());
}

#[test]
fn the_listing_is_stable() {
    let mut table = Table::new(
        "Control",
        vec![
            Column::text("Control", 50).key(),
            Column::text("Text", 0).nullable().localizable(),
            Column::stream("Data").nullable(),
        ],
    );
    table.rows.push(row(["Line".into(), "a|b\\\r\nc\u{1}".into(), Value::Stream(b"hi".to_vec())]));
    table.rows.push(row(["None".into(), Value::Null, Value::Null]));
    let database = Database {
        tables: vec![table],
        streams: vec![("extra".to_owned(), Vec::new())],
        summary: Summary { title: "Installation Database".to_owned(), ..Summary::default() },
    };
    assert_eq!(
        listing(&database),
        "summary
  title: Installation Database
  subject:
  author:
  keywords:
  comments:
  template:
  package code: {00000000-0000-0000-0000-000000000000}
  created: 0
  installer version: 0
  source: 0
  security: 0
  application:

Control
  Control s50* | Text L0 | Data V0
  Line | a\\|b\\\\\\r\\nc\\u{1} | 2 bytes, sha256 8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4
  None |  |

streams
  extra | 0 bytes, sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
"
    );
}

#[test]
fn the_bytes_do_not_depend_on_threads_or_on_the_order_of_rows() {
    let mut sample = Sample::small();
    sample.files.push(("large".to_owned(), mixed(9, 9_000_000)));
    let one = sample.write(Level::Fast, 1, u64::MAX);
    assert!(sample.write(Level::Fast, 4, u64::MAX) == one);
    assert!(sample.write(Level::Fast, 1, u64::MAX) == one);

    let cabinets = sample.cabinets(u64::MAX);
    let mut database = sample.database(&cabinets);
    database.tables.reverse();
    database.streams.reverse();
    for table in &mut database.tables {
        table.rows.reverse();
    }
    let packing = Packing { level: Level::Fast, threads: NonZeroUsize::MIN, modified: MODIFIED };
    let mut open = |key: &str| Ok(Box::new(Cursor::new(sample.content(key).to_vec())) as Box<dyn Read>);
    let out = write(Cursor::new(Vec::new()), &database, &cabinets, &mut open, packing).unwrap();
    assert!(out.into_inner() == one);
}

#[test]
fn other_crates_read_the_same() {
    let sample = Sample::small();
    let bytes = sample.write(Level::Default, 2, 80_000);
    let compound = ::cfb::CompoundFile::open_strict(Cursor::new(&bytes)).unwrap();
    assert_eq!(compound.version(), ::cfb::Version::V3);
    let clsid = compound.root_entry().clsid().as_hyphenated().to_string();
    assert_eq!(clsid, "000c1084-0000-0000-c000-000000000046");

    let mut package = ::msi::Package::open(Cursor::new(&bytes)).unwrap();
    assert_eq!(package.database_codepage(), ::msi::CodePage::Utf8);
    assert_eq!(package.summary_info().subject(), Some("Größe"));
    assert_eq!(package.summary_info().word_count(), Some(2));
    let rows: Vec<(String, String)> = package
        .select_rows(::msi::Select::table("Property"))
        .unwrap()
        .map(|row| (row[0].as_str().unwrap().to_owned(), row[1].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(rows.len(), 6);
    assert!(rows.contains(&("ProductName".to_owned(), "Größe".to_owned())));
    let column = package.get_table("File").unwrap().columns()[3].clone();
    assert_eq!(column.coltype(), ::msi::ColumnType::Int32);
    assert_eq!(column.value_range(), Some((0, i32::MAX)));

    let mut contents = BTreeMap::new();
    for (name, number) in [("app1.cab", 1), ("app2.cab", 3), ("app3.cab", 1)] {
        let mut stream = Vec::new();
        package.read_stream(name).unwrap().read_to_end(&mut stream).unwrap();
        let mut cabinet = ::cab::Cabinet::new(Cursor::new(stream)).unwrap();
        let names: Vec<String> = cabinet
            .folder_entries()
            .flat_map(|folder| folder.file_entries().map(|file| file.name().to_owned()).collect::<Vec<_>>())
            .collect();
        let time = cabinet.get_file_entry(&names[0]).unwrap().datetime().unwrap().to_string();
        assert_eq!(time, "2023-11-14 22:13:20.0");
        for name in names {
            let mut content = Vec::new();
            cabinet.read_file(&name).unwrap().read_to_end(&mut content).unwrap();
            contents.insert(name, content);
        }
        assert!(contents.len() >= number);
    }
    assert_eq!(contents.len(), sample.files.len());
    for (key, content) in contents {
        assert!(sample.content(&key) == content, "{key}");
    }
}

#[test]
fn allocation_tables_of_more_than_the_header_lists_are_read() {
    // The header lists the allocation of 7 MiB, a sector of the list that of 8 MiB more.
    for size in [7_100_000, 7_200_000, 17_000_000] {
        let content = incompressible(size as u64, size);
        let database = Database { streams: vec![("large".to_owned(), content)], ..Database::default() };
        let packing = Packing { level: Level::Fast, threads: NonZeroUsize::MIN, modified: 0 };
        let mut open = |_: &str| Ok(Box::new(io::empty()) as Box<dyn Read>);
        let bytes = write(Cursor::new(Vec::new()), &database, &[], &mut open, packing).unwrap().into_inner();
        let package = Package::open(Cursor::new(&bytes)).unwrap();
        assert!(package.database().streams == database.streams);
        let mut other = ::msi::Package::open(Cursor::new(&bytes)).unwrap();
        let mut content = Vec::new();
        other.read_stream("large").unwrap().read_to_end(&mut content).unwrap();
        assert!(content == database.streams[0].1);
        ::cfb::CompoundFile::open_strict(Cursor::new(&bytes)).unwrap();
    }
}

#[test]
fn msitools_and_7z_read_the_same() {
    let sample = Sample::small();
    let scratch = Scratch::new("clients");
    let file = scratch.0.join("app.msi");
    std::fs::write(&file, sample.write(Level::Default, 2, 80_000)).unwrap();
    let file = file.as_os_str();

    let tables = run("msiinfo", &["tables".as_ref(), file]);
    for name in ["_Validation", "Property", "Icon", "FeatureComponents"] {
        assert!(tables.lines().any(|line| line == name), "{tables}");
    }
    let summary = run("msiinfo", &["suminfo".as_ref(), file]);
    for line in [
        "Subject: Größe",
        "Template: x64;1033",
        "Revision number (UUID): {4EFFA1F5-3868-54DC-8059-D53F70776679}",
        "Created: Tue Nov 14 22:13:20 2023",
        "Version: 200 (c8)",
        "Source: 2 (2)",
    ] {
        assert!(summary.lines().any(|found| found == line), "{line} in {summary}");
    }
    let streams = run("msiinfo", &["streams".as_ref(), file]);
    for name in ["app1.cab", "app2.cab", "app3.cab", "Icon.app.ico", "extra"] {
        assert!(streams.lines().any(|line| line == name), "{streams}");
    }
    let property = run("msiinfo", &["export".as_ref(), file, "Property".as_ref()]);
    assert!(
        property.replace('\r', "").starts_with("Property\tValue\ns72\tl0\nProperty\tProperty\n"),
        "{property}"
    );
    assert!(property.contains("ProductName\tGröße"), "{property}");
    let validation = run("msiinfo", &["export".as_ref(), file, "_Validation".as_ref()]);
    assert!(validation.contains("Directory\tDirectory_Parent\tY\t\t\tDirectory\t1\t\t\t"), "{validation}");

    let to = scratch.0.join("out");
    run("msiextract", &["-C".as_ref(), to.as_os_str(), file]);
    let folder = find(&to, "app.exe");
    for (name, content) in &sample.files {
        assert!(&std::fs::read(folder.join(name)).unwrap() == content, "{name}");
    }

    run("7z", &["t".as_ref(), file]);
    let seven = scratch.0.join("seven");
    let option = format!("-o{}", seven.display());
    run("7z", &["x".as_ref(), option.as_ref(), file]);
    for (key, (name, content)) in sample.keys().iter().zip(&sample.files) {
        let unpacked = ["", "app1.cab", "app2.cab", "app3.cab"]
            .iter()
            .flat_map(|cabinet| [seven.join(cabinet).join(&key.key), seven.join(cabinet).join(name)])
            .find(|path| path.exists());
        match unpacked {
            Some(path) => assert!(&std::fs::read(path).unwrap() == content, "{name}"),
            // It left the cabinets as they are.
            None => {
                for cabinet in ["app1.cab", "app2.cab", "app3.cab"] {
                    let cabinet = seven.join(cabinet);
                    run("7z", &["t".as_ref(), cabinet.as_os_str()]);
                    run("7z", &["x".as_ref(), "-y".as_ref(), option.as_ref(), cabinet.as_os_str()]);
                }
                assert!(&std::fs::read(seven.join(&key.key)).unwrap() == content, "{name}");
            }
        }
    }
}

fn find(root: &Path, name: &str) -> PathBuf {
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        if directory.join(name).exists() {
            return directory;
        }
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            }
        }
    }
    panic!("{name} is not below {}", root.display());
}

#[test]
fn what_osslsigncode_signs_is_accepted_and_goes_back_to_what_it_was() {
    let scratch = Scratch::new("signed");
    let path = |name: &str| scratch.0.join(name).into_os_string();
    let (key, certificate) = (path("key.pem"), path("certificate.pem"));
    let mut arguments: Vec<&OsStr> =
        "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=Test -addext extendedKeyUsage=codeSigning -keyout"
            .split(' ')
            .map(OsStr::new)
            .collect();
    arguments.extend([key.as_os_str(), "-out".as_ref(), certificate.as_os_str()]);
    run("openssl", &arguments);
    for (index, options) in [&[][..], &["-add-msi-dse"][..]].into_iter().enumerate() {
        let bytes = Sample::small().package();
        let (file, signed) = (path(&format!("app{index}.msi")), path(&format!("signed{index}.msi")));
        std::fs::write(&file, &bytes).unwrap();
        let mut arguments: Vec<&OsStr> =
            vec!["sign".as_ref(), "-key".as_ref(), &key, "-certs".as_ref(), &certificate];
        arguments.extend(options.iter().map(OsStr::new));
        arguments.extend(["-in".as_ref(), file.as_os_str(), "-out".as_ref(), signed.as_os_str()]);
        run("osslsigncode", &arguments);
        let said = run(
            "osslsigncode",
            &["verify".as_ref(), "-CAfile".as_ref(), &certificate, "-in".as_ref(), signed.as_os_str()],
        );
        assert!(said.contains("Signature verification: ok"), "{said}");
        let signed = std::fs::read(signed).unwrap();
        let mut package = Package::open(Cursor::new(&signed)).unwrap();
        assert!(package.signed());
        assert_eq!(package.installed_files().unwrap().len(), 5);
        assert!(unsigned(Cursor::new(&signed), Cursor::new(Vec::new())).unwrap().into_inner() == bytes);
    }
    let bytes = Sample::small().package();
    assert!(unsigned(Cursor::new(&bytes), Cursor::new(Vec::new())).unwrap().into_inner() == bytes);
}

#[test]
fn many_files_are_spread_over_cabinets() {
    let files = (0..70_000).map(|index| (format!("{index}.txt"), format!("{index}").into_bytes())).collect();
    let sample = Sample { files };
    let cabinets = sample.cabinets(u64::MAX);
    let counts: Vec<(&str, usize)> =
        cabinets.iter().map(|cabinet| (cabinet.name.as_str(), cabinet.files.len())).collect();
    assert_eq!(counts, [("app1.cab", 65_535), ("app2.cab", 4465)]);
    let mut package = Package::open(Cursor::new(sample.package())).unwrap();
    let files = package.installed_files().unwrap();
    assert_eq!(files.len(), 70_000);
    let last = &files[69_999];
    assert_eq!(
        (last.path.as_str(), last.cabinet.as_deref()),
        ("ProgramFiles64Folder/The App/69999.txt", Some("app2.cab"))
    );
    assert_eq!(last.sha256, Some(digest(&mut &b"69999"[..]).unwrap().1));
}

#[test]
fn files_of_every_size_around_a_block_are_read_back() {
    let sizes = [0, 1, 32_767, 32_768, 32_769, 65_536, 0, 1_048_575, 1_048_577];
    let files = (sizes.iter().zip(0..)).map(|(size, seed)| (format!("{seed}"), mixed(seed, *size))).collect();
    let sample = Sample { files };
    for level in [Level::Fast, Level::Default, Level::Small] {
        let mut package = Package::open(Cursor::new(sample.write(level, 3, 2_000_000))).unwrap();
        for (file, (_, content)) in package.installed_files().unwrap().iter().zip(&sample.files) {
            assert_eq!(file.sha256, Some(digest(&mut &content[..]).unwrap().1), "{}", file.path);
        }
    }
    for only in [Vec::new(), vec![("empty".to_owned(), Vec::new())]] {
        let sample = Sample { files: only };
        let mut package = Package::open(Cursor::new(sample.package())).unwrap();
        assert_eq!(package.installed_files().unwrap().len(), sample.files.len());
    }
}

#[test]
fn cabinets_are_divided_by_size() {
    let file = |key: &str, size| CabinetFile { key: key.to_owned(), size };
    let files = vec![file("a", 60), file("b", 40), file("c", 1), file("d", 200), file("e", 0)];
    let keys: Vec<String> = spread(files, 100, &|number| format!("{number}.cab"))
        .into_iter()
        .map(|cabinet| {
            format!("{} {}", cabinet.name, cabinet.files.into_iter().map(|file| file.key).collect::<String>())
        })
        .collect();
    assert_eq!(keys, ["1.cab ab", "2.cab c", "3.cab de"]);
}

fn error_of(database: &Database, cabinets: &[Cabinet], content: &[u8]) -> String {
    let packing = Packing { level: Level::Fast, threads: NonZeroUsize::MIN, modified: 0 };
    let mut open = |_: &str| Ok(Box::new(Cursor::new(content.to_vec())) as Box<dyn Read>);
    let error = write(Cursor::new(Vec::new()), database, cabinets, &mut open, packing).unwrap_err();
    let mut text = error.to_string();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        text = format!("{text}: {source}");
        cause = source;
    }
    text
}

#[test]
fn files_that_cannot_be_packed_are_named() {
    let cabinet = |size| {
        [Cabinet { name: "a.cab".to_owned(), files: vec![CabinetFile { key: "app.exe".to_owned(), size }] }]
    };
    let none = Database::default();
    assert_eq!(
        error_of(&none, &cabinet(5), b"1234"),
        "cabinet `a.cab`: add `app.exe` to the cabinet: it should have 5 bytes and has 4"
    );
    assert_eq!(
        error_of(&none, &cabinet(3), b"1234"),
        "cabinet `a.cab`: add `app.exe` to the cabinet: it should have 3 bytes and has 4"
    );
    assert_eq!(
        error_of(&none, &cabinet(1 << 31), b""),
        "cabinet `a.cab`: add `app.exe` to the cabinet: it has 2147483648 bytes, and Windows Installer takes files below 2 GiB"
    );
    let both = [cabinet(4), cabinet(4)].concat();
    assert_eq!(error_of(&none, &both, b"1234"), "there are two streams of the name `a.cab`");
}

#[test]
fn tables_that_are_none_are_refused() {
    let key = || Column::text("Key", 10).key();
    let table =
        |columns: Vec<Column>, rows: Vec<Vec<Value>>| Table { name: "Some".to_owned(), columns, rows };
    let number = || Column::integer16("Number");
    for (table, expected) in [
        (table(vec![], vec![]), "it should have one to 32 columns, the keys first"),
        (table(vec![number()], vec![]), "it should have one to 32 columns, the keys first"),
        (table(vec![number(), key()], vec![]), "it should have one to 32 columns, the keys first"),
        (table(vec![key(), key()], vec![]), "there are two of the name `Key`"),
        (table(vec![Column::text("A B", 1).key()], vec![]), "`A B` is no name for a table or a column"),
        (table(vec![key(), number()], vec![row(["a".into()])]), "row 1 should have 2 values"),
        (
            table(vec![key(), number()], vec![row(["a".into(), Value::Null])]),
            "row 1 has no value that fits the column `Number`",
        ),
        (
            table(vec![key(), number()], vec![row(["a".into(), 32_768.into()])]),
            "row 1 has no value that fits the column `Number`",
        ),
        (table(vec![key()], vec![row(["".into()])]), "row 1 has no value that fits the column `Key`"),
        (
            table(vec![key()], vec![row(["a".into()]), row(["b".into()]), row(["a".into()])]),
            "there are two rows with the key `a`",
        ),
    ] {
        let database = Database { tables: vec![table], ..Database::default() };
        assert_eq!(error_of(&database, &[], b""), format!("table `Some`: {expected}"));
    }
    let twice = Table::new("Some", vec![key()]);
    let database = Database { tables: vec![twice.clone(), twice], ..Database::default() };
    assert_eq!(error_of(&database, &[], b""), "table `Some`: there are two of the name `Some`");
    let database = Database { streams: vec![("x/y".to_owned(), Vec::new())], ..Database::default() };
    assert_eq!(error_of(&database, &[], b""), "a stream cannot be named `x/y`");
    let database = Database { streams: vec![("x".repeat(63), Vec::new())], ..Database::default() };
    assert_eq!(error_of(&database, &[], b""), format!("a stream cannot be named `{}`", "x".repeat(63)));
}

#[test]
fn a_cabinet_that_does_not_agree_with_the_tables_is_an_error() {
    let sample = Sample::small();
    let mut cabinets = sample.cabinets(u64::MAX);
    let database = sample.database(&cabinets);
    let packing = Packing { level: Level::Fast, threads: NonZeroUsize::MIN, modified: 0 };
    let mut open = |key: &str| Ok(Box::new(Cursor::new(sample.content(key).to_vec())) as Box<dyn Read>);
    let error = |cabinets: &[Cabinet], open: &mut crate::msi::Open<'_>| -> String {
        let out = write(Cursor::new(Vec::new()), &database, cabinets, open, packing).unwrap();
        Package::open(out).unwrap().installed_files().unwrap_err().to_string()
    };
    let last = cabinets[0].files.pop().unwrap();
    assert_eq!(
        error(&cabinets, &mut open),
        "the file `f00004` of the table `File` is not in cabinet `app1.cab`"
    );
    cabinets[0].files.extend([last.clone(), CabinetFile { key: "f00001x".to_owned(), size: 0 }]);
    let mut with_more = |key: &str| -> io::Result<Box<dyn Read>> {
        if key == "f00001x" { Ok(Box::new(io::empty())) } else { open(key) }
    };
    assert_eq!(
        error(&cabinets, &mut with_more),
        "the file `f00001x` in cabinet `app1.cab` is not the one in the table `File`"
    );
    let none: Vec<Cabinet> = Vec::new();
    assert_eq!(error(&none, &mut open), "the file `f00000` of the table `File` is not in cabinet `app1.cab`");
}

#[test]
fn other_files_are_no_packages() {
    let error = |bytes: &[u8]| Package::open(Cursor::new(bytes)).unwrap_err().to_string();
    assert_eq!(error(b""), "it is no compound file");
    assert_eq!(error(&[0; 4096]), "it is no compound file");
    let mut compound = ::cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    compound.create_stream("a").unwrap();
    assert_eq!(
        error(&compound.into_inner().into_inner()),
        "it is a compound file, but no package for Windows Installer"
    );
}

#[test]
fn packages_of_the_crate_msi_are_read() {
    let mut package = ::msi::Package::create(::msi::PackageType::Installer, Cursor::new(Vec::new())).unwrap();
    package.summary_info_mut().set_uuid("2ed6657d-e927-568b-95e1-2665a8aea6a2".parse().unwrap());
    let columns = vec![
        ::msi::Column::build("Key").primary_key().string(72),
        ::msi::Column::build("Number").nullable().int32(),
    ];
    package.create_table("Some", columns).unwrap();
    let rows = ::msi::Insert::into("Some")
        .row(vec![::msi::Value::from("ä"), ::msi::Value::Int(-5)])
        .row(vec![::msi::Value::from("b"), ::msi::Value::Null]);
    package.insert_rows(rows).unwrap();
    let bytes = package.into_inner().unwrap().into_inner();
    let package = Package::open(Cursor::new(bytes)).unwrap();
    assert_eq!(
        package.database().table("Some").unwrap().rows,
        [row(["ä".into(), (-5).into()]), row(["b".into(), Value::Null])]
    );
}

fn try_all(bytes: &[u8]) -> Result<(), MsiError> {
    let mut package = Package::open(Cursor::new(bytes))?;
    let _ = package.listing();
    package.installed_files()?;
    unsigned(Cursor::new(bytes), Cursor::new(Vec::new()))?;
    Ok(())
}

#[test]
fn a_cut_package_is_an_error() {
    let bytes = Sample::small().package();
    for length in (0..bytes.len() - 512).step_by(997) {
        assert!(try_all(&bytes[..length]).is_err(), "cut to {length}");
    }
}

#[test]
fn damaged_packages_do_no_harm() {
    let sample =
        Sample { files: vec![("a.txt".to_owned(), text(1, 5000)), ("b".to_owned(), mixed(1, 40_000))] };
    let bytes = sample.package();
    let mut random = Random::new(1);
    for round in 0..4000 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + random.below(3) {
            // Half of the damage where the structure is.
            let place = if round % 2 == 0 {
                random.below(damaged.len())
            } else {
                damaged.len() - 1 - random.below(12_000)
            };
            damaged[place] = random.next() as u8;
        }
        let _ = try_all(&damaged);
    }
    for place in 24..512 {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x41;
        let _ = try_all(&damaged);
    }
}
