//! Which paths `--appimage-extract PATTERN` means.

/// A pattern such as `usr/share/*.png`: `*` and `?` stand for what is within a name, `[a-z]` for one letter of a set. It
/// means what it matches, and for a directory all that is below.
pub(crate) struct Pattern {
    names: Vec<Vec<u8>>,
}

impl Pattern {
    /// The pattern with a text; a leading `./` or `squashfs-root/` and a slash at the end mean nothing.
    pub(crate) fn new(text: &[u8]) -> Self {
        let text = text.strip_prefix(b"./").unwrap_or(text);
        let text = text.strip_prefix(b"squashfs-root/").unwrap_or(text);
        let names = text.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).map(<[u8]>::to_vec);
        Self { names: names.collect() }
    }

    /// Whether the path with these names is meant.
    pub(crate) fn means(&self, path: &[Vec<u8>]) -> bool {
        path.len() >= self.names.len() && self.agrees(path)
    }

    /// Whether something below the directory with these names can be meant.
    pub(crate) fn may_mean_below(&self, path: &[Vec<u8>]) -> bool {
        self.agrees(path)
    }

    fn agrees(&self, path: &[Vec<u8>]) -> bool {
        self.names.iter().zip(path).all(|(pattern, name)| matches(pattern, name))
    }
}

/// Whether a pattern without slashes matches a name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Where the last `*` was, and how much of the name it has swallowed: only the last one must be tried again.
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() {
        let rest = pattern.get(at..).unwrap_or_default();
        let step = match rest.first() {
            Some(b'*') => {
                star = Some((at + 1, position));
                at += 1;
                continue;
            }
            Some(b'?') => Some(1),
            Some(b'[') => match set(rest, name[position]) {
                Some((true, length)) => Some(length),
                Some((false, _)) => None,
                None => (name[position] == b'[').then_some(1),
            },
            Some(b'\\') if rest.len() > 1 => (rest.get(1) == name.get(position)).then_some(2),
            Some(letter) => (*letter == name[position]).then_some(1),
            None => None,
        };
        match (step, star) {
            (Some(length), _) => {
                at += length;
                position += 1;
            }
            (None, Some((after, swallowed))) => {
                star = Some((after, swallowed + 1));
                at = after;
                position = swallowed + 1;
            }
            (None, None) => return false,
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// Whether the set at the beginning of `pattern` has `letter`, and how long the set is; nothing where it has no end.
fn set(pattern: &[u8], letter: u8) -> Option<(bool, usize)> {
    let mut at = 1;
    let negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    at += usize::from(negated);
    let begin = at;
    let mut found = false;
    loop {
        let first = *pattern.get(at)?;
        if first == b']' && at > begin {
            return Some((found != negated, at + 1));
        }
        match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some(b'-'), Some(last)) if *last != b']' => {
                found |= (first..=*last).contains(&letter);
                at += 3;
            }
            _ => {
                found |= first == letter;
                at += 1;
            }
        }
    }
}
