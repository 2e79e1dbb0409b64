//! A runtime that runs nothing: an ELF file with the sections that an AppImage's runtime has, for what only looks at those.

/// The sections with their lengths, as the real one has them.
const SECTIONS: [(&str, usize); 3] = [(".upd_info", 1024), (".sha256_sig", 1024), (".sig_key", 8192)];

/// The file, for a processor by its number in ELF: 62 is x86_64.
pub(crate) fn runtime(machine: u16) -> Vec<u8> {
    let mut names = b"\0".to_vec();
    let mut headers = vec![0; 64];
    let mut file = vec![0; 64];
    let mut add = |name: &str, content: &[u8], file: &mut Vec<u8>, names: &mut Vec<u8>| {
        // sh_name, sh_type, sh_flags, sh_addr, sh_offset, sh_size, sh_link and sh_info, sh_addralign, sh_entsize.
        headers.extend([names.len() as u32, 1].map(u32::to_le_bytes).concat());
        let words = [0, 0, file.len() as u64, content.len() as u64, 0, 1, 0];
        headers.extend(words.map(u64::to_le_bytes).concat());
        names.extend(name.as_bytes());
        names.push(0);
        file.extend(content);
    };
    for (name, length) in SECTIONS {
        add(name, &vec![0; length], &mut file, &mut names);
    }
    let all = [&names[..], b".shstrtab\0"].concat();
    add(".shstrtab", &all, &mut file, &mut names);
    let table = file.len() as u64;
    file.extend(headers);
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    file[16..20].copy_from_slice(&[2_u16, machine].map(u16::to_le_bytes).concat());
    file[20] = 1;
    file[40..48].copy_from_slice(&table.to_le_bytes());
    // e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx.
    file[52..64].copy_from_slice(&[64_u16, 0, 0, 64, 5, 4].map(u16::to_le_bytes).concat());
    file
}
