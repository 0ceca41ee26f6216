//! What guests of SEV and SEV-ES do with ASIDs.

use crate::addr::Asid;
use crate::platform::firmware::Asids;
use crate::platform::firmware::state::{AsidOwner, AsidState};
use crate::status::Status;

impl Asids {
    fn state(&mut self, asid: Asid) -> Option<&mut AsidState> {
        self.states.get_mut(asid.get().checked_sub(1)? as usize)
    }
    pub(super) fn reset(&mut self) {
        self.states.fill(AsidState { owner: None, is_dirty: true });
        self.is_written_back = false;
    }
    pub(super) fn owner(&mut self, asid: Asid) -> Option<AsidOwner> {
        self.state(asid)?.owner
    }
    pub(super) fn is_dirty(&mut self, asid: Asid) -> bool {
        self.state(asid).is_some_and(|state| state.is_dirty)
    }
    pub(super) fn take(&mut self, asid: Asid, owner: AsidOwner) {
        if let Some(state) = self.state(asid) {
            state.owner = Some(owner);
        }
    }
    pub(super) fn release_clean(&mut self, asid: Asid) {
        if let Some(state) = self.state(asid) {
            state.owner = None;
        }
    }
    pub(super) fn deactivate(&mut self, asid: Asid) {
        if let Some(state) = self.state(asid) {
            *state = AsidState { owner: None, is_dirty: true };
        }
        self.is_written_back = false;
    }
    pub(super) fn df_flush(&mut self) -> Result<(), Status> {
        if !self.is_written_back {
            return Err(Status::WBINVD_REQUIRED);
        }
        for state in &mut self.states {
            state.is_dirty = false;
        }
        Ok(())
    }
}
