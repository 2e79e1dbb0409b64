//! Names in certificates as text (RFC 4514).

use crate::asn1::{self, Asn1Error, Reader, Value};
use crate::certificate::hexadecimal;

/// The short names of RFC 4514 section 3, and the ones that certificates of code bear besides.
const NAMES: [(&[u8], &str); 19] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 4], "SN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "street"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 12], "title"),
    (&[0x55, 4, 15], "businessCategory"),
    (&[0x55, 4, 17], "postalCode"),
    (&[0x55, 4, 42], "GN"),
    (&[0x55, 4, 97], "organizationIdentifier"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
    (&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x3c, 2, 1, 3], "jurisdictionC"),
    (&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x3c, 2, 1, 2], "jurisdictionST"),
];

/// A name as RFC 4514 section 2 writes it: the last part first.
pub(crate) fn text(name: Reader<'_>) -> Result<String, Asn1Error> {
    let mut parts = Vec::new();
    for part in name.all()?.into_iter().rev() {
        let attributes = part.expect(asn1::SET)?.reader().all()?;
        let attributes = attributes
            .into_iter()
            .map(|value| attribute(value.expect(asn1::SEQUENCE)?.reader()))
            .collect::<Result<Vec<_>, _>>()?;
        parts.push(attributes.join("+"));
    }
    Ok(parts.join(","))
}

fn attribute(mut attribute: Reader<'_>) -> Result<String, Asn1Error> {
    let object = attribute.object()?;
    let value = attribute.any()?;
    let known = NAMES.iter().find(|(content, _)| *content == object).map(|(_, name)| *name);
    Ok(match (known, value.text()) {
        (Some(name), Some(text)) => format!("{name}={}", escaped(&text)),
        (None, Some(text)) => format!("{}={}", asn1::dotted(object), escaped(&text)),
        (name, None) => {
            let name = name.map_or_else(|| asn1::dotted(object), str::to_owned);
            format!("{name}=#{}", hexadecimal(value.whole))
        }
    })
}

/// RFC 4514 section 2.4; control characters as their bytes, so that a name cannot disturb a terminal.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (number, character) in text.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', character]),
            '#' if number == 0 => out.push_str("\\#"),
            ' ' if number == 0 || number == last => out.push_str("\\ "),
            character if character.is_control() => {
                let mut buffer = [0; 4];
                out.extend(character.encode_utf8(&mut buffer).bytes().map(|byte| format!("\\{byte:02x}")));
            }
            character => out.push(character),
        }
    }
    out
}

/// The common name, else the organisation.
pub(crate) fn common(name: &[u8]) -> Option<String> {
    let parts = asn1::single(name, asn1::SEQUENCE).ok()?.reader().all().ok()?;
    let find = |wanted: &[u8]| {
        parts.iter().rev().find_map(|part| {
            part.reader().all().ok()?.iter().find_map(|attribute: &Value<'_>| {
                let mut attribute = attribute.reader();
                (attribute.object().ok()? == wanted).then(|| attribute.any().ok()?.text()).flatten()
            })
        })
    };
    let found = find(&[0x55, 4, 3]).or_else(|| find(&[0x55, 4, 10]))?;
    Some(found.chars().filter(|character| !character.is_control()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(object: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        asn1::nest(asn1::SET, &[&asn1::sequence(&[&asn1::object(object), &asn1::encode(tag, value)])])
    }

    #[test]
    fn names_are_written_from_the_last_part_on_and_escaped() {
        let name = asn1::sequence(&[
            &part(&[0x55, 4, 6], asn1::PRINTABLE_STRING, b"DE"),
            &part(&[0x55, 4, 10], asn1::UTF8_STRING, "Fäden, Knöpfe & Co".as_bytes()),
            &part(&[0x55, 4, 3], asn1::BMP_STRING, b"\0#\0A\0 "),
            &part(&[0x2a, 3], asn1::UTF8_STRING, b"a\nb"),
            &part(&[0x55, 4, 11], asn1::OCTET_STRING, &[1]),
        ]);
        let value = asn1::single(&name, asn1::SEQUENCE).unwrap();
        assert_eq!(
            text(value.reader()).unwrap(),
            "OU=#040101,1.2.3=a\\0ab,CN=\\#A\\ ,O=Fäden\\, Knöpfe & Co,C=DE"
        );
        assert_eq!(common(&name).as_deref(), Some("#A "));
    }
}
