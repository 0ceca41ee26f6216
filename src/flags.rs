//! Words of named bits: guest policy, platform information. Bits without a name are kept.

/// Declares a word of bits: a newtype with a method per named bit, and their names for printing.
///
/// Each line is `bit => method "NAME IN AMD'S MANUAL", "what 1 means"`.
macro_rules! flags {
    ($(#[$doc:meta])* $name:ident($word:ty), $prefix:literal, reserved $reserved:expr, {
        $($bit:literal => $method:ident $label:literal, $meaning:literal;)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub $word);

        impl $name {
            /// Every bit with a name: its number and AMD's name.
            pub const NAMED: &[(u32, &str)] = &[$(($bit, $label)),+];

            $(
                #[doc = concat!($prefix, " bit ", stringify!($bit), ", ", $label, ": ", $meaning, ".")]
                #[must_use]
                pub const fn $method(self) -> bool {
                    self.0 >> $bit & 1 == 1
                }
            )+

            /// The bits that have no meaning known to this version of the library.
            #[must_use]
            pub const fn unknown_bits(self) -> $word {
                self.0 & $reserved $(& !(1 << $bit))+
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }

        /// A map: the word, the names of the bits that are set, and the unknown ones.
        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                struct Set($word);
                impl serde::Serialize for Set {
                    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                        let set = $name::NAMED.iter().filter(|(bit, _)| self.0 >> bit & 1 == 1);
                        serializer.collect_seq(set.map(|(_, label)| label))
                    }
                }
                let mut map = serializer.serialize_map(Some(3))?;
                map.serialize_entry("value", &self.0)?;
                map.serialize_entry("set", &Set(self.0))?;
                map.serialize_entry("unknown", &self.unknown_bits())?;
                map.end()
            }
        }

        impl $name {
            /// The names of the bits that are set, then unknown bits as a number.
            fn fmt_names(self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                for (bit, label) in Self::NAMED {
                    if self.0 >> bit & 1 == 1 {
                        write!(f, " {label}")?;
                    }
                }
                match self.unknown_bits() {
                    0 => Ok(()),
                    unknown => write!(f, " unknown={unknown:#x}"),
                }
            }
        }
    };
}

pub(crate) use flags;
