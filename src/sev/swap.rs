//! Pages that are swapped: SWAP_OUT and SWAP_IN of SEV and SEV-ES (AMD's published firmware, `sev_mcmd.c`).
