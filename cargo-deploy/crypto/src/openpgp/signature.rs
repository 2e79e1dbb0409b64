//! Signatures as files: a packet, or the same in armour.

use super::{Hash, armour};
use pgp::packet::{Packet, PacketParser};
use pgp::types::Tag;

/// A detached signature that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub(super) packet: Vec<u8>,
    pub(super) hash: Hash,
}

impl Signature {
    /// The signature packet with its header: the content of a `.sig` or `.gpg` file, and what rpm has in its headers.
    pub fn bytes(&self) -> &[u8] {
        &self.packet
    }

    /// The content of an `.asc` file.
    pub fn armoured(&self) -> String {
        armour_signature(&self.packet)
    }

    /// The hash that was used: the one asked for, or a stronger one that the key demands.
    pub fn hash(&self) -> Hash {
        self.hash
    }
}

/// The content of an `.asc` file for a signature packet that another program made.
pub fn armour_signature(packet: &[u8]) -> String {
    armour::write("SIGNATURE", packet)
}

/// The one signature in `bytes`, armoured or not; why there is none otherwise.
pub(super) fn read(bytes: &[u8]) -> Result<pgp::packet::Signature, String> {
    if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        return one(bytes);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is neither text nor OpenPGP".to_owned())?;
    let found = armour::read(text).map_err(|error| error.to_string())?;
    if found.label != "SIGNATURE" {
        return Err(format!("it is a PGP {}", found.label));
    }
    if !found.rest.trim().is_empty() {
        return Err("something follows it".to_owned());
    }
    one(&found.data)
}

fn one(bytes: &[u8]) -> Result<pgp::packet::Signature, String> {
    let mut packets = PacketParser::new(bytes);
    let found = match packets.next() {
        None => return Err("it is empty".to_owned()),
        Some(Err(error)) => return Err(error.to_string()),
        Some(Ok(Packet::Signature(signature))) => signature,
        Some(Ok(other)) => {
            let tag: Tag = pgp::packet::PacketTrait::tag(&other);
            return Err(format!("it holds a packet of the kind {tag:?}"));
        }
    };
    if packets.next().is_some() {
        return Err("something follows it".to_owned());
    }
    Ok(found)
}
