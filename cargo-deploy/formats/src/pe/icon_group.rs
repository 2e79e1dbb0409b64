//! Icons as resources: one of type `RT_ICON` for each picture, and the list of them, of type `RT_GROUP_ICON`
//! (Microsoft, "Icons", `GRPICONDIR` and `GRPICONDIRENTRY`).

use std::collections::BTreeSet;

use super::resources::{ResourceKey, ResourceName, Resources, kind};
use super::{PeError, u16_at};
use crate::windows_icon::WindowsIcon;

/// Puts an icon under a name, in place of all languages that were there, and takes away the pictures that only those showed.
pub(super) fn replace(
    resources: &mut Resources<'_>,
    name: ResourceName,
    icon: &WindowsIcon,
    language: u16,
) -> Result<(), PeError> {
    let (icons, groups) = (ResourceName::Id(kind::ICON), ResourceName::Id(kind::GROUP_ICON));
    let shown = |resources: &Resources<'_>| -> BTreeSet<u16> {
        resources.of_kind(&groups).flat_map(|(_, list)| pictures(list)).collect()
    };
    let before = shown(resources);
    resources.retain(|key| key.kind != groups || key.name != name);
    let after = shown(resources);
    resources.retain(|key| match key.name {
        ResourceName::Id(id) if key.kind == icons => !before.contains(&id) || after.contains(&id),
        _ => true,
    });

    let taken: BTreeSet<ResourceName> = resources.of_kind(&icons).map(|(key, _)| key.name.clone()).collect();
    let mut free = (1..=u16::MAX).filter(|id| !taken.contains(&ResourceName::Id(*id)));
    let mut list: Vec<u8> =
        [0u16, 1, icon.pictures.len() as u16].iter().flat_map(|field| field.to_le_bytes()).collect();
    for picture in &icon.pictures {
        let id = free.next().ok_or(PeError::TooManyPictures)?;
        // 256 is written as 0.
        list.extend([picture.width as u8, picture.height as u8, picture.colors, 0]);
        list.extend(picture.planes.to_le_bytes());
        list.extend(picture.bits.to_le_bytes());
        list.extend((picture.content.len() as u32).to_le_bytes());
        list.extend(id.to_le_bytes());
        let key = ResourceKey { kind: icons.clone(), name: id.into(), language };
        resources.insert(key, picture.content.clone());
    }
    resources.insert(ResourceKey { kind: groups, name, language }, list);
    Ok(())
}

/// The numbers of the pictures in a list.
fn pictures(list: &[u8]) -> Vec<u16> {
    let lines = list.get(6..).unwrap_or_default().chunks_exact(14);
    lines.take(usize::from(u16_at(list, 4))).map(|line| u16_at(line, 12)).collect()
}
