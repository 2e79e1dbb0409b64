//! An installer that tests start from.

use crate::msi::{
    Architecture, Association, Dialogues, Feature, FileVersion, Guid, Installer, Language, Licence,
    PayloadFile, Place, Product, Protocol, RegistryData, RegistryValue, Root, Scope, Service, ServiceAccount,
    ServiceStart, Shortcut,
};

pub(super) fn file(path: &str, feature: Option<&str>) -> PayloadFile {
    PayloadFile {
        path: path.to_owned(),
        size: 1000,
        feature: feature.map(str::to_owned),
        version: path.ends_with(".exe").then_some(FileVersion { numbers: [1, 2, 3, 0], language: 1033 }),
        md5: [0x5a; 16],
    }
}

/// With something of everything.
pub(super) fn installer(scope: Scope) -> Installer {
    let text = |text: &str| Some(text.to_owned());
    let mut icon = vec![0, 0, 1, 0, 1, 0, 32, 32, 0, 0, 1, 0, 32, 0, 8, 0, 0, 0, 22, 0, 0, 0];
    icon.extend_from_slice(b"pictures");
    Installer {
        product: Product {
            name: "Picker Wheel".to_owned(),
            version: "1.2.3".parse().unwrap(),
            publisher: "Example Ltd".to_owned(),
            upgrade_code: Guid::named(Guid::DNS, "picker-wheel.example.com"),
            description: text("Spins a wheel"),
            contact: text("help@example.com"),
            help_url: text("https://example.com/help"),
            about_url: text("https://example.com"),
            update_url: text("https://example.com/new"),
            icon: Some(icon.clone()),
        },
        scope,
        architecture: Architecture::X64,
        language: Language::named("en-US").unwrap(),
        directory: vec!["Example".to_owned(), "Picker Wheel".to_owned()],
        files: vec![
            file("picker.exe", None),
            file("docs/Read me first.txt", Some("Documentation")),
            file("docs/en/Reference.html", Some("Documentation")),
            file("wheel.ico", None),
        ],
        features: vec![Feature {
            id: "Documentation".to_owned(),
            title: "Documentation".to_owned(),
            description: text("What to read"),
            by_default: false,
        }],
        path: Some(String::new()),
        shortcuts: vec![
            Shortcut {
                name: "Picker Wheel".to_owned(),
                target: "picker.exe".to_owned(),
                place: Place::StartMenu { folder: text("Example") },
                arguments: text("--spin [fast]"),
                description: text("Spins"),
                icon: Some(icon),
                app_user_model_id: text("Example.PickerWheel"),
            },
            Shortcut {
                name: "Picker Wheel".to_owned(),
                target: "picker.exe".to_owned(),
                place: Place::Desktop,
                arguments: None,
                description: None,
                icon: None,
                app_user_model_id: None,
            },
        ],
        registry: vec![RegistryValue {
            root: Root::Scope,
            key: "Software\\Example\\Picker Wheel\\Settings".to_owned(),
            name: text("Home"),
            data: RegistryData::Text("{install}\\picker.exe".to_owned()),
        }],
        associations: vec![Association {
            extension: "wheel".to_owned(),
            program_id: "Example.PickerWheel.wheel".to_owned(),
            target: "picker.exe".to_owned(),
            description: "Wheel".to_owned(),
            mime_type: text("application/x-wheel"),
            icon: text("wheel.ico"),
            arguments: "\"%1\"".to_owned(),
        }],
        protocols: vec![Protocol {
            scheme: "picker-wheel".to_owned(),
            target: "picker.exe".to_owned(),
            description: "Picker Wheel".to_owned(),
            arguments: "\"%1\"".to_owned(),
        }],
        services: match scope {
            Scope::Machine => vec![Service {
                name: "PickerWheel".to_owned(),
                target: "picker.exe".to_owned(),
                title: "Picker Wheel service".to_owned(),
                description: text("Spins all day"),
                arguments: text("--service"),
                start: ServiceStart::Automatic,
                account: ServiceAccount::LocalService,
                depends: vec!["Tcpip".to_owned()],
            }],
            Scope::User | Scope::Choose => Vec::new(),
        },
        dialogues: Some(Dialogues { licence: Some(Licence::of("txt", "Do what you want.")) }),
        long_paths: false,
        created: 1_700_000_000,
    }
}
