//! An authority that issues certificates, and a server that says what time it is: openssl, as a stranger would run it.

use crate::support::clients::find;
use crate::support::http::{Server, ok, status};
use crate::support::project::Scratch;
use camino::Utf8Path;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory with an authority and certificates of it.
pub(crate) struct Office {
    scratch: Scratch,
}

impl Office {
    /// An authority, where openssl is there.
    pub(crate) fn new() -> Option<Self> {
        find("openssl")?;
        let office = Office { scratch: Scratch::new() };
        let curve = "ec_paramgen_curve:P-256";
        let key = ["req", "-x509", "-newkey", "ec", "-pkeyopt", curve, "-nodes", "-days", "30"];
        let names = ["-subj", "/CN=Example Root", "-keyout", "root.key", "-out", "root.crt"];
        office.openssl(&[&key[..], &names[..]].concat());
        Some(office)
    }

    /// The directory of an authority that is there already.
    pub(crate) fn at(path: PathBuf) -> Self {
        Office { scratch: Scratch(path) }
    }

    /// A file of the authority.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.0.join(name)
    }

    /// The directory.
    pub(crate) fn root(&self) -> &Utf8Path {
        Utf8Path::from_path(&self.scratch.0).expect("UTF-8")
    }

    /// Runs openssl in the directory; it must succeed.
    pub(crate) fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        run(&self.scratch.0, arguments)
    }

    /// Makes `name.key` and `name.crt` for signing code. `kind` is `rsa:2048` or the name of a curve.
    pub(crate) fn issue(&self, name: &str, kind: &str) {
        self.issue_for(name, kind, "extendedKeyUsage=codeSigning\n");
    }

    /// Makes `name.key` and `name.crt` for something else.
    pub(crate) fn issue_for(&self, name: &str, kind: &str, extensions: &str) {
        let (key, request, certificate) =
            (format!("{name}.key"), format!("{name}.csr"), format!("{name}.crt"));
        let curve = format!("ec_paramgen_curve:{kind}");
        let kind: &[&str] = if kind.starts_with("rsa") { &[kind] } else { &["ec", "-pkeyopt", &curve] };
        let subject = format!("/O=Example Ltd/CN=Example {name}");
        let rest = ["-nodes", "-subj", &subject, "-keyout", &key, "-out", &request];
        self.openssl(&[&["req", "-new", "-newkey"], kind, &rest].concat());
        let extensions = format!("basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n{extensions}");
        std::fs::write(self.path("extensions"), extensions).expect("write");
        let issue = ["x509", "-req", "-in", &request, "-CA", "root.crt", "-CAkey", "root.key"];
        let rest = ["-CAcreateserial", "-days", "20", "-extfile", "extensions", "-out", &certificate];
        self.openssl(&[&issue[..], &rest[..]].concat());
    }

    /// Makes `name.pfx` of a key and its certificate, with these further arguments.
    pub(crate) fn export(&self, name: &str, password: &str, more: &[&str]) {
        let (key, certificate, pfx) = (format!("{name}.key"), format!("{name}.crt"), format!("{name}.pfx"));
        let password = format!("pass:{password}");
        let names = ["-inkey", &key, "-in", &certificate, "-out", &pfx, "-passout", &password];
        self.openssl(&[&["pkcs12", "-export"], &names[..], more].concat());
    }

    /// A server that gives timestamps at `/` and nonsense at `/nonsense`.
    pub(crate) fn timestamps(&self) -> Server {
        self.issue_for("clock", "rsa:2048", "extendedKeyUsage=critical,timeStamping\n");
        let settings = "[tsa]\nserial = ./serial\ncrypto_device = builtin\nsigner_digest = sha256\n\
             default_policy = 1.2.3.4\ndigests = sha256, sha384, sha512\naccuracy = secs:1\nordering = no\n\
             tsa_name = no\ness_cert_id_chain = no\ness_cert_id_alg = sha256\n";
        std::fs::write(self.path("tsa.cnf"), settings).expect("write");
        std::fs::write(self.path("serial"), "01\n").expect("write");
        let directory = self.scratch.0.clone();
        Server::start(move |request, number| match request.path.as_str() {
            "/" => {
                let (query, reply) = (format!("{number}.tsq"), format!("{number}.tsr"));
                std::fs::write(directory.join(&query), &request.body).expect("write");
                let ask = ["ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", &query];
                let with = ["-signer", "clock.crt", "-inkey", "clock.key", "-chain", "root.crt"];
                run(&directory, &[&ask[..], &with[..], &["-out", &reply]].concat());
                let reply = std::fs::read(directory.join(reply)).expect("read");
                ok(&["Content-Type: application/timestamp-reply"], &reply)
            }
            "/nonsense" => ok(&["Content-Type: text/html"], b"<html>It is late.</html>"),
            _ => status("404 Not Found", &[]),
        })
    }
}

fn run(directory: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
    output.stdout
}
