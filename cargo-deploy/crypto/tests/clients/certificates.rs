//! Certificates made by openssl: what is read from them, and the order they are put in.

use super::{Directory, find, run};
use deploy_crypto::{
    BundleError, Certificate, Chain, ChainError, Hash, KeyAlgorithm, KeyPurpose, read_certificates,
};
use std::path::PathBuf;

/// A place where openssl makes keys and certificates.
pub(crate) struct Authority {
    pub(crate) openssl: PathBuf,
    pub(crate) directory: Directory,
}

/// What the certificates may be used for; the sections of a configuration of openssl.
const EXTENSIONS: &str = "[req]\ndistinguished_name = name\n[name]\n\
    [authority]\nbasicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash\n\
    [code]\nbasicConstraints = critical, CA:false\nkeyUsage = critical, digitalSignature\nextendedKeyUsage = codeSigning\n\
    [web]\nbasicConstraints = CA:false\nextendedKeyUsage = serverAuth\n\
    [time]\nbasicConstraints = CA:false\nextendedKeyUsage = critical, timeStamping\n\
    [loose-time]\nbasicConstraints = CA:false\nextendedKeyUsage = timeStamping\n";

impl Authority {
    /// With a root and an intermediate authority.
    pub(crate) fn new() -> Option<Self> {
        let openssl = find("openssl")?;
        let directory = Directory::new();
        directory.write("openssl.cnf", EXTENSIONS);
        let authority = Authority { openssl, directory };
        authority.issue(&Order { name: "root", section: "authority", ..Order::default() });
        let intermediate =
            Order { name: "intermediate", issuer: "root", section: "authority", ..Order::default() };
        authority.issue(&intermediate);
        Some(authority)
    }

    /// Runs openssl in the directory; it must succeed.
    pub(crate) fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        let command =
            format!("cd '{}' && exec '{}' \"$@\"", self.directory.0.display(), self.openssl.display());
        let mut all = vec!["-c", &command, "openssl"];
        all.extend(arguments);
        let shell = find("sh").expect("a shell");
        let (good, stdout, stderr) = run(&shell, &all, &self.directory.0, b"");
        assert!(good, "openssl {arguments:?}: {stderr}");
        stdout
    }

    /// Makes `NAME.key` and `NAME.pem`.
    pub(crate) fn issue(&self, order: &Order<'_>) -> Certificate {
        let Order { name, issuer, section, key, from, to, hash } = order;
        let (key_file, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        if !self.directory.path(&key_file).exists() {
            let mut arguments = vec!["genpkey", "-out", &key_file];
            arguments.extend(key.split(' '));
            self.openssl(&arguments);
        }
        let subject = format!("/C=DE/O=Example, Ltd/CN=Example {name}");
        let serial = format!("0x{}", name.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
        self.openssl(&[
            "req",
            "-new",
            "-config",
            "openssl.cnf",
            "-key",
            &key_file,
            "-subj",
            &subject,
            "-out",
            "request",
        ]);
        // `openssl ca` alone lets the validity be given in openssl 3.0.
        let (issuer_key, issuer_certificate) = (format!("{issuer}.key"), format!("{issuer}.pem"));
        let configuration = format!(
            "{EXTENSIONS}\n[ca]\ndefault_ca = this\n[this]\nnew_certs_dir = .\ndatabase = database\nserial = serial\n\
             default_md = {hash}\npolicy = any\nunique_subject = no\nrand_serial = no\n\
             [any]\ncountryName = optional\norganizationName = optional\ncommonName = supplied\n"
        );
        self.directory.write("ca.cnf", configuration);
        self.directory.write("database", "");
        self.directory.write("serial", &serial[2..]);
        let mut arguments = vec![
            "ca",
            "-batch",
            "-config",
            "ca.cnf",
            "-notext",
            "-extensions",
            section,
            "-in",
            "request",
            "-out",
            &certificate,
            "-startdate",
            from,
            "-enddate",
            to,
        ];
        if issuer.is_empty() {
            arguments.extend(["-selfsign", "-keyfile", &key_file]);
        } else {
            arguments.extend(["-keyfile", &issuer_key, "-cert", &issuer_certificate]);
        }
        self.openssl(&arguments);
        self.certificate(name)
    }

    pub(crate) fn certificate(&self, name: &str) -> Certificate {
        read_certificates(&self.directory.read(&format!("{name}.pem"))).unwrap().remove(0)
    }
}

/// A certificate to be made.
pub(crate) struct Order<'a> {
    pub(crate) name: &'a str,
    /// Signs it; empty for itself.
    pub(crate) issuer: &'a str,
    /// Of the configuration.
    pub(crate) section: &'a str,
    /// Arguments of `openssl genpkey`.
    pub(crate) key: &'a str,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) hash: &'a str,
}

