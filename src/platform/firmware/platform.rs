//! The platform: SNP_INIT to SNP_SHUTDOWN, configuration, versions.

use super::Commands;
use crate::platform::command::{
    SnpCommit, SnpConfig, SnpDfFlush, SnpDownloadFirmwareEx, SnpFeatureInfo, SnpInit, SnpInitEx,
    SnpPlatformStatus, SnpShutdown, SnpShutdownEx, SnpVlekLoad,
};
use crate::platform::memory::Dram;
use crate::status::Status;

impl<D: Dram> Commands<'_, D> {
    pub(super) fn snp_init(&mut self, command: &mut SnpInit) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_init_ex(&mut self, command: &mut SnpInitEx) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_shutdown(&mut self, command: &mut SnpShutdown) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_shutdown_ex(&mut self, command: &mut SnpShutdownEx) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_platform_status(
        &mut self,
        command: &mut SnpPlatformStatus,
    ) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_df_flush(&mut self, command: &mut SnpDfFlush) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_config(&mut self, command: &mut SnpConfig) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_commit(&mut self, command: &mut SnpCommit) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_download_firmware_ex(
        &mut self,
        command: &mut SnpDownloadFirmwareEx,
    ) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_vlek_load(&mut self, command: &mut SnpVlekLoad) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_feature_info(&mut self, command: &mut SnpFeatureInfo) -> Result<(), Status> {
        let _ = command;
        todo!()
    }
}
