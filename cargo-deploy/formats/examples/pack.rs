//! Packs a directory, to try and to measure the archive writers of this crate:
//! `pack tar|tar.gz|tar.xz|tar.zst|zip|squashfs|squashfs.gzip|deb|deb.zst|rpm|rpm.zst fast|default|small THREADS DIRECTORY OUTPUT`

#![expect(
    clippy::disallowed_methods,
    reason = "an example opens its files itself, as every caller of the crate"
)]

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::num::NonZeroUsize;
use std::path::Path;

use deploy_formats::compression::{Compression, Encoder};
use deploy_formats::debian::Paragraph;
use deploy_formats::debian::package;
use deploy_formats::debian::package::{ControlFile, DataFile, DataWriter, Packing};
use deploy_formats::{Level, rpm, squashfs, tar, zip};

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
