//! Tests of the layout: payloads in, lists of places out.

use super::*;
use camino::Utf8PathBuf;
use deploy_model::StepId;
use deploy_model::event::{Event, EventSink};
use deploy_plan::manifest::{Desktop, Metainfo};
use deploy_plan::plan::{PlannedEntry, Source};
use deploy_plan::project::{App, Level};

/// A directory with the files of a payload.
struct Project {
    directory: Utf8PathBuf,
    payload: Payload,
}

struct Nobody;

impl EventSink for Nobody {
    fn event(&self, _: Event) {}
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = files::remove_directory(&self.directory);
    }
}

const SERVICE: &str = "[Service]\nExecStart=/usr/bin/wheel serve\n\n[Install]\nWantedBy=multi-user.target\n";

impl Project {
    fn new(name: &str) -> Self {
        let temporary = Utf8PathBuf::from_path_buf(std::env::temp_dir()).unwrap();
        let directory = temporary.join(format!("cargo-deploy-layout-{}-{name}", std::process::id()));
        files::create_directory(&directory).unwrap();
        let app = App {
            name: "wheel".to_owned(),
            title: "Wheel".to_owned(),
            version: "1.2.3".to_owned(),
            description: Some("Spins a wheel of names".to_owned()),
            license: Some("MIT".to_owned()),
            authors: vec!["Ada Example <ada@example.com>".to_owned()],
            repository: Some("https://github.com/example/wheel".to_owned()),
            ..App::default()
        };
        let payload = Payload {
            app,
            desktop: None,
            metainfo: None,
            triple: "x86_64-unknown-linux-gnu".parse().unwrap(),
            file: "wheel".to_owned(),
            root: None,
            level: Level::Fast,
            entries: Vec::new(),
            program: None,
            windows: None,
            named_files: BTreeMap::new(),
            icons: BTreeMap::new(),
        };
        Project { directory, payload }
            .with("wheel", Role::Program, "\x7fELF")
            .with(
                "LICENSE",
                Role::License,
                "MIT License\n\nCopyright (c) 2026 Ada\n\nPermission is hereby granted, free of charge\n",
            )
            .with("README.md", Role::Document, "# Wheel\n")
    }

    fn with(mut self, path: &str, role: Role, content: &str) -> Self {
        self = self.with_bytes(path, role, content.as_bytes());
        self
    }

    fn with_bytes(mut self, path: &str, role: Role, content: &[u8]) -> Self {
        let place = self.directory.join(path);
        files::create_directory(place.parent().unwrap()).unwrap();
        files::replace(&place, content).unwrap();
        self.payload.entries.push(Entry {
            path: path.parse().unwrap(),
            content: place,
            size: content.len() as u64,
            sha256: Sha256::of(content),
            executable: role == Role::Program,
            role,
            code_signature: None,
        });
        self
    }

