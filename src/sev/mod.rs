//! SEV and SEV-ES: the generations before SEV-SNP.

pub mod launch;
