//! The control file of a Debian package: its fields from Cargo's metadata and the settings.

use super::settings::{DebSettings, RelationList};
use deploy_formats::debian::{
    self, Architecture, InvalidPackageName, InvalidVersion, PackageName, Paragraph, Relations, Version,
    paragraph,
};
use deploy_plan::finding::Finding;
use deploy_plan::project::App;

/// What stands for the dependencies that are computed.
const AUTO: &str = "$auto";

/// The fields in the order in which dpkg writes them.
pub(super) const FIELDS: [&str; 18] = [
    "Package",
    "Version",
    "Architecture",
    "Maintainer",
    "Installed-Size",
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Suggests",
    "Enhances",
    "Conflicts",
    "Breaks",
    "Replaces",
    "Provides",
    "Section",
    "Priority",
    "Homepage",
    "Description",
];

/// The name of the package.
pub(super) fn name(settings: &DebSettings, app: &App) -> Result<PackageName, InvalidPackageName> {
    match &settings.name {
        Some(name) => name.parse(),
        None => PackageName::from_title(&app.name),
    }
}

/// The version of the package.
pub(super) fn version(settings: &DebSettings, app: &App) -> Result<Version, InvalidVersion> {
    let revision = settings.revision.as_deref().unwrap_or("1");
    Version::from_semver(&app.version, (!revision.is_empty()).then_some(revision))
}

/// Who makes the package: the setting, else the first author; `None` where there is neither.
pub(super) fn maintainer<'a>(settings: &'a DebSettings, app: &'a App) -> Option<&'a str> {
    settings.maintainer.as_deref().or_else(|| app.authors.first().map(String::as_str))
}

/// Who makes the package when nobody is named: a name that says so. The address is one that can never exist (RFC 2606).
pub(super) fn unknown_maintainer(app: &App) -> String {
    format!("The makers of {} <{}@localhost.invalid>", app.title, app.name)
}

/// Whether a text is `Name <mail>`, as Policy 5.6.2 asks.
pub(super) fn is_maintainer(text: &str) -> bool {
    let Some((name, rest)) = text.split_once('<') else { return false };
    let Some(mail) = rest.strip_suffix('>') else { return false };
    let plain =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "<>,".contains(c));
    let mail_is_good =
        mail.split_once('@').is_some_and(|(user, host)| plain(user) && plain(host) && !host.contains('@'));
    mail_is_good && !name.trim().is_empty() && !name.contains(['\n', '>'])
}

/// Every field of relations, with its key and the setting.
pub(super) fn relation_fields(
    settings: &DebSettings,
) -> [(&'static str, &'static str, Option<&RelationList>); 9] {
    [
        ("Pre-Depends", "pre-depends", settings.pre_depends.as_ref()),
        ("Depends", "depends", settings.depends.as_ref()),
        ("Recommends", "recommends", settings.recommends.as_ref()),
        ("Suggests", "suggests", settings.suggests.as_ref()),
        ("Enhances", "enhances", settings.enhances.as_ref()),
        ("Conflicts", "conflicts", settings.conflicts.as_ref()),
        ("Breaks", "breaks", settings.breaks.as_ref()),
        ("Replaces", "replaces", settings.replaces.as_ref()),
        ("Provides", "provides", settings.provides.as_ref()),
    ]
}

/// The relations of a list, and whether it has `$auto`; or what is wrong, each with its place.
pub(super) fn relations(
    list: &RelationList,
    key: &str,
    architecture: &Architecture,
) -> Result<(Relations, bool), Vec<Finding>> {
    let mut all = Relations::default();
    let mut auto = false;
    let mut findings = Vec::new();
    for (place, text) in list.items(&format!("package.deb.{key}")) {
        // `$auto` is no relation, so it goes before the rest is parsed.
        let parts: Vec<&str> = text.split(',').collect();
        let kept: Vec<&str> = parts.iter().copied().filter(|part| part.trim() != AUTO).collect();
        let has_auto = kept.len() != parts.len();
        auto |= has_auto;
        if kept.is_empty() || (has_auto && kept.iter().all(|part| part.trim().is_empty())) {
            continue;
        }
        match kept.join(",").parse::<Relations>() {
            Ok(relations) => all.0.extend(relations.for_architecture(architecture).0),
            Err(error) => findings.push(
                Finding::configuration(
                    "deb::invalid-relation",
                    format!("the relation {error}"),
                    "a relation is `name`, or `name (>= version)`; `a | b` are alternatives, and `$auto` stands for what the \
                     programs need",
                )
                .at(place),
            ),
        }
    }
    if findings.is_empty() { Ok((all, auto)) } else { Err(findings) }
}

