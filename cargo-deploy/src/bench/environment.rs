//! Every environment variable that the tool reads, in one list, and the environment as it was at the start.
#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]

use camino::Utf8PathBuf;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// A variable that the tool reads, and what for. The reference page is made from this list.
pub const VARIABLES: &[(&str, &str)] = &[
    (
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN, ACTIONS_ID_TOKEN_REQUEST_URL",
        "GitHub Actions gives them to jobs with `id-token: write`: identity tokens for keys at services.",
    ),
    (
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN",
        "Who uses a key by `aws-kms`, where it is an access key.",
    ),
    (
        "AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_KMS, AWS_ENDPOINT_URL_STS",
        "Addresses of Amazon's services, for `aws-kms`.",
    ),
    (
        "AWS_REGION, AWS_DEFAULT_REGION",
        "The region of a key by `aws-kms`, where the manifest does not say it.",
    ),
    (
        "AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME, AWS_WEB_IDENTITY_TOKEN_FILE",
        "Who uses a key by `aws-kms`, where it is a role; the file has the identity token to take it with.",
    ),
    ("AZURE_AUTHORITY_HOST", "Where access tokens of Microsoft Entra ID come from, for `azure-*` keys."),
    (
        "AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_FEDERATED_TOKEN_FILE",
        "Who uses a key by `azure-key-vault` or `azure-artifact-signing`: with a secret, or with the identity token in a file.",
    ),
    ("CARGO", "The cargo to call back; cargo sets it. Default: `cargo` on PATH."),
    ("CARGO_BUILD_TARGET", "The target when neither the command line nor the manifest names one."),
    ("CARGO_BUILD_RUSTC", "As cargo's `build.rustc`: the rustc to ask."),
    (
        "CARGO_BUILD_RUSTFLAGS, CARGO_TARGET_<triple>_RUSTFLAGS",
        "As cargo reads them; extended, never replaced.",
    ),
    ("CARGO_DEPLOY_*", "Any key of the manifest: `CARGO_DEPLOY_TARGETS_GLIBC=2.17` is `targets.glibc`."),
    (
        "CARGO_DEPLOY_CACHE_DIR",
        "Where fetched assets and built standard libraries are kept, for all projects.",
    ),
    (
        "<names of the manifest>",
        "Keys, passphrases and passwords: `sign.gpg.key.env`, `sign.gpg.passphrase-env`, `sign.minisign.key.env`, `sign.minisign.password-env`, and what ends in `-env` below `sign.windows.key`.",
    ),
    ("CARGO_ENCODED_RUSTFLAGS", "rustc flags, separated by 0x1f; extended, never replaced."),
    ("CARGO_HOME", "Cargo's home directory."),
    ("CARGO_NET_OFFLINE", "`true` is `--offline`."),
    ("CARGO_TARGET_DIR", "Cargo's target directory; the release directory lies below it."),
    ("CARGO_TERM_COLOR", "`always`, `never` or `auto`, where `--color` is not given."),
    ("CARGO_TERM_PROGRESS_WHEN", "`never` turns progress bars off, `always` on."),
    ("CFLAGS, CXXFLAGS", "C and C++ flags, in the spellings of the crate cc; extended, never replaced."),
    ("CI", "Anything but `false`: `--locked` is the default, nothing is asked, progress is lines."),
    ("CLICOLOR_FORCE", "Colours even where the output is no terminal."),
    ("CROSS_CONTAINER_ENGINE", "The container engine that cross uses."),
    ("GITHUB_ACTIONS", "`true`: annotations for problems, groups, a step summary."),
    ("GITHUB_STEP_SUMMARY", "The file that the step summary is appended to."),
    ("HOME", "Where the cache lies when nothing else says so."),
    ("GOOGLE_APPLICATION_CREDENTIALS", "The file of credentials of whoever uses a key by `google-kms`."),
    ("GNUPGHOME", "Where gpg has its keys, for `sign.gpg.key.agent`; gpg reads it."),
    ("HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY", "Proxies for downloads and requests, in either case."),
    ("MACOSX_DEPLOYMENT_TARGET", "The oldest macOS to run on, where the manifest does not say."),
    ("NO_COLOR", "No colours."),
    ("PATH", "Where programs are looked up."),
    ("RUSTC", "The rustc to ask. Default: `rustc` on PATH."),
    ("RUSTFLAGS", "rustc flags; extended, never replaced."),
    ("RUSTUP_HOME, RUSTUP_TOOLCHAIN", "As rustup reads them."),
    ("SDKROOT", "The macOS SDK, for programs that use Apple's frameworks."),
    ("SOURCE_DATE_EPOCH", "The moment written wherever a file holds one, in seconds since 1970."),
    ("SSL_CERT_FILE", "A PEM file of certificates to trust instead of the built-in ones."),
    ("TERM", "`dumb`: no colours, no bars."),
    (
        "WIN_CSC_LINK, CSC_LINK",
        "A PKCS #12 file to sign programs for Windows with, where `sign.windows` names no key: its path, or its content in Base64.",
    ),
    ("WIN_CSC_KEY_PASSWORD, CSC_KEY_PASSWORD", "The password of that file."),
    ("XDG_CACHE_HOME", "Where the cache lies when nothing else says so."),
    ("XWIN_ACCEPT_LICENSE, XWIN_CACHE_DIR", "As cargo-xwin reads them."),
];

