//! Packs a directory, to try and to measure the archive writers of this crate:
//! `pack tar|tar.gz|tar.xz|tar.zst|zip|squashfs|squashfs.gzip|deb|deb.zst|rpm|rpm.zst|msi fast|default|small THREADS DIRECTORY OUTPUT`

#![expect(
    clippy::disallowed_methods,
    reason = "an example opens its files itself, as every caller of the crate"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::num::NonZeroUsize;
use std::path::Path;

use deploy_formats::compression::{Compression, Encoder};
use deploy_formats::debian::Paragraph;
use deploy_formats::debian::package;
use deploy_formats::debian::package::{ControlFile, DataFile, DataWriter, Packing};
use deploy_formats::{Level, msi, rpm, squashfs, tar, zip};

/// The time of every member: 2023-11-14 22:13:20 UTC.
const MODIFIED: u64 = 1_700_000_000;

enum Found {
    Directory,
    File { size: u64, executable: bool },
    Symlink { target: String },
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [format, level, threads, directory, output] = arguments.as_slice() else {
        return Err("usage: pack FORMAT LEVEL THREADS DIRECTORY OUTPUT".into());
    };
    let level = match level.as_str() {
        "fast" => Level::Fast,
        "default" => Level::Default,
        "small" => Level::Small,
        other => return Err(format!("unknown level {other}").into()),
    };
    let threads: NonZeroUsize = threads.parse()?;
    let root = Path::new(directory);
    let mut entries = Vec::new();
    walk(root, "", &mut entries)?;
    if let "deb" | "deb.zst" = format.as_str() {
        let compression = if format == "deb" { Compression::Xz } else { Compression::Zstd };
        let packing = Packing { compression, level, threads, modified: MODIFIED, x86: true };
        return pack_deb(root, &entries, packing, Path::new(output));
    }
    if let "rpm" | "rpm.zst" = format.as_str() {
        let compression = if format == "rpm" { Compression::Xz } else { Compression::Zstd };
        return pack_rpm(root, &entries, rpm::Options { compression, level, threads }, Path::new(output));
    }
    if format == "msi" {
        let packing = msi::Packing { level, threads, modified: MODIFIED };
        return pack_msi(root, &entries, packing, Path::new(output));
    }
    let output = BufWriter::with_capacity(1 << 18, File::create(output)?);
    let compression = match format.as_str() {
        "squashfs" | "squashfs.gzip" => {
            let compression = match format.as_str() {
                "squashfs" => squashfs::Compression::Zstd,
                _ => squashfs::Compression::Gzip,
            };
            let writer = squashfs::Writer::new(output, MODIFIED, compression, level, threads)?;
            return pack_squashfs(root, &entries, writer);
        }
        "zip" => return pack_zip(root, &entries, zip::Writer::new(output, MODIFIED, level, threads)),
        "tar" => Compression::None,
        "tar.gz" => Compression::Gzip,
        "tar.xz" => Compression::Xz,
        "tar.zst" => Compression::Zstd,
        other => return Err(format!("unknown format {other}").into()),
    };
    let encoder = Encoder::new(compression, output, level, threads)?;
    pack_tar(root, &entries, tar::Writer::new(encoder, MODIFIED))
}

/// Every path below a directory, sorted, with forward slashes.
fn walk(root: &Path, below: &str, entries: &mut Vec<(String, Found)>) -> Result<(), Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(below))? {
        names.push(entry?.file_name().into_string().map_err(|name| format!("{name:?} is not UTF-8"))?);
    }
    names.sort_unstable();
    for name in names {
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let metadata = fs::symlink_metadata(root.join(&path))?;
        if metadata.is_symlink() {
            let target = fs::read_link(root.join(&path))?.to_string_lossy().into_owned();
            entries.push((path, Found::Symlink { target }));
        } else if metadata.is_dir() {
            entries.push((path.clone(), Found::Directory));
            walk(root, &path, entries)?;
        } else {
            let executable = is_executable(&metadata);
            entries.push((path, Found::File { size: metadata.len(), executable }));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}

fn pack_tar<W: Write>(
    root: &Path,
    entries: &[(String, Found)],
    mut writer: tar::Writer<Encoder<W>>,
) -> Result<(), Box<dyn Error>> {
    for (path, found) in entries {
        match found {
            Found::Directory => writer.directory(path)?,
            Found::Symlink { target } => writer.symlink(path, target)?,
            Found::File { size, executable } => {
                writer.file(path, *executable, *size, &mut File::open(root.join(path))?)?;
            }
        }
    }
    writer.finish()?.finish()?.flush()?;
    Ok(())
}

fn pack_zip(
    root: &Path,
    entries: &[(String, Found)],
    mut writer: zip::Writer<BufWriter<File>>,
) -> Result<(), Box<dyn Error>> {
    for (path, found) in entries {
        match found {
            Found::Directory => writer.directory(path)?,
            Found::Symlink { target } => writer.symlink(path, target)?,
            Found::File { size, executable } => {
                writer.file(path, *executable, *size, &mut File::open(root.join(path))?)?;
            }
        }
    }
    writer.finish()?.flush()?;
    Ok(())
}

fn pack_squashfs(
    root: &Path,
    entries: &[(String, Found)],
    mut writer: squashfs::Writer<BufWriter<File>>,
) -> Result<(), Box<dyn Error>> {
    for (path, found) in entries {
        match found {
            Found::Directory => writer.directory(path, 0o755)?,
            Found::Symlink { target } => writer.symlink(path, target)?,
            Found::File { size, executable } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                writer.file(path, mode, *size, || File::open(root.join(path)))?;
            }
        }
    }
    writer.finish()?.flush()?;
    Ok(())
}

