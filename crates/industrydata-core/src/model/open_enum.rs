//! Evolvable enumerations: a member that is not known keeps its text.

/// Makes an open enum: its known members with their spelling, and `Other`, which keeps what came.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$member:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$member])* $variant,)+
            /// One this release does not know, as received; empty if there was none.
            Other(String),
        }

        impl $name {
            /// The service's spelling; one that is not known, as received.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }

            /// Whether this release knows it.
            #[must_use]
            pub const fn is_known(&self) -> bool {
                !matches!(self, Self::Other(_))
            }

            /// Known members are matched ASCII case-insensitively.
            pub(crate) fn of(text: Option<String>) -> Self {
                let text = text.unwrap_or_default();
                $(if text.eq_ignore_ascii_case($text) {
                    return Self::$variant;
                })+
                Self::Other(text)
            }
        }

        /// The text with its control characters escaped.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                crate::wire::text::escape_controls(self.as_str()).fmt(f)
            }
        }
    };
}

pub(crate) use open_enum;
