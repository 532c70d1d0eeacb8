//! The permissions of tokens.

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `IndustryData-Run.Start`: starts runs, and reads runs and their statistics but not operations.
    Start,
    /// `IndustryData.ReadBasic.All`: reads operations.
    ReadOperations,
    /// `IndustryData-Run.Read.All`: reads runs, their activities and statistics.
    ReadRuns,
    /// `IndustryData-DataConnector.Upload`: validates data connectors.
    Validate,
    /// `IndustryData-OutboundFlow.ReadWrite.All`: resets provisioning flows.
    Reset,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 5] = [
        Self::Start,
        Self::ReadOperations,
        Self::ReadRuns,
        Self::Validate,
        Self::Reset,
    ];

    /// Its name in the `roles` of a token, such as `IndustryData-Run.Start`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "IndustryData-Run.Start",
            Self::ReadOperations => "IndustryData.ReadBasic.All",
            Self::ReadRuns => "IndustryData-Run.Read.All",
            Self::Validate => "IndustryData-DataConnector.Upload",
            Self::Reset => "IndustryData-OutboundFlow.ReadWrite.All",
        }
    }
}