/// A package that installs the directory below `opt/app`.
fn pack_deb(
    root: &Path,
    entries: &[(String, Found)],
    packing: Packing,
    output: &Path,
) -> Result<(), Box<dyn Error>> {
    let scratch = output.with_extension("data");
    let mut writer = DataWriter::new(BufWriter::with_capacity(1 << 18, File::create(&scratch)?), packing)?;
    for (path, found) in entries {
        let to = format!("opt/app/{path}");
        match found {
            Found::Directory => writer.directory(&to)?,
            Found::Symlink { target } => writer.symlink(&to, target)?,
            Found::File { size, executable } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                let file = DataFile { path: &to, mode, size: *size, config: false };
                writer.file(file, &mut File::open(root.join(path))?)?;
            }
        }
    }
    let (mut data, summary) = writer.finish()?;
    data.flush()?;
    let mut control = Paragraph::new();
    for (name, value) in [
        ("Package", "app"),
        ("Version", "1.0.0-1"),
        ("Architecture", "amd64"),
        ("Maintainer", "The Makers <makers@example.com>"),
        ("Installed-Size", summary.installed_size.to_string().as_str()),
        ("Description", "a tree of files\nFor measurements."),
    ] {
        control.push(name, value)?;
    }
    let files = [ControlFile { name: "md5sums", content: summary.md5sums.as_bytes() }];
    let size = fs::metadata(&scratch)?.len();
    let file = BufWriter::with_capacity(1 << 18, File::create(output)?);
    package::write(file, packing, &control, &files, size, &mut File::open(&scratch)?)?.flush()?;
    fs::remove_file(&scratch)?;
    Ok(())
}

fn pack_rpm(
    root: &Path,
    entries: &[(String, Found)],
    options: rpm::Options,
    output: &Path,
) -> Result<(), Box<dyn Error>> {
    let package = rpm::Package {
        name: "app".to_owned(),
        version: "1.0.0".to_owned(),
        release: "1".to_owned(),
        architecture: "x86_64".to_owned(),
        summary: "A tree of files".to_owned(),
        license: "MIT".to_owned(),
        source_date: u32::try_from(MODIFIED)?,
        ..rpm::Package::default()
    };
    let file = |(path, found): &(String, Found)| {
        let (kind, mode) = match found {
            Found::Directory => (rpm::FileKind::Directory, 0o755),
            Found::Symlink { target } => (rpm::FileKind::Symlink { target: target.clone() }, 0o777),
            Found::File { size, executable } => {
                (rpm::FileKind::Regular { size: *size }, if *executable { 0o755 } else { 0o644 })
            }
        };
        rpm::File { path: format!("/opt/app/{path}"), kind, mode, marks: rpm::Marks::default() }
    };
    let files: Vec<rpm::File> = entries.iter().map(file).collect();
    let mut content = |file: &rpm::File| {
        let path = file.path.strip_prefix("/opt/app/").unwrap_or(&file.path);
        Ok(Box::new(File::open(root.join(path))?) as Box<dyn Read>)
    };
    let output = BufWriter::with_capacity(1 << 18, File::create(output)?);
    rpm::write(&package, &files, options, &mut content, output)?.flush()?;
    Ok(())
}

