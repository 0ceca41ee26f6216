//! Page swap.