/// Joins computed relations and written ones: what is written comes behind, and one that is there already is left out.
pub(super) fn joined(computed: Relations, written: Relations) -> Relations {
    let mut all = computed;
    for group in written.0 {
        if !all.0.contains(&group) {
            all.0.push(group);
        }
    }
    all
}

/// The field `Description`.
pub(super) fn description(app: &App, name: &PackageName, extended: &str) -> String {
    let first = app.description.as_deref().and_then(|text| text.trim().lines().next()).unwrap_or_default();
    let first = without_name(first.trim().trim_end_matches('.'), &[name.as_str(), &app.name, &app.title]);
    let short = if first.is_empty() { format!("program {}", app.title) } else { first.to_owned() };
    let extended = match extended.trim() {
        "" => format!("This package installs {}, version {}.", app.title, app.version),
        text => text.to_owned(),
    };
    // The short part is one line and not empty, so there is nothing that can be wrong.
    debian::description(&short, &extended).unwrap_or_else(|_| name.to_string())
}

/// A line without a beginning such as `hello is a`: whoever reads a list of packages sees the name in front of the line
/// (Developer's Reference 6.2.2).
fn without_name<'l>(line: &'l str, names: &[&str]) -> &'l str {
    let rest = names.iter().find_map(|name| {
        let (first, rest) = line.split_at_checked(name.len())?;
        first.eq_ignore_ascii_case(name).then_some(rest)
    });
    let is_a = [" is an ", " is a ", " is the "];
    rest.and_then(|rest| is_a.iter().find_map(|words| rest.strip_prefix(words))).unwrap_or(line)
}

/// Puts properties into the order of a control file. Those that are no fields of one are left out.
pub(super) fn paragraph<'p>(
    get: impl Fn(&str) -> Option<&'p str>,
) -> Result<Paragraph, paragraph::ParagraphError> {
    let mut paragraph = Paragraph::new();
    for field in FIELDS {
        if let Some(value) = get(field) {
            paragraph.push(field, value)?;
        }
    }
    Ok(paragraph)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maintainer_has_a_name_and_an_address() {
        for good in ["The Makers <makers@example.com>", "Ünsal (x) <u@h>"] {
            assert!(is_maintainer(good), "{good}");
        }
        for bad in [
            "The Makers",
            "<makers@example.com>",
            "A <b>",
            "A <b@c> ",
            "A <b@c>, D <e@f>",
            "A <b c@d>",
            "A <@b>",
        ] {
            assert!(!is_maintainer(bad), "{bad}");
        }
    }

    #[test]
    fn auto_is_found_wherever_it_stands() {
        let amd64: Architecture = "amd64".parse().unwrap();
        let read = |list: RelationList| relations(&list, "depends", &amd64).unwrap();
        let text = |text: &str| RelationList::Text(text.to_owned());
        for (list, expected, auto) in [
            (text("$auto"), "", true),
            (text("$auto, git"), "git", true),
            (text("git,$auto, "), "git", true),
            (text(""), "", false),
            (
                RelationList::List(vec!["$auto".to_owned(), "a1 | b1, c1 [!amd64]".to_owned()]),
                "a1 | b1",
                true,
            ),
        ] {
            let (relations, found) = read(list);
            assert_eq!((relations.to_string().as_str(), found), (expected, auto));
        }
        let list = RelationList::List(vec!["git".to_owned(), "libc6 >= 2".to_owned()]);
        let findings = relations(&list, "depends", &amd64).unwrap_err();
        assert_eq!(findings[0].path.as_deref(), Some("package.deb.depends[1]"));
        assert_eq!(
            findings[0].message,
            "the relation `libc6 >= 2`: `>= 2` stands where the relation should end; relations are divided by `,` and \
             alternatives by `|`"
        );
    }

    #[test]
    fn the_description_has_both_parts() {
        let name: PackageName = "hello".parse().unwrap();
        let app = App { title: "Hello".to_owned(), version: "1.0.0".to_owned(), ..App::default() };
        assert_eq!(
            description(&app, &name, ""),
            "program Hello\nThis package installs Hello, version 1.0.0."
        );
        let app = App { description: Some("Says hello.\nMore".to_owned()), ..app };
        assert_eq!(description(&app, &name, "To all.\n"), "Says hello\nTo all.");
        let app = App { description: Some("Hello is a program that greets".to_owned()), ..app };
        assert_eq!(description(&app, &name, "To all.\n"), "program that greets\nTo all.");
    }
}
