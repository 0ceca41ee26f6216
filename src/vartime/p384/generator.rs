//! Multiples of the generator, written by `vectors/p384/make.py`.

use super::KeyRows;
use super::digits::{CHUNKS, MULTIPLES};
use super::field::{Fe, in_lanes};
use super::point::Affine;
use super::words::Words;
use crate::vartime::ifma::{Multiples, OddMultiples, Row};

/// The multiples by 1, 3, 5 and so on up to 127.
pub(crate) static ODD: [Affine; 64] = {
    let mut points = [Affine { x: Fe::ZERO, y: Fe::ZERO }; 64];
    let mut i = 0;
    while i < 64 {
        let [x, y] = &ODD_FIGURES[i];
        points[i] = Affine { x: Fe::constant(x), y: Fe::constant(y) };
        i += 1;
    }
    points
};

/// The multiples by `d * 2^(48 chunk)`, for d from 1 to 16.
pub(crate) static ROWS: KeyRows = {
    let mut rows = KeyRows::EMPTY;
    let mut i = 0;
    while i < CHUNKS * MULTIPLES {
        let (chunk, multiple) = (i / MULTIPLES, i % MULTIPLES);
        let mut axis = 0;
        while axis < 2 {
            let Fe(form) = Fe::constant(&FIGURES[chunk][multiple][axis]);
            let mut word = 0;
            while word < 6 {
                rows.0[chunk][multiple][axis][word] = form[word];
                word += 1;
            }
            axis += 1;
        }
        i += 1;
    }
    rows
};

/// The multiples by 1, 3, 5 and so on up to 127, for lanes.
#[cfg_attr(not(feature = "std"), allow(dead_code, reason = "for eight signatures at a time"))]
pub(crate) static ODD_IN_LANES: OddMultiples = {
    let mut rows = [Row::ZERO; 64];
    let mut i = 0;
    while i < 64 {
        let [x, y] = &ODD_FIGURES[i];
        rows[i] = Row::new(&in_lanes(x), &in_lanes(y));
        i += 1;
    }
    rows
};

/// The multiples by 1, 3, 5 and so on up to 31, times 2^(48 n) in lane n.
pub(crate) static IN_LANES: Multiples = {
    let mut rows = [[Row::ZERO; CHUNKS]; MULTIPLES];
    let mut i = 0;
    while i < CHUNKS * MULTIPLES {
        let (chunk, entry) = (i % CHUNKS, i / CHUNKS);
        let multiple = 2 * entry;
        let [x, y] = if multiple < MULTIPLES {
            &FIGURES[chunk][multiple]
        } else {
            &MORE_FIGURES[chunk][entry - MULTIPLES / 2]
        };
        rows[entry][chunk] = Row::new(&in_lanes(x), &in_lanes(y));
        i += 1;
    }
    rows
};

/// The generator's x and y.
#[cfg(feature = "std")]
pub(crate) const FIGURE: [Words; 2] = ODD_FIGURES[0];

