//! Evolvable enumerations: a value that this release does not know keeps its text.

/// Makes an enum of the known values, each with the service's spelling, and `Other` for any other text.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$member:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        ///
        /// Known values match in any letter case (ASCII). `Display` escapes control characters.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$member])* $variant,)+
            /// A value that this release does not know, as received. Empty if the service sent none.
            Other(String),
        }

        impl $name {
            /// The service's spelling of a known value, or the text of an unknown one.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }

            /// Whether this release knows the value.
            #[must_use]
            pub const fn is_known(&self) -> bool {
                !matches!(self, Self::Other(_))
            }

            pub(crate) fn known(text: &str) -> Option<Self> {
                $(if text.eq_ignore_ascii_case($text) {
                    return Some(Self::$variant);
                })+
                None
            }

            /// Reads the member `name`.
            pub(crate) fn read(members: &crate::model::members::Members<'_, '_>, name: &str) -> Self {
                let text = members.node().get(name).and_then(crate::wire::json::Node::text);
                Self::of(text.unwrap_or_default(), members.redaction())
            }

            /// Reads the text of a value.
            pub(crate) fn of(text: &str, redaction: crate::wire::redact::Redaction<'_>) -> Self {
                Self::known(text).unwrap_or_else(|| Self::Other(redaction.text(text)))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                crate::wire::text::escape_controls(self.as_str()).fmt(f)
            }
        }
    };
}

pub(crate) use open_enum;
