//! Compares what a binary says about itself with what was declared for its target.

use deploy_formats::linkage;
use deploy_model::release::DeclaredTarget;
use deploy_model::target::dotted_version;
use deploy_model::{GlibcVersion, Linkage};

/// What the images in `bytes` say about themselves: one for a plain binary, several for a universal one.
pub fn read(bytes: &[u8]) -> Result<Vec<Linkage>, linkage::LinkageError> {
    Ok(linkage::read(bytes)?.into_iter().map(words).collect())
}

/// The format crate's typed findings in the words of `release.json`.
fn words(image: linkage::Linkage) -> Linkage {
    let container = match image.container {
        linkage::Container::Elf => "elf",
        linkage::Container::Pe => "pe",
        linkage::Container::MachO => "mach-o",
        linkage::Container::Wasm => "wasm",
    };
    let linking = match image.linking {
        linkage::Linking::Static => "static",
        linkage::Linking::Dynamic => "dynamic",
    };
    Linkage {
        container: container.to_owned(),
        machine: image.machine.to_string(),
        linking: linking.to_owned(),
        minimum_macos: image.minimum_macos().map(|version| version.to_string()),
        glibc: image
            .highest_glibc
            .map(|demand| GlibcVersion { major: demand.version.0, minor: demand.version.1 }),
        needed: image.needed,
        search_paths: image.rpath.into_iter().chain(image.runpath).collect(),
        stripped: image.stripped && !image.debug_info,
    }
}

/// Everything in which `images` differ from what was declared; empty when the binary is what it should be.
pub fn differences(images: &[Linkage], declared: &DeclaredTarget) -> Vec<String> {
    let mut found = Vec::new();
    let machines: Vec<&str> = images.iter().map(|image| image.machine.as_str()).collect();
    let mut missing = declared.machines.clone();
    for machine in &machines {
        match missing.iter().position(|declared| declared == machine) {
            Some(at) => drop(missing.remove(at)),
            None => found.push(format!("it is for {machine}, expected {}", declared.machines.join(" and "))),
        }
    }
    if !missing.is_empty() && machines.len() < declared.machines.len() {
        found.push(format!("it holds nothing for {}", missing.join(" and ")));
    }
    for image in images {
        found.extend(image_differences(image, declared));
    }
    found
}

fn image_differences(image: &Linkage, declared: &DeclaredTarget) -> Vec<String> {
    let mut found = Vec::new();
    if image.container != declared.container {
        found.push(format!("it is {}, expected {}", image.container, declared.container));
    }
    if let Some(linking) = &declared.linking
        && image.linking != *linking
    {
        let libraries = if image.needed.is_empty() {
            String::new()
        } else {
            format!(" (it needs {})", image.needed.join(", "))
        };
        found.push(format!("it is linked {}ally, expected {linking}ally{libraries}", image.linking));
    }
    if let (Some(floor), Some(needed)) = (declared.glibc, image.glibc)
        && needed > floor
    {
        found.push(format!("it needs GLIBC_{needed}, expected at most GLIBC_{floor}"));
    }
    if let (Some(floor), Some(minimum)) = (&declared.minimum_macos, &image.minimum_macos)
        && dotted_version(minimum) > dotted_version(floor)
    {
        found.push(format!("it needs macOS {minimum}, expected to run on {floor}"));
    }
    if declared.container == "mach-o" && declared.minimum_macos.is_some() && image.minimum_macos.is_none() {
        found.push("it does not say which macOS it needs".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> DeclaredTarget {
        DeclaredTarget {
            name: "linux-x64".to_owned(),
            triple: "x86_64-unknown-linux-gnu".parse().expect("valid"),
            container: "elf".to_owned(),
            machines: vec!["x86_64".to_owned()],
            linking: None,
            glibc: "2.17".parse().ok(),
            minimum_macos: None,
            toolchain: "zig".to_owned(),
            binaries: vec!["rg".to_owned()],
            formats: Vec::new(),
        }
    }

    fn image() -> Linkage {
        Linkage {
            container: "elf".to_owned(),
            machine: "x86_64".to_owned(),
            linking: "dynamic".to_owned(),
            glibc: "2.17".parse().ok(),
            minimum_macos: None,
            needed: vec!["libc.so.6".to_owned()],
            search_paths: Vec::new(),
            stripped: true,
        }
    }

    #[test]
    fn what_was_declared_has_no_difference() {
        assert_eq!(differences(&[image()], &declared()), Vec::<String>::new());
    }

    #[test]
    fn every_difference_is_told() {
        let wrong = Linkage { machine: "aarch64".to_owned(), glibc: "2.34".parse().ok(), ..image() };
        let strict = DeclaredTarget { linking: Some("static".to_owned()), ..declared() };
        assert_eq!(
            differences(&[wrong], &strict),
            [
                "it is for aarch64, expected x86_64",
                "it is linked dynamically, expected statically (it needs libc.so.6)",
                "it needs GLIBC_2.34, expected at most GLIBC_2.17",
            ]
        );
    }

    #[test]
    fn a_universal_binary_must_hold_both_halves() {
        let universal = DeclaredTarget {
            container: "mach-o".to_owned(),
            machines: vec!["x86_64".to_owned(), "aarch64".to_owned()],
            minimum_macos: Some("11.0".to_owned()),
            glibc: None,
            ..declared()
        };
        let half = |machine: &str, minimum: &str| Linkage {
            container: "mach-o".to_owned(),
            machine: machine.to_owned(),
            minimum_macos: Some(minimum.to_owned()),
            glibc: None,
            ..image()
        };
        assert_eq!(
            differences(&[half("x86_64", "10.12"), half("aarch64", "11")], &universal),
            Vec::<String>::new()
        );
        assert_eq!(differences(&[half("x86_64", "10.12")], &universal), ["it holds nothing for aarch64"]);
        assert_eq!(
            differences(&[half("x86_64", "13.1"), half("aarch64", "11")], &universal),
            ["it needs macOS 13.1, expected to run on 11.0"]
        );
    }
}
