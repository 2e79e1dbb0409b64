//! The sections of the program that whoever packs the AppImage fills in place, and that its readers look for.
//!
//! AppImage specification, "Type 2 image format"; the lengths, the digest and the key are those that its tools expect.

/// The length of `.upd_info`: where updates come from.
const UPDATE_INFORMATION: usize = 1024;
/// The length of `.sha256_sig`: a signature in ASCII armor.
const SIGNATURE: usize = 1024;
/// The length of `.sig_key`: the key of the signature, in ASCII armor.
const KEY: usize = 8192;
/// The length of `.digest_md5`: a digest of the AppImage.
const DIGEST: usize = 16;

macro_rules! section {
    ($name:ident, $section:literal, $length:expr) => {
        #[used]
        #[expect(unsafe_code, reason = "naming a section is unsafe in itself; nothing else uses these names")]
        #[unsafe(link_section = $section)]
        static $name: [u8; $length] = [0; $length];
    };
}

section!(UPD_INFO, ".upd_info", UPDATE_INFORMATION);
section!(SHA256_SIG, ".sha256_sig", SIGNATURE);
section!(SIG_KEY, ".sig_key", KEY);
section!(DIGEST_MD5, ".digest_md5", DIGEST);

/// Uses the sections, so that the linker leaves them where they are.
pub(crate) fn keep() {
    std::hint::black_box((&UPD_INFO, &SHA256_SIG, &SIG_KEY, &DIGEST_MD5));
}
