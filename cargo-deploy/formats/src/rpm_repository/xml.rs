//! The little of XML 1.0 that repodata needs: elements with attributes and text, written in one way and read into a tree.

use roxmltree::{Document, Node};

/// Writes a document, an element a line.
pub(super) struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    pub(super) fn new() -> Self {
        Writer { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), depth: 0 }
    }

    /// An element with others in it, up to [`close`](Writer::close).
    pub(super) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.text.push_str(">\n");
        self.depth += 1;
    }

    pub(super) fn close(&mut self, name: &str) {
        self.depth -= 1;
        self.indent();
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    /// An element with nothing but text in it.
    pub(super) fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.start(name, attributes);
        if text.is_empty() {
            self.text.push_str("/>\n");
            return;
        }
        self.text.push('>');
        self.escape(text);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.escape(value);
            self.text.push('"');
        }
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n(' ', 2 * self.depth));
    }

    fn escape(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                // Readers would turn it into a line feed, or into a space within an attribute.
                '\r' => self.text.push_str("&#13;"),
                '\n' | '\t' => self.text.push(character),
                // XML has no way to write other control characters.
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => self.text.push('\u{fffd}'),
                _ => self.text.push(character),
            }
        }
    }
}

/// An element that was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Element {
    /// With its prefix.
    pub(super) name: String,
    /// In their order.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// All its own text; empty where there are children.
    pub(super) text: String,
}

impl Element {
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a document; what is wrong with it is said in words. There are no entities but those of XML itself: a document that declares some is
/// refused.
pub(super) fn read(text: &str) -> Result<Element, String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    Ok(element(document.root_element(), 0))
}

/// Repodata is four deep; what is deeper is left out, and so is no longer what it should be.
const DEEPEST: usize = 16;

fn element(node: Node<'_, '_>, depth: usize) -> Element {
    let prefixed = |namespace: Option<&str>, name: &str| {
        let prefix =
            namespace.and_then(|namespace| node.lookup_prefix(namespace)).filter(|prefix| !prefix.is_empty());
        prefix.map_or_else(|| name.to_owned(), |prefix| format!("{prefix}:{name}"))
    };
    let attributes = node
        .attributes()
        .map(|attribute| (prefixed(attribute.namespace(), attribute.name()), attribute.value().to_owned()));
    let namespaces = node.namespaces().filter(|_| depth == 0).map(|namespace| {
        let name = namespace.name().map_or_else(|| "xmlns".to_owned(), |name| format!("xmlns:{name}"));
        (name, namespace.uri().to_owned())
    });
    let children: Vec<Element> = node
        .children()
        .filter(|child| child.is_element() && depth < DEEPEST)
        .map(|child| element(child, depth + 1))
        .collect();
    let text = || node.children().filter_map(|child| child.text().filter(|_| child.is_text())).collect();
    Element {
        name: prefixed(node.tag_name().namespace(), node.tag_name().name()),
        attributes: namespaces.chain(attributes).collect(),
        text: if children.is_empty() { text() } else { String::new() },
        children,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let hostile = "a <b> & \"c\" 'd' ]]> é\r\n\tx";
        let mut writer = Writer::new();
        writer.open("list", &[("xmlns:rpm", "http://example.com/"), ("odd", "<&\">")]);
        writer.leaf("rpm:entry", &[("name", "libc.so.6()(64bit)")], "");
        writer.leaf("text", &[], hostile);
        writer.close("list");
        let text = writer.finish();
        let read = read(&text).unwrap();
        assert_eq!(read.attribute("odd"), Some("<&\">"));
        assert_eq!(read.child("rpm:entry").unwrap().attribute("name"), Some("libc.so.6()(64bit)"));
        assert_eq!(read.child("text").unwrap().text, hostile);
        assert_eq!(read.text, "");
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        let mut writer = Writer::new();
        writer.leaf("text", &[], "a\u{1}b\0");
        assert_eq!(read(&writer.finish()).unwrap().text, "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn damaged_documents_are_refused() {
        for text in [
            "",
            "<a>",
            "<a></b>",
            "<a>&unknown;</a>",
            "text<a/>",
            "<a b></a>",
            "<b:a/>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            &"<a>".repeat(100_000),
        ] {
            assert!(read(text).is_err(), "{}", &text[..text.len().min(100)]);
        }
    }
}
