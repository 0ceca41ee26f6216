//! Commands on pages: swap, move, metadata, reclaim.

use super::Commands;
use crate::platform::command::{
    SnpPageMdInit, SnpPageMove, SnpPageReclaim, SnpPageSetState, SnpPageSwapIn, SnpPageSwapOut,
    SnpPageUnsmash,
};
use crate::platform::memory::Dram;
use crate::status::Status;

impl<D: Dram> Commands<'_, D> {
    pub(super) fn snp_page_swap_out(&mut self, command: &mut SnpPageSwapOut) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_page_swap_in(&mut self, command: &mut SnpPageSwapIn) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_page_move(&mut self, command: &mut SnpPageMove) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_page_md_init(&mut self, command: &mut SnpPageMdInit) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_page_set_state(
        &mut self,
        command: &mut SnpPageSetState,
    ) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_page_reclaim(&mut self, command: &mut SnpPageReclaim) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_page_unsmash(&mut self, command: &mut SnpPageUnsmash) -> Result<(), Status> {
        let _ = command;
        todo!()
    }
}
