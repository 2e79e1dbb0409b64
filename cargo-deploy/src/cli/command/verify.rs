//! `cargo deploy verify`: reads a release back from its bytes.

use crate::bench::environment::Environment;
use crate::cli::args::VerifyArguments;
use crate::cli::command::session;
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble, counted};
use crate::release::verify::{self, VerifyError};
use deploy_model::FailureClass;

/// Verifies a directory or a file.
pub fn run(
    arguments: &VerifyArguments,
    environment: &Environment,
    console: &Console,
) -> Result<ExitCode, Trouble> {
    let path = environment.directory.join(&arguments.path);
    let verified =
        if path.is_dir() { verify::directory(&path, session::threads(None)) } else { verify::file(&path) };
    let report = verified.map_err(|error| {
        let class = match &error {
            VerifyError::File(error) if error.is_not_found() => FailureClass::MissingInput,
            VerifyError::File(_) => FailureClass::Unexpected,
            VerifyError::NoRelease { .. } => FailureClass::MissingInput,
            VerifyError::UnknownFormat { .. } => FailureClass::Configuration,
        };
        Trouble::failure(class, &error)
    })?;
    let good = report.problems.is_empty();
    if console.is_json() {
        console.pretty(&report);
    } else {
        let what = report.release.clone().unwrap_or_else(|| arguments.path.to_string());
        for problem in &report.problems {
            console.data(&format!("{problem}\n"));
        }
        let read = [(report.files, "file"), (report.members, "member"), (report.binaries, "binary")]
            .map(|(count, noun)| counted(count, noun))
            .join(", ");
        if good {
            console.status("Verified", &format!("{what}: it is what it declares ({read} read)"));
        } else {
            let problems = counted(report.problems.len(), "problem");
            return Err(Trouble::Failure {
                class: FailureClass::Verification,
                message: format!("verify {what}: {problems} ({read} read)"),
            });
        }
    }
    Ok(if good { ExitCode::Done } else { ExitCode::Verification })
}
