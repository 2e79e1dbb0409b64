//! The tree that an archive makes, before it is one: what collides, and where its links lead.

use super::entry_name::{Refusal, check_component, folded};
use std::collections::{BTreeMap, VecDeque};

/// What is at a place in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Directory,
    File {
        executable: bool,
        size: u64,
        /// The path of the earlier file that it is another name of.
        same_as: Option<String>,
    },
    Symlink {
        target: String,
    },
}

/// A place in the tree.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its path, components joined by slashes.
    pub(super) path: String,
    /// Its name in the archive, for messages.
    pub(super) name: String,
    /// Its number among the entries, from 1; the number of the entry that implies it, where it has none.
    pub(super) number: u64,
    pub(super) node: Node,
}

/// The tree.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// By folded path.
    places: BTreeMap<String, Place>,
}

/// Symbolic links that are followed one after the other, as Linux does it.
const MOST_LINKS: u32 = 40;

impl Tree {
    /// Adds an entry and the directories above it.
    pub(super) fn add(
        &mut self,
        components: &[&str],
        name: &str,
        number: u64,
        node: Node,
    ) -> Result<(), Refusal> {
        for depth in 1..components.len() {
            let path = components[..depth].join("/");
            match self.places.get(&folded(&path)) {
                None => {
                    let place = Place { name: path.clone(), number, node: Node::Directory, path };
                    self.places.insert(folded(&place.path), place);
                }
                Some(place) if place.node != Node::Directory => {
                    return Err(Refusal::BelowFile { other: place.name.clone() });
                }
                Some(place) if place.path != path => {
                    return Err(Refusal::Collision { other: place.name.clone() });
                }
                Some(_) => {}
            }
        }
        let path = components.join("/");
        let key = folded(&path);
        match self.places.get(&key) {
            None => {
                self.places.insert(key, Place { path, name: name.to_owned(), number, node });
                Ok(())
            }
            Some(place) if place.path != path => Err(Refusal::Collision { other: place.name.clone() }),
            Some(place) if place.node == Node::Directory && node == Node::Directory => Ok(()),
            Some(place) if place.node == Node::Directory || node == Node::Directory => {
                Err(Refusal::FileAndDirectory { other: place.number })
            }
            Some(place) => Err(Refusal::Twice { other: place.number }),
        }
    }

    /// What is at a path, found as a file system without case would find it.
    pub(super) fn get(&self, path: &str) -> Option<&Place> {
        self.places.get(&folded(path))
    }

    /// All places, in an order that depends on their paths alone.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.values()
    }

    /// Checks that every symbolic link stays in the tree, whatever links it leads through.
    pub(super) fn check_links(&self) -> Result<(), Box<(Place, Refusal)>> {
        for place in self.places() {
            if let Node::Symlink { target } = &place.node {
                self.follow(&place.path, target).map_err(|refusal| Box::new((place.clone(), refusal)))?;
            }
        }
        Ok(())
    }

    /// The path that a link leads to in the end. There need not be anything.
    pub(super) fn follow(&self, link: &str, target: &str) -> Result<String, Refusal> {
        let mut at: Vec<String> = link.split('/').map(str::to_owned).collect();
        at.pop();
        let parts = |target: &str| -> Vec<String> { target.split('/').map(str::to_owned).collect() };
        let mut to_go: VecDeque<String> = parts(target).into();
        let mut links = 0;
        while let Some(part) = to_go.pop_front() {
            match part.as_str() {
                "" | "." => {}
                ".." => {
                    if at.pop().is_none() {
                        return Err(Refusal::LinkLeaves { target: target.to_owned() });
                    }
                }
                _ => {
                    at.push(part);
                    if let Some(Place { node: Node::Symlink { target: next }, .. }) = self.get(&at.join("/"))
                    {
                        links += 1;
                        if links > MOST_LINKS {
                            return Err(Refusal::LinkCircle { target: target.to_owned() });
                        }
                        at.pop();
                        for part in parts(next).into_iter().rev() {
                            to_go.push_front(part);
                        }
                    }
                }
            }
        }
        Ok(at.join("/"))
    }
}

