//! What is locked by a password in files of keys: PKCS #5 (RFC 8018), PKCS #12 (RFC 7292 appendix B and C), and the way of
//! OpenSSL before there was PKCS #8.

use crate::asn1::{self, Asn1Error, Reader};
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, KeyInit, KeyIvInit};
use hmac::{Hmac, Mac as _};
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

/// Keys are derived with some thousand rounds; today's tools use up to a few million.
const MOST_ROUNDS: u64 = 20_000_000;
/// scrypt with more memory than this is not what any tool asks for.
const MOST_MEMORY: u64 = 2 << 30;

/// Why something stays locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Locked {
    /// It is locked in a way that is not known here.
    Unknown(String),
    /// What comes out is nothing.
    WrongPassword,
    /// What says how it is locked is damaged.
    Damaged(usize),
}

impl From<Asn1Error> for Locked {
    fn from(error: Asn1Error) -> Self {
        Locked::Damaged(error.offset)
    }
}

/// How PKCS #12 turns passwords into bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wide {
    /// UTF-16 with two zero bytes at the end.
    Text,
    /// No bytes at all, which some tools take an empty password for.
    Nothing,
}

/// A password in both of its forms.
pub(crate) struct Password<'a> {
    pub(crate) text: &'a str,
    pub(crate) wide: Wide,
}

impl Password<'_> {
    fn wide(&self) -> Zeroizing<Vec<u8>> {
        match self.wide {
            Wide::Nothing => Zeroizing::default(),
            Wide::Text => {
                Zeroizing::new(self.text.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect())
            }
        }
    }
}

/// A hash by which keys are derived.
#[derive(Clone, Copy)]
pub(crate) enum Derivation {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Derivation {
    /// Of the object identifier of a hash.
    pub(crate) fn of_hash(object: &[u8]) -> Option<Self> {
        match object {
            [0x2b, 0x0e, 0x03, 0x02, 0x1a] => Some(Derivation::Sha1),
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 1] => Some(Derivation::Sha256),
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 2] => Some(Derivation::Sha384),
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 3] => Some(Derivation::Sha512),
            _ => None,
        }
    }

    /// Of the object identifier of an HMAC (RFC 8018 appendix B.1).
    pub(crate) fn of_mac(object: &[u8]) -> Option<Self> {
        match object {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 7] => Some(Derivation::Sha1),
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 9] => Some(Derivation::Sha256),
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 10] => Some(Derivation::Sha384),
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 11] => Some(Derivation::Sha512),
            _ => None,
        }
    }

    fn block_and_length(self) -> (usize, usize) {
        match self {
            Derivation::Sha1 => (64, 20),
            Derivation::Sha256 => (64, 32),
            Derivation::Sha384 => (128, 48),
            Derivation::Sha512 => (128, 64),
        }
    }

    fn digest(self, bytes: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Derivation::Sha1 => Sha1::digest(bytes).to_vec(),
            Derivation::Sha256 => Sha256::digest(bytes).to_vec(),
            Derivation::Sha384 => Sha384::digest(bytes).to_vec(),
            Derivation::Sha512 => Sha512::digest(bytes).to_vec(),
        })
    }

    /// Whether `expected` is the HMAC of `content` by `key`.
    pub(crate) fn authenticates(self, key: &[u8], content: &[u8], expected: &[u8]) -> bool {
        macro_rules! check {
            ($hash:ty) => {
                <Hmac<$hash> as hmac::Mac>::new_from_slice(key)
                    .is_ok_and(|mac| mac.chain_update(content).verify_slice(expected).is_ok())
            };
        }
        match self {
            Derivation::Sha1 => check!(Sha1),
            Derivation::Sha256 => check!(Sha256),
            Derivation::Sha384 => check!(Sha384),
            Derivation::Sha512 => check!(Sha512),
        }
    }

    /// How many bytes its digests have.
    pub(crate) fn length(self) -> usize {
        self.block_and_length().1
    }

    /// The key, vector or authentication key of RFC 7292 appendix B.2; `purpose` is 1, 2 or 3.
    pub(crate) fn pkcs12(
        self,
        password: &Password<'_>,
        salt: &[u8],
        rounds: u64,
        purpose: u8,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Locked> {
        let rounds = bounded(rounds)?;
        let (block, _) = self.block_and_length();
        let filled = |bytes: &[u8]| -> Vec<u8> {
            bytes.iter().copied().cycle().take(bytes.len().next_multiple_of(block)).collect()
        };
        let mut input = Zeroizing::new([filled(salt), filled(&password.wide())].concat());
        let mut key = Zeroizing::new(Vec::with_capacity(length + 64));
        while key.len() < length {
            let mut digest = self.digest(&[&vec![purpose; block], &input[..]].concat());
            for _ in 1..rounds {
                digest = self.digest(&digest);
            }
            key.extend_from_slice(&digest);
            let addend: Zeroizing<Vec<u8>> =
                Zeroizing::new(digest.iter().copied().cycle().take(block).collect());
            for part in input.chunks_mut(block) {
                let mut carry = 1_u16;
                for (byte, other) in part.iter_mut().zip(addend.iter()).rev() {
                    carry += u16::from(*byte) + u16::from(*other);
                    *byte = carry as u8;
                    carry >>= 8;
                }
            }
        }
        key.truncate(length);
        Ok(key)
    }
}

