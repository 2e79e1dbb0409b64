//! Names in archives: which ones mean the same file on every system, and which are refused.

use unicode_normalization::UnicodeNormalization as _;

/// Why an entry of an archive is refused. Each completes "entry 3, "../x", ...".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No name.
    #[error("has no name")]
    Empty,
    /// A leading slash.
    #[error("has an absolute name")]
    Absolute,
    /// A leading drive letter.
    #[error("names a drive")]
    Drive,
    /// `..`
    #[error("leaves the directory that it is unpacked into")]
    Leaves,
    /// A backslash.
    #[error("has a backslash in its name, which separates directories on Windows")]
    Backslash,
    /// A colon.
    #[error("has a colon in its name, which opens a second stream of a file on Windows")]
    Colon,
    /// A control character.
    #[error("has a control character in its name")]
    Control,
    /// A dot or a blank at the end of a component.
    #[error("has a component that ends in a dot or a blank, which Windows takes off")]
    Trailing,
    /// `CON`, `nul.txt`.
    #[error("has the component \"{component}\", which is a device on Windows")]
    Device {
        /// The component.
        component: String,
    },
    /// A name too long for a file system.
    #[error("has a component of more than 255 bytes or a name of more than 4095")]
    Long,
    /// Two entries of one name.
    #[error("has the same name as entry {other}")]
    Twice {
        /// The number of the earlier entry.
        other: u64,
    },
    /// A file and a directory of one name.
    #[error("has the same name as entry {other}, and only one of them is a directory")]
    FileAndDirectory {
        /// The number of the earlier entry.
        other: u64,
    },
    /// Two names that are one on some file systems.
    #[error(
        "is the same file as \"{other}\" where letters are compared without case or accents are composed"
    )]
    Collision {
        /// The other name.
        other: String,
    },
    /// Something below what is no directory.
    #[error("lies below \"{other}\", which is no directory")]
    BelowFile {
        /// What it lies below.
        other: String,
    },
    /// A symbolic link that leads out.
    #[error("is a link to \"{target}\", which leads out of the directory that it is unpacked into")]
    LinkLeaves {
        /// Where it points.
        target: String,
    },
    /// A symbolic link that leads in a circle.
    #[error("is a link to \"{target}\", which leads in a circle")]
    LinkCircle {
        /// Where it points.
        target: String,
    },
    /// A symbolic link with a target that is not a name on every system.
    #[error("is a link to \"{target}\", which is not a relative name of plain characters")]
    LinkTarget {
        /// Where it points.
        target: String,
    },
    /// A hard link to what is no earlier file of the archive.
    #[error("is a hard link to \"{target}\", which is no file that comes before it in the archive")]
    HardLink {
        /// Where it points.
        target: String,
    },
    /// A device, a FIFO, a socket.
    #[error("is {what}, neither a file nor a directory nor a link")]
    Special {
        /// What it is, with its article.
        what: &'static str,
    },
    /// A file that would lose its whole name.
    #[error("has no name left when {strip} leading components are taken off")]
    Stripped {
        /// How many are taken off.
        strip: u32,
    },
    /// Content of another size than announced.
    #[error("has another size than it announces")]
    Size,
}

/// The components of an entry's name, `.` and empty ones left out. None are left for the root itself.
pub(super) fn components(name: &str) -> Result<Vec<&str>, Refusal> {
    if name.is_empty() {
        return Err(Refusal::Empty);
    }
    if name.starts_with('/') {
        return Err(Refusal::Absolute);
    }
    if matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        return Err(Refusal::Drive);
    }
    if name.len() > 4095 {
        return Err(Refusal::Long);
    }
    let components: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    components.iter().try_for_each(|component| check_component(component))?;
    Ok(components)
}

/// Checks one component that is neither empty nor `.`.
pub(super) fn check_component(component: &str) -> Result<(), Refusal> {
    if component == ".." {
        return Err(Refusal::Leaves);
    }
    if component.len() > 255 {
        return Err(Refusal::Long);
    }
    if component.contains('\\') {
        return Err(Refusal::Backslash);
    }
    if component.chars().any(char::is_control) {
        return Err(Refusal::Control);
    }
    if component.contains(':') {
        return Err(Refusal::Colon);
    }
    if component.ends_with(['.', ' ']) {
        return Err(Refusal::Trailing);
    }
    if is_device(component) {
        return Err(Refusal::Device { component: component.to_owned() });
    }
    Ok(())
}

/// Whether Windows takes a name for a device, with whatever extension ("Naming Files, Paths, and Namespaces" in the
/// Windows documentation; the superscript digits count).
fn is_device(component: &str) -> bool {
    let stem = component.split('.').next().unwrap_or(component).trim_end().to_ascii_uppercase();
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return true;
    }
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    port.is_some_and(|port| {
        let mut digits = port.chars();
        matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    })
}

/// What two names have in common that are one file on some file system: no difference of case, accents composed
/// (Unicode Standard, 3.13 and 3.11; APFS and NTFS each do a part of this).
pub(super) fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_the_same_everywhere_are_accepted() {
        for (name, parts) in [
            ("a", &["a"][..]),
            ("./a//b/./c.txt", &["a", "b", "c.txt"]),
            ("./", &[]),
            ("..a/b..c", &["..a", "b..c"]),
            ("console/com10/nulls.txt", &["console", "com10", "nulls.txt"]),
            ("ünï/cødé", &["ünï", "cødé"]),
        ] {
            assert_eq!(components(name).as_deref(), Ok(parts), "{name}");
        }
    }

    #[test]
    fn names_that_mean_something_else_somewhere_are_refused() {
        let device = |component: &str| Refusal::Device { component: component.to_owned() };
        for (name, refusal) in [
            ("", Refusal::Empty),
            ("/etc/passwd", Refusal::Absolute),
            ("//server/share", Refusal::Absolute),
            ("C:x", Refusal::Drive),
            ("c:/x", Refusal::Drive),
            ("../x", Refusal::Leaves),
            ("a/../../x", Refusal::Leaves),
            ("a/..", Refusal::Leaves),
            ("..\\x", Refusal::Backslash),
            ("a\\b", Refusal::Backslash),
            ("a/b:stream", Refusal::Colon),
            ("a\nb", Refusal::Control),
            ("a\u{1b}[31m", Refusal::Control),
            ("a\u{85}", Refusal::Control),
            ("a./b", Refusal::Trailing),
            ("a /b", Refusal::Trailing),
            ("...", Refusal::Trailing),
            ("a/CON", device("CON")),
            ("nul.txt", device("nul.txt")),
            ("x/Com1.tar.gz", device("Com1.tar.gz")),
            ("lpt²", device("lpt²")),
            ("aux .h", device("aux .h")),
        ] {
            assert_eq!(components(name), Err(refusal), "{name:?}");
        }
        assert_eq!(components(&"x".repeat(256)), Err(Refusal::Long));
        assert_eq!(components(&"x/".repeat(2100)), Err(Refusal::Long));
    }

    #[test]
    fn folding_finds_names_that_are_one_file_somewhere() {
        for (one, other) in [
            ("README", "readme"),
            ("café", "cafe\u{301}"),
            ("CAFÉ", "cafe\u{301}"),
            ("straße", "STRASSE"),
            ("ς", "Σ"),
            ("α\u{345}\u{301}", "α\u{301}\u{345}"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        assert_ne!(folded("cafe"), folded("café"));
    }
}
