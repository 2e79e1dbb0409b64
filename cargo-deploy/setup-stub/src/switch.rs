//! Replacing one version by another, so that at any moment either is there as a whole or can be put back.
//!
//! New files are unpacked into `.setup\new` in the installation's folder, on the same volume. The list of them is written to
//! `.setup\plan`, and from then on files are only renamed: old ones to `.setup\old`, new ones to their places. Which of
//! them have been renamed can be seen from the folders, so that going back needs nothing else: not even this process, as
//! the next one goes back first when it finds a plan.

use crate::description::STAGING;
use crate::failure::{Doing as _, Failure};
use crate::platform;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

/// A folder that is being changed.
#[derive(Debug)]
pub(crate) struct Switch {
    directory: String,
    /// Folders that were not there before.
    created: Vec<String>,
}

impl Switch {
    /// Makes a folder ready to be changed. What an earlier process left is put back first.
    pub(crate) fn begin(directory: &str) -> Result<Switch, Failure> {
        let created = platform::create_directories(directory).doing("create", directory)?;
        let switch = Switch { directory: directory.into(), created };
        if platform::exists(&switch.plan()) {
            switch.put_back()?;
        }
        platform::delete_tree(&switch.staging()).doing("delete", &switch.staging())?;
        platform::create_directories(&switch.staging()).doing("create", &switch.staging())?;
        Ok(switch)
    }

    fn staging(&self) -> String {
        format!(r"{}\{STAGING}", self.directory)
    }

    fn plan(&self) -> String {
        format!(r"{}\{STAGING}\plan", self.directory)
    }

    fn place(&self, path: &str) -> String {
        format!(r"{}\{}", self.directory, path.replace('/', "\\"))
    }

    fn kept(&self, path: &str) -> String {
        format!(r"{}\{STAGING}\old\{}", self.directory, path.replace('/', "\\"))
    }

    /// Where a new file is unpacked to. Its folder is there.
    pub(crate) fn staged(&self, path: &str) -> Result<String, Failure> {
        let staged = self.new_place(path);
        parent(&staged)?;
        Ok(staged)
    }

    fn new_place(&self, path: &str) -> String {
        format!(r"{}\{STAGING}\new\{}", self.directory, path.replace('/', "\\"))
    }

    /// Puts the new files into their places and takes away those old ones that are not among them. After an error,
    /// [`Switch::put_back`] has to be called.
    pub(crate) fn switch(&self, new: &[&str], old: &[&str]) -> Result<(), Failure> {
        let plan = new.join("\n").into_bytes();
        let draft = format!("{}.draft", self.plan());
        platform::write_file::<Failure>(&draft, core::iter::once(Ok(plan)))?;
        platform::move_file(&draft, &self.plan()).doing("write", &self.plan())?;
        let kept: BTreeSet<String> = new.iter().map(|path| path.to_lowercase()).collect();
        for path in old.iter().filter(|path| !kept.contains(&path.to_lowercase())) {
            self.keep(path)?;
        }
        self.remove_empty(old);
        for path in new {
            self.keep(path)?;
            let place = self.place(path);
            parent(&place)?;
            platform::move_file(&self.new_place(path), &place).doing("write", &place)?;
        }
        Ok(())
    }

    /// Moves what stands in a file's place out of the way.
    fn keep(&self, path: &str) -> Result<(), Failure> {
        let place = self.place(path);
        if !platform::exists(&place) {
            return Ok(());
        }
        let kept = self.kept(path);
        parent(&kept)?;
        platform::move_file(&place, &kept).doing("replace", &place)
    }

    /// Puts everything back that was there, and takes away what was not.
    pub(crate) fn put_back(&self) -> Result<(), Failure> {
        let plan = platform::read_file(&self.plan()).unwrap_or_default();
        let plan = String::from_utf8_lossy(&plan).to_string();
        let new: Vec<&str> = plan.lines().collect();
        for path in &new {
            // What is no longer where it was unpacked to has been put into its place. It goes back there, so that this
            // can be interrupted, too, and be done again.
            let (place, unpacked) = (self.place(path), self.new_place(path));
            if !platform::exists(&unpacked) && platform::exists(&place) {
                platform::move_file(&place, &unpacked).doing("take back", &place)?;
            }
        }
        self.remove_empty(&new);
        let mut old = Vec::new();
        list(&format!(r"{}\old", self.staging()), "", &mut old);
        for path in &old {
            let place = self.place(path);
            parent(&place)?;
            platform::move_file(&self.kept(path), &place).doing("put back", &place)?;
        }
        platform::delete_file(&self.plan()).doing("delete", &self.plan())
    }

    /// All is done: what was replaced is deleted. From here on nothing is put back.
    pub(crate) fn commit(self) {
        // Without its plan the folder is only rubbish, for the next one to sweep up.
        let _ = platform::delete_file(&self.plan());
        let _ = platform::delete_tree(&self.staging());
    }

    /// Leaves the folder as it was before [`Switch::begin`].
    pub(crate) fn abandon(self) {
        if platform::exists(&self.plan()) && self.put_back().is_err() {
            // The plan stays, and the next process tries again.
            return;
        }
        let _ = platform::delete_tree(&self.staging());
        for directory in self.created.iter().rev() {
            let _ = platform::remove_directory(directory);
        }
    }

    fn remove_empty(&self, paths: &[&str]) {
        remove_empty_directories(&self.directory, paths);
    }
}

/// Creates the folder that a file lies in.
fn parent(path: &str) -> Result<(), Failure> {
    match path.rsplit_once('\\') {
        Some((directory, _)) => platform::create_directories(directory).doing("create", directory).map(drop),
        None => Ok(()),
    }
}

/// All files below a folder, by their paths with slashes.
fn list(directory: &str, prefix: &str, found: &mut Vec<String>) {
    for (name, is_directory) in platform::entries(directory) {
        if is_directory {
            list(&format!(r"{directory}\{name}"), &format!("{prefix}{name}/"), found);
        } else {
            found.push(format!("{prefix}{name}"));
        }
    }
}

/// Removes the folders that files lay in, where nothing is left in them.
pub(crate) fn remove_empty_directories(directory: &str, paths: &[&str]) {
    let mut folders = BTreeSet::new();
    for path in paths {
        let mut path = *path;
        while let Some((folder, _)) = path.rsplit_once('/') {
            folders.insert(folder);
            path = folder;
        }
    }
    // Inner ones sort behind those that they lie in.
    for folder in folders.iter().rev() {
        let _ = platform::remove_directory(&format!(r"{directory}\{}", folder.replace('/', "\\")));
    }
}