/// RSA keys of this size are made quickly and are just large enough.
pub(crate) const RSA_2048: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
pub(crate) const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
pub(crate) const P384: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";
pub(crate) const P521: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-521";

impl Default for Order<'_> {
    fn default() -> Self {
        let (from, to) = ("20240101000000Z", "20491231235959Z");
        Order { name: "", issuer: "", section: "", key: P256, from, to, hash: "sha256" }
    }
}

/// 2024-01-01 and the last second of 2049.
const VALID: (u64, u64) = (1_704_067_200, 2_524_607_999);

#[test]
fn a_certificate_says_what_openssl_says() {
    let Some(authority) = Authority::new() else { return };
    for (key, algorithm) in [
        (RSA_2048, KeyAlgorithm::Rsa { bits: 2048 }),
        (P256, KeyAlgorithm::EcdsaP256),
        (P384, KeyAlgorithm::EcdsaP384),
        (P521, KeyAlgorithm::EcdsaP521),
    ] {
        let name = algorithm.to_string().replace(' ', "");
        let order = Order { name: &name, issuer: "intermediate", section: "code", key, ..Order::default() };
        let certificate = authority.issue(&order);
        let file = format!("{name}.pem");
        let shown = ["x509", "-in", &file, "-noout", "-nameopt", "RFC2253", "-subject", "-issuer", "-serial"];
        let shown = String::from_utf8(authority.openssl(&shown)).unwrap();
        let serial = certificate.serial().to_uppercase();
        let ours =
            format!("subject={}\nissuer={}\nserial={serial}\n", certificate.subject(), certificate.issuer());
        assert_eq!(ours, shown);
        for (option, print) in [("-sha1", certificate.sha1()), ("-sha256", certificate.sha256())] {
            let shown = authority.openssl(&["x509", "-in", &file, "-noout", "-fingerprint", option]);
            let shown = String::from_utf8(shown).unwrap().replace(':', "").to_lowercase();
            assert!(shown.trim().ends_with(&print), "{shown} {print}");
        }
        assert_eq!((certificate.not_before(), certificate.not_after()), VALID);
        assert_eq!(certificate.name(), format!("Example {name}"));
        assert_eq!(certificate.algorithm(), Some(algorithm));
        assert!(certificate.has_purpose(&KeyPurpose::CodeSigning) && certificate.signs_data());
        assert!(!certificate.is_authority() && authority.certificate("root").is_authority());
        assert_eq!(certificate.pem().into_bytes(), authority.openssl(&["x509", "-in", &file]));

        // A signature of openssl over a digest, by the key of the certificate.
        let digest = Hash::Sha384.digest(b"content");
        authority.directory.write("digest", &digest);
        let key = format!("{name}.key");
        let signature = ["pkeyutl", "-sign", "-inkey", &key, "-in", "digest", "-pkeyopt", "digest:sha384"];
        let signature = authority.openssl(&signature);
        assert!(certificate.verifies(Hash::Sha384, &digest, &signature));
        assert!(!certificate.verifies(Hash::Sha384, &Hash::Sha384.digest(b"other"), &signature));
        assert!(!certificate.verifies(Hash::Sha256, &digest, &signature));
    }
}

