//! Input for the tests of this crate: the same bytes for the same seed.

/// A small generator of pseudo-random numbers (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// Bytes no compressor can shrink.
pub(crate) fn incompressible(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..length).map(|_| random.next() as u8).collect()
}

/// Words in random order.
pub(crate) fn text(seed: u64, length: usize) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "let ",
        "return ",
        "function ",
        "package",
        "target",
        "release",
        "= ",
        "{ ",
        "}\n",
        "// ",
        "0x",
        "archive",
        "\n",
        "member",
        "(",
        ") ",
    ];
    let mut random = Random::new(seed);
    let mut output = Vec::with_capacity(length + 16);
    while output.len() < length {
        // The square makes the first words the frequent ones.
        let place = random.below(WORDS.len()) * random.below(WORDS.len()) / WORDS.len();
        output.extend_from_slice(WORDS[place].as_bytes());
    }
    output.truncate(length);
    output
}

/// Text, zeros and noise in turns.
pub(crate) fn mixed(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut output = Vec::with_capacity(length + 40_000);
    while output.len() < length {
        let piece = 1 + random.below(40_000);
        match random.below(4) {
            0 => output.extend(incompressible(random.next(), piece)),
            1 => output.resize(output.len() + piece, 0),
            _ => output.extend(text(random.next(), piece)),
        }
    }
    output.truncate(length);
    output
}
