//! Identity tokens: what says of a workload which one it is, so that it needs no secret of its own (OpenID Connect).
//!
//! They come from a file that the platform keeps fresh (Kubernetes, GitLab), or from GitHub Actions, which gives them for an
//! address and a token in two variables to jobs with the permission `id-token: write`.

use crate::bench::environment::Environment;
use crate::bench::fetch::Network;
use crate::bench::files;
use crate::bench::http::Method;
use crate::cause::chain;
use crate::cloud::{Ask, CloudError, percent_encoded};
use camino::Utf8PathBuf;
use deploy_crypto::Secret;
use serde::Deserialize;

/// Where identity tokens come from.
pub enum IdentityTokens {
    /// A file, read anew each time.
    File(Utf8PathBuf),
    /// GitHub Actions.
    GitHub {
        /// The address to ask.
        url: String,
        /// What allows it.
        token: Secret<String>,
    },
}

impl IdentityTokens {
    /// The file in a variable, where it is set.
    pub fn in_file(environment: &Environment, variable: &str) -> Option<Self> {
        environment.get(variable).map(|path| IdentityTokens::File(environment.directory.join(path)))
    }

    /// Those of the job of GitHub Actions that this runs in, if it may have some.
    pub fn of_github(environment: &Environment) -> Option<Self> {
        let url = environment.get("ACTIONS_ID_TOKEN_REQUEST_URL")?.to_owned();
        let token = Secret::new(environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?.to_owned());
        Some(IdentityTokens::GitHub { url, token })
    }

    /// Where they come from, for people.
    pub fn describe(&self) -> String {
        match self {
            IdentityTokens::File(path) => format!("the identity token in {path}"),
            IdentityTokens::GitHub { .. } => "the identity token of GitHub Actions".to_owned(),
        }
    }

    /// A token for an audience. A file has one for the audience that it was made for.
    pub fn fetch(&self, audience: &str, network: &Network) -> Result<Secret<String>, CloudError> {
        match self {
            IdentityTokens::File(path) => {
                let unproven = |why: String| CloudError::Unproven {
                    action: "read the identity token".to_owned(),
                    why,
                    help: "check the variable that names the file, and that the platform has written it"
                        .to_owned(),
                };
                let bytes =
                    files::read(path).map_err(|error| unproven(format!("failed to {}", chain(&error))))?;
                let text =
                    String::from_utf8(bytes).map_err(|_| unproven(format!("{path} is not a text file")))?;
                match text.trim() {
                    "" => Err(unproven(format!("{path} is empty"))),
                    token => Ok(Secret::new(token.to_owned())),
                }
            }
            IdentityTokens::GitHub { url, token } => {
                #[derive(Deserialize)]
                struct Given {
                    value: String,
                }
                let separator = if url.contains('?') { '&' } else { '?' };
                let url = format!("{url}{separator}audience={}", percent_encoded(audience));
                let authorization = Secret::new(format!("Bearer {}", token.expose()));
                let given: Given = Ask {
                    action: "get an identity token from GitHub Actions",
                    method: &Method::GET,
                    url: &url,
                    headers: &[("authorization", authorization.expose()), ("accept", "application/json")],
                    body: &[],
                    secrets: &[token.expose()],
                    codes: &[],
                }
                .json(network)?;
                Ok(Secret::new(given.value))
            }
        }
    }
}