fn bounded(rounds: u64) -> Result<u32, Locked> {
    if rounds == 0 || rounds > MOST_ROUNDS {
        return Err(Locked::Unknown(format!("a derivation with {rounds} rounds")));
    }
    Ok(rounds as u32)
}

/// Opens what is locked by the content of this `AlgorithmIdentifier`.
pub(crate) fn decrypt(
    mut identifier: Reader<'_>,
    content: &[u8],
    password: &Password<'_>,
) -> Result<Zeroizing<Vec<u8>>, Locked> {
    let object = identifier.object()?;
    match object {
        // PBES2 (RFC 8018 section 6.2).
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 13] => {
            let mut parameters = identifier.enter(asn1::SEQUENCE)?;
            let derivation = parameters.enter(asn1::SEQUENCE)?;
            let mut cipher = parameters.enter(asn1::SEQUENCE)?;
            let object = cipher.object()?;
            let (decrypt, length): (Cipher, usize) = match object {
                [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 2] => (cbc::<aes::Aes128>, 16),
                [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 22] => (cbc::<aes::Aes192>, 24),
                [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 42] => (cbc::<aes::Aes256>, 32),
                [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 3, 7] => (cbc::<des::TdesEde3>, 24),
                _ => return Err(Locked::Unknown(format!("the cipher {}", asn1::dotted(object)))),
            };
            let vector = cipher.value(asn1::OCTET_STRING)?.content;
            let key = derived(derivation, password.text.as_bytes(), length)?;
            decrypt(&key, vector, content)
        }
        // Those of PKCS #12 (RFC 7292 appendix C).
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 12, 1, number @ 3..=6] => {
            let mut parameters = identifier.enter(asn1::SEQUENCE)?;
            let salt = parameters.value(asn1::OCTET_STRING)?.content;
            let rounds = parameters.value(asn1::INTEGER)?.small()?;
            let length = match number {
                3 => 24,
                4 | 5 => 16,
                _ => 5,
            };
            let mut key = Derivation::Sha1.pkcs12(password, salt, rounds, 1, length)?;
            let vector = Derivation::Sha1.pkcs12(password, salt, rounds, 2, 8)?;
            match number {
                3 => cbc::<des::TdesEde3>(&key, &vector, content),
                4 => {
                    key.extend_from_within(..8);
                    cbc::<des::TdesEde3>(&key, &vector, content)
                }
                _ => rc2(&key, &vector, content),
            }
        }
        _ => Err(Locked::Unknown(format!("the algorithm {}", asn1::dotted(object)))),
    }
}

