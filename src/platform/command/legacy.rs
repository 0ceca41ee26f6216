//! Commands of SEV and SEV-ES (AMD 55766; AMD's published firmware, `sev_mcmd.h`).
