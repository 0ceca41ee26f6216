//! Files that the crate `igvm` 0.5 has parsed.

use core::fmt;

use igvm::{IgvmDirectiveHeader, IgvmFile, IgvmPlatformHeader};
use igvm_defs::{IgvmPageDataType, IgvmPlatformType};
use zerocopy::{IntoBytes as _, transmute_ref};

use super::{DataType, Directive, PageFlags, SnpIdBlock};

/// The mask of SEV-SNP, and the directives for [`measure`](super::measure).
///
/// That crate's reader is made for files that one trusts: it panics on some that are malformed, while
/// [`IgvmFile::parse`](super::IgvmFile::parse) of this library does not. This function is for who has such a file
/// anyway, or builds one.
///
/// # Errors
/// The file is not for SEV-SNP, or has a page of 2 MiB with data, of which that crate keeps no more than 4 KiB.
///
/// ```
/// use igvm::{IgvmDirectiveHeader, IgvmFile, IgvmPlatformHeader, IgvmRevision};
/// use igvm_defs::{IGVM_VHS_SUPPORTED_PLATFORM, IgvmPageDataFlags, IgvmPageDataType, IgvmPlatformType};
/// use sevcrypt::Backend;
/// use sevcrypt::snp::launch::igvm::{self as launch_igvm, Options, directives_of};
///
/// let snp = IgvmPlatformHeader::SupportedPlatform(IGVM_VHS_SUPPORTED_PLATFORM {
///     compatibility_mask: 1,
///     highest_vtl: 0,
///     platform_type: IgvmPlatformType::SEV_SNP,
///     platform_version: 1,
///     shared_gpa_boundary: 0,
/// });
/// let page = IgvmDirectiveHeader::PageData {
///     gpa: 0x10_0000,
///     compatibility_mask: 1,
///     flags: IgvmPageDataFlags::new(),
///     data_type: IgvmPageDataType::NORMAL,
///     data: b"code".to_vec(),
/// };
/// let file = IgvmFile::new(IgvmRevision::V1, vec![snp], vec![], vec![page])?;
///
/// let (platform, directives) = directives_of(&file)?;
/// let backend = Backend::best();
/// let measured =
///     launch_igvm::measure(directives, platform, &Options::default(), backend, &mut |_| {})?;
/// println!("{}", sevcrypt::Hex(&measured.digest));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn directives_of(
    file: &IgvmFile,
) -> Result<(u32, impl Iterator<Item = Directive<'_>> + Clone), ConvertError> {
    let platform = file
        .platforms()
        .iter()
        .find_map(|IgvmPlatformHeader::SupportedPlatform(platform)| {
            (platform.platform_type == IgvmPlatformType::SEV_SNP)
                .then_some(platform.compatibility_mask)
        })
        .ok_or(ConvertError::NotForSnp)?;
    let large = file.directives().iter().position(|header| {
        matches!(header, IgvmDirectiveHeader::PageData { flags, data, .. }
            if flags.is_2mb_page() && !data.is_empty())
    });
    match large {
        Some(directive) => Err(ConvertError::LargePage { directive }),
        None => Ok((platform, file.directives().iter().map(convert))),
    }
}

fn convert(header: &IgvmDirectiveHeader) -> Directive<'_> {
    match header {
        IgvmDirectiveHeader::PageData { gpa, compatibility_mask, flags, data_type, data } => {
            Directive::PageData {
                compatibility_mask: *compatibility_mask,
                gpa: *gpa,
                flags: PageFlags {
                    is_2mb: flags.is_2mb_page(),
                    unmeasured: flags.unmeasured(),
                    shared: flags.shared(),
                },
                // `IgvmFile` holds no other types.
                data_type: match *data_type {
                    IgvmPageDataType::SECRETS => DataType::Secrets,
                    IgvmPageDataType::CPUID_DATA => DataType::CpuidData,
                    IgvmPageDataType::CPUID_XF => DataType::CpuidXf,
                    _ => DataType::Normal,
                },
                data,
            }
        }
        IgvmDirectiveHeader::ParameterArea { number_of_bytes, parameter_area_index, .. } => {
            Directive::ParameterArea { index: *parameter_area_index, length: *number_of_bytes }
        }
        IgvmDirectiveHeader::ParameterInsert(insert) => Directive::ParameterInsert {
            compatibility_mask: insert.compatibility_mask,
            gpa: insert.gpa,
            index: insert.parameter_area_index,
        },
        IgvmDirectiveHeader::SnpVpContext { gpa, compatibility_mask, vp_index, vmsa } => {
            Directive::SnpVpContext {
                compatibility_mask: *compatibility_mask,
                gpa: *gpa,
                vp_index: *vp_index,
                vmsa: vmsa.as_bytes(),
            }
        }
        IgvmDirectiveHeader::SnpIdBlock {
            compatibility_mask,
            author_key_enabled,
            reserved: _,
            ld,
            family_id,
            image_id,
            version,
            guest_svn,
            id_key_algorithm,
            author_key_algorithm,
            id_key_signature,
            id_public_key,
            author_key_signature,
            author_public_key,
        } => Directive::SnpIdBlock {
            compatibility_mask: *compatibility_mask,
            id_block: SnpIdBlock {
                launch_digest: *ld,
                family_id: *family_id,
                image_id: *image_id,
                version: *version,
                guest_svn: *guest_svn,
                author_key_enabled: *author_key_enabled != 0,
                id_key_algo: *id_key_algorithm,
                auth_key_algo: *author_key_algorithm,
                id_block_signature: transmute_ref!(&**id_key_signature),
                id_key: transmute_ref!(&**id_public_key),
                id_key_signature: transmute_ref!(&**author_key_signature),
                author_key: transmute_ref!(&**author_public_key),
            },
        },
        _ => Directive::Other,
    }
}

/// A file whose directives cannot be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvertError {
    /// No platform of the file is SEV-SNP.
    NotForSnp,
    /// A page of 2 MiB with data.
    LargePage {
        /// The directive, from 0.
        directive: usize,
    },
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotForSnp => f.write_str("no platform of the file is SEV-SNP"),
            Self::LargePage { directive } => write!(
                f,
                "directive {directive}: a page of 2 MiB with data, of which the crate igvm keeps the first 4 KiB only"
            ),
        }
    }
}

impl core::error::Error for ConvertError {}
