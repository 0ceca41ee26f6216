//! DBG_DECRYPT, DBG_ENCRYPT and COPY: the host's ways into and within a guest's memory (AMD 55766).