#[rustfmt::skip]
const ODD_FIGURES: [[Words; 2]; 64] = [
    [
        [0x3a545e3872760ab7, 0x5502f25dbf55296c, 0x59f741e082542a38, 0x6e1d3b628ba79b98, 0x8eb1c71ef320ad74, 0xaa87ca22be8b0537],
        [0x7a431d7c90ea0e5f, 0x0a60b1ce1d7e819d, 0xe9da3113b5f0b8c0, 0xf8f41dbd289a147c, 0x5d9e98bf9292dc29, 0x3617de4a96262c6f],
    ],
    [
        [0x02d7e5c70500c831, 0xb408bbae5026580d, 0xbea4f240d3566da6, 0xcb9d3910202dcd06, 0x64793c7e5fdc7d98, 0x077a41d4606ffa14],
        [0xb65f28600a2f1df1, 0xc24abd6be4b5d298, 0xf7684c0edc111eac, 0x8520b41c85115aa5, 0x7d0bbe9602a9fc99, 0xc995f7ca0b0c4283],
    ],
    [
        [0x0abcdbc3836d84bc, 0x37882f4a1ca297e6, 0x4f6661cbe56583b0, 0xf208e51dbff98fc5, 0x573cac5ea025e467, 0x11de24a2c251c777],
        [0x184414abe6c1713a, 0x3177686d0ae8fb33, 0x8c986533b6901aeb, 0x284b447754d5dee8, 0x0f5837e90a00e7c5, 0x8fa696c77440f92d],
    ],
    [
        [0x040f05b48fb6d0e1, 0x8b05526f55b9ebb2, 0x2d58cc9dfa7b1c50, 0xad6fe997fbea5ffa, 0xf29f8ebf234edffe, 0x283c1d7365ce4788],
        [0x64664cdac512ef8c, 0x30d84ede32a78f9e, 0xd9c92cd01dbd2256, 0x1a61d867ed799729, 0xba52efdb8c169047, 0x9475c99061e41b88],
    ],
    [
        [0x5c55e4461079118b, 0xc388528bfee2b953, 0xc6cb1ee285fb6e21, 0x2216f7291e6fd3ba, 0xf1bf29b8b025b78f, 0x8f0a39a4049bcb3e],
        [0x262da4f9ac664af8, 0x9e743efedfd51b68, 0xb7678854aed9b302, 0x9a9b3d7ca3c400c6, 0x452c4a5322c3a979, 0x62c77e1438b601d6],
    ],
    [
        [0x26356f3b55b4ddd8, 0x4749b66e3afb81d6, 0x56c9fd14892d3f8c, 0x7fe935ed5837c374, 0xda1eeec2904816c5, 0x099056e27da7b998],
        [0x7d5dba8138c5e0bb, 0x5466d51263aaff35, 0x43ff93f41b52a325, 0x6fc4eed8dfc363fd, 0x688505544ac5e039, 0x2e4c0c234e30ab96],
    ],
    [
        [0xaaf1ca1e3b5cbce7, 0x9ee5f441abd99f1b, 0x6267bcd1f0f11c13, 0x9632bff9f01f873f, 0xafdaf5002ffcc6ab, 0xa567ba97b67aea5b],
        [0x6423a12736f429cc, 0x776bcb8272218a7d, 0x86329be057857d66, 0x5185595046932ec0, 0x644e4147af164ecc, 0xde1b38b3989f3318],
    ],
    [
        [0x4b88701a9606860b, 0xa849557a10b6383b, 0x5b21f9f7da7c4e9c, 0x22a94156fff01c20, 0x8cc15c11d8135255, 0xb3d13fc8b32b0105],
        [0x985d588d33f7bd62, 0x838d24f8b284af50, 0x84d1114373dfbfd9, 0xeebac4a11d749af4, 0x1b049b2536164b1b, 0x152919e7df9162a6],
    ],
    [
        [0xcaf3a9add9ffcc03, 0x17012a991af1f486, 0xdcc614e42e5805f8, 0x692befb0733b41e6, 0x00a5ebbcb13e1a32, 0x4099952208b48896],
        [0xfa650ef5e23b09a0, 0x04da4d2faa9680ec, 0x9b797d277f2388b3, 0x163ad3f8008ad0cd, 0x39474594af603598, 0x5ecf947778330598],
    ],
    [
        [0x9599e68713f5d41b, 0x59c8651060801c0e, 0x12390b430467aabf, 0xe07dbecca86cd9b0, 0x16858a211d750b77, 0x8d481dab912bc8ab],
        [0x6995b07e75e52245, 0x11ffba5608004e64, 0x594b32fd7adc0e8c, 0xb2291b68a1039aa0, 0x7be99f2a60669050, 0xa1592ff012146085],
    ],
    [
        [0x626b4c175eb77422, 0x46a37313df88fd64, 0xf9936136bf42cdb7, 0x606290985f8283f5, 0xc7817121057d46e1, 0x27935df4e25c6f47],
        [0x9d5606eb10c69f84, 0x2b6f8d9838ef0c13, 0x585d9c4e6c615b53, 0xa4f2d4aec079c6b7, 0x9ab1a3798d1e3524, 0x380a1a3b4898d4cd],
    ],
    [
        [0x1e555ebc684aac81, 0x84a900a91f7c4ab5, 0xa68749c30c7f9aa4, 0x22c0102fd4293a78, 0xe741a4a8000d5eb8, 0x3cb647a5df014c23],
        [0x79b65fea0d5a2b14, 0x09be21f6414b9be2, 0x7afbf0557ead6368, 0x6103c7b0218bc837, 0x4966f85ebdc18cb4, 0x28300479a8f88dd0],
    ],
    [
        [0x46f41be83716be9a, 0x31a8a58b3dcb2ca4, 0x555746bd28fda974, 0x07c4d76fab5ce0a3, 0x9ee9eb5267946762, 0xe4c6d5cb9183a670],
        [0xffaf54d7e6aac897, 0x09a957bbac49722c, 0x6280b8afe5d6a5a2, 0x5942e18d15922f20, 0xc0027f165dd74ca9, 0xa37245523aa57845],
    ],
    [
        [0x6b4eedfa23e2e546, 0x20761bc15898e1b0, 0x4acb49c0d7ba04e2, 0x08e3acaa2b4a8d3a, 0x3c316d5a82c8b705, 0x9c5fa2c13f418e62],
        [0x529fb56479f48752, 0x0ef2c4b2213f519b, 0x6f015651bd9218e3, 0x94fdf1b7da9e5955, 0x5afe81503cb7bf61, 0xf641de0cb075851a],
    ],
    [
        [0x977bb83b1eb1a373, 0xad69e407f57b1e27, 0xfa46d04f4d4dfca2, 0x6e0af4f41cbcde50, 0xd7b75810ce554ee5, 0xf1bc35f9656c6eea],
        [0x53e0d05ef28faf29, 0x3ffe8f5147848a0e, 0x531f70960a30e838, 0x8d7aec776d94fc70, 0xf733c547c0f2b3dc, 0x2458497a559bcdcc],
    ],
    [
        [0x0c8361dba9eb28b9, 0x061fa485bd1b8a65, 0x9d3993124d374e62, 0xc73e3336394c98c5, 0x04fcfa12c087d446, 0xf2e6f06f0ea533e8],
        [0x3152f5ba7852680c, 0x3e8802c6d2fc9ebf, 0x3fb0b9ac114251cd, 0x4a041a8651780d31, 0xf9e442612fcffbd1, 0x8f86e464c200bc46],
    ],
    [
        [0xaefd7fec482c802a, 0x631eaed97add3fe2, 0xaf246b3f70bec90d, 0x55492715879f54bd, 0xa92758f2773bb6c9, 0x38dbd58238c21bbc],
        [0x599a066726d333bb, 0xd3145ea7abbf4370, 0x7b86f2aba9bd9527, 0xeff54a716511f5f1, 0x12a77e148373d30f, 0x828c26694df81889],
    ],
    [
        [0x29e4ae10ae1410ea, 0xc998b7fd7b3813ca, 0x55a0270e5859145d, 0xc3675bf4f728f3ac, 0x9b9863d46535a5ab, 0x77c12dceca498ff9],
        [0x35747e089cbeef77, 0xc20c5f0bbef22673, 0x00487a48cee2b22c, 0x396e7fb8964f4304, 0xd302f0d0bd10269e, 0xeee351bc34276d3a],
    ],
    [
        [0x2a07272d05de389d, 0xe56ba2d9cafcb448, 0x41c36c0122a10654, 0xd850ac1e45c8fcb9, 0xfdb4300af2deaadc, 0x1221b1e1be96dfe8],
        [0x533ffb21939dd273, 0x5f4f2a9231bf6723, 0xb233124188d17ebb, 0x059953dd8965d97d, 0x1ad8460e2e216618, 0x50b225fa8a5ed838],
    ],
    [
        [0x15ac797ea8f8fedb, 0x4983e9bc8a47b24d, 0x35b72c15f264347c, 0x31c65d0bd2d3642c, 0x8224c2dcc11702de, 0x9bc6b65436262167],
        [0xc0979304abbcfcd4, 0x6ad799aed585d888, 0x22e5893043a248bf, 0xdba18218185770c7, 0x7147eed091efb368, 0x4482f093849864ec],
    ],
    [
        [0x10f3f39e87c76293, 0x077b05ca6a94f76d, 0x10d10234b609b8c7, 0x5185d456b279a184, 0x411a5ed920a88b09, 0x2ce37b2917ad0d5c],
        [0xcf8a7d7be2a7607e, 0x4dda48b4fa5d1dfd, 0x8208f6db859227bb, 0xbab5b7b88f803547, 0xdabde6f484adc04f, 0xbf27e3e07ba0ebb9],
    ],
    [
        [0x80dddc249a26a33d, 0xaa49a4148fbebc67, 0xaba8ddfa4745a605, 0x4de52ef9689a5eb5, 0xa5a2ff485cf5a64f, 0x9c3adb9111fe252c],
        [0x344000dc47355061, 0xdbae5b8175af7420, 0x4c69c4c0108a6a32, 0x69dcb8452f057663, 0x50b9f80b22b4829a, 0x83e8d95f813af4db],
    ],
    [
        [0xa5b68a56bbfef50f, 0xb03d491de84ea016, 0x258449c2e28cd17c, 0xadd9c644fd8393e3, 0x3bce43bec4f4609e, 0x6ce3bf11431d1d9c],
        [0x36dde9917c570471, 0x8105da32421e5cfe, 0x58d74fe2bc8777e0, 0x918800e37b4e4aa8, 0x7c76075539542abd, 0xc3325e274b23604e],
    ],
    [
        [0xd5254db0689a30fe, 0x21e9e8ccc22e6b2c, 0xe2a9530742a384f1, 0xc870bf64c76762c0, 0xa06f4ca5fa30e0bc, 0x1273f595eaba5df1],
        [0xcbdaf9963d58f4ce, 0xa7147a032edfc8b0, 0x13cce2421581486c, 0xa1afe32ae0ca83c2, 0xa0db552ca682b49f, 0x62737fc8fe0818cb],
    ],
    [
        [0x9da43e8e5a0e8cf2, 0x8828f5b191d03d1c, 0xdd74d976a4911734, 0x7486cc53003ed182, 0xf504f32fc1211afd, 0xa6c36459d1243ff7],
        [0x2e6ddb768c63b40a, 0x38a1bc0bc57b89f6, 0x22899f57821ad25b, 0x0bd72553fa3365b4, 0x1cebd105c28a71d0, 0x58279fcdf96c71d9],
    ],
    [
        [0xffe06fbae0068fb0, 0xa618a8cc08d1b992, 0x7126ed3b510b0341, 0x0b4a2a1247e8f2cc, 0xa86d2c9e23c2f5bc, 0x8bc6057da46fdafb],
        [0x6cb597b8e22c2ce9, 0x54c6d084dd6077f5, 0x42fed20299ce9705, 0x777fe7595994ae0d, 0xfbf2a22fd1f1985d, 0xfea19f27f6881a60],
    ],
    [
        [0x90903c9d776e9fa3, 0xff2ca2a90bdc08ac, 0x8f41cbe07c3e20b6, 0x88e935bdd5f169ba, 0x92288353932cf408, 0xa0e5cd10144167c5],
        [0xfc5c555ade9e587e, 0x0c9dcbea9d4197aa, 0xe7dbf0ae17f7fd0a, 0xd6396c943a16024e, 0xaa542f5c1e7ce4be, 0x120de79718d154fe],
    ],
    [
        [0x3bb25771ff2b4f85, 0x30d0a0e2e2ee7c87, 0xf22f519eeae1eb01, 0xf36d925a4f0112f5, 0x307d064e7750ab08, 0xa059cd75571b3507],
        [0xaec87aa569c8d6cc, 0xa880c76b8849bcd5, 0x0fa0147d878235aa, 0xfc311351556408ff, 0x026d8cebfcdfc32e, 0x40f6ae62c5a75f70],
    ],
    [
        [0x709d6a38b6ecb8bd, 0x07fd3823a2b10416, 0x78baa65996532279, 0x6c3eb8b272461fc7, 0x4f1cec9879cabece, 0x8654ddc7eb10d5a8],
        [0xb867bea8e3578549, 0x88d6dbd5abb99b51, 0x7d1d13d1aa1c7e40, 0x742599e648fd7ea4, 0x830567af763ec9d0, 0x3127066c11092e88],
    ],
    [
        [0xba77d70f99fe20b0, 0xbbf7b15b29f59772, 0xa2b93e41e5a75d8a, 0x91e7691569202b98, 0x4296f482176d1b01, 0xcc42cb6ad9f7161a],
        [0xda74d5345e24d63f, 0x182916746338781d, 0xc23168cdfb54deb9, 0xea4223f449e3895e, 0x91646e65069fa685, 0xbbd6bb6bad8516d3],
    ],
    [
        [0x5c24cc10bda2cc75, 0xb5e5a6d1fb4071db, 0xa92542dbf5872edc, 0x5f729644b4fa011f, 0x870b7900c1c47689, 0x0a12151e620a81a2],
        [0xa13e157ec5a3e83c, 0x84fb986767fb8c48, 0xcf6593451a9a0698, 0x4479d4c75bb1d9f1, 0xe15002475bc0a80c, 0x857c802960eaebb7],
    ],
    [
        [0xafd574f7e008f8af, 0x941560583def5431, 0x3c968cfbb83c8f7b, 0xac334769de358b33, 0x2cae508f5164ca6c, 0xb32e89eb942aab11],
        [0xc81abe0944e11e2c, 0x35daedff59e74a1a, 0x79cddd7a04990095, 0xa770fc48b73edc06, 0x24e2bf69603ffd5b, 0xb1e3ae7166d97103],
    ],
    [
        [0x6dfdfc9d07d6c3e7, 0xd1602978c69cc18b, 0x51273a44b269db68, 0xcec9289d95cc77ab, 0xd452d40530433542, 0x88d136b5cf915a2b],
        [0x51156170ed6f32c9, 0x42df7f37b8e75467, 0x6028fcb86db0ebca, 0x1b74e2086f4485f9, 0xe9add37f1694ea0c, 0xbcb5765b04501d46],
    ],
    [
        [0x32962c17b60e52f1, 0x2730200698894498, 0xeba618fa8559a895, 0x5ae87b2beffb49a2, 0x988732717a7956c1, 0x3df769592ef670fd],
        [0xef2c7aadd113ef3a, 0xf47a74591c2b8135, 0x9cf3da157dfbb5c5, 0x5602cff71fa7189e, 0x9b457f504e760614, 0xb0bed5cdd214e04e],
    ],
    [
        [0xfc74fad8e09412d4, 0x1721b49845c63b6d, 0xaa732cee3eddcff9, 0x77abf22dd87d5f6d, 0x87ce93cade383210, 0xdf8eb15ddb9c7823],
        [0x087ced234c258534, 0x8924f9ec25f4dc36, 0x5d9e9206d105aeb7, 0x13d041617aac16a8, 0xef2470b158427ad5, 0x17801aeb87c5d621],
    ],
    [
        [0x55031162056fb793, 0xfe53fbff2fd5387a, 0xf044c2c670975725, 0x1e24ee5996377ba6, 0x60042b12bb6e3247, 0x30e3183bff268e82],
        [0xd64fc2ae7185e15a, 0x8e9f5fe38657489c, 0x75409794f8556a17, 0x2ae2db01fab2c937, 0x122632dcc4606ebb, 0x6a1fff2b5fbb5ec0],
    ],
    [
        [0xdbf3f2f719da355c, 0x286152ae4e8963e5, 0xfd241373f6938d0c, 0x74b78f9fe6050fa6, 0x372f242469ca96f1, 0xe28249700866ec1a],
        [0xc51974056cd8c070, 0x90f2f2cbd8691f7c, 0xc4831cb10cab2613, 0x8d288da4bf615c62, 0xcae3a94243b2ae52, 0x997cd3e0faf2609c],
    ],
    [
        [0x10c6b6cdcdb731ea, 0x66f4f5d6c07c5b76, 0xc4c29e898f450ed4, 0xabb0dcd153e375ff, 0x7ce9b2f04b10e53b, 0x0f3ec637641fda34],
        [0x9f738a2a39843afa, 0xcf63da9ed3fb1690, 0xac5613ed11f8243e, 0x1f5ce803ed04ad05, 0x34bad36cf68e941d, 0x512e000769d6a3c6],
    ],
    [
        [0xc1134cb107e7ef95, 0x604c9f0f2f029c95, 0x72bee0a7111c5b8e, 0x42fa847b2b2112f9, 0xbe0e80d6e7c06e6c, 0x8366c4994a4f8178],
        [0xa98f6368e395d26b, 0xc62625ec09ac49e5, 0xf4b160c099d8b3d6, 0xd31ac9082f584ed6, 0x46120a649bb9f616, 0xd942410a73cbefb4],
    ],
    [
        [0xd6f5d6d7e27a09e1, 0xb210c1a347cc2cba, 0xdc6f5d22220ed8f7, 0xe82212837bb89bf0, 0xb5b2305d5a0da7e5, 0x08932000271094c3],
        [0x8eed430b0f759e87, 0xe08928a3f5a65602, 0xd28cc14674223c8b, 0xb6a5d10fcd0ea19c, 0x577a591d62f95536, 0x23389b77f14098c6],
    ],
    [
        [0x187a3e46d072aa44, 0xb1ba877e2dc9ea82, 0xb1f416fb8f72fdba, 0x1e28cc8d5c9c5b48, 0x7e983fc77c052786, 0xf0091b1080b24c40],
        [0xb58810f8cfddcfb8, 0xe7ed6077a9a08429, 0x352071d69af769f4, 0x94ec8ccc18f16f8f, 0x82cd63a572fbb7a7, 0x022492b56c351fc8],
    ],
    [
        [0x75324ed6dec13d4e, 0xc15dffe3490a1672, 0xe354e034d853f73b, 0xcedee8855e9c2712, 0xe5ab3cf665409a3a, 0xe4c3d40e786da563],
        [0x85062071b43c3cdb, 0x2652005c7ce206c2, 0x912eb4d0d0789a52, 0xd33588150aa8dbe6, 0xe31d9deec7cab1d5, 0x4b4b1bdc6f0d56ec],
    ],
    [
        [0x8cc6ac7ac1354b1c, 0x547e6f408d84edfb, 0x0f63a7fa72744890, 0xcba390739b713bf8, 0x60e5bad85b1a0ee9, 0xe22e9eb140b73bba],
        [0xe7f8690100501f82, 0x2d3184d072bcf3ab, 0xe62abd34b55af7d2, 0xa0bf6405253c5849, 0x7e8d6eb4e7c30093, 0x65c4cd738225a479],
    ],
    [
        [0x3200bc9aee21919a, 0xab62b87ab5a2712c, 0xfb2d7d6b6018e1de, 0x0c3e5c9332370ab7, 0x8092e374e9736878, 0x0d87a658e71e374c],
        [0xf54d7c2759f1932a, 0xe196409571bd2f32, 0x21a0d1013ad4dea0, 0xde5c19291060a112, 0x1c0cc6b29061b73d, 0x472daa2816e70ae0],
    ],
    [
        [0x752be5ef7582d838, 0xaa0727dbaab998b3, 0x90ed9fc00a48cc82, 0x4fa8371c6315ac5c, 0xb08d340fce52ad8f, 0xc6f0e52b141ac3f8],
        [0x803426d2319512f2, 0x7a7153709ad7b2ea, 0x386fb1d4c2717aba, 0x909a12b8bd106f52, 0xfe1a4c10d6724902, 0x040a8f77694f01f8],
    ],
    [
        [0xce44488c1da9cdf8, 0xf338ad170e894df9, 0x67bee640ccbed257, 0x2e1aee36f2e8eb2d, 0xe0b8db0e53797455, 0xb52215034ba7255a],
        [0x55e244068fab54bf, 0xd1ea7aad8c148760, 0xfac3805b82983f14, 0x6c6b20a3cc977ddf, 0xcd769b2d89c7e5ab, 0xd7228440858ac38b],
    ],
    [
        [0x98d6ee4c1498007c, 0x8b69a76c7e8b8896, 0x8488aee159a36b1c, 0x4abc15f08498b24f, 0x6139029f3c614d46, 0xcf04cfb2d4eedd36],
        [0xe525b6f7d508f7c6, 0xb47bb12411e75b6d, 0xcf8b2315eae8910d, 0x8e3434f9f2ed25e6, 0x6905da136462e9bb, 0x1c7ef1164ea41c3c],
    ],
    [
        [0x1d888e8fb19b9882, 0x0602b146661cfa3b, 0xa25bf8212eb6a61d, 0xd2e07e7240a4a0ca, 0xf1c776deaf4d0414, 0x44f3d6e40e2d2985],
        [0x6590264ff01cef8a, 0x1a0be81c21bfa65d, 0x388582516c4bd841, 0xffe66e120c750f06, 0xd0fc640eb0c0a778, 0x1246457f07800f64],
    ],
    [
        [0x0a68888ffe611017, 0xc4a55ce9e774c885, 0xbf2a4e8672a90a00, 0x740510735f96232d, 0x5729c168ee384e01, 0xc466ca9f9a9c0e47],
        [0xb6386cea70aa4f67, 0x6ce10e8e0164edcb, 0x7b2e87a6b36aa3aa, 0xa0c7033044abc4de, 0xc387195037234143, 0x4ee0f462a3048147],
    ],
    [
        [0xe012255279ce8be4, 0x01904f19f229c7e0, 0xa92ddc1e0cc65085, 0x993dc3625783183a, 0x3a0f272d66236d7c, 0x69a19bed04766dcb],
        [0x226e6aad933d3804, 0xb551bad4a7cea8cf, 0x550bd4ce3539f901, 0xdabcb242bdc5114d, 0xd3339fa0c68ff20a, 0xcf74050b6cdf3fcd],
    ],
    [
        [0x61dcc97f1851aba4, 0x7a21a1192a6a107e, 0xccebb5a7fdb7a131, 0x8e7429424957d52b, 0x920c62db0b725979, 0x1a45894c36087948],
        [0x90879d048faf043d, 0x421c8e57c2c60ac2, 0x55f2a9194f0d3932, 0x2afae48181613048, 0x81514f47c809c33a, 0x6c7aa1d6ebf81c5c],
    ],
    [
        [0x533ed22727f5125e, 0x53647de7587ee5dc, 0xb20fd36374f716f0, 0xe700d150a10aed22, 0x61f3f286a3d43a09, 0x0c87e18f3e4f445b],
        [0xb9b03b596a18c5c9, 0x9efa553ea116366b, 0x57f325c6b438bf3c, 0x05537dbb4e9740ab, 0x57640d3e270b9e0a, 0x562c803775ed2ac5],
    ],
    [
        [0x98af4960770c2403, 0x3606cf93f4a1ff49, 0x444057337c75aba0, 0x5f98eda7a712979d, 0xd03cd689b9635016, 0x1b2c225d637d21e0],
        [0xbc8bc6899f06cf00, 0xe6e0babb960307fe, 0x250ad7e4457bf7d6, 0x6016e2459ea198a4, 0x15cdac6a0abf2bad, 0xe6037e5f849ea526],
    ],
    [
        [0x52bf1cf00a741bc1, 0xb14ea5762e47a0b7, 0xbc85993c7ad311b0, 0x345f48f57cae81e3, 0x7514e5535dafb42a, 0xe902761c037b25c2],
        [0xb41102def5b5aa8a, 0xc2b46718497cbe9c, 0xaca01c3e1e586aaf, 0x52f4bce838a8d54a, 0x4bd072234f3fc433, 0x9a7df3deeb2fcde3],
    ],
    [
        [0xc4938afbf707b545, 0x41b6aa8a713d06cb, 0xb428950d1c5da7a2, 0x62a4dd57be2b5b65, 0x166c34f04bee992f, 0xa683d16ae6db2036],
        [0x5130cc477ac8415d, 0xd33bb714e393523d, 0xf92519f6aab18a38, 0x55abee606fe080f1, 0x502dbeff3151bf99, 0x11f4850ea42dc6b2],
    ],
    [
        [0x2339ae6b273d4af8, 0x33b7071be6ec9a3d, 0x8e0830c44e1e7664, 0x6c68de432a3ccbd8, 0x26901c4e1b449d99, 0x6353902749a86147],
        [0x7f843fc68c415011, 0x2a80d2fe8bbf9db2, 0x1f292ff69e2555b6, 0xd973beb64919e6f3, 0x9d2e43d63f261307, 0x73f8e18082c83bd6],
    ],
    [
        [0xe28eddded5ac615c, 0x2014c616f20421eb, 0xe22d8989ddbd6aa0, 0xa438bd831f79a016, 0xba821b7f71cd6a1b, 0x66f00ce4f656676b],
        [0x061221bdf46a5f13, 0x34d3e54154b8e810, 0x5ead1b1f542187a3, 0xa64649c7fd86999f, 0x060b3b1a25301e5c, 0x8dcac1cbb835ebfe],
    ],
    [
        [0x6eb40bcd64c0767e, 0xb5d6fc01f42bfbca, 0xc5eadcfeef75a69b, 0x7befea9c9d9d68a0, 0x0b1052e9ea546e48, 0x25dba85a64d397da],
        [0x852ed64af1e8657d, 0x2540e790e4b654c3, 0x0aa5c851840b1e25, 0xf0866468f1380642, 0xaa0c6c9530e79cf5, 0x36ffd05d97a813c5],
    ],
    [
        [0x4b05937ce6737f2a, 0x65804cf8024d1f3e, 0xdccf594d279b51ac, 0xec500bc59b7653ff, 0xe4c6d9800b921b1e, 0xcfa91e2ed523d045],
        [0x96e891bb8731c73a, 0x99de996c041c5c77, 0x59b8dc345c60132d, 0x9ba11bd897ed3ae2, 0x2e27d33da57984d1, 0xac800dfc7d4a13f6],
    ],
    [
        [0x636322e4a8f1f4c1, 0xb1c90accc568587d, 0x962bfe8340e8b08d, 0xfe1e257f1336246a, 0x7d5ac80613a66b3a, 0xc6c94f3105918393],
        [0x4667365d41aaeeac, 0x505595a3c04720aa, 0xb7349d42939d8c45, 0x63ea51453ba7a76d, 0x52794c5cab39df60, 0xdf68fefa3d27f977],
    ],
    [
        [0x0bd34e6ccd9e105c, 0x449f8ca1cf4af485, 0xad8bd2eabe5c11cc, 0x08dcdc0d8b676e47, 0x5d0aea9a301eef37, 0x4229efa001587bc6],
        [0xa94bf92dc460db77, 0x1c42bc32f233e76c, 0x45792ec2dd88641e, 0xde18fda9c87194fa, 0xec901083b33dc646, 0x8caab0a70c5286f5],
    ],
    [
        [0x1032b09d96749836, 0x605290a3a9a8138e, 0xea87732142a90fc3, 0xde9e936a5bdccbcf, 0x94e4e7df06722957, 0x257f9dec7c460b4b],
        [0x23cb8cc02c1915cd, 0xbe4c0613624cf007, 0xbfcdc9d8507ecad9, 0xf54692e2cb62d148, 0x1fe0ef2fa756cd63, 0x51d8188779b115e1],
    ],
    [
        [0xe662ff69216ded14, 0xf41dfa583caed5eb, 0xe8c04c9faf8f4cbd, 0xcbc781af5fc29fac, 0x6932eb5e36deebfd, 0x84847fb5837812b0],
        [0xdb036359a38f527b, 0x76d6cf22c259d071, 0x65c806352b7aac27, 0x84b9f6894939aaf4, 0x71549250a3809c2e, 0x774d7adc16544d9e],
    ],
    [
        [0xe4b45d2a4b2327f1, 0x436ed1011b3d9d93, 0xca5d7fbbfa2d5d9d, 0xaf348afd8b1c33a5, 0x153c9bfbc18a9e41, 0x35496041ea253b0d],
        [0xb02ada1cb3426158, 0x8ec3ce9ba7c171b9, 0x30a5057c7d62de8f, 0x8dd2ce266f9db6c3, 0x69d9e09d164619ae, 0x73ce1eaa4ffddc1d],
    ],
];