    fn rules(flavour: Flavour) -> Rules<'static> {
        Rules { flavour, name: "wheel", version: "1.2.3-1", maintainer: "Ada Example <ada@example.com>" }
    }

    fn laid(&self, flavour: Flavour) -> Result<Laid, LayoutError> {
        let scratch = self.directory.join("scratch");
        files::create_directory(&scratch).unwrap();
        let step: StepId = "package:wheel".parse().unwrap();
        let bench = Workbench { step: &step, scratch, threads: 1, epoch: 1_700_000_000, events: &Nobody };
        lay_out(Self::rules(flavour), &self.payload, &bench)
    }

    /// The places, a line each: mode, path, and where a link leads.
    fn places(&self, flavour: Flavour) -> Vec<String> {
        let line = |node: &Node| match &node.kind {
            NodeKind::File { mode, .. } => format!("{mode:04o} {}", node.path),
            NodeKind::Symlink { target } => format!("link {} -> {target}", node.path),
        };
        self.laid(flavour).unwrap().nodes.iter().map(line).collect()
    }

    fn content(&self, flavour: Flavour, path: &str) -> Vec<u8> {
        let laid = self.laid(flavour).unwrap();
        let node = laid.nodes.iter().find(|node| node.path == path).unwrap_or_else(|| panic!("no {path}"));
        match &node.kind {
            NodeKind::File { content, sha256, size, .. } => {
                let bytes = files::read(content).unwrap();
                assert_eq!((Sha256::of(&bytes), bytes.len() as u64), (sha256.clone(), *size));
                bytes
            }
            NodeKind::Symlink { .. } => panic!("{path} is a link"),
        }
    }

    fn text(&self, flavour: Flavour, path: &str) -> String {
        String::from_utf8(self.content(flavour, path)).unwrap()
    }

    fn findings(&self) -> Vec<String> {
        let entries: Vec<PlannedEntry> = self
            .payload
            .entries
            .iter()
            .map(|entry| PlannedEntry {
                path: entry.path.clone(),
                source: Source::Project(entry.path.clone()),
                executable: entry.executable,
                role: entry.role.clone(),
            })
            .collect();
        let (app, desktop) = (&self.payload.app, self.payload.desktop.as_ref());
        findings(Self::rules(Flavour::Debian), app, desktop, &entries, &self.directory)
            .into_iter()
            .map(|finding| format!("{}: {}", finding.path.unwrap_or_default(), finding.message))
            .collect()
    }
}

fn unit(enable: Option<bool>) -> Role {
    Role::Unit(UnitPlan { scope: UnitScope::System, enable, start: true, restart_on_upgrade: true })
}

/// A gray PNG.
fn png(size: u32) -> Vec<u8> {
    let svg =
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><path d='M0 0h8v8H0z' fill='#888'/></svg>";
    Icon::open(svg.as_bytes()).unwrap().png(size).unwrap()
}

#[test]
fn a_program_and_its_texts_go_where_each_family_looks() {
    let project = Project::new("plain");
    assert_eq!(
        project.places(Flavour::Debian),
        [
            "0755 usr/bin/wheel",
            "0644 usr/share/doc/wheel/README.md",
            "0644 usr/share/doc/wheel/changelog.Debian.gz",
            "0644 usr/share/doc/wheel/copyright",
        ]
    );
    assert_eq!(
        project.places(Flavour::Rpm),
        ["0755 usr/bin/wheel", "0644 usr/share/doc/wheel/README.md", "0644 usr/share/licenses/wheel/LICENSE"]
    );
}

#[test]
fn an_app_image_has_a_desktop_entry_an_icon_and_metadata() {
    let project = Project::new("appimage");
    let places = project.places(Flavour::AppImage);
    assert_eq!(
        places,
        [
            "0755 usr/bin/wheel",
            "0644 usr/share/applications/wheel.desktop",
            "0644 usr/share/doc/wheel/LICENSE",
            "0644 usr/share/doc/wheel/README.md",
            "0644 usr/share/icons/hicolor/128x128/apps/wheel.png",
            "0644 usr/share/icons/hicolor/16x16/apps/wheel.png",
            "0644 usr/share/icons/hicolor/24x24/apps/wheel.png",
            "0644 usr/share/icons/hicolor/256x256/apps/wheel.png",
            "0644 usr/share/icons/hicolor/32x32/apps/wheel.png",
            "0644 usr/share/icons/hicolor/48x48/apps/wheel.png",
            "0644 usr/share/icons/hicolor/512x512/apps/wheel.png",
            "0644 usr/share/icons/hicolor/64x64/apps/wheel.png",
            "0644 usr/share/icons/hicolor/scalable/apps/wheel.svg",
            "0644 usr/share/metainfo/io.github.example.wheel.metainfo.xml",
        ]
    );
    assert_eq!(
        project.text(Flavour::AppImage, "usr/share/applications/wheel.desktop"),
        "[Desktop Entry]\nType=Application\nName=Wheel\nComment=Spins a wheel of names\nExec=wheel\nIcon=wheel\nTerminal=true\nCategories=Utility;ConsoleOnly;\n"
    );
    let laid = project.laid(Flavour::AppImage).unwrap();
    assert_eq!(
        laid.desktop,
        Some(DesktopPlace {
            path: "usr/share/applications/wheel.desktop".to_owned(),
            icon: Some("wheel".to_owned()),
            program: "wheel".to_owned(),
        })
    );
    let metadata = project.text(Flavour::AppImage, "usr/share/metainfo/io.github.example.wheel.metainfo.xml");
    assert!(metadata.contains("<component type=\"console-application\">"), "{metadata}");
    assert!(
        metadata.contains("<release version=\"1.2.3\" date=\"2023-11-14\" type=\"stable\"/>"),
        "{metadata}"
    );
}

