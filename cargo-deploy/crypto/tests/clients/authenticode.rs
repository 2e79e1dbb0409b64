//! Signatures in PE files and packages of Windows Installer, against osslsigncode and with timestamps of openssl.

use super::certificates::{Authority, Order, P256, P384, P521, RSA_2048};
use super::{find, run};
use deploy_crypto::authenticode::{
    self, Digest, Expectations, Kind, Policy, Seen, SignError, Signature, Signing, VerifyError,
};
use deploy_crypto::timestamp::{self, Request, TimestampError, Token};
use deploy_crypto::{Certificate, CertifiedKey, Hash, PrivateKey};
use std::io::{Cursor, Write as _};
use std::path::PathBuf;

/// A program for 64-bit Windows with one section, and a length that is no multiple of eight.
pub(crate) fn program() -> Vec<u8> {
    let mut bytes = vec![0; 0x80];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x80;
    bytes.extend(b"PE\0\0\x64\x86\x01\0");
    bytes.extend([0; 12]);
    bytes.extend([0xf0, 0, 0x22, 0]);
    let mut optional = vec![0; 0xf0];
    optional[..2].copy_from_slice(&[0x0b, 2]);
    // Alignments, sizes of image and headers, subsystem, number of directories.
    for (at, number) in [(32, 0x1000_u32), (36, 0x200), (56, 0x2000), (60, 0x200), (68, 3), (108, 16)] {
        optional[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }
    bytes.extend(optional);
    bytes.extend(b".text\0\0\0");
    for number in [0x1000_u32, 0x1000, 0x200, 0x200, 0, 0, 0, 0x6000_0020] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.resize(0x200, 0);
    bytes.extend((0..0x203_u32).map(|number| (number * 7) as u8));
    bytes
}

/// A package with large and small streams, an empty one, and a storage.
pub(crate) fn package() -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    let class = "000c1084-0000-0000-c000-000000000046".parse().unwrap();
    file.set_storage_clsid("/", class).unwrap();
    let mut stream = |name: &str, length: usize| {
        let bytes: Vec<u8> = (0..length).map(|index| ((index * 31) >> 3) as u8).collect();
        file.create_stream(name).unwrap().write_all(&bytes).unwrap();
    };
    stream("\u{5}SummaryInformation", 300);
    stream("\u{4840}\u{3f3f}\u{4577}", 5000);
    stream("\u{4840}\u{3f3f}", 70);
    stream("cabinet", 200_000);
    stream("Cabinet2", 4096);
    stream("empty", 0);
    file.create_storage("transform").unwrap();
    for (name, length) in [("transform/b", 100), ("transform/a", 9000)] {
        let bytes = vec![length as u8; length];
        file.create_stream(name).unwrap().write_all(&bytes).unwrap();
    }
    file.into_inner().into_inner()
}

/// Seconds since 1970.
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) struct Bench {
    authority: Authority,
    osslsigncode: PathBuf,
}

impl Bench {
    /// With a server for timestamps, `time`.
    pub(crate) fn new() -> Option<Self> {
        let osslsigncode = find("osslsigncode")?;
        let authority = Authority::new()?;
        authority.issue(&Order { name: "time", issuer: "intermediate", section: "time", ..Order::default() });
        let bench = Bench { authority, osslsigncode };
        bench.configure("time", "sha256");
        Some(bench)
    }

    fn configure(&self, signer: &str, digest: &str) {
        let text = format!(
            "[tsa]\ndefault_tsa = this\n[this]\nserial = ts-serial\nsigner_cert = {signer}.pem\ncerts = intermediate.pem\n\
             signer_key = {signer}.key\nsigner_digest = {digest}\ndefault_policy = 1.2.3.4\ndigests = sha256, sha384, sha512\n\
             accuracy = secs:1\nordering = yes\ntsa_name = yes\ness_cert_id_chain = no\ness_cert_id_alg = sha256\n"
        );
        self.authority.directory.write("ts.cnf", text);
    }

