//! SEV and SEV-ES, the generations before SEV-SNP: launch digests.

pub mod launch;
