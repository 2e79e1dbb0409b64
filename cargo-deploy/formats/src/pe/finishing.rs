//! Finishing a program: what it should say of itself, put into its resources.

use super::application_manifest::ApplicationManifest;
use super::headers::Headers;
use super::resources::{ResourceKey, ResourceName, Resources, kind};
use super::version_info::VersionInfo;
use super::{PeError, checksum, icon_group, put, section};
use crate::windows_icon::WindowsIcon;

/// What to do where a program has a resource of a kind already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// It is left as it is, whatever it says.
    Keep,
    /// What it does not say is added: lines of the version information, settings of the manifest, icons.
    #[default]
    Fill,
    /// Ours is put in its place.
    Replace,
}

/// A value for a resource, and what to do where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<T> {
    /// What is put there.
    pub value: T,
    /// Where there is one.
    pub policy: Policy,
}

impl<T> Wanted<T> {
    /// A value that fills what is missing.
    pub fn filling(value: T) -> Self {
        Wanted { value, policy: Policy::Fill }
    }
}

/// A manifest to put into a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// By what it asks for.
    Settings(ApplicationManifest),
    /// A text as somebody wrote it. There is no filling by it: it is put where there is none, or replaces.
    Text(String),
}

/// Any other resource, such as `INTEGRITY`/`ELECTRONASAR` of Electron.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What it is found by.
    pub key: ResourceKey,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// What a program should have when it is finished. The default leaves its resources alone.
#[derive(Debug, Clone, Default)]
pub struct Finishing {
    /// The version information. Whether the file is a DLL is seen from the file.
    pub version: Option<Wanted<VersionInfo>>,
    /// Icons. The first is the one that the program is shown with: where it has icons already, it takes the place of the
    /// first of them. The others have the numbers 2, 3 and so on.
    pub icons: Option<Wanted<Vec<WindowsIcon>>>,
    /// The manifest.
    pub manifest: Option<Wanted<Manifest>>,
    /// Other resources.
    pub resources: Vec<Wanted<Resource>>,
    /// The language that icons and manifest are stored under: 1033 English (United States), 0 neutral.
    pub language: u16,
}

/// Puts what is wanted into a program: the same bytes for the same arguments, and for a finished program finished again.
///
/// The checksum is computed, and zeros make the length a multiple of 8, so that a signature that is put behind the file and
/// taken away again gives back these bytes. What stands behind the last section stays there.
///
/// # Errors
///
/// A signed file is refused ([`PeError::Signed`]), as is a damaged one, and one whose layout has no place for resources.
pub fn finish(mut file: Vec<u8>, finishing: &Finishing) -> Result<Vec<u8>, PeError> {
    let headers = super::Pe::read(&file)?.headers;
    if headers.certificate_table.is_some() {
        return Err(PeError::Signed);
    }
    let before = Resources::borrow(&headers, &file)?;
    let mut resources = before.clone();
    apply(&mut resources, finishing, &headers)?;
    if resources != before {
        let place = section::place(&headers, &file, resources.block_size())?;
        let block = resources.block(place.address)?;
        drop((before, resources));
        section::write(&mut file, &headers, &place, &block)?;
    }
    file.resize(file.len().next_multiple_of(8), 0);
    let sum = checksum::of_bytes(&file, headers.checksum_offset());
    put(&mut file, headers.checksum_offset(), &sum.to_le_bytes());
    Ok(file)
}

fn apply(resources: &mut Resources<'_>, finishing: &Finishing, headers: &Headers) -> Result<(), PeError> {
    if let Some(wanted) = &finishing.version {
        apply_version(resources, wanted, headers)?;
    }
    if let Some(wanted) = &finishing.icons {
        apply_icons(resources, wanted, finishing.language)?;
    }
    if let Some(wanted) = &finishing.manifest {
        // CREATEPROCESS_MANIFEST_RESOURCE_ID and ISOLATIONAWARE_MANIFEST_RESOURCE_ID.
        let name = ResourceName::Id(if headers.is_library { 2 } else { 1 });
        apply_manifest(resources, wanted, name, finishing.language)?;
    }
    for wanted in &finishing.resources {
        if wanted.policy == Policy::Replace || resources.get(&wanted.value.key).is_none() {
            resources.insert(wanted.value.key.clone(), wanted.value.content.clone());
        }
    }
    Ok(())
}

fn apply_version(
    resources: &mut Resources<'_>,
    wanted: &Wanted<VersionInfo>,
    headers: &Headers,
) -> Result<(), PeError> {
    let version = ResourceName::Id(kind::VERSION);
    let ours = VersionInfo { is_library: headers.is_library, ..wanted.value.clone() };
    let found = resources.first_of(&version).map(|(key, content)| (key.clone(), content));
    let (key, info) = match (wanted.policy, found) {
        (Policy::Keep, Some(_)) => return Ok(()),
        (Policy::Fill, Some((key, content))) => {
            let found = VersionInfo::read(content, key.language)?;
            let mut filled = found.clone();
            filled.fill(&ours);
            if filled == found {
                return Ok(());
            }
            (key, filled)
        }
        (_, _) => {
            resources.retain(|key| key.kind != version);
            (ResourceKey { kind: version, name: 1.into(), language: ours.language }, ours)
        }
    };
    resources.insert(key, info.write()?);
    Ok(())
}

fn apply_icons(
    resources: &mut Resources<'_>,
    wanted: &Wanted<Vec<WindowsIcon>>,
    language: u16,
) -> Result<(), PeError> {
    let groups = ResourceName::Id(kind::GROUP_ICON);
    let shown = resources.first_of(&groups).map(|(key, _)| key.name.clone());
    for (number, icon) in (1..=u16::MAX).zip(&wanted.value) {
        let number = ResourceName::Id(number);
        let name = if number == ResourceName::Id(1) { shown.clone().unwrap_or(number) } else { number };
        let is_there = resources.of_kind(&groups).any(|(key, _)| key.name == name);
        if !is_there || wanted.policy == Policy::Replace {
            icon_group::replace(resources, name, icon, language)?;
        }
    }
    Ok(())
}

fn apply_manifest(
    resources: &mut Resources<'_>,
    wanted: &Wanted<Manifest>,
    name: ResourceName,
    language: u16,
) -> Result<(), PeError> {
    let manifest = ResourceName::Id(kind::MANIFEST);
    let found = resources.first_of(&manifest).map(|(key, content)| (key.clone(), content));
    let (key, text) = match (wanted.policy, &wanted.value, found) {
        (Policy::Keep, _, Some(_)) | (Policy::Fill, Manifest::Text(_), Some(_)) => return Ok(()),
        (Policy::Fill, Manifest::Settings(settings), Some((key, content))) => match settings.fill(content)? {
            Some(text) => (key, text),
            None => return Ok(()),
        },
        (_, value, _) => {
            resources.retain(|key| key.kind != manifest);
            let text = match value {
                Manifest::Settings(settings) => settings.write(),
                Manifest::Text(text) => {
                    ApplicationManifest::read(text.as_bytes())?;
                    text.clone()
                }
            };
            (ResourceKey { kind: manifest, name, language }, text)
        }
    };
    resources.insert(key, text.into_bytes());
    Ok(())
}
