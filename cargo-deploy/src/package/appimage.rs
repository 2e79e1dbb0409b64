//! `appimage`: one file that runs where it lies. Our runtime comes first, behind it the application as a file system.
//!
//! The application stands in `usr/`, where [`crate::layout::freedesktop`] puts it. What readers of AppImages look for comes to
//! the root: `AppRun`, one desktop entry, its icon and `.DirIcon`.
//!
//! `AppRun` is a symlink to the program. There is no script and no program between the runtime and the application: nothing
//! that could set a library path, and nothing that has to be found on the user's system first.

use crate::bench::Workbench;
use crate::bench::files::{self, FileErrorExt as _};
use crate::key::{Certificate, Key, Subject};
use crate::layout::freedesktop::{self, DesktopPlace, Flavour, Rules};
use crate::layout::{Node, NodeKind, Payload, Tree};
use crate::package::{Contents, Inspection, Keep, PackageError, Packager, broken, unreadable};
use crate::plugin::{Info, Plugin};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_formats::appimage::{self, UpdateInformation, UpdateProblem};
use deploy_formats::freedesktop::icon;
use deploy_formats::member::Member as ImageMember;
use deploy_formats::squashfs;
use deploy_model::event::ProgressUnit;
use deploy_model::{Arch, Os, Triple};
use deploy_plan::catalog::{Layout, Shape};
use deploy_plan::finding::Finding;
use deploy_plan::project::{App, Level};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write as _};

/// Settings of AppImages.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AppImageSettings {
    /// How hard the compressor works, for this format only.
    level: Option<Level>,

    /// What compresses the file system. Default: `zstd`.
    compression: Option<ImageCompression>,

    /// Where updates come from, in one of the forms that the AppImage specification has. `{name}`, `{version}` and
    /// `{arch}` stand for those of the file's name.
    #[schemars(extend("format" = "single-line", "examples" = [
        "zsync|https://example.com/{name}-{arch}.AppImage.zsync",
        "gh-releases-zsync|owner|{name}|latest|{name}-*-{arch}.AppImage.zsync",
    ]))]
    update_information: Option<String>,
}

/// What compresses the file system of an AppImage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum ImageCompression {
    /// Smaller, and faster to start.
    #[default]
    Zstd,
    /// For tools that mount AppImages with a kernel older than 4.14. The runtime reads both.
    Gzip,
}

/// `appimage`.
#[derive(Debug)]
pub struct AppImage;

impl Plugin for AppImage {
    type Settings = AppImageSettings;
    const INFO: Info = Info {
        id: "appimage",
        summary: "One file that runs on any Linux system, without being installed",
        revision: 1,
    };
}

/// The properties of an AppImage.
mod property {
    pub(super) const ARCHITECTURE: &str = "architecture";
    pub(super) const BLOCK_SIZE: &str = "block-size";
    pub(super) const COMPRESSION: &str = "compression";
    pub(super) const UPDATE: &str = "update-information";
    pub(super) const SIGNATURE: &str = "signature";
}

impl Packager for AppImage {
    const SHAPE: Shape = Shape {
        systems: &[Os::Linux],
        architectures: &[(Arch::X64, "x86_64"), (Arch::Arm64, "aarch64")],
        file_name: "{name}-{version}-{arch}.AppImage",
        layout: Layout::Freedesktop,
        program: Some("appimage-runtime"),
        embeds: Some("gpg"),
        executable: true,
        ..Shape::ANYWHERE
    };

    fn check(&self, settings: &AppImageSettings, inspection: &Inspection<'_>) -> Vec<Finding> {
        let app = inspection.app;
        let entries = &inspection.package.payload.entries;
        let mut findings =
            freedesktop::findings(rules(app), app, inspection.desktop, entries, inspection.root);
        if let Err(problem) =
            update_information(settings, &app.name, &app.version, &inspection.package.triple)
        {
            findings.push(
                Finding::configuration(
                    "appimage::update-information",
                    format!("the update information cannot be used: {problem}"),
                    "write it in one of the forms that the AppImage specification has, or leave it out",
                )
                .at("package.appimage.update-information"),
            );
        }
        findings
    }

