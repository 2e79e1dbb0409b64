//! `directory`: the release directory below `target/deploy`, exchanged whole.

use crate::bench::files::{self, FileError};
use crate::plugin::{Info, NoSettings, Plugin};
use crate::publish::{Publication, PublishError, Published, Publisher};
use camino::Utf8Path;
use std::collections::BTreeSet;

/// Publishes to a directory: the new one is made ready and synced beside the old one, then the two change places in
/// one step. A reader sees the old release or the new one; a power cut leaves one of them.
#[derive(Debug)]
pub struct Directory;

impl Plugin for Directory {
    type Settings = NoSettings;
    const INFO: Info =
        Info { id: "directory", summary: "A directory on this machine, exchanged whole", revision: 1 };
}

impl Publisher for Directory {
    fn publish(&self, _: &NoSettings, publication: &Publication<'_>) -> Result<Published, PublishError> {
        let place = publication.releases.join(publication.release);
        if is_there(&place, publication)? {
            return Ok(Published { place: place.into_string(), unchanged: true });
        }
        files::remove_directory(publication.stage)?;
        files::create_directory(publication.stage)?;
        let mut directories = BTreeSet::new();
        for file in publication.files {
            let staged = publication.stage.join(&file.name);
            let above = staged.ancestors().skip(1).take_while(|path| path.starts_with(publication.stage));
            directories.extend(above.map(Utf8Path::to_owned));
            if let Some(parent) = staged.parent() {
                files::create_directory(parent)?;
            }
            files::link_or_copy(&file.path, &staged)?;
            files::sync_file(&staged)?;
        }
        // A web server must be able to read a repository, whatever the umask of whoever made it.
        for directory in directories.iter().filter(|directory| **directory != *publication.stage) {
            files::set_executable(directory, true)?;
        }
        // The innermost first: a directory's entry is on the disk before the directory that names it.
        for directory in directories.iter().rev() {
            files::sync_directory(directory)?;
        }
        files::exchange_directories(publication.stage, &place)?;
        files::sync_directory(publication.releases)?;
        // What was there before is now in the stage.
        files::remove_directory(publication.stage)?;
        // A new or a lost name changes an inode's time, for the store's file as well.
        for file in publication.files {
            publication.memo.learn(&place.join(&file.name), &file.sha256)?;
            publication.memo.learn(&file.path, &file.sha256)?;
        }
        Ok(Published { place: place.into_string(), unchanged: false })
    }
}

fn is_there(place: &Utf8Path, publication: &Publication<'_>) -> Result<bool, FileError> {
    match files::metadata_if_exists(place)? {
        Some(metadata) if metadata.is_dir() => {}
        _ => return Ok(false),
    }
    let names = files::names_below(place)?;
    if names.len() != publication.files.len() {
        return Ok(false);
    }
    for (name, file) in names.iter().zip(publication.files) {
        if *name != file.name {
            return Ok(false);
        }
        let actual = publication.memo.digest(&place.join(name))?;
        if actual.map(|(sha256, _)| sha256).as_ref() != Some(&file.sha256) {
            return Ok(false);
        }
    }
    Ok(true)
}
