//! `tar.gz`, `tar.xz`, `tar.zst` and `zip`: the files of the payload below one directory, nothing else.

use crate::bench::Workbench;
use crate::bench::files::{self, FileErrorExt as _};
use crate::layout::{NodeKind, Payload, Tree};
use crate::package::{Contents, Keep, PackageError, Packager, broken, unreadable};
use crate::plugin::{Info, Plugin};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_formats::compression::{self, Compression};
use deploy_formats::{tar, zip};
use deploy_model::event::ProgressUnit;
use deploy_plan::catalog::Shape;
use deploy_plan::project::Level;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::{self, BufReader, BufWriter, Read, Write as _};

/// Settings of an archive format.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ArchiveSettings {
    /// How hard the compressor works, for this format only.
    level: Option<Level>,
}

/// `tar.gz`.
#[derive(Debug)]
pub struct TarGz;

/// `tar.xz`.
#[derive(Debug)]
pub struct TarXz;

/// `tar.zst`.
#[derive(Debug)]
pub struct TarZst;

/// `zip`.
#[derive(Debug)]
pub struct Zip;

/// The three compressed tar formats differ in their names and in how they are compressed.
macro_rules! tar_packager {
    ($type:ident, $id:literal, $summary:literal, $compression:expr) => {
        impl Plugin for $type {
            type Settings = ArchiveSettings;
            const INFO: Info = Info { id: $id, summary: $summary, revision: 1 };
        }

        impl Packager for $type {
            const SHAPE: Shape =
                Shape { file_name: concat!("{name}-{version}-{triple}.", $id), ..Shape::ANYWHERE };

            fn package(
                &self,
                settings: &ArchiveSettings,
                payload: &Payload,
                tree: &Tree,
                bench: &Workbench<'_>,
            ) -> Result<Utf8PathBuf, PackageError> {
                write_tar($compression, settings, payload, tree, bench)
            }

            fn read(&self, artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError> {
                read_tar($compression, artifact, keep)
            }
        }
    };
}

tar_packager!(TarGz, "tar.gz", "A tar archive compressed by gzip; every system opens it", Compression::Gzip);
tar_packager!(TarXz, "tar.xz", "A tar archive compressed by xz; the smallest", Compression::Xz);
tar_packager!(TarZst, "tar.zst", "A tar archive compressed by zstd; the fastest", Compression::Zstd);

impl Plugin for Zip {
    type Settings = ArchiveSettings;
    const INFO: Info = Info { id: "zip", summary: "A zip archive; Windows opens it", revision: 1 };
}

impl Packager for Zip {
    const SHAPE: Shape = Shape { file_name: "{name}-{version}-{triple}.zip", ..Shape::ANYWHERE };

    fn package(
        &self,
        settings: &ArchiveSettings,
        payload: &Payload,
        tree: &Tree,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError> {
        let path = bench.file(&payload.file);
        let level = payload.level(settings.level);
        let writer =
            zip::Writer::new(BufWriter::new(files::create(&path)?), bench.moment(), level, bench.workers());
        let mut archive = Archive::Zip(writer);
        fill(&mut archive, tree, bench)?;
        let Archive::Zip(writer) = archive else { return Ok(path) };
        let mut file = writer.finish().map_err(|error| broken(&path, error))?;
        file.flush().file("write", &path)?;
        Ok(path)
    }

    fn read(&self, artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError> {
        let mut contents = Contents::default();
        zip::visit(BufReader::new(files::open(artifact)?), |member, content| {
            contents.take_in(super::listed(member, &member.path)?, content, keep)
        })
        .map_err(|error| unreadable(artifact, error))?;
        Ok(contents)
    }
}

fn write_tar(
    compression: Compression,
    settings: &ArchiveSettings,
    payload: &Payload,
    tree: &Tree,
    bench: &Workbench<'_>,
) -> Result<Utf8PathBuf, PackageError> {
    let path = bench.file(&payload.file);
    let file = BufWriter::new(files::create(&path)?);
    let encoder =
        compression::Encoder::new(compression, file, payload.level(settings.level), bench.workers())
            .file("write", &path)?;
    // The tar writer writes single headers; the compressors want larger pieces.
    let mut archive =
        Archive::Tar(tar::Writer::new(BufWriter::with_capacity(256 << 10, encoder), bench.moment()));
    fill(&mut archive, tree, bench)?;
    let Archive::Tar(writer) = archive else { return Ok(path) };
    let buffer = writer.finish().map_err(|error| broken(&path, error))?;
    let encoder = buffer.into_inner().map_err(io::IntoInnerError::into_error).file("write", &path)?;
    let mut file = encoder.finish().file("write", &path)?;
    file.flush().file("write", &path)?;
    Ok(path)
}

fn read_tar(compression: Compression, artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError> {
    let file = BufReader::with_capacity(256 << 10, files::open(artifact)?);
    let plain = compression::open(compression, file).map_err(|error| unreadable(artifact, error))?;
    let mut contents = Contents::default();
    tar::visit(plain, |member, content| {
        contents.take_in(super::listed(member, &member.path)?, content, keep)
    })
    .map_err(|error| unreadable(artifact, error))?;
    Ok(contents)
}

/// An archive in the making, of either container.
enum Archive {
    Tar(tar::Writer<BufWriter<compression::Encoder<BufWriter<std::fs::File>>>>),
    Zip(zip::Writer<BufWriter<std::fs::File>>),
}

impl Archive {
    fn directory(&mut self, path: &str) -> io::Result<()> {
        match self {
            Archive::Tar(writer) => writer.directory(path).map_err(io::Error::other),
            Archive::Zip(writer) => writer.directory(path).map_err(io::Error::other),
        }
    }

    fn symlink(&mut self, path: &str, target: &str) -> io::Result<()> {
        match self {
            Archive::Tar(writer) => writer.symlink(path, target).map_err(io::Error::other),
            Archive::Zip(writer) => writer.symlink(path, target).map_err(io::Error::other),
        }
    }

    fn file(&mut self, path: &str, executable: bool, size: u64, content: &mut dyn Read) -> io::Result<()> {
        match self {
            Archive::Tar(writer) => writer.file(path, executable, size, content).map_err(io::Error::other),
            Archive::Zip(writer) => writer.file(path, executable, size, content).map_err(io::Error::other),
        }
    }
}

/// Writes the tree: every directory before what is in it, everything sorted by path.
fn fill(archive: &mut Archive, tree: &Tree, bench: &Workbench<'_>) -> Result<(), PackageError> {
    let size = |kind: &NodeKind| match kind {
        NodeKind::File { size, .. } => *size,
        NodeKind::Symlink { .. } => 0,
    };
    let total = tree.nodes.iter().map(|node| size(&node.kind)).sum();
    let mut directories = BTreeSet::new();
    let mut done = 0;
    for node in &tree.nodes {
        let failed = |source| PackageError::Entry { path: node.path.clone(), source };
        let ends = node.path.match_indices('/').map(|(end, _)| end);
        for directory in ends.map(|end| &node.path[..end]) {
            if directories.insert(directory) {
                archive.directory(directory).map_err(failed)?;
            }
        }
        match &node.kind {
            NodeKind::File { content, size, mode, .. } => {
                let mut content = files::open(content)?;
                archive.file(&node.path, mode & 0o111 != 0, *size, &mut content).map_err(failed)?;
            }
            NodeKind::Symlink { target } => archive.symlink(&node.path, target).map_err(failed)?,
        }
        done += size(&node.kind);
        bench.progress(done, Some(total), ProgressUnit::Bytes);
    }
    Ok(())
}
