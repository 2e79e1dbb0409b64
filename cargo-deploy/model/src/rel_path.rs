//! A path that stays below the directory it is joined to.

use crate::name::parsed_name;

/// A relative path with forward slashes that cannot leave the directory it is joined to: no leading slash, no
/// drive, no `.` or `..` or empty component, no backslash, no control character. Valid on every host and in
/// every package format.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(String);

parsed_name!(
    RelPath,
    |text| {
        !text.is_empty()
            && !text.contains(['\\', '\0'])
            && !text.chars().any(char::is_control)
            && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
            && !matches!(text.as_bytes(), [drive, b':', ..] if drive.is_ascii_alphabetic())
    },
    "a relative path with forward slashes that stays inside its directory"
);

impl RelPath {
    /// This path below `directory`.
    pub fn below(&self, directory: &RelPath) -> RelPath {
        RelPath(format!("{directory}/{self}"))
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The directories above this path, outermost first: `a`, `a/b` for `a/b/c`.
    pub fn ancestors(&self) -> impl Iterator<Item = RelPath> + '_ {
        self.0.match_indices('/').map(|(at, _)| RelPath(self.0[..at].to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::RelPath;

    #[test]
    fn paths_that_stay_inside_are_accepted() {
        for good in ["a", "a/b.txt", "share/man/man1/rg.1", "ünï/cødé", "a b", "..a/b.."] {
            assert_eq!(good.parse::<RelPath>().expect(good).as_str(), good);
        }
    }

    #[test]
    fn paths_that_could_leave_are_refused() {
        for bad in ["", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a\\b", "C:/a", "c:a", "a\nb", "a\0"] {
            assert!(bad.parse::<RelPath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ancestors_come_outermost_first() {
        let path: RelPath = "a/b/c".parse().expect("valid");
        let all: Vec<_> = path.ancestors().map(|p| p.to_string()).collect();
        assert_eq!(all, ["a", "a/b"]);
    }
}