#[test]
fn certificates_are_ordered_from_the_leaf_on_in_whatever_form_they_come() {
    let Some(authority) = Authority::new() else { return };
    let leaf =
        authority.issue(&Order { name: "leaf", issuer: "intermediate", section: "code", ..Order::default() });
    authority.issue(&Order { name: "stranger", section: "authority", ..Order::default() });
    let names = ["root", "leaf", "stranger", "intermediate", "leaf"];
    let text: Vec<u8> =
        names.iter().flat_map(|name| authority.directory.read(&format!("{name}.pem"))).collect();
    authority.directory.write("all.pem", &text);
    let mut files = vec![text];
    for form in ["DER", "PEM"] {
        files.push(authority.openssl(&["crl2pkcs7", "-nocrl", "-certfile", "all.pem", "-outform", form]));
    }
    for file in files {
        let certificates = read_certificates(&file).unwrap();
        assert_eq!(certificates.len(), 5);
        let expected =
            [&leaf, &authority.certificate("intermediate"), &authority.certificate("root")].map(Clone::clone);
        let chain = Chain::of_certificates(certificates.clone()).unwrap();
        assert_eq!(chain.certificates(), expected);
        assert!(chain.reaches_a_root());
        assert_eq!(Chain::of_key(certificates.clone(), leaf.public_key_der()).unwrap(), chain);
        let of_authority =
            Chain::of_key(certificates, authority.certificate("root").public_key_der()).unwrap();
        assert_eq!(of_authority.certificates(), &expected[2..]);
    }
    assert_eq!(read_certificates(leaf.der()).unwrap(), std::slice::from_ref(&leaf));
    let lonely = Chain::of_certificates(vec![leaf.clone()]).unwrap();
    assert!(!lonely.reaches_a_root());
}

#[test]
fn what_is_no_chain_is_told() {
    let Some(authority) = Authority::new() else { return };
    let order = |name| Order { name, issuer: "intermediate", section: "code", ..Order::default() };
    let (one, two) = (authority.issue(&order("one")), authority.issue(&order("two")));
    let error = Chain::of_certificates(vec![one.clone(), two.clone()]).unwrap_err();
    let subjects = format!("{}; {}", one.subject(), two.subject());
    assert_eq!(error, ChainError::Ambiguous { subjects });
    let error = Chain::of_key(vec![one.clone()], two.public_key_der()).unwrap_err();
    assert_eq!(error, ChainError::KeyMissing { subjects: one.subject().to_owned() });
    assert_eq!(Chain::of_certificates(Vec::new()).unwrap_err(), ChainError::Empty);
    assert_eq!(read_certificates(b"text").unwrap_err(), BundleError::None);

    // An authority of the same name whose key is another one.
    std::fs::remove_file(authority.directory.path("intermediate.key")).unwrap();
    let order = Order { name: "intermediate", issuer: "root", section: "authority", ..Order::default() };
    let other = authority.issue(&order);
    let error = Chain::of_certificates(vec![one.clone(), other]).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    let expected = "the signature in the certificate of CN=Example one,O=Example\\, Ltd,C=DE is not one by \
                    CN=Example intermediate,O=Example\\, Ltd,C=DE";
    assert_eq!(source, expected);

    // One flipped byte anywhere is a certificate that cannot be read or whose signature does not hold.
    let issuer = authority.certificate("root");
    let intermediate = authority.certificate("intermediate");
    intermediate.check_issuer(&issuer).unwrap();
    for position in 0..intermediate.der().len() {
        let mut der = intermediate.der().to_vec();
        der[position] ^= 1;
        let held = Certificate::from_der(&der).is_ok_and(|changed| changed.check_issuer(&issuer).is_ok());
        assert!(!held, "byte {position}");
    }
}

#[test]
fn certificates_signed_with_sha1_are_not_accepted() {
    let Some(authority) = Authority::new() else { return };
    let order = Order { name: "old", issuer: "root", section: "code", hash: "sha1", ..Order::default() };
    let old = authority.issue(&order);
    let error = old.check_issuer(&authority.certificate("root")).unwrap_err().to_string();
    let expected = "the certificate of CN=Example old,O=Example\\, Ltd,C=DE is signed with the algorithm ECDSA with SHA-1, \
                    which is not accepted";
    assert_eq!(error, expected);
}
