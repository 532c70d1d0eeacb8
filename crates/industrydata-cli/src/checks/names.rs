//! Other names under which a ledger may count the starts of the same tenant.

use industrydata_core::Tenant;

/// Whether another name of a ledger is this tenant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Same {
    /// It is the directory id that the token names.
    Yes,
    /// One of the two is not a directory id, so they may name one tenant.
    Perhaps,
}

/// The other names that are or may be this tenant's, those that are first. Two directory ids are two tenants.
pub(crate) fn others<'n>(
    used: &Tenant,
    of_token: Option<&Tenant>,
    names: &'n [String],
) -> Vec<(&'n str, Same)> {
    let id = if used.is_guid() { Some(used) } else { of_token };
    let same = |name: &str| {
        let name: Tenant = name.parse().ok()?;
        if name == *used {
            return None;
        }
        match id {
            Some(id) if name == *id => Some(Same::Yes),
            Some(_) if name.is_guid() => None,
            Some(_) | None => Some(Same::Perhaps),
        }
    };
    let mut others: Vec<_> = names
        .iter()
        .filter_map(|name| Some((name.as_str(), same(name)?)))
        .collect();
    others.sort_by_key(|(_, same)| *same);
    others
}

#[cfg(test)]
mod tests {
    const ID: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    const OTHER: &str = "72f988bf-86f1-41af-91ab-2d7cd011db48";

    #[test]
    fn a_directory_id_is_another_tenant_only_beside_another() {
        let names = [ID, OTHER, "contoso", "default"].map(str::to_owned);
        let others = |used: &str, token: Option<&str>| {
            let (used, token) = (used.parse().unwrap(), token.map(|id| id.parse().unwrap()));
            let others = super::others(&used, token.as_ref(), &names);
            others
                .iter()
                .map(|(name, same)| format!("{name}:{same:?}"))
                .collect::<Vec<_>>()
        };
        let perhaps = ["contoso:Perhaps", "default:Perhaps"];
        assert_eq!(others(ID, None), perhaps);
        assert_eq!(others(&ID.to_uppercase(), Some(ID)), perhaps);
        // The ledger's name decides, although the token is of another tenant.
        assert_eq!(others(ID, Some(OTHER)), perhaps);
        assert_eq!(
            others("contoso", Some(ID)),
            [format!("{ID}:Yes"), "default:Perhaps".to_owned()]
        );
        assert_eq!(
            others("fabrikam", None),
            [
                format!("{ID}:Perhaps"),
                format!("{OTHER}:Perhaps"),
                "contoso:Perhaps".to_owned(),
                "default:Perhaps".to_owned()
            ]
        );
        assert!(super::others(&ID.parse().unwrap(), None, &[ID.to_owned()]).is_empty());
    }
}
