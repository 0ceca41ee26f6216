//! Guest messages.