#[rustfmt::skip]
const FIGURES: [[[Words; 2]; MULTIPLES]; CHUNKS] = [
    [
        [
            [0x3a545e3872760ab7, 0x5502f25dbf55296c, 0x59f741e082542a38, 0x6e1d3b628ba79b98, 0x8eb1c71ef320ad74, 0xaa87ca22be8b0537],
            [0x7a431d7c90ea0e5f, 0x0a60b1ce1d7e819d, 0xe9da3113b5f0b8c0, 0xf8f41dbd289a147c, 0x5d9e98bf9292dc29, 0x3617de4a96262c6f],
        ],
        [
            [0x5b96a9c75295df61, 0x4fe0e86ebe0e64f8, 0x51d207d19fb96e9e, 0x89025959a6f434d6, 0x69260045c55b97f0, 0x08d999057ba3d2d9],
            [0x61501e700a940e80, 0x5ffd43e94d39e22d, 0x904e505f256ab425, 0xb275d875bc6cc43e, 0xb7bfe8dffd6dba74, 0x8e80f1fa5b1b3ced],
        ],
        [
            [0x02d7e5c70500c831, 0xb408bbae5026580d, 0xbea4f240d3566da6, 0xcb9d3910202dcd06, 0x64793c7e5fdc7d98, 0x077a41d4606ffa14],
            [0xb65f28600a2f1df1, 0xc24abd6be4b5d298, 0xf7684c0edc111eac, 0x8520b41c85115aa5, 0x7d0bbe9602a9fc99, 0xc995f7ca0b0c4283],
        ],
        [
            [0xe1efd631c63e1835, 0x1589a1597e3a5120, 0xa55dc8ad51dcfc9d, 0x97e709bd0b4ca0ac, 0xc1c8aad977321deb, 0x138251cd52ac9298],
            [0x549f1c02b270ed67, 0xed7387be37bba569, 0xab0e63cf792aa4dc, 0x6dc45d918abc09f3, 0x31e8a28181ab5661, 0xcacae29869a62e16],
        ],
        [
            [0x0abcdbc3836d84bc, 0x37882f4a1ca297e6, 0x4f6661cbe56583b0, 0xf208e51dbff98fc5, 0x573cac5ea025e467, 0x11de24a2c251c777],
            [0x184414abe6c1713a, 0x3177686d0ae8fb33, 0x8c986533b6901aeb, 0x284b447754d5dee8, 0x0f5837e90a00e7c5, 0x8fa696c77440f92d],
        ],
        [
            [0x0937f0854e35c5df, 0x21317d7202ff30e5, 0x1cbd41f262573830, 0xc33ebcbb7f0f5da5, 0x226fe0d26f2d15d3, 0x627be1acd064d2b2],
            [0x1733a408d3f0f934, 0x04c45b8d84e16531, 0x99864f6137154416, 0xb2c95352644f774c, 0x1be6dda6c14f1575, 0x09766a4cb3f8b1c2],
        ],
        [
            [0x040f05b48fb6d0e1, 0x8b05526f55b9ebb2, 0x2d58cc9dfa7b1c50, 0xad6fe997fbea5ffa, 0xf29f8ebf234edffe, 0x283c1d7365ce4788],
            [0x64664cdac512ef8c, 0x30d84ede32a78f9e, 0xd9c92cd01dbd2256, 0x1a61d867ed799729, 0xba52efdb8c169047, 0x9475c99061e41b88],
        ],
        [
            [0xe6e9b269d822c87d, 0x5a3258d6f403d5ec, 0x900c3c73256f11fb, 0x45bf227fbe58190a, 0x75114297a6fa3834, 0x1692778ea596e0be],
            [0x6f6abfa4022b0ad2, 0x6bade1e9cdd1708d, 0xbd1c30c2ec0eec19, 0x22554adc6d521cd4, 0x835388ba3db8fd0e, 0xdcd2365700d4106a],
        ],
        [
            [0x5c55e4461079118b, 0xc388528bfee2b953, 0xc6cb1ee285fb6e21, 0x2216f7291e6fd3ba, 0xf1bf29b8b025b78f, 0x8f0a39a4049bcb3e],
            [0x262da4f9ac664af8, 0x9e743efedfd51b68, 0xb7678854aed9b302, 0x9a9b3d7ca3c400c6, 0x452c4a5322c3a979, 0x62c77e1438b601d6],
        ],
        [
            [0xa9cb2d13186658fb, 0xed8e85ab507bf91a, 0x931d5c29291238cc, 0x4f372d90b79b9e88, 0x678d29d6ef4fde86, 0xa669c5563bd67eec],
            [0x97784f6ab73a21dd, 0x296d8195248288d9, 0xc502df78c3b705a8, 0xf70119550c183c31, 0x22d9083db5f0ecdd, 0xa988b72ae7c1279f],
        ],
        [
            [0x26356f3b55b4ddd8, 0x4749b66e3afb81d6, 0x56c9fd14892d3f8c, 0x7fe935ed5837c374, 0xda1eeec2904816c5, 0x099056e27da7b998],
            [0x7d5dba8138c5e0bb, 0x5466d51263aaff35, 0x43ff93f41b52a325, 0x6fc4eed8dfc363fd, 0x688505544ac5e039, 0x2e4c0c234e30ab96],
        ],
        [
            [0x66da2ea77d2a7022, 0xda4a5e22da817cb4, 0x648af2691a481406, 0x8c2ed5e41f6d0e21, 0xab3ac421dcf683d0, 0x952a7a349bd49289],
            [0x9ef6bacce21bd16e, 0x031aa64589743e22, 0xb9028b096196b50d, 0x09fb8036ce18a0eb, 0x63052deae6f66f2e, 0xa0320faf84b5bc05],
        ],
        [
            [0xaaf1ca1e3b5cbce7, 0x9ee5f441abd99f1b, 0x6267bcd1f0f11c13, 0x9632bff9f01f873f, 0xafdaf5002ffcc6ab, 0xa567ba97b67aea5b],
            [0x6423a12736f429cc, 0x776bcb8272218a7d, 0x86329be057857d66, 0x5185595046932ec0, 0x644e4147af164ecc, 0xde1b38b3989f3318],
        ],
        [
            [0x37209accf0f59ea0, 0x41aba24dbc02de66, 0x5de541eb651cca2c, 0x877b1dffd23e7dc9, 0x6bbeac481b89d2b0, 0xe8c8f94d44fbc239],
            [0xd7ee5c9e1b67b888, 0xfc468ba05509de22, 0xc8319413a09d0f48, 0x33b86191e7728d79, 0x932bcbf6de52c8a9, 0x891ae44356fc8ae0],
        ],
        [
            [0x4b88701a9606860b, 0xa849557a10b6383b, 0x5b21f9f7da7c4e9c, 0x22a94156fff01c20, 0x8cc15c11d8135255, 0xb3d13fc8b32b0105],
            [0x985d588d33f7bd62, 0x838d24f8b284af50, 0x84d1114373dfbfd9, 0xeebac4a11d749af4, 0x1b049b2536164b1b, 0x152919e7df9162a6],
        ],
        [
            [0xa462b892401dafcf, 0xac8ebc773d157811, 0xa464fa9428a8583b, 0x6b80dff0e5152cf6, 0x5fbd88e2b231511a, 0xd5d89c3b5282369c],
            [0x6822b755ebab3673, 0xd1210cb8f49bf223, 0x9caba57e440a7aba, 0xd41d4fc40e2a3bdb, 0x41816d5e9a9448f1, 0xd815229de12906d2],
        ],
    ],
    [
        [
            [0x9112e340f47168ac, 0x3917d3a090080705, 0xb6971da1cc7fdedf, 0xcbd8aa258512e48a, 0x804100caa7f6297e, 0xf19c3f9b433eb6a3],
            [0x45e0b1762d8b523f, 0x1b7078cb39d2cf6c, 0xaf40b68bee4928be, 0x65d24d485a620149, 0x4a1e9b515d389045, 0xae61a171f610090c],
        ],
        [
            [0xc112b0ef98ead16f, 0x5478864706825d81, 0xa45c8fc05d71483b, 0x01034bc577258ff1, 0x7ef609d88a31bea4, 0xa46a47ddf4697305],
            [0xce20da3240448eeb, 0x1c25e56ca459fa0e, 0x8c96ec6b69f6fb49, 0x9944387663726513, 0x85854e37319ae899, 0x2fa72bd3d53e9d91],
        ],
        [
            [0x0f3e5c4bf4b400ed, 0xca6bc2cbe55c977d, 0x542d3323db939cca, 0x3689c3d1e3b256a2, 0xf2448b127d32cf1b, 0xbf9368b925fae31c],
            [0x6b122aa0abf2364f, 0x1233cf5bbed3e60a, 0x6afc3aee5528ddce, 0x028c85b9d6c16ad0, 0xbb2c01775abc0eb0, 0x4a189df6555cb586],
        ],
        [
            [0x37bc769c51032bf1, 0xaa3255a6236442c5, 0x8814adbef906a056, 0xbb7b6db56c89583a, 0x29676ef73b33ff31, 0xe6ca49e150d457b3],
            [0x61801510f83d65d6, 0x929083444782094e, 0x6989525d56e9baec, 0xab2683e72ced0257, 0x32e5722e34b245c5, 0xfba7e4ada13ddf51],
        ],
        [
            [0x39ecbe963960af31, 0xcf17f6c68dc45beb, 0x529d1ac9c9f90773, 0x76d384b1c9ead7c0, 0xcd2b14fbee807afa, 0xea2df0a94afd9e5a],
            [0xc6e8d771458beed4, 0xe47b0034fea706f3, 0xebbf2f585090ea6d, 0x20ea3211444eaa61, 0x9e7d6b8928f1932e, 0x803ab56f5a8e9b93],
        ],
        [
            [0x6df7a0363024dbf6, 0xe47668836d8b3672, 0x902804c2989bc730, 0x92dd5546552d4036, 0x5af28972b3f0a1f9, 0x89d29ed8d28af9f1],
            [0xb41ea6f70e6ecd80, 0xe3bae42352baf0f7, 0xe9d0e3f6044148fb, 0x78020c4561c47643, 0x74cdeb995b4fb4e6, 0x1c15a9f00ea652fe],
        ],
        [
            [0x2f0a8ecfff28f921, 0xb3c6f5dba74f058f, 0x44c0d818b18e6d24, 0x2a0e4a5d271e9472, 0xc061d5661f1936d8, 0x0c7bbc44ee291c28],
            [0x270a1a416a3faced, 0x923760f3f4eb442a, 0x8e942912f5d2952a, 0xb6df04e22be18c6e, 0xa2f87b23dcba1b55, 0xa3cefe096d30e0c0],
        ],
        [
            [0xc9002aab1d45a723, 0x53e95f4e14360bc1, 0x664b60e50f3e56a4, 0x742c86b13923e885, 0x7764fb2e242d62ba, 0xa71b35dce05d1a61],
            [0x7e448b99b6904e62, 0x2e706e9e07053981, 0xc9f5982352f40c44, 0x969402b14789d1cb, 0x11ca9df186bef1ac, 0x39661ecb0210eaac],
        ],
        [
            [0x7961575bbbeac961, 0x120b2bd7a7fd875c, 0x8b4c8339b82a2970, 0xa3d22984648ce733, 0x4f6f80e48794f92e, 0xe3bd4620ef0f6be6],
            [0x6e07cec59e348b14, 0x2b36871ecef03a50, 0xc2ad537bf75ba358, 0x5ed99a660af4d7e5, 0xfeb7d2b4b946a3a0, 0xee1ec3fc6a6f1f92],
        ],
        [
            [0xc1c5d5148ea0a3fc, 0x83d16c3d45c08aea, 0x470e5bfeeda804bd, 0x7db64c37a2d033c2, 0x40b885682c90326e, 0x31be679301b28198],
            [0x7bf8ea551c265b6f, 0x81d13e8fa671a2a2, 0x211a3d92019207ff, 0x9c7b0de94846bd40, 0xee29dee37dea1c87, 0x88dd0ed1b11f7ebd],
        ],
        [
            [0xe9da84f3f5c9bb9b, 0x3dd5d457ac531057, 0xc78b59379e496655, 0x20f8185cde7ac461, 0x921013d4956a5d8a, 0xf99d67414b0dc7a9],
            [0x7937c8cb1bf4d6a9, 0xb3e32d48702d6e10, 0x2a2ef8991d175eaa, 0xe55504e6512ea777, 0x8fe8128052d58251, 0x931e142fd52b4f64],
        ],
        [
            [0xe2038571420cebdd, 0x15c0f9abb0662802, 0xc2d2699131ea37b5, 0x2d959bf288e936eb, 0xe6f6c7ca6500ce36, 0x599a0b8fb55d0005],
            [0xb655fb8fb25d2777, 0x77d3ef47caf29ea1, 0x41be0684d7795f04, 0x3ec22ba973e890d6, 0xdd9d0d814ac3ee58, 0xcd03bf4b6dfdec48],
        ],
        [
            [0x04185909bba422d5, 0x1251688344d473c2, 0xac39f5e7225f48e3, 0x887b9f309289dbf9, 0x936453e312a250ff, 0x5f0bf8af7371bec4],
            [0xbbb11b179a135af8, 0x53ce50eef620bef2, 0x23d3b4a5bf4b7ff1, 0xbc763b32ebdd52ec, 0x45c3de323dd7b5e5, 0x5067fb37f88e180e],
        ],
        [
            [0xcc70f33b0d6efa66, 0x7e89b0d44a090709, 0x8823556153d22ee5, 0xad19492e8ad358cb, 0xe442f0821dc4ff2f, 0x3e60a28fbfda1c90],
            [0x0700c5cb51fba2b9, 0xbb29305ea383c67a, 0x622d24aaeff2d220, 0xf5c1585d979d5567, 0xa6f88ca2b76b7c0d, 0xff8ecfb6c30b5e5c],
        ],
        [
            [0xea0546bf702337fb, 0x7643494f87dc6495, 0x745022bc497a241c, 0x713ad735e24804da, 0x744d6156f7b67b48, 0xc1d4a8fe06fc6fe1],
            [0x9e6f01a9e976120f, 0xfb21a9e05fb7e58e, 0xa099dba9af6fcbc5, 0xbde7edf134237b66, 0xda53272286511c15, 0x1d67ea906ef27014],
        ],
        [
            [0xb5004b5dced7e5ce, 0x6073bb163706e5ac, 0x4fa63884c733aa38, 0x72c8dab9ecb75383, 0xeb3468e9874cd0d4, 0xdae976e4bee33dfc],
            [0xf61f4f0c28fd84dd, 0xf32b946ae323431b, 0xe8c517975da6e7e8, 0xa121a9365e9f0ecc, 0xed5b9f08ff8a86b5, 0x7453fe3054d9705b],
        ],
    ],
    [
        [
            [0x39c1b328d8ee21c9, 0x2c3e0c91558717db, 0x4b58808b3f8686a9, 0x4360390918141b1a, 0xd6e98b0d37ca7abc, 0xf532389a060cbd1b],
            [0x7a7e183923d86ecd, 0x31ea31b1085a4e9a, 0xbc40ce5abe643603, 0xbd22cfb2a2124163, 0x6f04caa2de3a82ba, 0xb9d2852cc3b38e69],
        ],
        [
            [0x969927c2779fa568, 0xeb0ef027c20b658a, 0x33df4305080336c4, 0xfb590ecfce9b050d, 0xd1bdab6c10dab49b, 0xa5c22c7da00ac073],
            [0xe5cb982cb77d597f, 0x6f3aa29e8ce352d7, 0xe17dab49d7f536db, 0x30ebed9f8b67679a, 0xdec9bfb542a66c3f, 0x9be8c8da2c89865f],
        ],
        [
            [0x7ccea65f9fbf5de5, 0xcc703c487f58dd3a, 0x8a91cb7cb5b8f7c2, 0x6e1a959e6b7bdefe, 0x64b3f91021d69d60, 0x0418585a723ee7d7],
            [0x6a7e5c7c5b797de2, 0xaa90698a0d83371c, 0x56ad8f91e4bd2494, 0x4e83ce078a0f010c, 0x741b85ff12ddb102, 0xf190be7e57543114],
        ],
        [
            [0x9e288ebbb932196e, 0x5166900f46db70be, 0x0d09305e4e978b12, 0xd65ebcaf5669eb85, 0xeff6eba448eb7302, 0xe90123163bd23b94],
            [0x9b6592a0822fed98, 0x111a6aedbd15553e, 0xf2490cdf2b9ffa4d, 0xde8c4e7dca741397, 0x3a0072f0b493f447, 0xbc486607ebc26394],
        ],
        [
            [0x925cbf46b820cc41, 0xd18151ffe2208a39, 0x629ed4e73084bc48, 0xf60b9d3b1338db1e, 0x5b9467e66292f5a9, 0x1a770f8f129fd466],
            [0x9861f6017845743c, 0xa0ab0a861ea8c133, 0xab88d4875dbc3fd7, 0x4efef311286a9c70, 0x7993c5fd468318af, 0xdaabebf43cc4c235],
        ],
        [
            [0x421b1d5c1d5a9710, 0x291d2ea8af1d1e20, 0x9f54e35e6a4a2925, 0x908b8fcd5c0d9350, 0xf543472870cf9e1d, 0xc9472cae24c40c1b],
            [0x04fb0f10f4bc26e1, 0xe6bdcc1efc2455d1, 0x2388b62c72fcf7db, 0xd932612af72b42a8, 0x39ed0892992f22ae, 0x9e769bd554f45176],
        ],
        [
            [0x9a5b763bcad68884, 0x5aa2b359e02c6677, 0xa3c6dbaea15207d5, 0x93f0298eb4e18052, 0x76962f417dd7366b, 0xc1e6e5e4fafebc04],
            [0xadaf35a2b7cf818c, 0xc29ff9a8c58f3797, 0x45e38fe0f8d84364, 0x5f70404b287efc35, 0xeeceec43981400f3, 0xf89cf775716aa814],
        ],
        [
            [0xa3c535f4758b8517, 0x71f93955b633caae, 0xf4f1cb39deb9b066, 0x0cb9837a39deef30, 0x2b787ae46140b28a, 0xa6276cffd19f6614],
            [0x47da54ebd4ff6c15, 0x5b81ec2afad4613f, 0x5a3911b3e2d88f63, 0xac1ca076e6ef2789, 0x0a0f7ae17886aca4, 0x12e78aaaf0118aea],
        ],
        [
            [0xe3035e8bb73046bd, 0x5d36c4451df5d737, 0xc1057efa78d58b7e, 0x1263dc6e16361f04, 0x4dd104e88b4ee970, 0x3a4efdea733bb434],
            [0xe196405e771ccad7, 0xf9f8363b61f44c47, 0x814bc4b707e01ec5, 0x9744cf5ecdb043a9, 0x744013ffeec7fdb7, 0x7b380b0c906e8df1],
        ],
        [
            [0x527d8ed2b1d359f9, 0x9218e3fbbeef6674, 0x6fb86b1b72562a01, 0x2411da0c53d60338, 0xae55003910eaa6fd, 0x6255b7c66dee5aa3],
            [0xd32abae0dcc02d5b, 0xcaf711b9480d3a5b, 0x53a49bf401d9bc8b, 0x32603a479d0ba2b9, 0x08fac2275c96c5dc, 0x24d66b81f12a1ec5],
        ],
        [
            [0x2530775618a2ae91, 0x54e727e856e55299, 0x5bc04a032beeb8c6, 0x3ef248fec1feab42, 0x32389c110af8a3de, 0xe3d3b27d0d8690be],
            [0x757dc8e9ec6b2aab, 0x2b9802ea3beef187, 0x94e65eb71297a5aa, 0x403879dab5a0fe7a, 0xcf84aa5dbb3e880f, 0x19cb80b00c8c4aaf],
        ],
        [
            [0x4f66a761c642bb19, 0xf68c2cb6e7acc95f, 0x2a8049dd09af8a0a, 0x2110018b9f5fb70c, 0x8d5ac04171b99e4d, 0x0a8e6315d8e279b2],
            [0x405acdd0eab47d1c, 0x541db3dfa0b72dd3, 0xe5db6e11c60bb274, 0xd4b58e15b9023d22, 0x1713f7c3f902f9b0, 0xdef711fc597dd830],
        ],
        [
            [0xe3e631f2a0e7d1eb, 0xdcff73bd59a78c6c, 0x442690869f0429fb, 0x1c05f2c33065dc57, 0xfbb78089d82faac6, 0xdf181e550b10e502],
            [0xa1922ca7ff3ad464, 0xf4eda4c30187561e, 0x9c954a5fe792b218, 0xbc741abe7a6026d5, 0x72e757608cd734a3, 0x476fd1648f533d5a],
        ],
        [
            [0xd07b7e8bea9707d9, 0x5f7c554e562189d1, 0x5e85beae4558d2d7, 0x94383978ff9c88f5, 0xd718555317771ea3, 0x8639267759627bdb],
            [0x5b4d20a91d0f432c, 0xd8e01dfe1b13408a, 0x10995e3825148537, 0x69270f6fad0880a1, 0xd32a0b59b9e1b53b, 0xc732e647b0d621f5],
        ],
        [
            [0x4157898036e48931, 0x790cf3d3e0418765, 0x7f2fef396c065fdd, 0xc6749ddc6f0db54b, 0xc17bc40d1b7ea9fd, 0xec5178a186bd702a],
            [0x22895800e6276d0d, 0x9239f5d181deca0d, 0x6e252d7261f65d04, 0x281a7d2491b32ee9, 0x6c83ee80cba1ea69, 0x3afac506992051b2],
        ],
        [
            [0x9703b2f6364f3d9b, 0xffe3075972dcbd76, 0x0a8ce94054a63592, 0x422454f0da220c9b, 0x7dbe997ec1bd4c63, 0xa3f973765d6bd8af],
            [0xacbdc0141fb62abf, 0x9fe70e8ccaba0102, 0x19425828076eec6c, 0xf72bf2a53251dfef, 0x061b2bce4e84c4a3, 0x228c222833435953],
        ],
    ],
    [
        [
            [0x6f5e0f5d2805e596, 0x89bba01d26281050, 0x712e1253ee0d124b, 0xd214b583badc49fb, 0x049f9294aaf0c000, 0x4e5a9dfe6ac2c3ef],
            [0x965622c691013e25, 0x4b8f321bced6e714, 0xb5a0603d0051e057, 0x81a2b6587a5e5a25, 0x7bdd7fa6306b5712, 0x526f1b07f6acf171],
        ],
        [
            [0x8d0ccefc54a20f0f, 0xb74dd3e52d7a2bf5, 0xb84d53863d5128c3, 0xb1c2a5bb841447a2, 0x8ac9a1edbcf843b4, 0x6a985fe8c9e99c01],
            [0xbcf6bac890d636a3, 0xe33f37bd42fc437c, 0xbd3632efc4212524, 0x6aab161e7fa12003, 0x2c4c0940803f23fe, 0xd096128b418aaefe],
        ],
        [
            [0x13092201ae948731, 0xf30983f32570b6be, 0x1695676d2226ccdc, 0xa07e761e03552486, 0xf01289847d6c4eb8, 0xd39a39b13c5aa103],
            [0x84286c0657da5c7a, 0xde6c0e326c6124d5, 0xad856519fb19cc06, 0x6bb8b902c7d9918c, 0x5b9a533103671a21, 0xd73f96b7bd8775bc],
        ],
        [
            [0x9321e632dd33f658, 0xa355a642d079f1b8, 0xd40d2f799d544c01, 0xeeeca14af141b6ae, 0x1ece663e0aa2c0e1, 0xf5b63054672d46d1],
            [0x1a856428492dab78, 0xb14f78f33e214c24, 0x1ceb2cc3e043f4d1, 0xc0b478e154b820ba, 0xd31c0473956847e7, 0xd09b496715ad2ad9],
        ],
        [
            [0xc9179a6a373703f5, 0x4e24749c8351d281, 0x919de6f94ae2ee50, 0x67f4e43938287c10, 0x990c855172668e03, 0x463eb450181f57a6],
            [0xc7114244601ef99c, 0x6a4df41c701382bf, 0x2f4c4a4030206e8f, 0x31f2982352fd0fd2, 0x8591518f3c7c2939, 0x8d6a583ae9d24086],
        ],
        [
            [0x11e8e84b3d59b9f8, 0xf73de629948adcc2, 0xe8d665d01e2e5fde, 0x062f970df5a67c0e, 0x597a4a520ee32c7d, 0x2188ee80b5ecd6e9],
            [0x02e11252fdf8e7fc, 0x7e6c0451bdf94a54, 0xf701fe08b277862d, 0x3cd0325e36b43cd8, 0x35255057d294f7a5, 0xfca0578fdf272827],
        ],
        [
            [0x06e4c121a9f924f2, 0x1abfec315a962d24, 0x7a319d45bfc3586e, 0xe86766cffc045087, 0x0a092effed99dabf, 0x7510bc90f6306683],
            [0x3ec97dcefd4c2c1f, 0x792380f741a9877a, 0x9a4c2bc761a6ab80, 0xdb0c21cdde1bd5e0, 0x50bc30fcf51881a7, 0x7a9b375e10bd862a],
        ],
        [
            [0x54b76ad9aec56242, 0xe9030b07456a57ff, 0xf76b6b2aabcae1f2, 0xf07b82b0ea31e4ee, 0xb3adf2871d936522, 0xc34fdec3c9dd7bf0],
            [0x4f1aecf94087efc9, 0x140d048fb97aba7d, 0xccb5fef8d9d0c760, 0x06a250a5bc24411f, 0x7ab935cb119f3462, 0xcec34ed808039aff],
        ],
        [
            [0x0a7351f5c6cd8bac, 0x3e0715a0deca6714, 0x3ba2e9fa4412d372, 0x8fe8260e0979a829, 0x3e6a79987c947d9e, 0x5806cc2853523878],
            [0xb12e478df2ee2036, 0x1ecd609525c7607f, 0x95312fd1a48f137f, 0x0cd405d5fd954e5a, 0xde7f173aab1457fc, 0x639e6c230e7c381b],
        ],
        [
            [0x1249437ecbd8de9e, 0xf566778b2333de44, 0x83966a97ca379fe4, 0x890c64296d21d633, 0x5833153d35f6bfb4, 0xaa0e5a489caff98f],
            [0x7535f735e66cca1a, 0x88ef58ce541f56cd, 0x6096ddeb6c0f3afb, 0x9b54716d68e3c051, 0x590636c1806fce54, 0x3985391f337e6ab9],
        ],
        [
            [0x3df75c83eae1bc96, 0x317e975218153a8a, 0x7d6a4034d3fb2bb5, 0x881db1fced8e4037, 0x24f1b980428d3691, 0xcc3d6b63b38257bd],
            [0x7e7d2dfa49fd6d4b, 0x8c82813ccd1a8618, 0x2e70f310e90e1de2, 0x421e79fc16df9995, 0x0c0ec4d3188771c8, 0x8a3de7ccf450f88f],
        ],
        [
            [0x1d69332ae071e86b, 0xefd04150f2a8bdc9, 0x1994bbc38ae0bc59, 0xa0c8d8855dfc6eae, 0x3b8efb8cb0dbab2a, 0x199b9a370cd0a8a1],
            [0xdcdbe90d6216e20d, 0xf8931d0d4a840fd6, 0xf7e7803408a054bd, 0xf17dfaefacd34d05, 0x044b105d11f512b6, 0x8bffc03e36270b68],
        ],
        [
            [0x152875291461c7dc, 0x3a68b954239ec185, 0xddbb71fd7a7c5f95, 0x602ef0b8d9612510, 0xafa267c6a8919f64, 0x36b74e37cd6a93ca],
            [0x410977b1f1ba47a2, 0xe60832f164beb33d, 0x764033b9dafd2c34, 0x863c9f322aea0987, 0xf0724f3c6dd0a91c, 0xd70dd8d2ab382fff],
        ],
        [
            [0xad1c2eedfe0b214b, 0x00f685a6e04dc13f, 0x3f05433361fbbb98, 0x3cfabd0d71bc0534, 0x1e548359a9aa0bb8, 0x1bd6995c8ee5a106],
            [0xabc616170ed1175a, 0xccc4cebcdb6e2d02, 0x52397f489a2e24ae, 0x588f2a05d59a13af, 0x51f28caef95c5f89, 0x469794d0678b9891],
        ],
        [
            [0x92c29c40bd28d60b, 0xec6b5f3b4ed58230, 0xb59426b4719848a8, 0xc4550eee1e4734e2, 0x9bfbcb026a7811b8, 0xd710f8d06d567a06],
            [0x2e08631749eebe60, 0x95d654853b4f2c9b, 0x923c92f57f2b2fb0, 0x82cb0bbad0eb2139, 0x140ef4175574621c, 0x7c157bf3d2e4fc93],
        ],
        [
            [0x2606311837d6c1b7, 0x6176a0eff99591e8, 0x8c6750b96ada2064, 0xf5035e9a3eba3308, 0x22046f04921335ed, 0x4f769c4906508f45],
            [0x9bde2f072c18581e, 0xa8a4a41344b0f2e1, 0xefbec9a6ca599ce5, 0x994d283d8c756857, 0x4193702968e2eda5, 0x7e35d102849988cb],
        ],
    ],
    [
        [
            [0xa628b09aaa03bd53, 0xba065458a4f52d78, 0xdb2987894d10ddea, 0xb42a31af8a3e297d, 0x40f7f9e706421279, 0xc19e0b4c800119c4],
            [0x822d0fc5e6c88c41, 0xaf68aa6de639d858, 0xc1c7cad135f6ebf2, 0x577a30eae3567af9, 0xe5a0191d1f5b77f6, 0x16f3fdbf0356b301],
        ],
        [
            [0x2488a5e242167978, 0x21602406047cb677, 0xbfd5aad64b533913, 0x21511ec70b6e7624, 0xb38e9816ac359672, 0x9b793af458a9bde3],
            [0xa8448af044999a6d, 0xefd02e821f1061fc, 0x2f04dd33de5f9256, 0x822a5c687a770f81, 0xb24c6dea5ded11ef, 0xb4744f7dc0f02eb8],
        ],
        [
            [0xc6d13d9055de60e2, 0x88525311345523a8, 0x412788de72320efe, 0x623be1091e0922c4, 0xf820ca874cdf382a, 0x1a509ee26fabc337],
            [0x2123b6403da53b9d, 0xadded6ea7c7fa6fb, 0x47cfb5b11f77605f, 0xaf3d0a9e581798b7, 0xb9484b480e0efa1c, 0x9a8d3d400bcca1dc],
        ],
        [
            [0x0eb39da6d89f1162, 0x699891a6354c7e1a, 0xef12df0bf0859640, 0xd6d99d1ed631d06b, 0xecf48637947c24c0, 0x085bca8c6c8a9679],
            [0x3d501ec08e8305e9, 0x9072c1f32a29f618, 0xe64a440df1ebd179, 0xaaa5efe7b065d78c, 0x2ed806f8724ecc40, 0x23fce909a8cb1cc5],
        ],
        [
            [0xc5405556f13d61f7, 0xb2ec62213b5e93cb, 0x99a04bbf5d54eef2, 0x5ec8010e2c6a2774, 0x738eb43dd2f845cc, 0x4a8217c8e8cc4419],
            [0x365707829026fbd5, 0xe2a5656ca3a04352, 0x93a8ffa5aa6ee304, 0x7a68a8ed13267b04, 0x6c9fc6a53eda619d, 0x91306dbdcbc98625],
        ],
        [
            [0x04679e7b1c35daaa, 0x936ab7947484a662, 0xe9bccc6e1da61f64, 0x788fccac9cb38b9c, 0x901c725c438504c8, 0x3b8d7fec88d1ce09],
            [0x14b9b687c6f9a80c, 0x2e1c5958d846e881, 0x646994399b7e151c, 0x30f43933cb5dfefe, 0x27d17a6c15bc7e99, 0xd33930fb1cce2267],
        ],
        [
            [0x4eb8364d4f3bf0bb, 0x2f7c46cd22f78e20, 0x00098538b5829b86, 0x0d57f75a87750110, 0x5fd943bdd58e4b2d, 0xddde438ae7fe418c],
            [0xeee61463e6173c57, 0xcf32925b999add1f, 0x7088c49da6f2dacd, 0x734ed3a684d64d33, 0x0efe506d140f34f1, 0x87ce6a49d7917ea9],
        ],
        [
            [0xaefea69f3d36263b, 0x00ed9abb9fef7208, 0x3291757f84bd8434, 0x2a8f69989374df94, 0x1d2f03cf2e93f34c, 0x9c9368184eadad3f],
            [0x916baaff916cde09, 0x8317497dd62df5b0, 0xf5d41e423a0958b0, 0x8d7d6d6a7f1317ea, 0x0a41b8aa3d48973d, 0x953b874302848605],
        ],
        [
            [0x5834d4f7db6c1be0, 0x773174ade385be74, 0x7341f958af1b2721, 0xd9a47617893a764b, 0xc94be86415ef4658, 0xd4ac6ca5588b5558],
            [0xa68932ed604e818e, 0x5649d764e40dd43d, 0x64150312f4d87503, 0x8605b3039ebfcca7, 0xd9af8db89ff51269, 0x99324d723d21f15a],
        ],
        [
            [0x1502e6982e86e522, 0x21eeb8a088993da2, 0xd38350f653be209b, 0x0d9e3b88dad1f294, 0x8f8d94c4db303dd5, 0xb35462b7fa19b2ea],
            [0x2f1d9e05ae467e44, 0x56831205581096aa, 0xb8f6fc4092b91a35, 0xf439db14181e7984, 0xc4f6a5429754314b, 0x59b6bc3a99c9d3ba],
        ],
        [
            [0xd10ca702a86b8e14, 0x4646c2572e6ad902, 0x4e78c9326d4775c7, 0xb20d327ab44da1d6, 0x283c8171ab5f0adf, 0x3d19f7b68598ea1c],
            [0xc6278782a55e2f41, 0x3498e52a4087d5ae, 0x6c32eef25e1dba66, 0x3bca0e58cedad478, 0xf66c491b525a584b, 0x3b584e20861bf7ac],
        ],
        [
            [0xbe9ce6b5f3eecd41, 0x9e82706131429dc7, 0x30363910962fea17, 0x44e5a1f514314462, 0x7f46f094c8ef17a3, 0xffbd59ad1d18ab9b],
            [0xffc0f826baa51960, 0x9437151f516d46ed, 0x4c0cb0f02b05c925, 0x2844932bbbd3f446, 0x69f381d6e16351fb, 0x6a09dd83819eb0d0],
        ],
        [
            [0x5426c15584bf0f5a, 0xb905c03e035e69ab, 0xef46906881ee09ae, 0xd3be245cf876e128, 0x0c0c95778fb3a10a, 0x0721e722e78b4230],
            [0x89029149d9f6804a, 0x4e0df12a2adb450e, 0x57263b126fdbcaa1, 0x8f6958667324af40, 0xd37ccb7b6f07dc61, 0xb43425d7792071bc],
        ],
        [
            [0x33d850e504fe1bea, 0xd19d90776eff752c, 0xbfddbbf8b3e0d01e, 0xab7513e324e42c80, 0x5bbebf5ab65cb17b, 0xffb23ecc8987931f],
            [0x9d3111f4818bee09, 0xa7e823e3cfb3b0a6, 0x79898dde4b26ca5e, 0x310869b83d6dd8a2, 0x2672f8f8624489a6, 0x34364adc20da6c67],
        ],
        [
            [0xa6efa42d1912f701, 0x74bbf4ae28be38f9, 0x04206e68132d5b62, 0xf78c1e3b322dbc55, 0x256c2ece57e772e9, 0x57aa537d68956272],
            [0x6958fd4e026e09d0, 0x86b1e009aadd2baa, 0x83b1d3b1358784c9, 0x978c9578e72880c7, 0x6ebc3f9e0c6be476, 0xfd99d661ed42e982],
        ],
        [
            [0xcc794d81bc7c0795, 0x3ef70872bb66b55d, 0xd7b9e34004ff152b, 0x16543ced87164fe9, 0x96880dfc871a332f, 0x96b2eecba9e60062],
            [0x8f80a433d3eb1cca, 0x27a8e3fd0bbac091, 0x738590eea8ec664e, 0xaa3dd92db2cb7d0e, 0x76c846cf37ea27c4, 0xb9fb524a87b431ed],
        ],
    ],
    [
        [
            [0xb3de52c7a213e83b, 0x464a92d055db2392, 0x0f54907fa76f70c9, 0xf03811a5455c1c82, 0xdbc082aba71bfebc, 0xc6b405288edffa7f],
            [0xc07bb07de3636016, 0x12b29e9a4c00333a, 0x888e190753eec121, 0x64acc0d1640707c9, 0xb78ca0ff03519fa1, 0x5c88fb72c6c4eafb],
        ],
        [
            [0x7f4101d64188663c, 0x6a009b2827faa879, 0x020467273e5af35f, 0x7ae4db886720890f, 0x1f23d0d69abb9dd7, 0x18c75c58934db08c],
            [0x17eb36e70faf9e97, 0x5948a86668c8b6b6, 0x15f39a0f457ad776, 0xebc4f11a818dc440, 0xa607e6a70bb0a6f8, 0xfa590875c653da04],
        ],
        [
            [0xbdd4b2038bf77bb6, 0x436aabebb37c91fa, 0xc7a859b7067d6b1c, 0x4a6820feb1bbdcc6, 0x8451baa5fee3fd00, 0x701d14f863902d8d],
            [0xf47c0f3bc68211fd, 0xc1441e920670431c, 0x55b2baf154119890, 0x69bb3a8b0ed785cb, 0x4600c6c21c6c6429, 0xcb7b67b559b549d2],
        ],
        [
            [0xbb47ed31e3f96728, 0x90aa314c57fab67e, 0xe0f5d7b6bd58b9ad, 0x97bb90f731747810, 0x4c04945521192797, 0x8ca96ac03066a6df],
            [0x6aaeaf7bcb3caa40, 0xc38c12ef77d5a0a1, 0x27e35269905d2d97, 0xa7f49c92152ad93f, 0x900e9da24e0239d1, 0x4e9bf508b14cac62],
        ],
        [
            [0x1a3d31d679d31448, 0x2b83506b3c4d95bb, 0xb8d037ed4dd52a91, 0x61eec524cfe79e95, 0xdade55aeedf1dd94, 0xd3fb154965ff710d],
            [0x78701e420f26d7b2, 0x4b00cc3a0506bff4, 0x00f1daf9d8921a1b, 0xfef4ffe3ea792a95, 0x15b0132fb84f6477, 0x768ae80c5a0d2599],
        ],
        [
            [0x30a619c781a7603d, 0xf8358a1917f4f168, 0x21abe264da1c9551, 0xe73dacff95bdff8b, 0xfe912f2be0728804, 0xcd99ff4257636491],
            [0x915c396e1a684eb2, 0x976bd8126d14c758, 0x21110f1f645fe534, 0x6c8e744465d61a5d, 0x1903f9fcc0e3c2e3, 0x1faf8d94a0904a90],
        ],
        [
            [0x20527222e898cbcc, 0x2cd9ecbe4e98e6af, 0x6325b6c498ffaba5, 0x515cfcfe8f929849, 0x84149035b15d2945, 0x7e31368290f31a67],
            [0x148c8386713398bb, 0x99a0bb57d0d5a059, 0x4ed79afa842dd573, 0xa48c501fd4b85463, 0x8b4d6bc6c284875c, 0xef81bc42db248191],
        ],
        [
            [0xe1ad1f37f9bfcb4b, 0x848551f661431bfc, 0x3608801c083e4216, 0xba005bb7dd887855, 0x82d0ef7cc51f1bdd, 0xca5085364eb39b93],
            [0x53703ee66a98be1f, 0xff277be90549a527, 0xa65c35d85cf633bb, 0xdb13eb2ec1ee3b09, 0x3232f91af62923f9, 0x45a5e9e6719b4d4d],
        ],
        [
            [0x0f8ccb8c02beec15, 0xeeb4781133fd8275, 0x54774f9a017a78b3, 0xb0f2735734e738cd, 0x008cf2c24618b9de, 0x97b0175fcbc8b0b8],
            [0x8bbeb8faea989a65, 0x5d3b1f03b7b32eac, 0x866e7322922ad734, 0x3bff97b805b91be8, 0x2816e1512dd9f0b9, 0x96b15a2615b223f3],
        ],
        [
            [0xf05b8eef584666af, 0x1622e2a039b22b5c, 0x47aafc4e13258907, 0x089d6b47e6d4277d, 0x2df0b0ed3e9c3d8f, 0x13a70979a86d8d22],
            [0x7940b55f67931f9c, 0xf877f3e0e4f6bee1, 0x9981f18acab1d8c1, 0xe3cca55f466b5671, 0x2d7d6449d769fb83, 0x2de137c97c156a50],
        ],
        [
            [0x5aacaf3ba9ebd965, 0xddd33e697e661060, 0x878ddde3d49844a9, 0x15895e313478a8ed, 0x763d4fbb35d925e6, 0xc441be752438b790],
            [0xd8141ca0a03c20cb, 0x03e7c6f1bcef63db, 0xac79e6321aab6ffb, 0x58b3595882966305, 0x6e1baa825ea8bd95, 0x42c294de3f391bd1],
        ],
        [
            [0x774a22abba2eca25, 0xb174408b8883e397, 0x68c6ca7977242e20, 0x341dd8936e0f6d1a, 0x2c4335bda25fdcc5, 0xadd2c4a138525fa2],
            [0xad47f7d03e522edc, 0x6e4760a25d762970, 0x1bb2e84401bd83b6, 0xae3e6e96b1aa9b05, 0x2be16e3ef0788961, 0x5f9ac52c69f52c50],
        ],
        [
            [0x994cbb202d0f89d0, 0x248e3c50675f5c14, 0x64ed6cd133add13f, 0x1f5b7bacb7110f88, 0x7a42f5c426b16ba4, 0x9c49d432ecbc886e],
            [0xa389fac08142cdd2, 0x5ab90db2a7cd9570, 0x6af7f10b14a1f743, 0x54fb1dbb8ec78f65, 0x4fa0053dbfe74c3e, 0xdbae4f2a5666a453],
        ],
        [
            [0x6eb5e119e1b5495e, 0x59ecf550d43c2e10, 0x8b0559d1b78e5aa3, 0x1bb5eaa189a47a90, 0xef1c209676b2a96f, 0xb95ad1bdcff20956],
            [0x9ef2d25a58d2d17e, 0x37f79132b6f68046, 0x056b972cacaa0506, 0x40656fc8e5caf43c, 0xda65ac1e4cde9afc, 0x08526f852b3f1661],
        ],
        [
            [0xb4878504f5538bd2, 0x8ebdd1276f815dca, 0xcf9db9909fdd9dfb, 0x87765cee6b1268ca, 0xc06dca7ab189df37, 0x06fbc73a3a78311e],
            [0xe15508e671cfba00, 0x16a9a1a287e2a7c7, 0x352d8ba499918304, 0x79f99441299e2629, 0x43f454d3153b21e1, 0xd8a3bcbdde9ae507],
        ],
        [
            [0x0aa8984aa8492b0e, 0xa8d57ab93281b1ab, 0x0880535aa774654e, 0xcb15d86f978aea8a, 0x926e0999daf4eed1, 0x88a2cd73c68c9e4f],
            [0x17e0ac0bfcf69d9e, 0xf8fb7ddad99a80f5, 0x3cbc116c2bd8bcd4, 0x40c015d99732c221, 0x2e0ebe2e27e929e3, 0x93cf558322a20838],
        ],
    ],
    [
        [
            [0xe4bfc2c04905ca71, 0xf33a450ad156f761, 0x3d8b29dbd08848c2, 0x097da395a2309686, 0x211905035f4972d7, 0xb2d1055817cbaa12],
            [0xddcebb55753ee324, 0xe87ab07c6924666f, 0x9b475d744ecf1a68, 0xf82be8f52e6236c0, 0x237c0dba3cfd056b, 0x354cd872c3c6cbd2],
        ],
        [
            [0xcb66c2663cfa034a, 0xd2d955589e2e7aeb, 0x26317550377c82a9, 0xbafe90efe8fd496d, 0xe9df1fcdfd624bf0, 0x9a568abfe3700a44],
            [0xff64f9ea838be64f, 0x060ee9e8d02797e1, 0xb7b3c8dee8facc2b, 0x4d208741b6ec8a84, 0xb6349601b3cb37e8, 0x79569fb87d0903b5],
        ],
        [
            [0x9695f73575e58cef, 0xb19a9fbb28586396, 0x546404d46de55f63, 0x616051990850907d, 0xe0182345b2d31bf7, 0x8472b9637604fae7],
            [0x92c2138749b28e0d, 0x45fb72b75299efe1, 0xd631e4e97add939f, 0x0fa7cfd617e9d6cc, 0x42a0b0d6cbb0f7b7, 0x251467f2c8741294],
        ],
        [
            [0x80d859b4b67bbf60, 0x1344d820a5c002b6, 0x81ff8533bfff181f, 0x8864f1238c958320, 0xf7f61106295d4d6e, 0xa6cb192cb45548c9],
            [0x8347afebd63f2eea, 0x018c2cbebea379de, 0xd383816b2c63c212, 0x97c4fc8356483d81, 0xc43ea9d216e6a4b3, 0xcd4d4767e26e4d87],
        ],
        [
            [0xf3cbed25c2dd943a, 0x007da251424f5265, 0xf5d115bc2320c788, 0x990bec9131753e2f, 0xfcad1de573b122e4, 0xa94cb07b417acc6e],
            [0x2223f73ab9516d33, 0x40fa5182878078db, 0x3ca7a5717969fb88, 0xedb60b9b08be7280, 0xdb109846397562be, 0xa76546d4bbf4dcb3],
        ],
        [
            [0xd2fde863e79cb83d, 0x59383be296fbf06d, 0x2b2920324083ed17, 0x7f1bc1c12188a10d, 0x7fd40b01fd0cb3bf, 0xc09cb14bbb6524b7],
            [0xd330997b584c96f6, 0x4f2dc913a9a69a65, 0x9989c1fa3305f708, 0x4266f72326b20e70, 0x3e12b76051dd3721, 0xb6653c1c4aba4809],
        ],
        [
            [0xf772079d7a92e055, 0xa8f5a88bc6b8da27, 0xc2c94d2df7a9cdbe, 0x24d587bc7625eaf9, 0x0fde8f0660e6eb6d, 0x186d6834241ab899],
            [0x2293e645ae4c265e, 0xf033a2b4efcea481, 0xfa81c6ae65151eb4, 0x1d6dccbb347ef924, 0xff88fde20e9d1806, 0x0a9fba17106c9a0b],
        ],
        [
            [0x3d45f7e147904a7d, 0xbc2f605e8f31f856, 0x3d7f6684a1a5125f, 0x1e72f659090e836b, 0x4f2919be6705fc4b, 0x07054c1d60828105],
            [0xaf6cb44ba4cfb68c, 0xad231b290d2a2e0b, 0x8f0d6d804a6edca0, 0x3a45bf30c40f7bfa, 0x63a7ebe7aff15973, 0x3cbac09756160acd],
        ],
        [
            [0xbfc7abb7b3861542, 0x16d6f9144b7ed1e2, 0xffe0eb17b46f837d, 0x7b9a656ef246a586, 0x49ed5a2d289d3a4f, 0x4d19c787f3032895],
            [0x719dd3daab66bccc, 0x1b30784fb609c245, 0x538c49bbd3bf8652, 0x3835eaffea2b7840, 0x6eb37cc388abc586, 0x6211c6a9781496ce],
        ],
        [
            [0x305dc28df82a947d, 0x81a42cb4ac56db28, 0x98558ed8eb40935e, 0x9189ee58a42a5062, 0xee264ce4dab217e0, 0x864e323b21a4912a],
            [0x031ce2b4316acc55, 0x2e7cba2fd428c8d9, 0x4c6f4d8f907fd632, 0xc4c2d5ff38976a98, 0xa2f6deba5913a0dd, 0x1129d82f2190c4b1],
        ],
        [
            [0x3df7bb21a4833e4f, 0x627608bdc70f9e78, 0x12fff68f36479d0b, 0x6a75bf6fe51d8855, 0x03f1310f1c5ac1dc, 0x529ff0dae8c3b111],
            [0x293ca7a2559c8274, 0x3a5f3041639168fb, 0xe42c6d006cbfd162, 0x5b6b16eef7e99005, 0xd3454a0197d3bb0d, 0xb8cf21e81c3368ae],
        ],
        [
            [0x6c01552ca88e537c, 0x6fe02a4f6d390127, 0x6fe3d8a9e5b89673, 0x949fb457a0803ad5, 0x3e082091e130879e, 0x61b6e1bfffce2c63],
            [0x4a89246ad9cff015, 0x669e337573ea0ff7, 0x813e21105f469a4c, 0x43c19f3839d795cb, 0x553ac492aff5a2a4, 0xa5bbd8992ee31219],
        ],
        [
            [0x9684c93050295856, 0xffc8c0bd88ef060f, 0x90f218d0ad840206, 0x05fa1f25e3f8f6bd, 0x79b53d41796aa45e, 0xf09eba03bffe5623],
            [0xa99b769b661e6664, 0x386af0363c837fa0, 0x96562bcac831e4f2, 0xe3a43baac3c0b6bd, 0xacfc3e6417e75674, 0xfb144a63acf26deb],
        ],
        [
            [0x1276fc84aa1c4b75, 0x55813dda855e364e, 0xd0b44872922ef94a, 0x306db79043b4cbbd, 0x8a016065d9441f28, 0xd2969126391a548c],
            [0xff7e9c1155c8f4aa, 0x316f3dfa856e1f3b, 0x9ad916586c07e31e, 0x51f358f4d10f70de, 0x7cd6296bd822402e, 0xe7f2549a56b95679],
        ],
        [
            [0xc9bbbca8f470af50, 0xf799f9034694df91, 0x5fcdca2f8f5e4ef6, 0x0ec6779b81dc4e60, 0x100c17c6fb0baff0, 0xeb1833c955e8ab1e],
            [0xb2e79219e73796d0, 0x7c8f1779865e9128, 0x69a38e7c8658bbd5, 0x840e2c3c6d523f68, 0x48bf00e6324ffba5, 0xb75b527d4468de4f],
        ],
        [
            [0xf9f5d75b3f943745, 0x4392035fc3f49b85, 0xd4d06a5331f666fc, 0xf8b09ef0923b3473, 0x56978ebbece2e50d, 0x83838b511ddd0f09],
            [0xce66a52d3944b6d6, 0x988451ef20f79db5, 0x4300b001d582bdfc, 0xb22f9897147bb6e8, 0xf8b944ee10685251, 0x4c34f592c5a20177],
        ],
    ],
    [
        [
            [0x35b2e4383f385d2b, 0x6e668ac4932b516d, 0x8a1646fe51a3599f, 0xaee309abd12c0f3a, 0x0231423bc46da385, 0xf23c10b4637ee943],
            [0xc0bc215d22248e00, 0x9ed447e3d45f6553, 0xaf084771daad7d1d, 0xee94bf701f2d8179, 0x1e8c72ad267bb3fd, 0xc425de168de7ac78],
        ],
        [
            [0xd4706a5fe4cf3516, 0xcaf7ce38eb890170, 0x2857a93b9a93f60c, 0xb74274b3c3083861, 0x44f74473cc82bd11, 0x78930b41340b38d1],
            [0x4d3132d2005b8520, 0x624d92a867b7c1af, 0xa885d8566df4dc5f, 0xb9e695bc567d8d9b, 0xaaa97f0667d42dbf, 0xf2323519eddb9436],
        ],
        [
            [0x42a4d006d20b2e50, 0x3c16c20eed232d4a, 0xec5d8b89adcedda5, 0xa3b2bd18684c6514, 0x4cac2455242a6fe4, 0x92ba26a4d1335fbe],
            [0x9061f71617100b52, 0x63dc6efa89042401, 0xacb2dee8b5bfb627, 0xec9b221971a55c70, 0xdc239d81bc6268ff, 0x6882255959b0725b],
        ],
        [
            [0x48afd672c8a9e3d9, 0xe5de85083e9e6a13, 0xed554f1133a30e90, 0x9d2afd1805ea7cf2, 0xdcdd9894a7cc10dc, 0x6d195d95cf138aa2],
            [0xfdeae586bad8b45e, 0x42e73f82dd004870, 0xa00691efb2daaf52, 0x8b615c3f7d0a0c2b, 0x2c7caa846b2febb2, 0x3ba9215d84d1de32],
        ],
        [
            [0xda52e57f00ad744d, 0x89638528a789df53, 0xd23fba2d4de1df0c, 0x656aa87dc37cb95b, 0x9a5d936633c056b1, 0xbf4af30bd1f0a3e6],
            [0x6ab012fef98152da, 0x7ed2ff2568eb0b65, 0x67b886af29469ab4, 0x2d07dbc728293c53, 0xde88dbd7d3745d7f, 0x6ceb6b5509d2eef3],
        ],
        [
            [0x7f8f4c98437f4a86, 0xaf08e473656c4d02, 0x95e8c3aed7d94aaa, 0x218418f4638f4245, 0xc271303d4793ebd0, 0x681186267f6f5e0d],
            [0x5d8b08a745439b36, 0xa9c6dc8864178f7b, 0x36e18e1eee6198ad, 0xeb19a427e6805594, 0x031f88fade23a890, 0x87f9adbfba95b3ea],
        ],
        [
            [0x3ea12cfebd0a33bf, 0x4f3a0f55f9b84c60, 0x47e73c8a162352fd, 0xc0983027ea00fae1, 0x80d32ce6458c1a60, 0x5c8a0ab598eb8f07],
            [0xabbcb2b143e90d42, 0xe8cc6419c22fbbd7, 0x81d8e136a35059f1, 0x33fdca2892664d7e, 0x60f441db5432ec92, 0x2047d9a33c8f0673],
        ],
        [
            [0x12d469071c013803, 0xcb54c291080e1ce5, 0x1ee1996a74e886b4, 0x5dd16c462b309922, 0xfcbc54bfba989367, 0xf88a1c9e3e37c75e],
            [0xd31e2341d9ef4532, 0xc9fc3c24f50af35e, 0x76bef1866181d536, 0xc7d59efcf4a8d250, 0x0c5c41de59b813ff, 0x057d053eb159c9cf],
        ],
        [
            [0x7a71d521c5eeb7e9, 0x95ed6c89eaf2f437, 0x3c37feb80633b54f, 0x9efcac9394d56c43, 0xc4a715f1ef6f6f26, 0xfee97f8d093088db],
            [0x3c598ca2edb4ca5f, 0xc2341d631562db64, 0xf4135d37eb79db5f, 0x91f9e864c9a60db7, 0x7ca1d13976709c84, 0xf99922c2f70be98d],
        ],
        [
            [0xdb854388be97d339, 0xf7d599e2a1e21d9a, 0x71c02292710f4e59, 0x0abdf71219b75122, 0xd2c0ceefd25ac109, 0x4320dc088a57727c],
            [0xbd91ed619fe0d9ed, 0xdd2a4e3dec5e5200, 0xca6a88cd3b3e19a6, 0x722cd73714369fb9, 0x7ff4a916be079952, 0xf2cbe51f317009ac],
        ],
        [
            [0x15227568db988583, 0x7731f0d574090d98, 0x711e42c852ed49f1, 0x627f82d16c44b94c, 0x3d2ccd21c0fcaee6, 0x7630684b31d58a0a],
            [0x04983ecae32c0caf, 0x27359faaeef06463, 0xc2104507d9efef3f, 0x7f3ca2ec85d6e232, 0x4b84b93510133025, 0xb63de39a79de709a],
        ],
        [
            [0x685ab4d2226f3a88, 0x55b5368d61dcfb2c, 0x2affdc5e189521c2, 0xe7a85829ca620419, 0xf55a0d6310e069f7, 0x2a1bc38d7856c8f4],
            [0xada42cfd3502e876, 0xf6d73d01da7a59ad, 0x609b1e139ea4666f, 0x061ec60a3f8f536f, 0xe168dbc9c8c27558, 0x5dff8c20a5e1fadc],
        ],
        [
            [0xc71ca2af5a30424a, 0x3bcfd80ca55a60cf, 0x0800c45ba6c0df4f, 0xa38de3c365bfd8d7, 0x02f6d306af0682be, 0x2fd6078ab0e5f1e4],
            [0x3292cbe997448486, 0x3fa62af0057ba827, 0x984622b2c3051d47, 0xffeb709c6d2c6878, 0x886ed619b9cb8ed1, 0x6e9a4981545c49b0],
        ],
        [
            [0xc5d1850e82754e2b, 0xec9255b59f21b19c, 0xec253c5a719f95fd, 0xdf56161c08ca08ef, 0x4b7a0f57cc71d314, 0x9a67fc470cb0b8c1],
            [0x0d2942fdedfa5dcc, 0xe75b80d347f07999, 0xbe24e0309821edea, 0xc06be16f14819707, 0xcddd308acf5a13b1, 0x161c5e9b51e61aa9],
        ],
        [
            [0xd01606a730e8a72b, 0xfdefb51a313900ef, 0x76120dc2508100ac, 0xccc29ead30a574f0, 0xa16e034baddf35a2, 0x32ae00254723a4ad],
            [0x2a9958671e1ca3db, 0x00cca40011b06e04, 0xc46295446e50b7ce, 0x87b2f57d8706a1b8, 0xd2ab212652fa7fa1, 0x5dd313e31c42f1cd],
        ],
        [
            [0x10e2488daa019503, 0x080c08580b19a816, 0xa9d444129d12c29b, 0xf1fa6864a0dc0cf8, 0xe85aedf045628ecb, 0x04ddb732abda7cd6],
            [0x09bb6d5b9ef190ff, 0x5a186f7634e4a376, 0x96d53577cd22a980, 0x907a086a66709488, 0x7e567e0a7d8e3f1e, 0x36653375486076ea],
        ],
    ],
];

