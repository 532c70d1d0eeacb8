//! `doctor`: checks what a start would meet, up to its request. It starts nothing, reserves nothing and writes nothing.

use std::path::Path;

use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::TokenClaims;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::proxy_for;
use industrydata_ledger::Ledger;
use serde::Serialize;

use crate::{
    args::{Global, ReadArgs},
    checks::{
        answer::{self, Shown},
        check::{Check, Step, first_problem, in_order},
        clock::{self, Exchange},
        names::{self, Same},
        permissions::{self, ReadOfOperations},
        quota,
        storage::{self, Storage},
        text, token,
    },
    commands::{
        answer::{Answer, IfUnwritten, json},
        context::Context,
    },
    error_report,
    flavour::{self, Client, Setup},
    report::{Document, Kind, Outcome, QuotaReport},
    settings::{self, OpenLedger, Source},
    tenancy,
    terminal::width::Width,
    tokens::{Deadline, Tokens},
};

/// The names of all checks, in the order in which a start with a named tenant meets them.
const NAMES: [&str; 12] = [
    "settings",
    "credential",
    "tenant",
    "network",
    "ledger",
    "ledger_place",
    "ledger_names",
    "quota",
    "token",
    "service",
    "clock",
    "permissions",
];

/// How many other names of a ledger are looked at, and how many are named.
const MOST_NAMES: usize = 50;
const MOST_NAMED: usize = 3;

#[derive(Serialize)]
struct Report<'r> {
    #[serde(flatten)]
    document: &'r Document,
    checks: &'r [Check],
}

pub(super) fn run(
    global: &Global,
    args: &ReadArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let mut doctor = Doctor {
        global,
        args,
        context,
        deadline: Deadline::new(args.timeout, context.interrupt),
        checks: Vec::new(),
        quota: None,
    };
    doctor.check()?;
    if context.interrupt.is_interrupted() {
        return Err(Document::interrupted(MayHaveStarted::No, None).into());
    }
    Ok(doctor.answer())
}

struct Doctor<'d> {
    global: &'d Global,
    args: &'d ReadArgs,
    context: Context<'d>,
    deadline: Deadline,
    checks: Vec<Check>,
    /// The quota, and when it was read by this machine's clock.
    quota: Option<(Quota, Timestamp)>,
}

/// A token that was obtained, with what it says.
struct Obtained {
    token: AccessToken,
    claims: Option<TokenClaims>,
}