    fn lay_out(
        &self,
        settings: &AppImageSettings,
        payload: &Payload,
        bench: &Workbench<'_>,
    ) -> Result<Tree, PackageError> {
        let app = &payload.app;
        let laid = freedesktop::lay_out(rules(app), payload, bench)?;
        let mut nodes = laid.nodes;
        if let Some(desktop) = &laid.desktop {
            let front =
                front(&nodes, desktop).map_err(|missing| broken(Utf8Path::new(&payload.file), missing))?;
            nodes.extend(front);
        }
        nodes.sort_by(|one, other| one.path.cmp(&other.path));
        let say = |name: &str, value: String| (name.to_owned(), value);
        let mut properties = BTreeMap::from([
            say(property::ARCHITECTURE, architecture(&payload.triple).to_owned()),
            say(property::BLOCK_SIZE, squashfs::BLOCK.to_string()),
            say(property::COMPRESSION, compression(settings).name().to_owned()),
        ]);
        if let Some(update) = update_of(settings, payload)? {
            properties.insert(property::UPDATE.to_owned(), update.to_string());
        }
        Ok(Tree { nodes, properties })
    }

    fn package(
        &self,
        settings: &AppImageSettings,
        payload: &Payload,
        tree: &Tree,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError> {
        let path = bench.file(&payload.file);
        let runtime = payload.program.as_ref().ok_or_else(|| broken(&path, "there is no runtime"))?;
        let update = update_of(settings, payload)?;
        let program = appimage::program(&files::read(runtime)?, update.as_ref())
            .map_err(|error| broken(&path, error))?;
        let mut file = BufWriter::with_capacity(256 << 10, files::create(&path)?);
        file.write_all(&program).file("write", &path)?;
        let level = payload.level(settings.level);
        let threads = bench.workers();
        // SquashFS holds no time before 1970.
        let moment = bench.moment();
        let mut image = squashfs::Writer::new(file, moment, compression(settings), level, threads)
            .map_err(|error| broken(&path, error))?;
        let size = |node: &Node| match &node.kind {
            NodeKind::File { size, .. } => *size,
            NodeKind::Symlink { .. } => 0,
        };
        let total = tree.nodes.iter().map(size).sum();
        let mut done = 0;
        for node in &tree.nodes {
            let added = match &node.kind {
                NodeKind::File { content, size, mode, .. } => {
                    image.file(&node.path, *mode, *size, || files::open(content).map_err(io::Error::other))
                }
                NodeKind::Symlink { target } => image.symlink(&node.path, target),
            };
            added.map_err(|error| PackageError::Entry {
                path: node.path.clone(),
                source: io::Error::other(error),
            })?;
            done += size(node);
            bench.progress(done, Some(total), ProgressUnit::Bytes);
        }
        image.finish().map_err(|error| broken(&path, error))?.flush().file("write", &path)?;
        Ok(path)
    }

    fn embed(
        &self,
        artifact: &Utf8Path,
        key: &dyn Key,
        subject: &Subject<'_>,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError> {
        let path = bench.file("signed.AppImage");
        let mut source = BufReader::new(files::open(artifact)?);
        let text = appimage::signed_text(&mut source).map_err(|error| unreadable(artifact, error))?;
        let signature = key.detached(&mut text.as_bytes(), subject)?;
        let signature =
            String::from_utf8(signature).map_err(|_| broken(&path, "its signature is not armoured"))?;
        files::copy(artifact, &path)?;
        let mut file = files::open_to_change(&path)?;
        appimage::sign(&mut file, &signature, &key.identity().public_key)
            .map_err(|error| broken(&path, error))?;
        Ok(path)
    }

    fn check_embedded(
        &self,
        artifact: &Utf8Path,
        certificate: &dyn Certificate,
        subject: &Subject<'_>,
    ) -> Result<(), PackageError> {
        let mut file = BufReader::new(files::open(artifact)?);
        let found = appimage::read(&mut file).map_err(|error| unreadable(artifact, error))?;
        let Some(signature) = found.signature else {
            return Err(unreadable(artifact, "it has no signature"));
        };
        if found.key.is_none() {
            return Err(unreadable(artifact, "it does not hold the key of its signature"));
        }
        let text = appimage::signed_text(&mut file).map_err(|error| unreadable(artifact, error))?;
        certificate.check_detached(&mut text.as_bytes(), signature.as_bytes(), subject)?;
        Ok(())
    }

    fn read(&self, artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError> {
        let mut file = BufReader::with_capacity(256 << 10, files::open(artifact)?);
        let found = appimage::read(&mut file).map_err(|error| unreadable(artifact, error))?;
        let offset = found.layout.image;
        let image = squashfs::superblock(&mut file, offset).map_err(|error| unreadable(artifact, error))?;
        let end = file.seek(SeekFrom::End(0)).file("read", artifact)?;
        if end != offset + image.length.next_multiple_of(squashfs::PADDING) {
            return Err(unreadable(artifact, "it is cut off, or something follows its image"));
        }
        let mut contents = Contents::default();
        let properties = &mut contents.listing.properties;
        let mut say = |name: &str, value: String| properties.push((name.to_owned(), value));
        say(property::ARCHITECTURE, found.layout.machine.to_string());
        say(property::BLOCK_SIZE, image.block_size.to_string());
        say(property::COMPRESSION, image.compression.name().to_owned());
        if let Some(update) = found.update {
            say(property::UPDATE, update);
        }
        // Whose it is can be said by who checks it; that it is there, by everybody.
        if found.signature.is_some() {
            say(property::SIGNATURE, "present".to_owned());
        }
        squashfs::visit(file, offset, |member, content| take_in(&mut contents, member, content, keep))
            .map_err(|error| unreadable(artifact, error))?;
        Ok(contents)
    }
}

fn rules(app: &App) -> Rules<'_> {
    // Changelogs stay as they are in an AppImage, so that nothing needs a maintainer.
    Rules { flavour: Flavour::AppImage, name: &app.name, version: &app.version, maintainer: "" }
}

/// What readers of AppImages look for in the root (AppImage specification, "The filesystem image"): the program, the
/// desktop entry, its icon. They are files and not links, as some readers follow no links; equal files are stored once.
fn front(nodes: &[Node], desktop: &DesktopPlace) -> Result<Vec<Node>, String> {
    let find = |path: &str| nodes.iter().find(|node| node.path == path).map(|node| &node.kind);
    let again =
        |path: &str, kind: &NodeKind| Node { path: path.to_owned(), kind: kind.clone(), origin: None };
    let program = format!("usr/bin/{}", desktop.program);
    find(&program).ok_or_else(|| format!("there is no {program}, which its desktop entry starts"))?;
    let entry = find(&desktop.path).ok_or_else(|| format!("there is no {}", desktop.path))?;
    let entry_name = desktop.path.rsplit('/').next().unwrap_or_default();
    let icon_name = desktop.icon.as_deref().ok_or("its desktop entry names no icon")?;
    let icon_path = icon::png_path(icon_name, icon::SMALLEST);
    let picture = find(&icon_path).ok_or_else(|| format!("there is no {icon_path}"))?;
    Ok(vec![
        Node { path: "AppRun".to_owned(), kind: NodeKind::Symlink { target: program }, origin: None },
        again(entry_name, entry),
        again(&format!("{icon_name}.png"), picture),
        again(".DirIcon", picture),
    ])
}

/// The processor, as file names of AppImages have it: the first part of the triples they are made for.
fn architecture(triple: &Triple) -> &str {
    triple.as_str().split('-').next().unwrap_or_default()
}

fn compression(settings: &AppImageSettings) -> squashfs::Compression {
    match settings.compression.unwrap_or_default() {
        ImageCompression::Zstd => squashfs::Compression::Zstd,
        ImageCompression::Gzip => squashfs::Compression::Gzip,
    }
}

/// The update information with everything put in.
fn update_information(
    settings: &AppImageSettings,
    name: &str,
    version: &str,
    triple: &Triple,
) -> Result<Option<UpdateInformation>, UpdateProblem> {
    let Some(pattern) = &settings.update_information else { return Ok(None) };
    let text =
        pattern.replace("{name}", name).replace("{version}", version).replace("{arch}", architecture(triple));
    text.parse().map(Some)
}

fn update_of(
    settings: &AppImageSettings,
    payload: &Payload,
) -> Result<Option<UpdateInformation>, PackageError> {
    update_information(settings, &payload.app.name, &payload.app.version, &payload.triple)
        .map_err(|problem| broken(Utf8Path::new(&payload.file), problem))
}

fn take_in(
    contents: &mut Contents,
    member: &ImageMember,
    content: &mut dyn Read,
    keep: Keep<'_>,
) -> io::Result<()> {
    if member.owner.as_ref().is_some_and(|owner| (owner.user, owner.group) != (0, 0)) {
        return Err(io::Error::other("it does not belong to root, and we never write that"));
    }
    contents.take_in(super::listed(member, &member.path)?, content, keep)
}