/// A package that installs the directory into `C:\Program Files\App`, a component a directory.
fn pack_msi(
    root: &Path,
    entries: &[(String, Found)],
    packing: msi::Packing,
    output: &Path,
) -> Result<(), Box<dyn Error>> {
    use msi::{Column, Guid, Table, Value};
    let id = |name: &str| Column::text(name, 72);
    let row = |values: &[&str]| -> Vec<Value> {
        values.iter().map(|text| if text.is_empty() { Value::Null } else { Value::from(*text) }).collect()
    };
    let guid = |name: &str| Guid::named(Guid::DNS, name).to_string();
    let mut property =
        Table::new("Property", vec![id("Property").key(), Column::text("Value", 0).localizable()]);
    for (name, value) in [
        ("Manufacturer", "The Makers"),
        ("ProductCode", guid("product").as_str()),
        ("ProductLanguage", "1033"),
        ("ProductName", "App"),
        ("ProductVersion", "1.0.0"),
        ("UpgradeCode", guid("upgrade").as_str()),
    ] {
        property.rows.push(row(&[name, value]));
    }
    let mut directory = Table::new(
        "Directory",
        vec![
            id("Directory").key(),
            id("Directory_Parent").nullable(),
            Column::text("DefaultDir", 255).localizable(),
        ],
    );
    directory.rows.push(row(&["TARGETDIR", "", "SourceDir"]));
    directory.rows.push(row(&["ProgramFiles64Folder", "TARGETDIR", "."]));
    directory.rows.push(row(&["INSTALLDIR", "ProgramFiles64Folder", "App"]));
    let mut component = Table::new(
        "Component",
        vec![
            id("Component").key(),
            Column::text("ComponentId", 38).nullable(),
            id("Directory_"),
            Column::integer16("Attributes"),
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
    feature.rows.push(vec![
        "App".into(),
        Value::Null,
        Value::Null,
        Value::Null,
        1.into(),
        1.into(),
        "INSTALLDIR".into(),
        0.into(),
    ]);
    let mut features =
        Table::new("FeatureComponents", vec![Column::text("Feature_", 38).key(), id("Component_").key()]);
    let mut file = Table::new(
        "File",
        vec![
            id("File").key(),
            id("Component_"),
            Column::text("FileName", 255).localizable(),
            Column::integer32("FileSize"),
            Column::text("Version", 72).nullable(),
            Column::text("Language", 20).nullable(),
            Column::integer16("Attributes").nullable(),
            Column::integer32("Sequence"),
        ],
    );
    let mut directories = BTreeMap::from([(String::new(), "INSTALLDIR".to_owned())]);
    let mut paths = BTreeMap::new();
    let mut files = Vec::new();
    for (path, found) in entries {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let below = directories.get(parent).ok_or("a directory is missing")?.clone();
        match found {
            Found::Directory => {
                let key = format!("d{:05}", directories.len());
                let short = format!("D{}|{name}", directories.len());
                directory.rows.push(row(&[&key, &below, &short]));
                directories.insert(path.clone(), key);
            }
            Found::File { size, .. } => {
                let number = files.len() + 1;
                let (key, of) = (format!("f{number:05}"), format!("c{number:05}"));
                component.rows.push(vec![
                    of.as_str().into(),
                    guid(path).into(),
                    below.into(),
                    256.into(),
                    Value::Null,
                    key.as_str().into(),
                ]);
                features.rows.push(row(&["App", &of]));
                file.rows.push(vec![
                    key.as_str().into(),
                    of.into(),
                    format!("F{number}|{name}").into(),
                    i32::try_from(*size)?.into(),
                    Value::Null,
                    Value::Null,
                    512.into(),
                    i32::try_from(number)?.into(),
                ]);
                paths.insert(key.clone(), path.as_str());
                files.push(msi::CabinetFile { key, size: *size });
            }
            Found::Symlink { .. } => return Err(format!("{path} is a symlink").into()),
        }
    }
    let cabinets = msi::spread(files, msi::LARGEST_FOLDER, &|number| format!("app{number}.cab"));
    let mut media = Table::new(
        "Media",
        vec![
            Column::integer16("DiskId").key(),
            Column::integer32("LastSequence"),
            Column::text("DiskPrompt", 64).nullable(),
            Column::text("Cabinet", 255).nullable(),
            Column::text("VolumeLabel", 32).nullable(),
            id("Source").nullable(),
        ],
    );
    let mut last = 0;
    for (cabinet, disk) in cabinets.iter().zip(1..) {
        last += i32::try_from(cabinet.files.len())?;
        let name = format!("#{}", cabinet.name);
        media.rows.push(vec![disk.into(), last.into(), Value::Null, name.into(), Value::Null, Value::Null]);
    }
    let mut sequence = Table::new(
        "InstallExecuteSequence",
        vec![
            id("Action").key(),
            Column::text("Condition", 255).nullable(),
            Column::integer16("Sequence").nullable(),
        ],
    );
    for (action, number) in [
        ("CostInitialize", 800),
        ("FileCost", 900),
        ("CostFinalize", 1000),
        ("InstallValidate", 1400),
        ("InstallInitialize", 1500),
        ("ProcessComponents", 1600),
        ("RemoveFiles", 3500),
        ("InstallFiles", 4000),
        ("RegisterProduct", 6100),
        ("PublishFeatures", 6300),
        ("PublishProduct", 6400),
        ("InstallFinalize", 6600),
    ] {
        sequence.rows.push(vec![action.into(), Value::Null, number.into()]);
    }
    let database = msi::Database {
        tables: vec![property, directory, component, feature, features, file, media, sequence],
        streams: Vec::new(),
        summary: msi::Summary {
            title: "Installation Database".to_owned(),
            subject: "App".to_owned(),
            author: "The Makers".to_owned(),
            template: "x64;1033".to_owned(),
            package_code: Guid::named(Guid::DNS, "package"),
            created: MODIFIED,
            installer_version: 200,
            source: 2,
            security: 2,
            ..msi::Summary::default()
        },
    };
    let mut open = |key: &str| {
        let path = paths.get(key).copied().unwrap_or(key);
        Ok(Box::new(File::open(root.join(path))?) as Box<dyn Read>)
    };
    let output = BufWriter::with_capacity(1 << 18, File::create(output)?);
    msi::write(output, &database, &cabinets, &mut open, packing)?.flush()?;
    Ok(())
}
