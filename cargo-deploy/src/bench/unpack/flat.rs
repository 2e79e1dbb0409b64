//! A tree without its links: for packages that hold files only, what a link leads to stands in its place.

use super::entry_name::Refusal;
use super::tree::{Node, Tree};
use super::{UnpackedKind, UnpackedTree};
use deploy_model::RelPath;
use std::collections::BTreeMap;

/// A file of a tree without links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlatFile {
    /// Where it is to be.
    pub path: RelPath,
    /// The file of the unpacked tree that has its content: the same path, unless a link was on the way.
    pub content: RelPath,
    /// Whether it can be executed.
    pub executable: bool,
}

/// A link that no file can stand for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It leads to nothing.
    #[error("the link {link} leads to {target}, where nothing is")]
    Nothing {
        /// The link.
        link: RelPath,
        /// Where it points.
        target: String,
    },
    /// It leads to a directory that it is in, or through too many links.
    #[error("the link {link} leads to {target}, and so in a circle")]
    Circle {
        /// The link.
        link: RelPath,
        /// Where it points.
        target: String,
    },
    /// With all files in the places of links, there are too many.
    #[error("with files in the place of its links it has more than {limit} files")]
    TooMany {
        /// The most files.
        limit: usize,
    },
}

/// The most files; as many as an archive may have entries.
const MOST_FILES: usize = 200_000;

impl UnpackedTree {
    /// The files of the tree, and for each link the files that it leads to in its place; sorted by path.
    pub fn without_links(&self) -> Result<Vec<FlatFile>, LinkError> {
        let mut flat = Flat { tree: Tree::default(), files: BTreeMap::new() };
        for (number, entry) in (1..).zip(&self.entries) {
            let components: Vec<&str> = entry.path.as_str().split('/').collect();
            let node = match &entry.kind {
                UnpackedKind::Directory => Node::Directory,
                UnpackedKind::File { executable, size } => {
                    Node::File { executable: *executable, size: *size, same_as: None }
                }
                UnpackedKind::Symlink { target } => Node::Symlink { target: target.clone() },
            };
            // An unpacked tree has no collisions.
            let _ = flat.tree.add(&components, entry.path.as_str(), number, node);
        }
        for entry in &self.entries {
            match &entry.kind {
                UnpackedKind::Directory => {}
                UnpackedKind::File { executable, .. } => {
                    let content = entry.path.as_str().to_owned();
                    flat.put(entry.path.as_str().to_owned(), content, *executable)?;
                }
                UnpackedKind::Symlink { target } => {
                    flat.expand(&entry.path, entry.path.as_str(), entry.path.as_str(), target, 0)?;
                }
            }
        }
        let parse = |path: &str| path.parse().ok();
        Ok(flat
            .files
            .iter()
            .filter_map(|(path, (content, executable))| {
                Some(FlatFile { path: parse(path)?, content: parse(content)?, executable: *executable })
            })
            .collect())
    }
}

struct Flat {
    tree: Tree,
    /// By path: the path of the content, and whether it can be executed.
    files: BTreeMap<String, (String, bool)>,
}

impl Flat {
    fn put(&mut self, path: String, content: String, executable: bool) -> Result<(), LinkError> {
        self.files.insert(path, (content, executable));
        if self.files.len() > MOST_FILES {
            return Err(LinkError::TooMany { limit: MOST_FILES });
        }
        Ok(())
    }

    /// Puts at `at` what the link `inner` with this target leads to. `link` is the link that this began with.
    fn expand(
        &mut self,
        link: &RelPath,
        at: &str,
        inner: &str,
        target: &str,
        depth: u32,
    ) -> Result<(), LinkError> {
        let circle = || LinkError::Circle { link: link.clone(), target: target.to_owned() };
        let end = self.tree.follow(inner, target).map_err(|refusal| match refusal {
            Refusal::LinkCircle { .. } => circle(),
            _ => LinkError::Nothing { link: link.clone(), target: target.to_owned() },
        })?;
        let node = if end.is_empty() {
            Some(Node::Directory)
        } else {
            self.tree.get(&end).map(|place| place.node.clone())
        };
        match node {
            Some(Node::File { executable, .. }) => self.put(at.to_owned(), end, executable),
            Some(Node::Directory) => {
                let below = if end.is_empty() { String::new() } else { format!("{end}/") };
                if inner.starts_with(&below) || at.starts_with(&below) || depth > 8 {
                    return Err(circle());
                }
                let places: Vec<(String, Node)> = self
                    .tree
                    .places()
                    .filter(|place| place.path.starts_with(&below))
                    .map(|place| (place.path.clone(), place.node.clone()))
                    .collect();
                for (path, node) in places {
                    let copy = format!("{at}/{}", &path[below.len()..]);
                    match node {
                        Node::Directory => {}
                        Node::File { executable, .. } => self.put(copy, path, executable)?,
                        Node::Symlink { target } => self.expand(link, &copy, &path, &target, depth + 1)?,
                    }
                }
                Ok(())
            }
            Some(Node::Symlink { .. }) | None => {
                Err(LinkError::Nothing { link: link.clone(), target: target.to_owned() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::UnpackedEntry;
    use super::*;

    fn tree(entries: &[(&str, Option<&str>)]) -> UnpackedTree {
        let entry = |(path, target): &(&str, Option<&str>)| UnpackedEntry {
            path: path.parse().expect("a path"),
            kind: match target {
                None => UnpackedKind::File { executable: path.contains("bin"), size: 1 },
                Some("/") => UnpackedKind::Directory,
                Some(target) => UnpackedKind::Symlink { target: (*target).to_owned() },
            },
        };
        UnpackedTree { entries: entries.iter().map(entry).collect(), cleared: Vec::new() }
    }

    fn flat(entries: &[(&str, Option<&str>)]) -> Result<Vec<String>, String> {
        let files = tree(entries).without_links().map_err(|error| error.to_string())?;
        Ok(files
            .iter()
            .map(|file| {
                format!("{} <- {}{}", file.path, file.content, if file.executable { " *" } else { "" })
            })
            .collect())
    }

    #[test]
    fn what_a_link_leads_to_stands_in_its_place() {
        let entries = [
            ("Current", Some("Versions/A")),
            ("Versions", Some("/")),
            ("Versions/A", Some("/")),
            ("Versions/A/bin", None),
            ("Versions/A/lib.so", Some("lib.so.1")),
            ("Versions/A/lib.so.1", None),
            ("tool", Some("Current/bin")),
        ];
        let files = [
            "Current/bin <- Versions/A/bin *",
            "Current/lib.so <- Versions/A/lib.so.1",
            "Current/lib.so.1 <- Versions/A/lib.so.1",
            "Versions/A/bin <- Versions/A/bin *",
            "Versions/A/lib.so <- Versions/A/lib.so.1",
            "Versions/A/lib.so.1 <- Versions/A/lib.so.1",
            "tool <- Versions/A/bin *",
        ];
        assert_eq!(flat(&entries).expect("links that lead to files"), files);
    }

    #[test]
    fn links_that_no_file_can_stand_for_are_named() {
        assert_eq!(flat(&[("a", Some("b"))]), Err("the link a leads to b, where nothing is".to_owned()));
        assert_eq!(
            flat(&[("d", Some("/")), ("d/f", None), ("d/self", Some("."))]),
            Err("the link d/self leads to ., and so in a circle".to_owned())
        );
        assert_eq!(
            flat(&[("d", Some("/")), ("d/e", Some("../g")), ("g", Some("/")), ("g/h", Some("../d"))]),
            Err("the link d/e leads to ../d, and so in a circle".to_owned())
        );
    }
}
