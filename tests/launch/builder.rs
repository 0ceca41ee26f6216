//! Makes firmware images.

/// GUIDs of the table, as they are written.
pub(crate) const FOOTER: u128 = 0x96b582de_1fb2_45f7_baea_a366c55a082d;
pub(crate) const RESET_BLOCK: u128 = 0x00f771de_1a7e_4fcb_890e_68c77e2fb44e;
pub(crate) const HASH_TABLE: u128 = 0x7255371f_3a3b_4b04_927b_1da6efa8d454;
pub(crate) const SECRET_AREA: u128 = 0x4c2eb361_7d9b_4cc3_8081_127c90d3d294;
pub(crate) const METADATA: u128 = 0xdc886566_984a_4798_a75e_5585a7bf67cc;
pub(crate) const SVSM_INFO: u128 = 0xa789a612_0597_4c4b_a49f_cbb1fe9d1ddd;

/// The bytes of a GUID in the image.
pub(crate) fn guid(written: u128) -> [u8; 16] {
    let mut bytes = written.to_be_bytes();
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

/// Little-endian numbers.
pub(crate) fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// An image whose bytes before the table count up.
#[derive(Clone)]
pub(crate) struct Image {
    len: usize,
    /// From the end of the table to its begin.
    entries: Vec<(u128, Vec<u8>)>,
    metadata: Vec<u8>,
}

impl Image {
    /// An image of so many bytes with an empty table.
    pub(crate) fn new(len: usize) -> Self {
        Self { len, entries: Vec::new(), metadata: Vec::new() }
    }

    /// What OVMF has: every entry and section.
    pub(crate) fn ovmf(len: usize) -> Self {
        Self::new(len)
            .entry(RESET_BLOCK, &words(&[0x80_b004]))
            .entry(SECRET_AREA, &words(&[0x81_0000, 0xc00]))
            .entry(HASH_TABLE, &words(&[0x81_0c00, 0x400]))
            .sections(&[
                [0x80_0000, 0x9000, 1],
                [0x80_d000, 0x1000, 2],
                [0x80_e000, 0x1000, 3],
                [0x80_f000, 0x1000, 4],
                [0x81_0000, 0x1000, 0x10],
                [0x81_1000, 0x2000, 1],
            ])
    }

    /// With one more entry before those that it has.
    pub(crate) fn entry(mut self, guid: u128, data: &[u8]) -> Self {
        self.entries.push((guid, data.to_vec()));
        self
    }

    /// With metadata, which begin 0x800 bytes before the end of the image.
    pub(crate) fn sections(self, sections: &[[u32; 3]]) -> Self {
        let count = u32::try_from(sections.len()).unwrap();
        self.metadata(&[u32::from_le_bytes(*b"ASEV"), 16 + 12 * count, 1, count], sections)
    }

    /// With metadata of this header.
    pub(crate) fn metadata(mut self, header: &[u32; 4], sections: &[[u32; 3]]) -> Self {
        self.metadata = [words(header), words(&sections.concat())].concat();
        self.entry(METADATA, &words(&[0x800]))
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let mut table = Vec::new();
        for (id, data) in self.entries.iter().rev() {
            let length = u16::try_from(18 + data.len()).unwrap();
            table.extend([&data[..], &length.to_le_bytes(), &guid(*id)].concat());
        }
        let length = u16::try_from(18 + table.len()).unwrap();
        table.extend([&length.to_le_bytes()[..], &guid(FOOTER)].concat());
        let mut image: Vec<u8> = (0..self.len).map(|at| (at % 251) as u8).collect();
        let end = self.len - 32;
        image[end - table.len()..end].copy_from_slice(&table);
        if !self.metadata.is_empty() {
            let start = self.len - 0x800;
            image[start..][..self.metadata.len()].copy_from_slice(&self.metadata);
        }
        image
    }
}