#[test]
fn resources_keep_paths_that_systems_know() {
    let project = Project::new("known")
        .with("share/wheel/names.txt", Role::Resource, "a")
        .with("libexec/wheel-helper", Role::Resource, "a")
        .with("etc/wheel.toml", Role::Resource, "a")
        .with("usr/share/wheel/more.txt", Role::Resource, "a")
        .with("NOTICE", Role::Resource, "a");
    assert_eq!(
        project.places(Flavour::Rpm),
        [
            "0644 etc/wheel.toml",
            "0755 usr/bin/wheel",
            "0644 usr/libexec/wheel-helper",
            "0644 usr/share/doc/wheel/NOTICE",
            "0644 usr/share/doc/wheel/README.md",
            "0644 usr/share/licenses/wheel/LICENSE",
            "0644 usr/share/wheel/more.txt",
            "0644 usr/share/wheel/names.txt",
        ]
    );
    let laid = project.laid(Flavour::Rpm).unwrap();
    assert!(matches!(&laid.nodes[0].kind, NodeKind::File { role: Role::Config { mode: 0o644 }, .. }));
}

#[test]
fn binaries_lie_beside_resources_that_have_no_place() {
    let project = Project::new("apart").with("models/small.bin", Role::Resource, "a");
    assert_eq!(
        project.places(Flavour::Rpm),
        [
            "link usr/bin/wheel -> ../lib/wheel/wheel",
            "0644 usr/lib/wheel/models/small.bin",
            "0755 usr/lib/wheel/wheel",
            "0644 usr/share/doc/wheel/README.md",
            "0644 usr/share/licenses/wheel/LICENSE",
        ]
    );
}

#[test]
fn pages_completions_and_units_go_to_their_places() {
    let project = Project::new("linux")
        .with("doc/wheel.1", Role::Manual, ".TH WHEEL 1\n")
        .with("man/de/wheel.1", Role::Manual, ".TH WHEEL 1\n")
        .with("complete/_wheel", Role::Completion, "#compdef wheel\n")
        .with("complete/wheel.bash", Role::Completion, "")
        .with("dist/wheel.service", unit(None), SERVICE)
        .with("etc/wheel/wheel.toml", Role::Config { mode: 0o640 }, "a")
        .with("usr/lib/sysusers.d/wheel.conf", Role::System { mode: 0o644 }, "u wheel -\n")
        .with("usr/lib/tmpfiles.d/wheel.conf", Role::System { mode: 0o644 }, "d /run/wheel\n");
    let places = project.places(Flavour::Debian);
    for expected in [
        "0640 etc/wheel/wheel.toml",
        "0644 usr/lib/systemd/system/wheel.service",
        "0644 usr/lib/sysusers.d/wheel.conf",
        "0644 usr/share/bash-completion/completions/wheel",
        "0644 usr/share/man/de/man1/wheel.1.gz",
        "0644 usr/share/man/man1/wheel.1.gz",
        "0644 usr/share/zsh/vendor-completions/_wheel",
    ] {
        assert!(places.iter().any(|place| place == expected), "{expected}\n{places:#?}");
    }
    assert!(project.places(Flavour::Rpm).contains(&"0644 usr/share/zsh/site-functions/_wheel".to_owned()));
    let activation = project.laid(Flavour::Debian).unwrap().activation;
    assert_eq!(activation.sysusers, ["wheel.conf"]);
    assert_eq!(activation.tmpfiles, ["wheel.conf"]);
    let [unit] = activation.units.as_slice() else { panic!("{activation:?}") };
    assert!(unit.installable && unit.enable && unit.start && unit.restart_after_upgrade);
    assert_eq!(project.findings(), [""; 0]);
}