    fn key(&self, name: &str, key: &str) -> CertifiedKey {
        if !self.authority.directory.path(&format!("{name}.pem")).exists() {
            self.authority.issue(&Order {
                name,
                issuer: "intermediate",
                section: "code",
                key,
                ..Order::default()
            });
        }
        self.certified(name)
    }

    fn certified(&self, name: &str) -> CertifiedKey {
        let key = PrivateKey::open(&self.authority.directory.read(&format!("{name}.key")), None).unwrap();
        let certificates = [name, "intermediate", "root"].map(|name| self.authority.certificate(name));
        CertifiedKey::new(key, certificates.to_vec()).unwrap()
    }

    /// What the server for timestamps answers.
    fn answer(&self, request: &[u8]) -> Vec<u8> {
        self.authority.directory.write("request.tsq", request);
        self.authority.openssl(&["ts", "-reply", "-config", "ts.cnf", "-queryfile", "request.tsq"])
    }

    fn stamp(&self, hash: Hash, signature: &[u8]) -> Token {
        let request = Request::new(hash, signature, 0x8123_4567_89ab_cdef);
        request.read(&self.answer(&request.der()), now()).unwrap()
    }

    fn sign(&self, key: &CertifiedKey, policy: &Policy, digest: &Digest) -> Result<Signature, SignError> {
        let signing = Signing { key, policy, now: now() };
        let mut stamper = |signature: &[u8]| Ok(self.stamp(policy.hash, signature));
        authenticode::sign(&signing, digest, Some(&mut stamper))
    }

    fn signed(&self, file: &[u8], key: &CertifiedKey, policy: &Policy) -> Vec<u8> {
        let digest = authenticode::digest(&mut Cursor::new(file), policy.hash).unwrap();
        let signature = self.sign(key, policy, &digest).unwrap();
        embedded(file, &digest, &signature)
    }

    fn roots(&self) -> Vec<Certificate> {
        vec![self.authority.certificate("root")]
    }

    fn verify(&self, file: &[u8]) -> Result<Seen, VerifyError> {
        let roots = self.roots();
        let expectations = Expectations { now: now(), roots: &roots, timestamp_roots: &roots, strict: true };
        authenticode::verify(&mut Cursor::new(file), &expectations)
    }

    /// What osslsigncode says of a file.
    fn osslsigncode(&self, file: &[u8]) -> (bool, String) {
        let path = self.authority.directory.write("verified", file);
        let root = self.authority.directory.path("root.pem");
        let arguments = [
            "verify",
            "-in",
            path.to_str().unwrap(),
            "-CAfile",
            root.to_str().unwrap(),
            "-TSA-CAfile",
            root.to_str().unwrap(),
        ];
        let (good, stdout, stderr) = run(&self.osslsigncode, &arguments, &self.authority.directory.0, b"");
        (good, String::from_utf8_lossy(&stdout).into_owned() + &stderr)
    }

    /// Lets osslsigncode sign.
    fn sign_there(&self, file: &[u8], name: &str, options: &[&str]) -> Vec<u8> {
        let directory = &self.authority.directory;
        drop(std::fs::remove_file(directory.path("there.out")));
        let input = directory.write("there.in", file);
        let chain: Vec<u8> =
            [name, "intermediate"].iter().flat_map(|name| directory.read(&format!("{name}.pem"))).collect();
        let chain = directory.write("there.pem", chain);
        let (key, output) = (directory.path(&format!("{name}.key")), directory.path("there.out"));
        let mut arguments = vec!["sign", "-certs", chain.to_str().unwrap(), "-key", key.to_str().unwrap()];
        arguments.extend(options);
        arguments.extend(["-in", input.to_str().unwrap(), "-out", output.to_str().unwrap()]);
        let (good, stdout, stderr) = run(&self.osslsigncode, &arguments, &directory.0, b"");
        assert!(good, "{}{stderr}", String::from_utf8_lossy(&stdout));
        directory.read("there.out")
    }
}