/// The environment, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    /// The directory that the tool was started in.
    pub directory: Utf8PathBuf,
}

/// The directory that the tool was started in cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// It cannot be found out, as when it was removed.
    #[error("find out the current directory")]
    NoDirectory {
        /// What the system said.
        source: std::io::Error,
    },
    /// Its path is not UTF-8, which cargo's own messages need it to be.
    #[error("use the current directory {path:?}: its path is not UTF-8")]
    NotUnicode {
        /// The path.
        path: std::path::PathBuf,
    },
}

impl Environment {
    /// Reads the environment of this process.
    pub fn read() -> Result<Self, EnvironmentError> {
        let directory = std::env::current_dir().map_err(|source| EnvironmentError::NoDirectory { source })?;
        let directory =
            Utf8PathBuf::from_path_buf(directory).map_err(|path| EnvironmentError::NotUnicode { path })?;
        Ok(Environment { variables: std::env::vars_os().collect(), directory })
    }

    /// An environment made up for a test.
    pub fn of(variables: &[(&str, &str)], directory: &str) -> Self {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Environment { variables, directory: directory.into() }
    }

    /// The value of a variable.
    pub fn get_os(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The value of a variable that is set, not empty and UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_os(name).and_then(OsStr::to_str).filter(|value| !value.is_empty())
    }

    /// Whether a variable says yes: set, not empty, and neither `0` nor `false`.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// Whether this runs in continuous integration.
    pub fn is_ci(&self) -> bool {
        self.is_true("CI")
    }

    /// Variables whose names begin with `prefix`, sorted; those that are not UTF-8 are left out.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> + 'a {
        self.variables
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
            .filter(move |(name, _)| name.starts_with(prefix))
    }

    /// Cargo's home directory.
    pub fn cargo_home(&self) -> Option<Utf8PathBuf> {
        self.get("CARGO_HOME")
            .map(|path| self.directory.join(path))
            .or_else(|| Some(Utf8PathBuf::from(self.home()?).join(".cargo")))
    }

    /// The cache that all projects share.
    pub fn cache_directory(&self) -> Option<Utf8PathBuf> {
        if let Some(path) = self.get("CARGO_DEPLOY_CACHE_DIR") {
            return Some(self.directory.join(path));
        }
        let base = match self.get("XDG_CACHE_HOME") {
            Some(path) => self.directory.join(path),
            None => Utf8PathBuf::from(self.home()?).join(".cache"),
        };
        Some(base.join("cargo-deploy"))
    }

    fn home(&self) -> Option<&str> {
        self.get("HOME").or_else(|| self.get("USERPROFILE"))
    }
}
