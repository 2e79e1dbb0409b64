//! Signatures: beside files, inside packages, and inside programs, which are signed before anything is packed.

use super::Engine;
use super::step::{StepError, entries, output};
use super::store::{Output, Receipt};
use crate::bench::Workbench;
use crate::bench::files;
use crate::key::{CodeKey, CodeState, Key, KeyError, Subject};
use crate::layout::Entry;
use crate::package;
use crate::sign::{self, KeyContext};
use deploy_model::Sha256;
use deploy_model::artifact::{CodeSignature, SignatureForm};
use deploy_plan::plan::{Sign, SignCode};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Engine<'_> {
    /// The key of a signer, opened once in a run.
    fn key(&self, signer: &str) -> Result<Arc<dyn Key>, StepError> {
        if let Some(key) = self.locked(&self.keys).get(signer) {
            return Ok(Arc::clone(key));
        }
        let plugin = sign::find(signer).ok_or_else(|| StepError::NoPlugin { id: signer.to_owned() })?;
        let settings = self.plan.signers.get(signer).map(|planned| planned.settings.clone());
        let key = plugin
            .open(&settings.unwrap_or_default(), &self.key_context())
            .map_err(|finding| StepError::Locked { signer: signer.to_owned(), finding: Box::new(finding) })?;
        let key: Arc<dyn Key> = Arc::from(key);
        self.locked(&self.keys).insert(signer.to_owned(), Arc::clone(&key));
        Ok(key)
    }

    /// The key of a signer of programs, opened once in a run: it counts what it is asked for.
    fn code_key(&self, signer: &str) -> Result<Arc<dyn CodeKey>, StepError> {
        let mut keys = self.locked(&self.code_keys);
        if let Some(key) = keys.get(signer) {
            return Ok(Arc::clone(key));
        }
        let plugin = sign::find_code(signer).ok_or_else(|| StepError::NoPlugin { id: signer.to_owned() })?;
        let settings = self.plan.code_signers.get(signer).map(|planned| planned.settings.clone());
        let key = plugin
            .open(&settings.unwrap_or_default(), &self.key_context())
            .map_err(|finding| StepError::Locked { signer: signer.to_owned(), finding: Box::new(finding) })?;
        let key: Arc<dyn CodeKey> = Arc::from(key);
        keys.insert(signer.to_owned(), Arc::clone(&key));
        Ok(key)
    }

    fn key_context(&self) -> KeyContext<'_> {
        KeyContext {
            root: self.setup.root,
            environment: &self.setup.machine.environment,
            moment: self.plan.source_date_epoch,
            cache: &self.setup.machine.cache,
            offline: self.setup.offline,
        }
    }

    /// Signs every program of a payload that nobody has signed yet; those of others stay as they are.
    pub(super) fn sign_code(&self, action: &SignCode, bench: &Workbench<'_>) -> Result<Receipt, StepError> {
        let signer = sign::find_code(&action.signer)
            .ok_or_else(|| StepError::NoPlugin { id: action.signer.clone() })?;
        let entries = self.with_known(|known| entries(&action.entries, known))?;
        let failed = |entry: &Entry, action: &'static str, source: sign::CodeError| KeyError {
            action,
            file: entry.path.to_string(),
            key: bench.step.to_string(),
            source,
        };
        let mut receipt = Receipt::default();
        // Two entries with the same bytes need one signature.
        let mut made: BTreeMap<Sha256, (Output, CodeSignature)> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            let mut content = files::open(&entry.content)?;
            let state = signer.state(&mut content).map_err(|error| failed(entry, "read", error))?;
            let path = entry.path.to_string();
            match state {
                CodeState::Other => {}
                CodeState::Signed => {
                    signer
                        .check_foreign(&mut content)
                        .map_err(|error| failed(entry, "check the signature of", error))?;
                    let foreign = CodeSignature { signer: None, unsigned: None };
                    receipt.code_signatures.insert(path, foreign);
                }
                CodeState::Unsigned => {
                    let (output, signature) = match made.get(&entry.sha256) {
                        Some(known) => known.clone(),
                        None => {
                            let file = bench.file(&format!("signed-{at}"));
                            let unsigned = self.code_key(&action.signer)?.sign(
                                &entry.content,
                                &file,
                                &self.code_subject(&path),
                            )?;
                            let output = self.store.adopt(&file, entry.executable, &self.memo)?;
                            let signer = Some(action.signer.clone());
                            let signature = CodeSignature { signer, unsigned: Some(unsigned) };
                            made.insert(entry.sha256.clone(), (output.clone(), signature.clone()));
                            (output, signature)
                        }
                    };
                    receipt.outputs.insert(path.clone(), output);
                    receipt.code_signatures.insert(path, signature);
                }
            }
        }
        Ok(receipt)
    }

    fn code_subject<'s>(&'s self, file: &'s str) -> Subject<'s> {
        let moment = self.plan.source_date_epoch;
        Subject { file, name: &self.plan.app.title, version: &self.plan.version, moment }
    }

    /// Signs a finished installer inside its own bytes.
    fn sign_installer(&self, sign: &Sign, bench: &Workbench<'_>) -> Result<Receipt, StepError> {
        let input = self.with_known(|known| output(known, &sign.input, &sign.file).cloned())?;
        let made = bench.file("signed");
        let key = self.code_key(&sign.signer)?;
        let unsigned = key.sign(&input.path, &made, &self.code_subject(&sign.file))?;
        let mut receipt = Receipt::default();
        let output = self.store.adopt(&made, input.executable, &self.memo)?;
        receipt.outputs.insert(sign.output.clone(), output);
        let signature = CodeSignature { signer: Some(sign.signer.clone()), unsigned: Some(unsigned) };
        receipt.code_signatures.insert(sign.output.clone(), signature);
        Ok(receipt)
    }

    pub(super) fn sign(&self, sign: &Sign, bench: &Workbench<'_>) -> Result<Receipt, StepError> {
        if self.plan.code_signers.contains_key(&sign.signer) {
            return self.sign_installer(sign, bench);
        }
        let input = self.with_known(|known| output(known, &sign.input, &sign.file).cloned())?;
        let key = self.key(&sign.signer)?;
        let subject = Subject {
            file: &sign.file,
            name: &self.plan.name,
            version: &self.plan.version,
            moment: self.plan.source_date_epoch.max(key.identity().created),
        };
        let made = bench.file("signed");
        let made = match sign.form {
            SignatureForm::Detached => {
                let signature = key.detached(&mut files::open(&input.path)?, &subject)?;
                files::replace(&made, &signature)?;
                made
            }
            SignatureForm::Cleartext => {
                let text = String::from_utf8_lossy(&files::read(&input.path)?).into_owned();
                files::replace(&made, key.cleartext(&text, &subject)?.as_bytes())?;
                made
            }
            SignatureForm::Embedded => {
                let format = sign.format.as_ref().map(ToString::to_string).unwrap_or_default();
                let packager = package::find(&format).ok_or(StepError::NoPlugin { id: format })?;
                packager.embed(&input.path, key.as_ref(), &subject, bench)?
            }
        };
        let mut receipt = Receipt::default();
        let executable = sign.form == SignatureForm::Embedded && input.executable;
        receipt.outputs.insert(sign.output.clone(), self.store.adopt(&made, executable, &self.memo)?);
        Ok(receipt)
    }
}