impl Doctor<'_> {
    /// Makes all checks that can be made. An error is an interrupt.
    fn check(&mut self) -> Result<(), Box<Document>> {
        let (global, env) = (self.global, self.context.env);
        let settings = settings::service(global, env);
        let settings = settings.and_then(|it| settings::scheduled(None, env).map(|_| it));
        let (base, given) = match settings {
            Ok(settings) => settings,
            Err(document) => return self.add_problem(Step::Settings, "settings", document),
        };
        let named = given.as_ref().map_or_else(
            || "no tenant is named".to_owned(),
            |tenant| format!("tenant {tenant}"),
        );
        let message = format!("base URL {base}; {named}; HTTP client {}", global.http);
        self.add(Check::ok(Step::Settings, "settings", message));
        self.context
            .progress(format!("checking what a start at {base} would meet"));

        let source = self.credential(given.as_ref())?;
        let ledger = self.open_ledger()?;
        let mut is_network_checked = false;
        let obtained = match &source {
            Some(source) => self.obtain(source, given.as_ref(), &mut is_network_checked)?,
            None => None,
        };
        let tenant = match (&given, &obtained) {
            (None, None) => None,
            (given, obtained) => self.tenant(given.as_ref(), obtained.as_ref())?,
        };
        if let Some(ledger) = &ledger {
            self.ledger(ledger, &base, tenant.as_ref(), obtained.as_ref())?;
        }
        let client = if is_network_checked {
            None
        } else {
            // Without a credential nothing is sent, but the variables of the network are read.
            let placeholder = || AccessToken::new("none").ok().map(Tokens::Fixed);
            let tokens = source.map(|it| it.tokens).or_else(placeholder);
            let tenant = tenant.or(given).map_or_else(settings::unnamed, Ok)?;
            match tokens {
                Some(tokens) => self.client(tokens, tenant, obtained.as_ref(), &base)?,
                None => None,
            }
        };
        match (client, &obtained) {
            (Some(client), Some(obtained)) => self.service(&*client, obtained, &base)?,
            (None, Some(Obtained { claims, .. })) => {
                let claims = claims.as_ref();
                self.add(token::judge(Step::Token, claims, &base, Timestamp::now()));
                self.add(permissions::judge(claims, ReadOfOperations::Unknown));
            }
            (_, None) => {}
        }
        Ok(())
    }

    fn add(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// Adds a problem, unless it is an interrupt, which ends the command.
    fn add_problem(
        &mut self,
        step: Step,
        name: &'static str,
        document: Box<Document>,
    ) -> Result<(), Box<Document>> {
        if document.outcome == Outcome::Interrupted || self.context.interrupt.is_interrupted() {
            return Err(Document::interrupted(MayHaveStarted::No, None).into());
        }
        self.add(Check::problem(step, name, document));
        Ok(())
    }

    fn credential(&mut self, given: Option<&Tenant>) -> Result<Option<Source>, Box<Document>> {
        let source = settings::token_source(self.global, self.context.env, given, &self.deadline);
        match source {
            Ok(source) => {
                let mut message = format!("{}, from {}", source.used, source.place);
                if !source.also.is_empty() {
                    message = format!(
                        "{message}; also set, and not used: {}",
                        source.also.join(", ")
                    );
                }
                self.add(Check::ok(Step::Credential, "credential", message));
                Ok(Some(source))
            }
            Err(document) => self
                .add_problem(Step::Credential, "credential", document)
                .map(|()| None),
        }
    }

    fn open_ledger(&mut self) -> Result<Option<OpenLedger>, Box<Document>> {
        let remaining = self.deadline.remaining();
        match settings::open_ledger(self.global, self.context.env, remaining) {
            Ok(ledger) => Ok(Some(ledger)),
            Err(document) => self
                .add_problem(Step::LedgerPlace, "ledger", document)
                .map(|()| None),
        }
    }

    /// One token. A start without a named tenant obtains it before it builds its client.
    fn obtain(
        &mut self,
        source: &Source,
        given: Option<&Tenant>,
        is_network_checked: &mut bool,
    ) -> Result<Option<Obtained>, Box<Document>> {
        let unnamed = settings::unnamed()?;
        let obtained = tenancy::obtain(
            self.global,
            given.unwrap_or(&unnamed),
            &source.tokens,
            self.args.request_timeout,
            &self.deadline,
            self.context.interrupt,
        );
        let step = if given.is_some() {
            Step::Token
        } else {
            Step::Tenant
        };
        match obtained {
            Ok(token) => {
                let claims = TokenClaims::read(&token);
                Ok(Some(Obtained { token, claims }))
            }
            // The client of the exchange could not be built, so that no request would be sent.
            Err(document)
                if document
                    .error
                    .as_ref()
                    .is_some_and(|it| it.kind == Kind::Usage) =>
            {
                *is_network_checked = true;
                self.add_problem(Step::Client, "network", document)
                    .map(|()| None)
            }
            Err(document) => self.add_problem(step, "token", document).map(|()| None),
        }
    }

    /// The name under which starts are counted.
    fn tenant(
        &mut self,
        given: Option<&Tenant>,
        obtained: Option<&Obtained>,
    ) -> Result<Option<Tenant>, Box<Document>> {
        let claims = obtained.and_then(|it| it.claims.as_ref());
        let of_token = claims.and_then(TokenClaims::tenant);
        let (tenant, check) = match (given, of_token) {
            (Some(given), Some(other))
                if claims.is_some_and(|claims| token::is_of_another(given, claims)) =>
            {
                let message = format!(
                    "the token is of tenant {other}, and starts are counted for tenant {given}: two names have two ledgers, and ten starts"
                );
                let advice = "correct --tenant, INDUSTRYDATA_TENANT or AZURE_TENANT_ID, or use a credential of that tenant";
                (
                    given.clone(),
                    Check::warning(Step::Tenant, "tenant", message, advice),
                )
            }
            (Some(given), _) => {
                let message =
                    format!("starts are counted for tenant {given}, which the settings name");
                (given.clone(), Check::ok(Step::Tenant, "tenant", message))
            }
            (None, Some(of_token)) => {
                let message =
                    format!("starts are counted for tenant {of_token}, which the token names");
                (of_token.clone(), Check::ok(Step::Tenant, "tenant", message))
            }
            (None, None) => {
                let tenant = settings::unnamed()?;
                let message =
                    format!("the token names no tenant: its starts are counted for \"{tenant}\"");
                let advice =
                    "set --tenant or INDUSTRYDATA_TENANT to the directory id, the same everywhere";
                (
                    tenant,
                    Check::warning(Step::Tenant, "tenant", message, advice),
                )
            }
        };
        self.add(check);
        Ok(Some(tenant))
    }

    /// Whether the ledger can be read and written, where it is, and what it has for the tenant.
    fn ledger(
        &mut self,
        ledger: &OpenLedger,
        base: &BaseUrl,
        tenant: Option<&Tenant>,
        obtained: Option<&Obtained>,
    ) -> Result<(), Box<Document>> {
        let (store, names, checked): (Ledger, Names, _) = match ledger {
            OpenLedger::Memory => (Ledger::memory(), Ok(Vec::new()), Ok(())),
            OpenLedger::File(store) => {
                let checked = store.check();
                let names = checked.as_ref().map(|()| store.tenants(base));
                let names = names.unwrap_or_else(|_| Ok(Vec::new()));
                (store.clone().into(), names, checked)
            }
            OpenLedger::Database(store) => {
                let checked = store.check();
                let names = checked.as_ref().map(|()| store.tenants(base));
                let names = names.unwrap_or_else(|_| Ok(Vec::new()));
                (store.clone().into(), names, checked)
            }
        };
        let read = |tenant: &Tenant| {
            let key = LedgerKey::new(base, tenant);
            let reply = store.transact(&Change::read(key, Throttle::default()))?;
            Ok::<_, StoreError>(reply.quota().clone())
        };
        let quota = checked.and_then(|()| {
            let quota = tenant.map(read).transpose()?;
            Ok((quota, names?))
        });
        let (quota, names) = match quota {
            Ok(found) => found,
            Err(error) => {
                let document = error_report::ledger(&error);
                self.add_problem(Step::Ledger, "ledger", document.into())?;
                self.ledger_place(ledger);
                return Ok(());
            }
        };
        self.add(usable(ledger));
        self.ledger_place(ledger);
        let Some((tenant, quota)) = tenant.zip(quota) else {
            return Ok(());
        };
        let read_at = Timestamp::now();
        self.ledger_names(ledger, tenant, obtained, &names, |name| {
            let tenant = name.parse::<Tenant>().ok()?;
            Some(read(&tenant).ok()?.used()).filter(|used| *used > 0)
        });
        self.add(quota::judge(&quota));
        self.quota = Some((quota, read_at));
        Ok(())
    }

    fn ledger_place(&mut self, ledger: &OpenLedger) {
        let (step, name) = (Step::Ledger, "ledger_place");
        let warning = |message: String| {
            let advice = "keep the ledger on a local disk, or share one in PostgreSQL with --ledger postgres://…";
            Check::warning(step, name, message, advice)
        };
        let check = match ledger {
            OpenLedger::Memory => warning(
                "the ledger is not stored: it ends with the process, and other processes do not see its starts".to_owned(),
            ),
            OpenLedger::Database(store) => {
                Check::ok(step, name, format!("the database {}", store.place()))
            }
            OpenLedger::File(store) => {
                let path = store.path().display();
                match storage_of(store.path()) {
                    None => Check::ok(step, name, format!("the file {path}")),
                    Some(Storage::Disk(kind)) => {
                        Check::ok(step, name, format!("the file {path}, on a disk ({kind})"))
                    }
                    Some(Storage::Network(kind)) => warning(format!(
                        "{path} is on a network file system ({kind}), whose locks and syncs cannot be relied on"
                    )),
                    Some(Storage::Memory(kind)) => warning(format!(
                        "{path} is in memory ({kind}): its starts are forgotten when the machine stops"
                    )),
                    Some(Storage::Layer(kind)) => warning(format!(
                        "{path} is in the writable layer of a container ({kind}): its starts are forgotten with the container"
                    )),
                    Some(Storage::Pod) => warning(format!(
                        "{path} is in an emptyDir of Kubernetes: its starts are forgotten with the pod"
                    )),
                }
            }
        };
        self.add(check);
    }

    /// Looks for starts under other names of the same tenant. `used` counts those of a name.
    fn ledger_names(
        &mut self,
        ledger: &OpenLedger,
        tenant: &Tenant,
        obtained: Option<&Obtained>,
        names: &[String],
        used: impl Fn(&str) -> Option<u32>,
    ) {
        let (step, name) = (Step::Ledger, "ledger_names");
        if matches!(ledger, OpenLedger::Memory) {
            return;
        }
        let claims = obtained.and_then(|it| it.claims.as_ref());
        let others = names::others(tenant, claims.and_then(TokenClaims::tenant), names);
        let found: Vec<_> = others
            .into_iter()
            .take(MOST_NAMES)
            .filter_map(|(name, same)| Some((name, same, used(name)?)))
            .collect();
        let Some((_, first, _)) = found.first() else {
            let message = "the ledger has no starts under another name of this tenant";
            return self.add(Check::ok(step, name, message));
        };
        let is_sure = *first == Same::Yes;
        let mut shown: Vec<_> = found
            .iter()
            .filter(|(_, same, _)| !is_sure || *same == Same::Yes)
            .take(MOST_NAMED)
            .map(|(name, _, used)| format!("\"{name}\" ({used})"))
            .collect();
        if !is_sure && found.len() > MOST_NAMED {
            shown.push(format!("{} more", found.len() - MOST_NAMED));
        }
        let which = if is_sure {
            "another name of this tenant"
        } else {
            "other names, which may be this tenant's"
        };
        let message = format!(
            "the ledger has starts under {which}: {}; two names for one tenant are two ledgers, and ten starts",
            shown.join(", ")
        );
        let advice =
            "use one name for the tenant everywhere, the directory id; other tenants are no matter";
        self.add(Check::warning(step, name, message, advice));
    }

    /// The client, and the way to the service.
    fn client(
        &mut self,
        tokens: Tokens,
        tenant: Tenant,
        obtained: Option<&Obtained>,
        base: &BaseUrl,
    ) -> Result<Option<Box<dyn Client>>, Box<Document>> {
        let env = self.context.env;
        let setup = Setup {
            base: base.clone(),
            tenant,
            first: obtained.map(|it| it.token.clone()),
            tokens,
            // A read uses none.
            ledger: Ledger::memory(),
            polling: PollingPolicy::default(),
            timeout: self.deadline.remaining(),
            request_timeout: self.args.request_timeout,
            caller: settings::caller(env),
            interrupt: self.context.interrupt.clone(),
        };
        let client = match flavour::client(self.global.http, setup) {
            Ok(client) => client,
            Err(document) => {
                return self
                    .add_problem(Step::Client, "network", document)
                    .map(|()| None);
            }
        };
        let proxy = proxy_for(base.is_https(), base.host(), |name| env.os(name));
        let way = match proxy.ok().flatten() {
            _ if base.is_loopback() => "loopback, without a proxy".to_owned(),
            Some(proxy) => format!("through the proxy {}", proxy.without_user()),
            None => "directly, without a proxy".to_owned(),
        };
        let is_set = |name: &&str| env.os(name).is_some();
        let trusted = match ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find(is_set) {
            _ if !base.is_https() => String::new(),
            Some(variable) => format!("; trusted are the authorities of {variable}"),
            None => "; trusted are the authorities of the operating system".to_owned(),
        };
        self.add(Check::ok(
            Step::Client,
            "network",
            format!("{way}{trusted}"),
        ));
        Ok(Some(client))
    }

    /// Asks the service one question, and compares clocks and permissions with its answer.
    fn service(
        &mut self,
        client: &dyn Client,
        obtained: &Obtained,
        base: &BaseUrl,
    ) -> Result<(), Box<Document>> {
        let sent = Timestamp::now();
        let answer = client.probe();
        let answered = Timestamp::now();
        if self.context.interrupt.is_interrupted() {
            return Err(Document::interrupted(MayHaveStarted::No, None).into());
        }
        let claims = obtained.claims.as_ref();
        let date = match &answer {
            Ok(date) => Some(*date),
            Err(error) => error.service_error().map(|error| error.date(answered)),
        };
        let certificate = if base.is_https() {
            ", and its certificate is trusted"
        } else {
            ""
        };
        let answers = |how: &str| {
            let message = format!("{base} answers{how}{certificate}");
            Check::ok(Step::Request, "service", message)
        };
        let shown = answer.as_ref().err().map(answer::judge);
        let mut token = token::judge(Step::Token, claims, base, answered);
        let (service, read) = match shown {
            None => (answers(""), ReadOfOperations::Allowed),
            Some(Shown::ReadForbidden(error)) => (
                answers(&format!(", and forbids a read ({error})")),
                ReadOfOperations::Forbidden,
            ),
            Some(Shown::TokenRefused(document)) => {
                token = token::refused(document, claims, base, answered);
                (
                    answers(", and refuses the token (401)"),
                    ReadOfOperations::Unknown,
                )
            }
            Some(Shown::Problem(document)) => (
                Check::problem(Step::Request, "service", document),
                ReadOfOperations::Unknown,
            ),
        };
        self.add(token);
        self.add(service);
        if let Some(date) = date {
            let ledger = self.quota.as_ref().map(|(quota, at)| (quota, *at));
            let exchange = Exchange { sent, answered };
            self.add(clock::judge(date, exchange, ledger));
        }
        self.add(permissions::judge(claims, read));
        Ok(())
    }

    fn answer(self) -> Answer {
        let quota = self
            .quota
            .as_ref()
            .map(|(quota, _)| QuotaReport::from(quota));
        let checks = in_order(self.checks);
        let document = match first_problem(&checks) {
            Some(document) => document.clone(),
            None => Document::found(Outcome::Succeeded),
        };
        let document = Document { quota, ..document };
        let is_made = |name: &&&str| checks.iter().any(|check| check.name == **name);
        let unmade: Vec<_> = NAMES
            .iter()
            .filter(|name| !is_made(name))
            .copied()
            .collect();
        let report = Report {
            document: &document,
            checks: &checks,
        };
        Answer::Result {
            json: json(&report),
            text: text::text(&checks, &unmade, Width::stdout()),
            error: String::new(),
            exit_code: document.outcome.exit_code(),
            if_unwritten: IfUnwritten::Fail,
        }
    }
}

/// The names of tenants that a ledger has.
type Names = Result<Vec<String>, StoreError>;

/// A ledger that was checked.
fn usable(ledger: &OpenLedger) -> Check {
    let message = match ledger {
        OpenLedger::Memory => "the ledger is kept in this process".to_owned(),
        OpenLedger::Database(_) => "the database answers, and takes writes".to_owned(),
        OpenLedger::File(store) if store.path().exists() => {
            "the file is sound, and can be written".to_owned()
        }
        OpenLedger::File(_) => "there is no file yet: the first start makes it".to_owned(),
    };
    Check::ok(Step::Ledger, "ledger", message)
}

/// The storage of a file that may not exist yet, where the system tells.
fn storage_of(path: &Path) -> Option<Storage> {
    let mounts = std::fs::read("/proc/self/mountinfo").ok()?;
    let folder = path
        .ancestors()
        .find_map(|above| above.canonicalize().ok())?;
    let is_container = ["/.dockerenv", "/run/.containerenv"]
        .iter()
        .any(|sign| Path::new(sign).exists())
        || std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    storage::of(&String::from_utf8_lossy(&mounts), &folder, is_container)
}