#[test]
fn a_debian_package_has_both_changelogs() {
    let project = Project::new("changelog").with(
        "CHANGELOG.md",
        Role::Changelog,
        "# Changes\n\n## 1.2.3 - 2026-01-01\n\n- It spins\n",
    );
    let places = project.places(Flavour::Debian);
    assert!(places.contains(&"0644 usr/share/doc/wheel/changelog.gz".to_owned()), "{places:#?}");
    let compressed = project.content(Flavour::Debian, "usr/share/doc/wheel/changelog.Debian.gz");
    // The flags of `gzip -9n`.
    assert_eq!(compressed[3..9], [0, 0, 0, 0, 0, 2]);
    let entries = changelog(Project::rules(Flavour::Debian), &project.payload, 1_700_000_000).unwrap();
    assert_eq!(entries[0].changes, ["It spins"]);
    assert_eq!(entries[0].version, "1.2.3-1");
    assert_eq!(
        project.places(Flavour::Rpm)[1..3],
        ["0644 usr/share/doc/wheel/CHANGELOG.md", "0644 usr/share/doc/wheel/README.md"]
    );
}

#[test]
fn licences_that_the_copyright_file_does_not_tell_are_documents() {
    let project = Project::new("licences").with("NOTICE", Role::License, "Thanks to all.\n");
    let places = project.places(Flavour::Debian);
    assert!(places.contains(&"0644 usr/share/doc/wheel/NOTICE".to_owned()), "{places:#?}");
    assert!(!places.iter().any(|place| place.ends_with("/LICENSE")), "{places:#?}");
    let copyright = project.text(Flavour::Debian, "usr/share/doc/wheel/copyright");
    assert!(copyright.contains("\nLicense: Expat\n MIT License\n"), "{copyright}");
}

#[test]
fn a_window_gets_an_entry_an_icon_and_metadata_of_one_name() {
    let mut project = Project::new("window").with_bytes("icon.png", Role::Icon, &png(300));
    project.payload.app.id = Some("com.example.Wheel".to_owned());
    project.payload.desktop = Some(Desktop {
        categories: Some(vec!["Game".to_owned()]),
        arguments: Some(vec!["--file".to_owned(), "%f".to_owned()]),
        ..Desktop::default()
    });
    project.payload.metainfo = Some(Metainfo {
        description: Some("One paragraph.\n\nAnother one.".to_owned()),
        ..Metainfo::default()
    });
    let places = project.places(Flavour::Debian);
    for expected in [
        "0644 usr/share/applications/com.example.Wheel.desktop",
        "0644 usr/share/icons/hicolor/256x256/apps/com.example.Wheel.png",
        "0644 usr/share/metainfo/com.example.Wheel.metainfo.xml",
    ] {
        assert!(places.iter().any(|place| place == expected), "{expected}\n{places:#?}");
    }
    assert!(!places.iter().any(|place| place.contains("512x512")), "{places:#?}");
    let entry = project.text(Flavour::Debian, "usr/share/applications/com.example.Wheel.desktop");
    assert!(entry.contains("\nExec=wheel --file %f\n"), "{entry}");
    let metadata = project.text(Flavour::Debian, "usr/share/metainfo/com.example.Wheel.metainfo.xml");
    for part in [
        "<launchable type=\"desktop-id\">com.example.Wheel.desktop</launchable>",
        "<p>Another one.</p>",
        "<metadata_license>FSFAP</metadata_license>",
        "<icon type=\"stock\">com.example.Wheel</icon>",
    ] {
        assert!(metadata.contains(part), "{part}\n{metadata}");
    }
    assert_eq!(project.findings(), [""; 0]);
}