/// A key by PBKDF2 or scrypt.
pub(crate) fn derived(
    mut derivation: Reader<'_>,
    password: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Locked> {
    let object = derivation.object()?;
    let mut parameters = derivation.enter(asn1::SEQUENCE)?;
    let mut key = Zeroizing::new(vec![0; length]);
    match object {
        // PBKDF2 (RFC 8018 appendix A.2).
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 12] => {
            let salt = parameters.value(asn1::OCTET_STRING)?.content;
            let rounds = bounded(parameters.value(asn1::INTEGER)?.small()?)?;
            parameters.optional(asn1::INTEGER)?;
            let hash = match parameters.optional(asn1::SEQUENCE)? {
                Some(mac) => {
                    let object = mac.reader().object()?;
                    Derivation::of_mac(object)
                        .ok_or_else(|| Locked::Unknown(format!("the derivation {}", asn1::dotted(object))))?
                }
                None => Derivation::Sha1,
            };
            match hash {
                Derivation::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, rounds, &mut key),
                Derivation::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut key),
                Derivation::Sha384 => pbkdf2::pbkdf2_hmac::<Sha384>(password, salt, rounds, &mut key),
                Derivation::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut key),
            }
        }
        // scrypt (RFC 7914 section 7).
        [0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b] => {
            let salt = parameters.value(asn1::OCTET_STRING)?.content;
            let mut number = || -> Result<u64, Locked> { Ok(parameters.value(asn1::INTEGER)?.small()?) };
            let (cost, block, parallel) = (number()?, number()?, number()?);
            let memory = cost.saturating_mul(block).saturating_mul(128);
            let unusual = || Locked::Unknown(format!("scrypt with {memory} bytes of memory"));
            if !cost.is_power_of_two() || memory > MOST_MEMORY || parallel > 64 {
                return Err(unusual());
            }
            let logarithm = cost.trailing_zeros() as u8;
            let parameters = scrypt::Params::new(logarithm, block as u32, parallel as u32, 32);
            let parameters = parameters.map_err(|_| unusual())?;
            scrypt::scrypt(password, salt, &parameters, &mut key).map_err(|_| unusual())?;
        }
        _ => return Err(Locked::Unknown(format!("the derivation {}", asn1::dotted(object)))),
    }
    Ok(key)
}

/// Opens a key that OpenSSL wrote before PKCS #8 (`Proc-Type: 4,ENCRYPTED`); `information` is that of `DEK-Info`.
pub(crate) fn decrypt_legacy(
    information: &str,
    content: &[u8],
    password: &str,
) -> Result<Zeroizing<Vec<u8>>, Locked> {
    let unknown = || Locked::Unknown(format!("the cipher {information}"));
    let (name, vector) = information.split_once(',').ok_or_else(unknown)?;
    let (decrypt, length): (Cipher, usize) = match name {
        "AES-128-CBC" => (cbc::<aes::Aes128>, 16),
        "AES-192-CBC" => (cbc::<aes::Aes192>, 24),
        "AES-256-CBC" => (cbc::<aes::Aes256>, 32),
        "DES-EDE3-CBC" => (cbc::<des::TdesEde3>, 24),
        _ => return Err(unknown()),
    };
    let digits = vector.as_bytes().chunks(2);
    let vector: Option<Vec<u8>> =
        digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect();
    let vector = vector.ok_or_else(unknown)?;
    let salt = vector.get(..8).ok_or_else(unknown)?;
    // `EVP_BytesToKey` with one round of MD5.
    let mut key: Zeroizing<Vec<u8>> = Zeroizing::default();
    let mut last: Zeroizing<Vec<u8>> = Zeroizing::default();
    while key.len() < length {
        last = Zeroizing::new(
            Md5::new().chain_update(&*last).chain_update(password).chain_update(salt).finalize().to_vec(),
        );
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    decrypt(&key, &vector, content)
}

type Cipher = fn(&[u8], &[u8], &[u8]) -> Result<Zeroizing<Vec<u8>>, Locked>;

fn cbc<C: BlockDecryptMut + aes::cipher::BlockCipher + KeyInit>(
    key: &[u8],
    vector: &[u8],
    content: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Locked>
where
    cbc::Decryptor<C>: KeyIvInit + BlockDecryptMut,
{
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, vector).map_err(|_| Locked::Damaged(0))?;
    let plain = cipher.decrypt_padded_vec_mut::<Pkcs7>(content).map_err(|_| Locked::WrongPassword)?;
    Ok(Zeroizing::new(plain))
}

/// RC2 whose key has as many effective bits as it has bits (RFC 2268).
fn rc2(key: &[u8], vector: &[u8], content: &[u8]) -> Result<Zeroizing<Vec<u8>>, Locked> {
    use aes::cipher::InnerIvInit as _;
    let cipher = rc2::Rc2::new_with_eff_key_len(key, key.len() * 8);
    let cipher = cbc::Decryptor::inner_iv_slice_init(cipher, vector).map_err(|_| Locked::Damaged(0))?;
    let plain = cipher.decrypt_padded_vec_mut::<Pkcs7>(content).map_err(|_| Locked::WrongPassword)?;
    Ok(Zeroizing::new(plain))
}
