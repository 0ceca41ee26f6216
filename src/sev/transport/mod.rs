//! Migration: guests that are sent and received (AMD 55766, SEND_START to RECEIVE_FINISH).

use crate::sev::launch::Running;

/// SUPDATE: a guest that is being sent.
pub struct Sending {
    // filled in by the owner of this file
}

/// SENT: a guest that is gone.
pub struct Sent {}

/// RUPDATE: a guest that is being received.
pub struct Receiving {}

const _: Option<Running> = None;
