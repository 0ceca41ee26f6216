//! Guests that leave for another machine, and come: MSG_EXPORT_REQ to MSG_VMRK_REQ.