#[test]
fn an_entry_of_ones_own_is_packaged_as_it_is() {
    let text =
        "[Desktop Entry]\nType=Application\nName=Wheel\nName[de]=Rad\nExec=/usr/bin/wheel %U\nIcon=rad\n";
    let project = Project::new("own").with("rad.desktop", Role::DesktopEntry, text).with_bytes(
        "icon.png",
        Role::Icon,
        &png(512),
    );
    assert_eq!(project.text(Flavour::Debian, "usr/share/applications/rad.desktop"), text);
    let places = project.places(Flavour::Debian);
    assert!(places.contains(&"0644 usr/share/icons/hicolor/512x512/apps/rad.png".to_owned()), "{places:#?}");
    assert_eq!(project.findings(), [""; 0]);
}

#[test]
fn two_files_for_one_place_are_an_error_unless_they_are_the_same() {
    let project = Project::new("taken").with("usr/bin/wheel", Role::System { mode: 0o755 }, "other");
    assert_eq!(
        project.laid(Flavour::Rpm).unwrap_err().to_string(),
        "put wheel and usr/bin/wheel into the package: both would be usr/bin/wheel"
    );
    let project = Project::new("same").with("usr/bin/wheel", Role::System { mode: 0o755 }, "\x7fELF");
    assert_eq!(project.places(Flavour::Rpm)[0], "0755 usr/bin/wheel");
}

#[test]
fn what_would_not_work_is_said_before_anything_is_compiled() {
    let mut project = Project::new("findings")
        .with("notes.txt", Role::Manual, "hello")
        .with("wheel.sh", Role::Completion, "hello")
        .with_bytes("icon.png", Role::Icon, &png(64))
        .with("wheel.xml", Role::Metainfo, "<component/>")
        .with("dist/wheel.service", unit(Some(true)), "[Service]\nExecStart=/usr/bin/wheeel\n")
        .with("rad.desktop", Role::DesktopEntry, "[Desktop Entry]\nType=Application\nName=a\nExec=other\n");
    project.payload.desktop = Some(Desktop { binary: Some("nothing".to_owned()), ..Desktop::default() });
    assert_eq!(
        project.findings(),
        [
            "linux.desktop.binary: the package has no binary nothing",
            "linux.man: `notes.txt` is not a manual page: its name does not end in a section such as .1, and it has no .TH or .Dt line",
            "linux.completions: `wheel.sh` is not a completion that is known: call it NAME.bash, _NAME, NAME.fish, NAME.elv, NAME.nu or _NAME.ps1",
            "app.icon: icon.png: failed to use the icon: it is 64 x 64 pixels, and at least 256 x 256 are needed; 512 x 512 is best",
            "linux.metainfo.file: wheel.xml: the component has no <id>",
            "linux.metainfo.file: wheel.xml: the component has no <metadata_license>",
            "linux.metainfo.file: wheel.xml: the component has no <name>",
            "linux.metainfo.file: wheel.xml: the component has no <summary>",
            "linux.unit: dist/wheel.service: the unit is to be enabled and its [Install] section has none of WantedBy, RequiredBy, UpheldBy, Alias and Also",
            "linux.unit: dist/wheel.service: line 2: ExecStart starts `/usr/bin/wheeel`, which is neither in the package nor a program of the system",
            "linux.desktop.file: rad.desktop: it starts `other`, which is not in the package",
        ]
    );
}

#[test]
fn the_same_payload_gives_the_same_files() {
    let project = Project::new("reproducible").with("doc/wheel.1", Role::Manual, ".TH WHEEL 1\n");
    let digests = |flavour| -> Vec<(String, Option<Sha256>)> {
        let digest = |node: &Node| match &node.kind {
            NodeKind::File { sha256, .. } => Some(sha256.clone()),
            NodeKind::Symlink { .. } => None,
        };
        project.laid(flavour).unwrap().nodes.iter().map(|node| (node.path.clone(), digest(node))).collect()
    };
    for flavour in [Flavour::Debian, Flavour::Rpm, Flavour::AppImage] {
        assert_eq!(digests(flavour), digests(flavour));
    }
}