/// The odd ones of those that follow, up to 31.
#[rustfmt::skip]
const MORE_FIGURES: [[[Words; 2]; MULTIPLES / 2]; CHUNKS] = [
    [
        [
            [0xcaf3a9add9ffcc03, 0x17012a991af1f486, 0xdcc614e42e5805f8, 0x692befb0733b41e6, 0x00a5ebbcb13e1a32, 0x4099952208b48896],
            [0xfa650ef5e23b09a0, 0x04da4d2faa9680ec, 0x9b797d277f2388b3, 0x163ad3f8008ad0cd, 0x39474594af603598, 0x5ecf947778330598],
        ],
        [
            [0x9599e68713f5d41b, 0x59c8651060801c0e, 0x12390b430467aabf, 0xe07dbecca86cd9b0, 0x16858a211d750b77, 0x8d481dab912bc8ab],
            [0x6995b07e75e52245, 0x11ffba5608004e64, 0x594b32fd7adc0e8c, 0xb2291b68a1039aa0, 0x7be99f2a60669050, 0xa1592ff012146085],
        ],
        [
            [0x626b4c175eb77422, 0x46a37313df88fd64, 0xf9936136bf42cdb7, 0x606290985f8283f5, 0xc7817121057d46e1, 0x27935df4e25c6f47],
            [0x9d5606eb10c69f84, 0x2b6f8d9838ef0c13, 0x585d9c4e6c615b53, 0xa4f2d4aec079c6b7, 0x9ab1a3798d1e3524, 0x380a1a3b4898d4cd],
        ],
        [
            [0x1e555ebc684aac81, 0x84a900a91f7c4ab5, 0xa68749c30c7f9aa4, 0x22c0102fd4293a78, 0xe741a4a8000d5eb8, 0x3cb647a5df014c23],
            [0x79b65fea0d5a2b14, 0x09be21f6414b9be2, 0x7afbf0557ead6368, 0x6103c7b0218bc837, 0x4966f85ebdc18cb4, 0x28300479a8f88dd0],
        ],
        [
            [0x46f41be83716be9a, 0x31a8a58b3dcb2ca4, 0x555746bd28fda974, 0x07c4d76fab5ce0a3, 0x9ee9eb5267946762, 0xe4c6d5cb9183a670],
            [0xffaf54d7e6aac897, 0x09a957bbac49722c, 0x6280b8afe5d6a5a2, 0x5942e18d15922f20, 0xc0027f165dd74ca9, 0xa37245523aa57845],
        ],
        [
            [0x6b4eedfa23e2e546, 0x20761bc15898e1b0, 0x4acb49c0d7ba04e2, 0x08e3acaa2b4a8d3a, 0x3c316d5a82c8b705, 0x9c5fa2c13f418e62],
            [0x529fb56479f48752, 0x0ef2c4b2213f519b, 0x6f015651bd9218e3, 0x94fdf1b7da9e5955, 0x5afe81503cb7bf61, 0xf641de0cb075851a],
        ],
        [
            [0x977bb83b1eb1a373, 0xad69e407f57b1e27, 0xfa46d04f4d4dfca2, 0x6e0af4f41cbcde50, 0xd7b75810ce554ee5, 0xf1bc35f9656c6eea],
            [0x53e0d05ef28faf29, 0x3ffe8f5147848a0e, 0x531f70960a30e838, 0x8d7aec776d94fc70, 0xf733c547c0f2b3dc, 0x2458497a559bcdcc],
        ],
        [
            [0x0c8361dba9eb28b9, 0x061fa485bd1b8a65, 0x9d3993124d374e62, 0xc73e3336394c98c5, 0x04fcfa12c087d446, 0xf2e6f06f0ea533e8],
            [0x3152f5ba7852680c, 0x3e8802c6d2fc9ebf, 0x3fb0b9ac114251cd, 0x4a041a8651780d31, 0xf9e442612fcffbd1, 0x8f86e464c200bc46],
        ],
    ],
    [
        [
            [0x7c0d35922ba9d5eb, 0xdcb04dc3472518ad, 0x90b87e1ff9aa7db2, 0xd8fe7348930d3a2b, 0x0ec518ea47a54c45, 0xe24f4640b9ebd4db],
            [0x3f1a22decbc4687a, 0xaae3593bd018e6a6, 0xc6b134cfb13a48f4, 0x80f7427feabd3a51, 0x2255b3be391d144e, 0xad6f969ac01bff8a],
        ],
        [
            [0x6be81e40719f1a3f, 0xa83a66d60c7d41a2, 0x6157510cb624af22, 0x2f1b55feb2bfd38c, 0x9bbbad25047a9bb4, 0x83fd061adbd4ac4d],
            [0xfe2cafdd29bed96a, 0xd091c801f12d0386, 0x9b71474abb47de44, 0xfb9b95ef9c1e329f, 0x30eb37ecafd9dd14, 0xf7d7a9ccbb9be7bb],
        ],
        [
            [0x112365a1c5da572d, 0x8c45b7edf93abddd, 0xc7a77e59ab4abe5c, 0xaf8c486cbf4a74ee, 0x84415a5b4bed2191, 0x37227f51e3e5b7c8],
            [0xef42f8ad4381359d, 0x98e6eaba3bcbadd2, 0x244e103f0736049d, 0xf64f1adafde3714f, 0x452c79aef744d88f, 0x6b43d87327413e1a],
        ],
        [
            [0x983d655265dad4ba, 0xe3af222bac04d59a, 0x6ca08a68a63c5884, 0x34d635c5de532fa1, 0x06f75f7e53409644, 0x8707cc0699ce2610],
            [0xacde5407b5d48ce6, 0x5acf742e155c94e1, 0x50dbe6d65c1a79b4, 0xeea13d214c6ad8f6, 0x742dfc9b1f25457a, 0x544f5a44f20a6beb],
        ],
        [
            [0x6f63bc989da9019a, 0x2aedd2ab58116975, 0x85da3a371143ef32, 0x24c216110cb47149, 0x76f808e17b77f4b9, 0x89194b2fc4703432],
            [0x8f9f5309b3450e96, 0xdfff72f9ca23c3e1, 0xeadfedc859696656, 0x02d403fb2e4e83d1, 0x8ae3cdaa16987bef, 0x302f6cda1f07c0b4],
        ],
        [
            [0x3a0fd3bfb3745d57, 0xe2876ba54cda9476, 0x4e9c20fcfa173d4c, 0x542b8b2c96ee4511, 0x93147ede54932cfe, 0x3a014c873236a349],
            [0x127d0654cace6c6d, 0xba23f147e5202802, 0x1000da42979a81df, 0x735afb0c74c16625, 0x63a504490e3207ee, 0x83869b91ca8f1208],
        ],
        [
            [0x90ece36092bdc1ed, 0x3bbf7e27ee8720d9, 0x7c1dde3d8846752e, 0xa5b87efc67334bcc, 0x2457875f1ec7f970, 0x200925d2e298e089],
            [0x011d6f429aa09e00, 0x3019d0e355208cdd, 0x606ca6c728a999d4, 0x001885a7c6715de1, 0x940924180078cbe5, 0xb3638d282bb066e4],
        ],
        [
            [0x01475cd8befb56bb, 0xb9781152ec2ddf96, 0x777121339a3a4b7d, 0x3273b70b49f6c249, 0x1ab0e5b66bc7ca11, 0x561976b21b4085a4],
            [0x92305f5166d913d5, 0x2062851a9731e2dc, 0x45832eedb87513aa, 0x7840b27329bc517f, 0x05818b3e167c1444, 0x091b9d5ef0c4a6ac],
        ],
    ],
    [
        [
            [0x93b647e11d8de3d2, 0x022a737ca9f8ee4c, 0x1a0bf7b0891b5f18, 0x1438079dd4d19cbc, 0x835102c9cb36e3c2, 0xc75b719886aa29ee],
            [0x368ec9303f77e3cd, 0x42f1d3e4ff2a74f0, 0xf6957191d5a683d1, 0x25370ad33a9dc30a, 0x233a36e70a2ea549, 0xabab9bd7468def62],
        ],
        [
            [0x97038aaaed898037, 0x69445fc21332e408, 0xfa4698666fd62693, 0xb432ac7cc31976db, 0xe0d47c2b72206f91, 0xd1e2fb70f409f1d3],
            [0x407dae1ecd247d90, 0xa6ad825828c330c9, 0x5853fc819106af40, 0x066fd2e64ba1873c, 0xeabeefea91b25b40, 0xe221a77320dacf75],
        ],
        [
            [0x11708277d5759518, 0x644b9eba208c8a8b, 0xf6f27acb5ab38eac, 0x69d60979c8899611, 0x401c624d1af0470b, 0x2a280053e30c4449],
            [0x6de0f737ec9e9e01, 0xd487e18b705028b4, 0x83e3407a8109c368, 0x23ed4e467b894b6d, 0x8205266ae8a3a41e, 0x3346e183b3d7cafe],
        ],
        [
            [0x174fdd74c39b9107, 0x6503472de278f786, 0x7aee16b3475e967f, 0xc591c1939b93f596, 0xb8a99faed18887b5, 0xa1faa9b9126ccec3],
            [0x1ea8cf8af3292346, 0xfb2f07dd904fc518, 0x0818aa74c94a73e3, 0x1a2fd8c70ea59a27, 0x328ec6d06147d9b8, 0xd523660fdee1834f],
        ],
        [
            [0x09a1d02aae9e01ef, 0xfe4e770ad156eee5, 0xf0e614036bfcd25d, 0x764506caa44ef37a, 0x6877ba40063ef6ce, 0xc046ba30b08e8fef],
            [0xc99af7d423f4cdaa, 0x8467b5b053afb6b6, 0x96bff55d40c0a49a, 0x90dfd98607a15643, 0xfd641405d0cb7514, 0x053bfbfbbbba1509],
        ],
        [
            [0x3ddeb9ad3a7a644c, 0x9a794427b3900057, 0x497e16504263d0aa, 0x5a4fbd09ee141c24, 0xab6c240332810526, 0xa079444b1e7d24e7],
            [0xaedf47b754101e6f, 0xb87ac6a052934c3e, 0x565fc7a01270b2c6, 0xaa28c1706e5d9f2b, 0x58778d0d463b49c6, 0x4903db8a84f0f41b],
        ],
        [
            [0xb711448b50e44f9b, 0x325cb5b987364a3b, 0x130df75608edc43b, 0x662221ecb51bc691, 0xd8d3943ba4b9dd92, 0xe93ccb368149830d],
            [0xf8c88b646540218c, 0x1b4d6c5d42bc84bf, 0x1884b8d231d0f634, 0x22110ff5c730b31d, 0x739280bc48d594f0, 0xb6d6f4274bb5da23],
        ],
        [
            [0xcc8bc981568ff7a5, 0x23eef55106dd1c6d, 0xd3e8bf345753b700, 0x3ec522d126f394b1, 0x074cb7695e5c684e, 0x26016a9af67e705b],
            [0x0951a907bd32d4ed, 0xa517e7e399df58e3, 0x150bb4a53d7630b8, 0xc4c66de8802ad1ec, 0xcccc1730431fb426, 0x1ab000ea39fba38c],
        ],
    ],
    [
        [
            [0x2547d16f21219269, 0xa9a5ba24528bd6d5, 0x405a2564c3a6d247, 0xc34ff6119722f232, 0x5f9d6315706dea60, 0x42db8e8e98342f98],
            [0x1e3e13df0080f903, 0xfc43bc9c4a176c61, 0xa3f948ad704f11d0, 0xb8e278610419903e, 0xa881cc598170d6c2, 0x776a5786964ae85f],
        ],
        [
            [0x4d778ebadd89adce, 0xc112dc2836952a5d, 0x012c0212d9c9c978, 0xbcecd4225588f063, 0xd308cc2eaf075d29, 0xaafc47fb1f874e7c],
            [0x0aa9bf5f54dcdaf5, 0xe6a872a93838afc6, 0x756d16a924333f6b, 0x19433cfe1bbe405f, 0x41fef763040bbfea, 0xc33f6623065bcc51],
        ],
        [
            [0x465e5581eec70706, 0x1a5ac29b365d3f0a, 0x8fc1981f8744867b, 0xbc614c2939f22e2d, 0x33ceabde347d3cf2, 0xafbfeed07fe83fc8],
            [0xbc1ef0488174d589, 0x12be9ca79ee93f44, 0x23fcbd89f408f681, 0xf5b4c6e84488d332, 0x5ad2f06b481522f5, 0xf1b479e27084bffa],
        ],
        [
            [0x49298880ac316e0b, 0x31f368d2ef256f2c, 0xeca3da032159a5ad, 0x56b5d670624c558b, 0x327f138b9dd543ef, 0xd4680328b488989e],
            [0x2520845303cceb36, 0x7cc077e848e5d3ba, 0x6d89d40c922e1df1, 0x3362453592408201, 0xf954787d93ce0b1f, 0xabfd9e98297b2000],
        ],
        [
            [0xaf722e1a92cb70f3, 0xdde6ad7999f65dd1, 0x29b2d68997b38254, 0x191faa9fef52a9bb, 0x63ee460f6cf8cab9, 0x46a19fa2cb89c0aa],
            [0x8761fe30b23ae5c2, 0x8c8eca22549b48d4, 0xb5c74377e6f4cf1f, 0xa2e469cf1ccb8990, 0x374deac2d0c05775, 0x5adf3e1b2da2e9ab],
        ],
        [
            [0xf73873cb7d66c8dd, 0x0de36ca5db212ab5, 0x1d327c7798251b76, 0x7b2c2b6d44f112cb, 0xae9118dcc96dc3fd, 0x1e884eebb5ac41d9],
            [0xf4224f0f645add10, 0xe8f236bed0832c52, 0xa176b6f062b386ee, 0x1f0e52e9d24dc605, 0x65561220bda81e4a, 0x457a59750511ac77],
        ],
        [
            [0x046256b350a8ed0f, 0x38a6da7e456fbcbd, 0x34e20f6d13f77c46, 0x2e7e8bd8ec0cd823, 0xeccb539f2004d70d, 0x26e7dfd8c312be90],
            [0xcb95a5c97fd30292, 0x91c3bcda1efe2d2f, 0x664d6d71ea30dcf7, 0x642025e84f167483, 0x3131db87fa68b566, 0xc57bb9bfca677bfb],
        ],
        [
            [0xf59ef27e1bfaa41a, 0x3a848b7960249d32, 0xb3246a8c1830c46f, 0x4aa3ce0c6b5e65e4, 0x5c694159113db3fc, 0xa4f08513043a989b],
            [0x423740a1cd6e5a31, 0xdd990c391a9c81b0, 0x980b11fb193a1b03, 0xe0d0f389c3f0f848, 0xf231b3f3f738b2fb, 0x12c4b4fc1723e4e4],
        ],
    ],
    [
        [
            [0x14fc9d058679af0b, 0xea4b5a52741c1836, 0x24f0e4979f3dc3ad, 0x200a0ece5b35bf24, 0xd4439c92d98e6e2b, 0xfdc6ffbc9c93e5a4],
            [0x124cb61c2a49e6da, 0x3a918b61584128e3, 0x65f2de55ad3c791e, 0x56d5441b8df42927, 0x8762b5d5857c46e0, 0x05a3db11e6435e94],
        ],
        [
            [0x1703941e5ed894ff, 0xd4f07149fd6b9cc0, 0x0d96bc4cfcabfa74, 0xf22ff95405fde41e, 0xeddf14886d6f7364, 0x6630b303291c9d82],
            [0x8fc992582a6f4ca2, 0x4b17510b56d4b042, 0xdf230d3217b8b243, 0x0bcaed3107f388dc, 0xe79a3928339969da, 0x5825d677f698df5d],
        ],
        [
            [0x7c438748d4fa98eb, 0x794d069783ad9d46, 0x95298a55b6cc951a, 0xb5142410946535c7, 0x23e767eb1311560c, 0xa986767a0b97607f],
            [0x811a1629a6195cce, 0xbd7f9afa8d8fe8fa, 0xb824481654edc731, 0xa47dff0e7bc14ce2, 0x7016fa851dd794d5, 0x401ef350b06e74df],
        ],
        [
            [0xc23dfb7e9618c4b7, 0x76d838cf00988fa1, 0xf18606cf64e5ac3e, 0xbce9d89500ae788a, 0xe1da210a71a25181, 0xe0c147df482aaef0],
            [0x2d7f443b5b6569a6, 0x4f1a4a9c80548588, 0xba667a4af990fec5, 0x4cd07024c4d13b93, 0x3dbb4602d1caa1cb, 0x242d9473010f9697],
        ],
        [
            [0xa630f0850f609b47, 0xd850c3e64c62ba86, 0x46bae63787a9129f, 0x47a3e6e7c892e7f9, 0x57689141c605e16d, 0x95172e0dc59fbf34],
            [0xdb239dc5c87f03cc, 0x8ae9b517ea678664, 0xfe090979736898b3, 0xfee26d907a1af80d, 0x7b6c0924349bc215, 0xefed2a4e593d0956],
        ],
        [
            [0x2bc5e10a2b7a2278, 0xfef039972e3e52f8, 0x56e1f06d04d897b5, 0x4b846949ad61041c, 0x29d02cca28b83152, 0x6143d7f685c3c463],
            [0x91e95b2fca098e2a, 0x32be55f40222121e, 0xcdf039b7e40f0953, 0x3bdb9a8021f22bc0, 0xd0db14f7ed52ada1, 0x4e4a6a5f75500001],
        ],
        [
            [0x9528708f0046e9eb, 0x76129273dee2cd31, 0x27d6db9e9c1363e7, 0x4f49a189bb9217c5, 0x8fb3a227ac4c682d, 0xf1c2b7158f7b4915],
            [0x609dbc2f610fcb62, 0x6e5bb0ae384f9199, 0x4d9742eb5f83d483, 0x9ac3214ab38cce25, 0xfb8b3ebb09281711, 0xf6f0dcf34658b478],
        ],
        [
            [0x5995311d771af388, 0x479d417b854f7d8c, 0xf541ca8da0a0ab62, 0xb2ed8bce621ad10b, 0x46c97db7539b3149, 0x2fd8ed969eba433b],
            [0x9bcbb9d8aa61956c, 0xaa722d8702f5a097, 0xded0501caebd7fdc, 0x04cadfe0e30a2f9c, 0x6bebe327f8226f9c, 0xe289eb8ac17f0017],
        ],
    ],
    [
        [
            [0x9133252cc4b8a926, 0x11336b0ad9e1da38, 0x8dfdacbe9185162c, 0x3f45c1bdc24e2242, 0xbd8485537d82e24b, 0xcbecff651b0470ca],
            [0x4090fe3203397652, 0x4052a2397d15889b, 0x050125ab636ad70b, 0x85a85cfb634f4b05, 0xe7ccfdef9522a989, 0x05ee287fef6124cf],
        ],
        [
            [0xe2925c2c0df13dc6, 0x7ecce08332e76479, 0x184bb357b78bcbcf, 0x2b5310e38a226abb, 0x72e5d7286666e50c, 0xc67aef3091cb6564],
            [0xb08ad0f24212de31, 0x9d3c52066b322525, 0x7d481eef45fd9b5c, 0x1468d289e3f4ad9b, 0xe150136d06fd69e1, 0x4bb446e89f738945],
        ],
        [
            [0x72d5f669fc06290a, 0xb556823cd8716876, 0x431e2adb0b94cc6a, 0x114b128c9feecdd7, 0xa5eaf61dfa8e9b17, 0x02b797c2b7c953da],
            [0x658fae371508f2b6, 0x57f289218bd79ee7, 0x2a1d19a6641f5e03, 0xe53651716a78cefe, 0xf5b4459c5820f244, 0xc4be10aa8b8b6cf8],
        ],
        [
            [0x54073bf1a6e9a262, 0x32b009e5379479f4, 0x6a300488bc83b45c, 0xad3f9258cf905ef4, 0x786b52714b1a4e1f, 0x1858c2df867281cb],
            [0x2bfa9fa5a433e05d, 0x133676d460f0ce59, 0xca75149f3ff38239, 0x851de4e38695cc41, 0xf7ad6f13bc721f46, 0x7092559d46013207],
        ],
        [
            [0x810d251d4643d3d4, 0x449db913b6a0ed26, 0xe2a1c8f677751d1e, 0xeae3b3984dbc3fa6, 0x98546e01e30fcbb1, 0x196bbd685e723cd5],
            [0x14cc08d386a9905b, 0x763caa266659a20d, 0xb4a3388ce640f5ae, 0xa572d1fe9a78fcc8, 0xaf60e9dac4ae2f94, 0x2c84efa8fce286c3],
        ],
        [
            [0x07920aba524febd5, 0xb52a21fd94a8210b, 0x0f721cf75797ad8b, 0xd5fd5912ff1089da, 0x027873149c62cff5, 0xb295cd1041911c18],
            [0xdbf3a93d6b646a57, 0x1c4578935fc10a12, 0x85f24c770b931db0, 0x26aece0de3087e7d, 0xb8d4a12501dd7563, 0x8b2a83e283080b19],
        ],
        [
            [0xacf243061654f4ea, 0xfa114a9d0b2f9588, 0x9e9ebe5591af70b9, 0x9b5db1832adbcc73, 0x9bd6be8bb67ffef9, 0xd4bcb1b6a7ef7d8c],
            [0x918b3bf9230baabd, 0xfbda148bfd096fe7, 0x7d894a91137e6b95, 0xa42229af991c0389, 0x7a86a74a33d9ac6a, 0xcf1f73ac1c9f1a48],
        ],
        [
            [0x8b66277eda5dab1c, 0xff8709f05b9b7391, 0xa0368fbce9461c88, 0x0489ed68f59849b1, 0xda30fc4a0024b19c, 0x2d030695d25f8880],
            [0x4f9a6c8302f2d008, 0x33417cc083e16a51, 0x477da947abd47742, 0xb3dcc747339bbf58, 0xa142a1c3471d9bf6, 0x4457abe2b17466e4],
        ],
    ],
    [
        [
            [0x77230431ba50b580, 0xb0dd56f4c8c4102f, 0x555c2515af6ab935, 0xe0ac4b2ac617764b, 0x4ddd7a5e1ed3ce4b, 0x1577f1ad0f29432b],
            [0xf174e1f950dae196, 0x7ce9b4f1f53d430c, 0x65a1617970055028, 0x02cd51ce4c8107f1, 0xa11d6913c93503b5, 0x249bf5ee3dc39f37],
        ],
        [
            [0x990239ca68a1eac1, 0xfd29fcf7441b6306, 0x5465fda77c650e2c, 0xb5178f7d277ad7dd, 0xb41cec9100486ef5, 0xe694f5ce7950ce83],
            [0xc2a1bdb758a6f6f6, 0xcfaf2b804a273cad, 0x8a2993d1fc1338dc, 0x6680e8173c5e452c, 0x6bb350cb4786c007, 0x2dd28876ab4beb55],
        ],
        [
            [0xe8caa80b1668327b, 0x7b36f448e62b86ee, 0x96920ca971fc5615, 0x966f36543d9db7b9, 0x7a3e076e612aa752, 0xe9a80dddc3e81627],
            [0x1d6d98d6d59f07d8, 0xbdb110129f7d5ac8, 0x1cf99bf5c1b6f4b6, 0xcbcb6a3d2d342db5, 0xf203bd3b602f3afd, 0x39b615d909fb08d7],
        ],
        [
            [0xad57c2ef847896aa, 0xa78d68298218f8c6, 0x698c2f8cf4021f3f, 0xc8f3648e222b84cb, 0xbbe231d5bc1df3d7, 0x1dadc3c8ea0c6f36],
            [0x2a2e3e53e7adb9ca, 0xfe5ebe1fda7bf0cf, 0x1bab7f2f1238a9b9, 0x25381da1d0089720, 0xe11a5e560dbcc874, 0xb965eb705db0cb42],
        ],
        [
            [0x3be05534f43cbbfb, 0x220c63f6849db131, 0x430a29c8bf58c90f, 0xa2d5c65f9d3b4fe4, 0x52174f3c057ebea0, 0xfa84959e612bd020],
            [0x2fb7b04829203495, 0xb968cc79a65c3e66, 0x6b50c64477637e56, 0x2d5313752b33a4a9, 0x305129be4dae07f4, 0xb8bb1d9581706b9b],
        ],
        [
            [0xa89774325bf3df79, 0x74bbf69fe705b06e, 0xa7b06fa2e527ad65, 0xbe00dc2b08723458, 0x2b83596a96c3f3ba, 0x9c3118e992eecea8],
            [0xe996899c349a2ca7, 0xadde5d1ed71487a8, 0xaf36c67a5e22f7b3, 0x799bd306a06e02aa, 0x1b5cf5fe5e4eb8fd, 0xf4dc14133e78e316],
        ],
        [
            [0xa7df1f65619034c5, 0xee3a37a21aa98cf4, 0x0b3777a44d56b521, 0x0be58b1d55b5a36c, 0xac10f1bb2428bb57, 0x78752a339cbc42c2],
            [0xf2961c0ecc6bdf88, 0xbe39e0ae8391cb8c, 0x389ca70b9b016cac, 0x73bbb8d916d07f99, 0x77743fba2df21a0d, 0x48565696ed5eb982],
        ],
        [
            [0x7a8bd00cbcbe20c1, 0xd45be33cbd769697, 0x595a14747baa2e89, 0x80b28c9006135083, 0x750677cc1fa4a0ab, 0x4468869e79d2b3b8],
            [0x102be7591fb954c3, 0x26a27337aa8ce6b8, 0x964f9afec14e5c88, 0xb5531c1eaa4f65b6, 0x72d3532441fc1993, 0x33bee391c3261856],
        ],
    ],
    [
        [
            [0x58e02173a8f5303f, 0x361fb6d81f0ad2b2, 0x1f2448ff98180b63, 0xda5b5435a126e615, 0x50f9167134f4d9c4, 0xc7bc71d9b4df3ed1],
            [0xd19791bf8c28fe11, 0x1ed76dcf8861cb5d, 0xaf9e634aa47ded2c, 0x3c2a11e7ebcf0c78, 0x48f75c145c9945ea, 0x71b4612d394a4dd4],
        ],
        [
            [0xe30510b3075f35d3, 0xfad8dd5c1e225651, 0x9a7bec91cd6d85a0, 0xc7576955e1b4306a, 0x4dd1f5e695cc6e26, 0x3a383c6adecb2eb8],
            [0x944c0b90c1420291, 0x27d800633f643200, 0x68033f1e557e6961, 0x5f82991ac3c434b9, 0x2737c15045af0b28, 0x4680ab1696bb05a5],
        ],
        [
            [0xa5b84b6a094bb6aa, 0x61bc87448b734abb, 0x06fee81ea37eedc3, 0x0b606982a64557d9, 0xf5cc37c8258827ff, 0x5c099739c2404a26],
            [0x0f310fdf9b4b643e, 0xca42b2215fed63ff, 0x89ea22b86a9da031, 0xb46376ab1fd4e164, 0x25087a8f86932e8c, 0x18aa70fb96a9c1df],
        ],
        [
            [0x46c24f8c8dfeba12, 0xd4deb04871c0ed78, 0x694060c8752bb30f, 0xfc7ac9b2ced5536b, 0xfaac4ca9166bc1f7, 0xef0ee3e64edae307],
            [0xad77f3970aabc1cf, 0xd4601ce0923bdaed, 0x6b27b5209961bdc9, 0xc32d7b50b1d5584a, 0x13572f954875cbba, 0x20eeb7b1ea82a1cd],
        ],
        [
            [0xaece76d5b92c8d5c, 0x3a13438dac07563c, 0x17269af8255c692a, 0x9f6676bc8cee3ae3, 0x738056482e830133, 0xbc7731f9c07785f7],
            [0xf3c762bd4af0a019, 0x2d43ad5f22334475, 0xdb54918d4eb59ef3, 0x263f3dfa9e4cabf0, 0xcf75876e258d536e, 0x807f6ecad6dc883c],
        ],
        [
            [0xda2e136e1d761841, 0xba55ce834ecaf48d, 0x3a713ef2447a33cf, 0x704d3418fc571466, 0x6a24e46cded5e9b4, 0xa8582a4c28a4db59],
            [0x28e9b1d46f6545ee, 0x3cf920498d9821f0, 0xad682ea64b9c3e0f, 0x35a04439bc505570, 0x609dabe6c98ac184, 0xd1d40cebb21c481d],
        ],
        [
            [0xe11583c0e8aad8ac, 0xcc1a41e85394cdc6, 0xad2177e25bb3523b, 0x5c4250c6fec51761, 0xfb05684e7c6f7944, 0xa4ccc40942ca7293],
            [0x945a259b72bed03e, 0x9a16fcc33f8d0020, 0xef1c6297a521e0d2, 0x8bdf4dd0fe8d9a61, 0x063efe3401408149, 0x5a886ba914744006],
        ],
        [
            [0xe304d6d0537fb8b5, 0xdc3bae1139b3963b, 0xa17d9a2842377156, 0xa06256c9b5e83e66, 0x9a87037a960ff499, 0x197e7f3a084a5c06],
            [0x0d99f2b2d8b177c3, 0x036b7b55a92037ae, 0x9bb5040a7d4e7de5, 0x01198b9a60d2c773, 0x15f07641d3d446da, 0x0399392e70674117],
        ],
    ],
];
