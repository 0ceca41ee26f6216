//! A certificate authority in AMD's profile, for platforms that are not AMD's.
