//! Signs a file for Windows, to try and to measure the signer of this crate:
//! `authenticode sign KEY CERTIFICATES sha256|sha384|sha512 INPUT OUTPUT`, `authenticode strip INPUT OUTPUT`, `authenticode verify ROOTS INPUT`
//!
//! There is no timestamp, and the certificate is taken as valid.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example opens its files itself and prints, as every caller of the crate"
)]

use std::error::Error;
use std::fs::{self, File};

use deploy_crypto::authenticode::{self, Expectations, Policy, Signing};
use deploy_crypto::{CertifiedKey, PrivateKey, SigningKey as _, read_certificates};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["sign", key, certificates, hash, input, output] => {
            let certificates = read_certificates(&fs::read(certificates)?)?;
            let key = CertifiedKey::new(PrivateKey::open(&fs::read(key)?, None)?, certificates)?;
            let policy = Policy { hash: hash.parse()?, description: None, url: None, timestamp: false };
            let now = key.chain().first().map_or(0, |leaf| leaf.not_before());
            let mut input = File::open(input)?;
            let digest = authenticode::digest(&mut input, policy.hash)?;
            let signing = Signing { key: &key, policy: &policy, now };
            let signature = authenticode::sign(&signing, &digest, None)?;
            authenticode::embed(&mut input, &digest, &signature, &mut File::create(output)?)?;
        }
        ["strip", input, output] => {
            authenticode::strip(&mut File::open(input)?, &mut File::create(output)?)?;
        }
        ["verify", roots, input] => {
            let roots = read_certificates(&fs::read(roots)?)?;
            let now = roots.iter().map(|root| root.not_before()).max().unwrap_or(0);
            let expectations = Expectations { now, roots: &roots, timestamp_roots: &roots, strict: true };
            let seen = authenticode::verify(&mut File::open(input)?, &expectations)?;
            println!("{} by {:?}", seen.hash, seen.chain);
        }
        _ => return Err("usage: authenticode sign|strip|verify …".into()),
    }
    Ok(())
}
