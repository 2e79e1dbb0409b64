//! `cargo deploy inspect`: what is inside an artifact, as stable text.

use crate::bench::environment::Environment;
use crate::bench::files;
use crate::cause::chain;
use crate::cli::args::Inspect;
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble};
use crate::package;
use crate::release::examine;
use deploy_formats::linkage;
use deploy_model::FailureClass;

/// Shows a package, or what a bare binary says about itself.
pub fn run(arguments: &Inspect, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    let path = environment.directory.join(&arguments.path);
    let unreadable = |error: files::FileError| {
        let class = if error.is_not_found() { FailureClass::MissingInput } else { FailureClass::Unexpected };
        Trouble::failure(class, &error)
    };
    if let Some(packager) = package::of_file(path.file_name().unwrap_or_default()) {
        drop(files::open(&path).map_err(unreadable)?);
        let contents = packager
            .read(&path, &|_, _| false)
            .map_err(|error| Trouble::failure(FailureClass::Verification, &error))?;
        if console.is_json() {
            console.pretty(&contents.listing);
        } else {
            console.data(&contents.listing.to_string());
        }
        return Ok(ExitCode::Done);
    }
    let bytes = files::read(&path).map_err(unreadable)?;
    if linkage::container(&bytes).is_none() {
        let known: Vec<&str> = package::ALL.iter().map(|packager| packager.info().id).collect();
        return Err(Trouble::Failure {
            class: FailureClass::Configuration,
            message: format!(
                "inspect {}: it is neither a binary nor a file of these formats: {}",
                arguments.path,
                known.join(", ")
            ),
        });
    }
    let images = examine::read(&bytes).map_err(|error| Trouble::Failure {
        class: FailureClass::Verification,
        message: format!("inspect {}: {}", arguments.path, chain(&error)),
    })?;
    if console.is_json() {
        console.pretty(&images);
        return Ok(ExitCode::Done);
    }
    for image in images {
        let line = |name: &str, value: &str| console.data(&format!("{name}: {value}\n"));
        line("container", &image.container);
        line("machine", &image.machine);
        line("linking", &image.linking);
        if let Some(glibc) = image.glibc {
            line("glibc", &glibc.to_string());
        }
        if let Some(macos) = &image.minimum_macos {
            line("minimum-macos", macos);
        }
        for library in &image.needed {
            line("needed", library);
        }
        for path in &image.search_paths {
            line("search-path", path);
        }
        line("stripped", if image.stripped { "yes" } else { "no" });
    }
    Ok(ExitCode::Done)
}
