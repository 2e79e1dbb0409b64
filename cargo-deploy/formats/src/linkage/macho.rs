//! Mach-O: the load commands of a thin file.

use object::Endianness;
use object::macho;
use object::read::macho::{LoadCommandVariant, MachHeader, Nlist, Segment};

use super::{
    AppleBuild, ApplePlatform, AppleVersion, BinaryKind, Container, Linkage, Linking, Machine, Names, Problem,
};

pub(super) fn read(bytes: &[u8]) -> Result<Linkage, Problem> {
    // The magic number reads feedfacf in the byte order of the file, in which the last byte tells the width.
    match bytes {
        [0xfe, ..] if bytes.get(3) == Some(&0xce) => read_class::<macho::MachHeader32<Endianness>>(bytes),
        [0xce, ..] => read_class::<macho::MachHeader32<Endianness>>(bytes),
        _ => read_class::<macho::MachHeader64<Endianness>>(bytes),
    }
}

fn read_class<Mach: MachHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Linkage, Problem> {
    let header = Mach::parse(bytes, 0)?;
    let endian = header.endian()?;
    let file_type = header.filetype(endian);
    let kind = match file_type {
        macho::MH_EXECUTE => BinaryKind::Executable,
        macho::MH_DYLIB | macho::MH_BUNDLE => BinaryKind::SharedLibrary,
        macho::MH_OBJECT => BinaryKind::Object,
        _ => BinaryKind::Other,
    };
    let machine = machine(header.cputype(endian), header.cpusubtype(endian));
    let mut linkage = Linkage::new(Container::MachO, machine, kind);
    linkage.position_independent =
        kind == BinaryKind::SharedLibrary || header.flags(endian).contains(macho::MH_PIE);
    let mut needed = Names::default();
    let mut optional = Names::default();
    let mut rpath = Names::default();
    let mut has_symbols = false;
    let mut commands = header.load_commands(endian, bytes, 0)?;
    while let Some(command) = commands.next()? {
        match command.variant()? {
            LoadCommandVariant::Dylib(dylib) => {
                let weak = match command.dylib_use_flags(endian, dylib)? {
                    Some(flags) => flags.0 & (DYLIB_USE_WEAK_LINK | DYLIB_USE_DELAYED_INIT) != 0,
                    None => matches!(command.cmd(), macho::LC_LOAD_WEAK_DYLIB | macho::LC_LAZY_LOAD_DYLIB),
                };
                let names = if weak { &mut optional } else { &mut needed };
                names.push(command.string(endian, dylib.dylib.name)?)?;
            }
            LoadCommandVariant::IdDylib(dylib) => {
                linkage.own_name = Some(Names::one(command.string(endian, dylib.dylib.name)?)?);
            }
            LoadCommandVariant::LoadDylinker(linker) => {
                linkage.interpreter = Some(Names::one(command.string(endian, linker.name)?)?);
            }
            LoadCommandVariant::Rpath(path) => rpath.push(command.string(endian, path.path)?)?,
            LoadCommandVariant::BuildVersion(build, _) => {
                linkage.apple = Some(AppleBuild {
                    platform: platform(build.platform.get(endian)),
                    minimum: version(build.minos.get(endian)),
                    sdk: sdk(build.sdk.get(endian)),
                });
            }
            LoadCommandVariant::VersionMin(minimum) if linkage.apple.is_none() => {
                linkage.apple = Some(AppleBuild {
                    platform: match command.cmd() {
                        macho::LC_VERSION_MIN_MACOSX => ApplePlatform::MacOs,
                        macho::LC_VERSION_MIN_IPHONEOS => ApplePlatform::Ios,
                        macho::LC_VERSION_MIN_TVOS => ApplePlatform::TvOs,
                        _ => ApplePlatform::WatchOs,
                    },
                    minimum: version(minimum.version.get(endian)),
                    sdk: sdk(minimum.sdk.get(endian)),
                });
            }
            LoadCommandVariant::Segment32(segment, _) => linkage.debug_info |= segment.name() == b"__DWARF",
            LoadCommandVariant::Segment64(segment, _) => linkage.debug_info |= segment.name() == b"__DWARF",
            LoadCommandVariant::Symtab(table) => {
                let symbols = table.symbols::<Mach, _>(endian, bytes)?;
                let strings = symbols.strings();
                has_symbols = symbols.iter().any(|symbol| {
                    let name = symbol.name(endian, strings).unwrap_or_default();
                    is_extra_symbol(symbol) && !is_linker_made(name)
                });
            }
            _ => {}
        }
    }
    linkage.needed = needed.list;
    linkage.optional = optional.list;
    linkage.rpath = rpath.list;
    if linkage.interpreter.is_some() || !linkage.needed.is_empty() {
        linkage.linking = Linking::Dynamic;
    }
    linkage.stripped = !has_symbols && !linkage.debug_info;
    Ok(linkage)
}

/// Of `struct dylib_use_command` in `mach-o/loader.h`.
const DYLIB_USE_WEAK_LINK: u32 = 1;
const DYLIB_USE_DELAYED_INIT: u32 = 8;

/// A symbol that linking does not need: debugging entries but `N_OPT`, which `strip` itself adds, and local symbols.
fn is_extra_symbol<N: Nlist>(symbol: &N) -> bool {
    const N_EXT: u8 = 1;
    const N_OPT: u8 = 0x3c;
    let flags = symbol.n_type();
    if symbol.is_stab() { flags.0 != N_OPT } else { flags.0 & N_EXT == 0 }
}

/// Local symbols zig's linker makes up itself and leaves even when it is told to strip everything.
fn is_linker_made(name: &[u8]) -> bool {
    name == b"dyld_private" || name.ends_with(b"__thunk")
}

fn machine(cpu_type: macho::CpuType, cpu_subtype: macho::CpuSubtype) -> Machine {
    const ARM64E: u32 = 2;
    match cpu_type {
        macho::CPU_TYPE_X86 => Machine::X86,
        macho::CPU_TYPE_X86_64 => Machine::X86_64,
        macho::CPU_TYPE_ARM | macho::CPU_TYPE_ARM64_32 => Machine::Arm,
        macho::CPU_TYPE_ARM64 if cpu_subtype.0 & !macho::CPU_SUBTYPE_MASK == ARM64E => Machine::Arm64e,
        macho::CPU_TYPE_ARM64 => Machine::Aarch64,
        macho::CPU_TYPE_POWERPC => Machine::Powerpc,
        macho::CPU_TYPE_POWERPC64 => Machine::Powerpc64,
        other => Machine::Other(other.0),
    }
}

fn platform(platform: macho::Platform) -> ApplePlatform {
    match platform {
        macho::PLATFORM_MACOS => ApplePlatform::MacOs,
        macho::PLATFORM_IOS => ApplePlatform::Ios,
        macho::PLATFORM_IOSSIMULATOR => ApplePlatform::IosSimulator,
        macho::PLATFORM_MACCATALYST => ApplePlatform::MacCatalyst,
        macho::PLATFORM_TVOS => ApplePlatform::TvOs,
        macho::PLATFORM_WATCHOS => ApplePlatform::WatchOs,
        macho::PLATFORM_VISIONOS => ApplePlatform::VisionOs,
        other => ApplePlatform::Other(other.0),
    }
}

/// Sixteen bits and twice eight.
fn version(version: macho::Version) -> AppleVersion {
    let [_, _, minor, patch] = version.0.to_be_bytes();
    AppleVersion { major: (version.0 >> 16) as u16, minor, patch }
}

fn sdk(sdk: macho::Version) -> Option<AppleVersion> {
    (sdk.0 != 0).then(|| version(sdk))
}