/// Checks the target of a symbolic link by itself: relative, and of names that mean the same everywhere.
pub(super) fn check_target(target: &str) -> Result<(), Refusal> {
    let shown = || target.escape_debug().to_string();
    if target.starts_with(['/', '\\'])
        || matches!(target.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
    {
        return Err(Refusal::LinkLeaves { target: shown() });
    }
    let parts = target.split('/').filter(|part| !matches!(*part, "" | "." | ".."));
    if target.is_empty()
        || target.len() > 4095
        || parts.into_iter().any(|part| check_component(part).is_err())
    {
        return Err(Refusal::LinkTarget { target: shown() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, Node)]) -> Result<Tree, Refusal> {
        let mut tree = Tree::default();
        for (number, (path, node)) in (1..).zip(entries) {
            let components: Vec<&str> = path.split('/').collect();
            tree.add(&components, path, number, node.clone())?;
        }
        tree.check_links().map_err(|refused| refused.1)?;
        Ok(tree)
    }

    fn file() -> Node {
        Node::File { executable: false, size: 0, same_as: None }
    }

    fn link(target: &str) -> Node {
        Node::Symlink { target: target.to_owned() }
    }

    #[test]
    fn a_tree_without_collisions_is_accepted() {
        let entries = [
            ("a", Node::Directory),
            ("a/b", file()),
            ("a", Node::Directory),
            ("c/d/e", file()),
            ("c", Node::Directory),
        ];
        let tree = tree(&entries).expect("a tree");
        let paths: Vec<_> = tree.places().map(|place| place.path.as_str()).collect();
        assert_eq!(paths, ["a", "a/b", "c", "c/d", "c/d/e"]);
    }

    #[test]
    fn collisions_name_the_other_entry() {
        let collision = |other: &str| Refusal::Collision { other: other.to_owned() };
        let below = |other: &str| Refusal::BelowFile { other: other.to_owned() };
        for (entries, refusal) in [
            ([("A.txt", file()), ("a.TXT", file())], collision("A.txt")),
            ([("café", file()), ("cafe\u{301}", file())], collision("café")),
            ([("Dir/x", file()), ("dir/y", file())], collision("Dir")),
            ([("x", file()), ("x/y", file())], below("x")),
            ([("x", link("y")), ("x/y", file())], below("x")),
            ([("x/y", file()), ("x", link("y"))], Refusal::FileAndDirectory { other: 1 }),
            ([("x", file()), ("x", file())], Refusal::Twice { other: 1 }),
        ] {
            assert_eq!(tree(&entries).expect_err("a collision"), refusal, "{entries:?}");
        }
    }

    #[test]
    fn links_that_stay_inside_are_accepted_even_where_nothing_is() {
        let entries = [
            ("lib/libx.so.1.2", file()),
            ("lib/libx.so.1", link("libx.so.1.2")),
            ("lib/libx.so", link("./libx.so.1")),
            ("bin/x", link("../lib/libx.so")),
            ("nowhere", link("not/there")),
            ("root", link("lib/..")),
        ];
        let tree = tree(&entries).expect("links that stay inside");
        assert_eq!(tree.follow("bin/x", "../lib/libx.so").as_deref(), Ok("lib/libx.so.1.2"));
    }

    #[test]
    fn links_that_lead_out_are_refused_even_through_other_links() {
        let leaves = |target: &str| Refusal::LinkLeaves { target: target.to_owned() };
        let circle = |target: &str| Refusal::LinkCircle { target: target.to_owned() };
        for (entries, refusal) in [
            ([("a", file()), ("l", link(".."))], leaves("..")),
            ([("a/b", file()), ("a/l", link("../../x"))], leaves("../../x")),
            // By its words the second stays inside; on the disk it does not.
            ([("a", link("b/..")), ("b", link("c/../.."))], leaves("b/..")),
            ([("d", link(".")), ("e", link("d/.."))], leaves("d/..")),
            ([("a", link("b")), ("b", link("a"))], circle("b")),
        ] {
            assert_eq!(tree(&entries).expect_err("it leads out"), refusal, "{entries:?}");
        }
    }

    #[test]
    fn targets_are_relative_names_of_plain_characters() {
        for good in ["a", "../a", "./a/b", "..", "a//b"] {
            assert_eq!(check_target(good), Ok(()), "{good}");
        }
        for bad in ["/etc", "\\\\server", "C:x"] {
            assert_eq!(
                check_target(bad),
                Err(Refusal::LinkLeaves { target: bad.escape_debug().to_string() })
            );
        }
        for bad in ["", "a\\..\\b", "a\nb", "nul", "ab:c"] {
            assert_eq!(
                check_target(bad),
                Err(Refusal::LinkTarget { target: bad.escape_debug().to_string() })
            );
        }
    }
}