fn embedded(file: &[u8], digest: &Digest, signature: &Signature) -> Vec<u8> {
    let mut output = Vec::new();
    authenticode::embed(&mut Cursor::new(file), digest, signature, &mut output).unwrap();
    output
}

fn stripped(file: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    authenticode::strip(&mut Cursor::new(file), &mut output).unwrap();
    output
}

fn policy(hash: Hash) -> Policy {
    let (description, url) = (Some("Überblick ☂ 1.0".to_owned()), Some("https://example.com/a".to_owned()));
    Policy { hash, description, url, timestamp: true }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[test]
fn osslsigncode_and_our_own_verify_accept_what_is_signed() {
    let Some(bench) = Bench::new() else { return };
    for (kind, file) in [(Kind::Pe, program()), (Kind::Msi, package())] {
        for (name, key) in [
            ("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:3072"),
            ("p256", P256),
            ("p384", P384),
            ("p521", P521),
        ] {
            let key = bench.key(name, key);
            for hash in Hash::ALL {
                let signed = bench.signed(&file, &key, &policy(hash));
                let (good, text) = bench.osslsigncode(&signed);
                assert!(
                    good && text.contains("Signature verification: ok"),
                    "{kind:?} {name} {hash}: {text}"
                );
                assert!(text.contains("Timestamp Server Signature verification: ok"), "{text}");
                let seen = bench.verify(&signed).unwrap_or_else(|error| panic!("{}", causes(&error)));
                assert_eq!((seen.kind, seen.hash, seen.is_extended), (kind, hash, true));
                assert_eq!((seen.description, seen.url), (policy(hash).description, policy(hash).url));
                let expected = [name, "intermediate", "root"].map(|name| bench.authority.certificate(name));
                assert_eq!(seen.chain, expected);
                assert!(seen.stamp.unwrap().moment.abs_diff(now()) < 600);
            }
        }
    }
}

#[test]
fn without_a_timestamp_the_same_file_has_the_same_signature() {
    let Some(bench) = Bench::new() else { return };
    let policy = Policy { timestamp: false, ..policy(Hash::Sha256) };
    for file in [program(), package()] {
        for (name, key) in [("rsa", RSA_2048), ("p521", P521)] {
            let key = bench.key(name, key);
            let signed = bench.signed(&file, &key, &policy);
            assert_eq!(signed, bench.signed(&file, &key, &policy));
            assert_eq!(bench.verify(&signed).unwrap().stamp, None);
            let (good, text) = bench.osslsigncode(&signed);
            assert!(good, "{text}");
        }
    }
}

#[test]
fn a_signature_is_taken_out_and_replaced_without_a_trace() {
    let Some(bench) = Bench::new() else { return };
    let (first, second) = (bench.key("first", P256), bench.key("second", RSA_2048));
    for file in [program(), package()] {
        assert!(!authenticode::is_signed(&mut Cursor::new(&file)).unwrap());
        assert!(authenticode::signature(&mut Cursor::new(&file)).unwrap().is_none());
        let bare = stripped(&file);
        assert_eq!(stripped(&bare), bare);
        let signed = bench.signed(&bare, &first, &policy(Hash::Sha256));
        assert!(authenticode::is_signed(&mut Cursor::new(&signed)).unwrap());
        assert_eq!(stripped(&signed), bare);
        // Of files that were not in that form yet, too.
        assert_eq!(stripped(&bench.signed(&file, &first, &policy(Hash::Sha384))), bare);

        let again = bench.signed(&signed, &second, &policy(Hash::Sha512));
        assert_eq!(stripped(&again), bare);
        let seen = bench.verify(&again).unwrap();
        assert_eq!((seen.chain[0].name(), seen.nested.len()), ("Example second".to_owned(), 0));
        // Theirs, too.
        let theirs = bench.sign_there(&bare, "first", &["-h", "sha256"]);
        assert_eq!(stripped(&theirs), bare);
    }
    let bare = stripped(&program());
    assert_eq!((bare.len() % 8, &bare[0x200..0x403]), (0, &program()[0x200..]));
}

#[test]
fn packages_of_our_own_are_to_the_byte_what_they_were_once_the_signature_is_taken_out() {
    use deploy_formats::msi::{Column, Database, Guid, Packing, Summary, Table};
    let Some(bench) = Bench::new() else { return };
    let key = bench.key("key", P256);
    // Numbers of streams with which the tree of the directory is full and not, and sizes on both sides of the cutoff.
    for count in [0_usize, 1, 2, 5, 6, 9] {
        let mut table =
            Table::new("Property", vec![Column::text("Property", 72).key(), Column::text("Value", 0)]);
        table.rows.extend(
            [("ProductName", "App"), ("ProductVersion", "1.0.0")]
                .map(|(name, value)| vec![name.into(), value.into()]),
        );
        let sizes = [1, 64, 4095, 4096, 4097, 100_000, 65, 512, 7_200_000];
        let streams =
            (0..count).map(|number| (format!("Stream.{number}"), vec![number as u8; sizes[number]]));
        let package_code = Guid::named(Guid::DNS, "package");
        let summary = Summary {
            template: "x64;1033".to_owned(),
            package_code,
            installer_version: 200,
            ..Summary::default()
        };
        let database = Database { tables: vec![table], streams: streams.collect(), summary };
        let threads = std::num::NonZeroUsize::MIN;
        let packing = Packing { level: deploy_formats::Level::Fast, threads, modified: 1_700_000_000 };
        let mut open = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let package = deploy_formats::msi::write(Cursor::new(Vec::new()), &database, &[], &mut open, packing);
        let package = package.unwrap().into_inner();
        assert!(stripped(&package) == package, "{count} streams");
        let signed = bench.signed(&package, &key, &policy(Hash::Sha256));
        bench.verify(&signed).unwrap();
        assert!(stripped(&signed) == package, "{count} streams");
        let theirs = deploy_formats::msi::unsigned(Cursor::new(&signed), Cursor::new(Vec::new())).unwrap();
        assert!(theirs.into_inner() == package, "{count} streams");
        let theirs = bench.sign_there(&package, "key", &["-h", "sha256", "-add-msi-dse"]);
        assert!(stripped(&theirs) == package, "{count} streams");
    }
}

#[test]
fn files_that_osslsigncode_signed_are_verified() {
    let Some(bench) = Bench::new() else { return };
    let roots = bench.roots();
    let expectations = Expectations { now: now(), roots: &roots, timestamp_roots: &roots, strict: false };
    for (name, key) in [("rsa", RSA_2048), ("p384", P384)] {
        bench.key(name, key);
        for (file, options) in [
            (program(), &[][..]),
            (program(), &["-ph"]),
            (stripped(&package()), &[]),
            (stripped(&package()), &["-add-msi-dse"]),
        ] {
            for hash in Hash::ALL {
                let basic = ["-h", hash.name(), "-n", "Name ☂", "-i", "https://example.com/b"];
                let signed = bench.sign_there(&file, name, &[&basic[..], options].concat());
                let seen = authenticode::verify(&mut Cursor::new(&signed), &expectations);
                let seen = seen.unwrap_or_else(|error| panic!("{options:?}: {}", causes(&error)));
                assert_eq!((seen.hash, seen.chain.len()), (hash, 3));
                assert_eq!(seen.description.as_deref(), Some("Name ☂"));
                assert_eq!(seen.url.as_deref(), Some("https://example.com/b"));
                assert_eq!(seen.is_extended, seen.kind == Kind::Pe || !options.is_empty());
            }
        }
    }
}

#[test]
fn a_second_signature_lies_within_the_first() {
    let Some(bench) = Bench::new() else { return };
    let (key, other) = (bench.key("key", RSA_2048), bench.key("other", P384));
    for (file, hashes) in
        [(program(), [Hash::Sha256, Hash::Sha512]), (package(), [Hash::Sha256, Hash::Sha256])]
    {
        let sign = |key, hash| {
            let digest = authenticode::digest(&mut Cursor::new(&file), hash).unwrap();
            (bench.sign(key, &policy(hash), &digest).unwrap(), digest)
        };
        let ((first, digest), (second, _)) = (sign(&key, hashes[0]), sign(&other, hashes[1]));
        let both = first.with_nested(&second).unwrap();
        assert_eq!(both.nested().unwrap(), [second]);
        let signed = embedded(&file, &digest, &both);
        let seen = bench.verify(&signed).unwrap_or_else(|error| panic!("{}", causes(&error)));
        assert_eq!((seen.hash, seen.nested.len(), seen.nested[0].hash), (hashes[0], 1, hashes[1]));
        assert_eq!(seen.nested[0].chain[0].name(), "Example other");
        assert!(seen.nested[0].stamp.is_some() && seen.stamp.is_some());
        let (good, text) = bench.osslsigncode(&signed);
        assert!(good && text.contains("Number of verified signatures: 2"), "{text}");
        assert_eq!(stripped(&signed), stripped(&file));
        if digest.kind() == Kind::Msi {
            let both = first.with_nested(&sign(&other, Hash::Sha512).0).unwrap();
            let mut output = Vec::new();
            let error =
                authenticode::embed(&mut Cursor::new(&file), &digest, &both, &mut output).unwrap_err();
            let expected = "embed the signature: the signatures of a package of Windows Installer have to be of the same hash";
            assert_eq!(error.to_string(), expected);
        }
    }
}

/// Numbers that are the same in each run.
fn numbers(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let Some(bench) = Bench::new() else { return };
    let key = bench.key("key", P256);
    for (file, seed) in [(program(), 1), (package(), 2)] {
        let signed = bench.signed(&file, &key, &policy(Hash::Sha256));
        bench.verify(&signed).unwrap();
        let signature = authenticode::signature(&mut Cursor::new(&signed)).unwrap().unwrap();
        let start = signed.windows(64).position(|window| window == &signature.der()[..64]).unwrap();
        let mut random = numbers(seed);
        let mut places: Vec<usize> = (0..150).map(|_| start + random(signature.der().len())).collect();
        places.extend((0..100).map(|_| random(signed.len())));
        places.extend(if seed == 1 { 0..0x200 } else { 0..0x60 });
        let mut missed_there = Vec::new();
        for (count, place) in places.into_iter().enumerate() {
            let mut changed = signed.clone();
            changed[place] ^= 1 << random(8);
            assert!(bench.verify(&changed).is_err(), "byte {place} of {}", signed.len());
            // It does not look at all of the headers.
            if count < 250 && count % 5 == 0 {
                let (good, text) = bench.osslsigncode(&changed);
                if good && text.contains("Timestamp Server Signature verification: ok") {
                    missed_there.push(place);
                }
            }
        }
        // Nor at padding, checksums and unused space; but it finds most.
        assert!(missed_there.len() < 6, "{missed_there:?}");
    }
}

#[test]
fn files_cut_off_are_refused() {
    let Some(bench) = Bench::new() else { return };
    let key = bench.key("key", P256);
    for file in [program(), package()] {
        let signed = bench.signed(&file, &key, &policy(Hash::Sha256));
        let mut random = numbers(3);
        for length in (0..200).map(|_| random(signed.len())).chain(0..64) {
            assert!(bench.verify(&signed[..length]).is_err(), "{length}");
        }
        let longer = [&signed[..], &[0; 8]].concat();
        assert!(bench.verify(&longer).is_err());
    }
}

#[test]
fn certificates_that_cannot_sign_code_are_refused_before_the_key_is_asked() {
    let Some(bench) = Bench::new() else { return };
    let digest = authenticode::digest(&mut Cursor::new(program()), Hash::Sha256).unwrap();
    let order = |name| Order { name, issuer: "intermediate", section: "code", ..Order::default() };
    bench.authority.issue(&Order { to: "20250601000000Z", ..order("expired") });
    bench.authority.issue(&Order { from: "20480601000000Z", ..order("future") });
    bench.authority.issue(&Order { section: "web", ..order("web") });
    let subject = |name| format!("CN=Example {name},O=Example\\, Ltd,C=DE");
    for (name, expected) in [
        ("expired", format!("the certificate of {} expired on 2025-06-01 00:00:00 UTC", subject("expired"))),
        (
            "future",
            format!("the certificate of {} is not valid before 2048-06-01 00:00:00 UTC", subject("future")),
        ),
        (
            "web",
            format!(
                "the certificate of {} is not one for code signing; it is for 1.3.6.1.5.5.7.3.1",
                subject("web")
            ),
        ),
    ] {
        let error = bench.sign(&bench.certified(name), &policy(Hash::Sha256), &digest).unwrap_err();
        assert_eq!(error.to_string(), format!("sign the file: {expected}"));
    }
    let key = bench.key("key", P256);
    for (changed, expected) in [
        (
            Policy { url: Some("example.com".to_owned()), ..policy(Hash::Sha256) },
            "sign the file: the address `example.com` is none in ASCII that begins with `https://` or `http://`",
        ),
        (
            Policy { description: Some("a\nb".to_owned()), ..policy(Hash::Sha256) },
            "sign the file: the description has to be one line of at most 1024 characters",
        ),
        (policy(Hash::Sha384), "sign the file: its digest is one of sha256, and sha384 was asked for"),
    ] {
        assert_eq!(bench.sign(&key, &changed, &digest).unwrap_err().to_string(), expected);
    }
    let signing = Signing { key: &key, policy: &policy(Hash::Sha256), now: now() };
    let error = authenticode::sign(&signing, &digest, None).unwrap_err().to_string();
    assert_eq!(error, "sign the file: a timestamp is asked for, and no server for timestamps is given");
    for text in ["text", "#!/bin/sh\necho", ""] {
        let error = authenticode::digest(&mut Cursor::new(text), Hash::Sha256).unwrap_err().to_string();
        assert_eq!(error, "sign the file: it is neither a PE file nor a package of Windows Installer");
    }
}

#[test]
fn a_signature_outlives_its_certificate_by_its_timestamp() {
    let Some(bench) = Bench::new() else { return };
    let key = bench.key("key", P256);
    let roots = bench.roots();
    // 2050-06-01, half a year after everything has expired.
    let later = Expectations { now: 2_537_654_400, roots: &roots, timestamp_roots: &roots, strict: true };
    let file = program();
    let stamped = bench.signed(&file, &key, &policy(Hash::Sha256));
    assert!(authenticode::verify(&mut Cursor::new(&stamped), &later).is_ok());
    let bare = bench.signed(&file, &key, &Policy { timestamp: false, ..policy(Hash::Sha256) });
    let error = authenticode::verify(&mut Cursor::new(&bare), &later).unwrap_err().to_string();
    let expected = "verify the signature: the certificate of CN=Example key,O=Example\\, Ltd,C=DE was not valid on \
                    2050-06-01 00:00:00 UTC, and there is no timestamp";
    assert_eq!(error, expected);
    let error = authenticode::verify(&mut Cursor::new(&file), &later).unwrap_err().to_string();
    assert_eq!(error, "verify the signature: the file has none");

    let stranger =
        bench.authority.issue(&Order { name: "stranger", section: "authority", ..Order::default() });
    let others = Expectations { roots: std::slice::from_ref(&stranger), ..later };
    let error = authenticode::verify(&mut Cursor::new(&stamped), &others).unwrap_err();
    assert!(matches!(error, VerifyError::Root { .. }), "{error}");
}

#[test]
fn a_certificate_that_vouches_for_itself_signs_too() {
    let Some(bench) = Bench::new() else { return };
    let own = bench.authority.issue(&Order { name: "own", section: "code", ..Order::default() });
    let key = PrivateKey::open(&bench.authority.directory.read("own.key"), None).unwrap();
    let key = CertifiedKey::new(key, vec![own.clone()]).unwrap();
    let policy = Policy { timestamp: false, ..policy(Hash::Sha256) };
    let signed = bench.signed(&program(), &key, &policy);
    for roots in [&[][..], std::slice::from_ref(&own)] {
        let expectations = Expectations { now: now(), roots, timestamp_roots: &[], strict: true };
        let seen = authenticode::verify(&mut Cursor::new(&signed), &expectations).unwrap();
        assert_eq!(seen.chain, std::slice::from_ref(&own));
    }
}

#[test]
fn answers_of_timestamp_servers_are_checked() {
    let Some(bench) = Bench::new() else { return };
    let request = Request::new(Hash::Sha256, b"signature", 1);
    let good = bench.answer(&request.der());
    let token = request.read(&good, now()).unwrap();
    assert!(token.verify(b"signature", &bench.roots()).is_ok());
    assert_eq!(token.verify(b"other", &[]), Err(TimestampError::Imprint));
    let read = |answer: &[u8]| request.read(answer, now()).unwrap_err().to_string();
    assert_eq!(
        read(b"<html>down for maintenance</html>"),
        "its answer of 33 bytes is no timestamp; it begins with `<html>down for maintenance</html>`"
    );
    assert_eq!(read(&[]), "its answer of 0 bytes is no timestamp");
    let other = Request::new(Hash::Sha256, b"signature", 2);
    assert_eq!(
        read(&bench.answer(&other.der())),
        "its timestamp is the answer to another request: the nonce is not the one that was asked with"
    );
    let other = Request::new(Hash::Sha256, b"other", 1);
    assert_eq!(read(&bench.answer(&other.der())), "its timestamp is one of another signature");
    let refused = [0x30, 0x0b, 0x30, 9, 2, 1, 2, 0x30, 0, 3, 2, 7, 0x80];
    assert_eq!(read(&refused), "it refused: status 2, the algorithm is not known to it");

    let error = request.read(&good, now() + 200_000).unwrap_err();
    assert!(matches!(error, TimestampError::Clock { .. }), "{error}");

    // Every flipped bit of an answer is found; the trusted root vouches for the intermediate one.
    let roots = bench.roots();
    let mut random = numbers(5);
    for _ in 0..150 {
        let place = random(good.len());
        let mut changed = good.clone();
        changed[place] ^= 1 << random(8);
        let held =
            request.read(&changed, now()).is_ok_and(|token| token.verify(b"signature", &roots).is_ok());
        assert!(!held, "byte {place} of {}", good.len());
    }
    for length in 0..good.len() {
        assert!(request.read(&good[..length], now()).is_err());
    }
}

#[test]
fn timestamps_by_certificates_for_something_else_are_refused() {
    let Some(bench) = Bench::new() else { return };
    let order = |name| Order { name, issuer: "intermediate", section: "time", ..Order::default() };
    bench.authority.issue(&Order { to: "20250601000000Z", ..order("old") });
    bench.configure("old", "sha256");
    let request = Request::new(Hash::Sha256, b"signature", 1);
    let error = request.read(&bench.answer(&request.der()), now()).unwrap_err();
    assert!(matches!(error, TimestampError::Validity { .. }), "{error}");
    // SHA-1 in the signature of the timestamp itself.
    bench.configure("time", "sha1");
    let error = request.read(&bench.answer(&request.der()), now()).unwrap_err();
    assert_eq!(causes(&error), "its timestamp does not hold: it is signed with SHA-1, which is not accepted");
}

#[test]
fn servers_are_asked_one_after_the_other_and_each_failure_is_kept() {
    let Some(bench) = Bench::new() else { return };
    let request = Request::new(Hash::Sha256, b"signature", 7);
    let servers = ["http://down", "http://garbage", "http://good", "http://never"].map(str::to_owned);
    let mut asked = Vec::new();
    let mut transport = |url: &str, bytes: &[u8]| {
        asked.push(url.to_owned());
        match url {
            "http://down" => Err("connection refused"),
            "http://garbage" => Ok(b"garbage".to_vec()),
            _ => Ok(bench.answer(bytes)),
        }
    };
    let stamped = timestamp::ask(&request, &servers, now(), &mut transport).unwrap();
    assert_eq!(stamped.server, "http://good");
    let failures: Vec<String> = stamped.failures.iter().map(ToString::to_string).collect();
    let expected = [
        "http://down: connection refused",
        "http://garbage: its answer of 7 bytes is no timestamp; it begins with `garbage`",
    ];
    assert_eq!(failures, expected);
    assert!(timestamp::ask(&request, &servers[..2], now(), &mut transport).is_err_and(|all| all.len() == 2));
    assert_eq!(asked, ["http://down", "http://garbage", "http://good", "http://down", "http://garbage"]);
}

#[test]
fn a_kept_signature_is_used_again_where_it_fits_alone() {
    let Some(bench) = Bench::new() else { return };
    let (key, other_key) = (bench.key("key", P256), bench.key("other", P256));
    let (roots, policy) = (bench.roots(), policy(Hash::Sha256));
    let expectations = Expectations { now: now(), roots: &roots, timestamp_roots: &roots, strict: true };
    let digest = authenticode::digest(&mut Cursor::new(program()), Hash::Sha256).unwrap();
    let kept = bench.sign(&key, &policy, &digest).unwrap();
    let kept = Signature::from_der(kept.der()).unwrap();
    let signing = Signing { key: &key, policy: &policy, now: now() };
    kept.fits(&digest, &signing, &expectations).unwrap();
    let expected = [4 << 10, 40];
    assert!(kept.der().len() < expected[0] && policy.cache_key(&digest, "a").len() > expected[1]);

    let mut changed = program();
    changed[0x300] ^= 1;
    let other = authenticode::digest(&mut Cursor::new(changed), Hash::Sha256).unwrap();
    let names = [
        policy.cache_key(&digest, "a"),
        policy.cache_key(&other, "a"),
        policy.cache_key(&digest, "b"),
        Policy { description: None, ..policy.clone() }.cache_key(&digest, "a"),
        Policy { url: None, ..policy.clone() }.cache_key(&digest, "a"),
        Policy { timestamp: false, ..policy.clone() }.cache_key(&digest, "a"),
    ];
    assert!((1..names.len()).all(|index| !names[..index].contains(&names[index])));
    assert!(matches!(kept.fits(&other, &signing, &expectations), Err(VerifyError::Digest)));
    for (key, policy) in [
        (&other_key, policy.clone()),
        (&key, Policy { description: None, ..policy.clone() }),
        (&key, Policy { timestamp: false, ..policy.clone() }),
    ] {
        let signing = Signing { key, policy: &policy, now: now() };
        let error = kept.fits(&digest, &signing, &expectations).unwrap_err().to_string();
        assert_eq!(error, "use the kept signature again: it was made by another key or with other settings");
    }
    let mut output = Vec::new();
    let error = authenticode::embed(&mut Cursor::new(program()), &other, &kept, &mut output).unwrap_err();
    assert_eq!(error.to_string(), "embed the signature: it is one of another file");
}
