//! What is read for one tenant: operations and runs. Nothing here starts a run, or touches the books.

use industrydata_core::Tenant;
use industrydata_core::endpoint::Endpoint;
use industrydata_core::endpoint::GetOperation;
use industrydata_core::endpoint::GetRun;
use industrydata_core::endpoint::GetStatistics;
use industrydata_core::endpoint::ListActivities;
use industrydata_core::endpoint::ListOperations;
use industrydata_core::endpoint::ListRuns;
use industrydata_core::endpoint::Preflight;
use industrydata_core::lro::PollPlan;
use industrydata_core::lro::Read;
use industrydata_core::lro::ReadError;
use industrydata_core::lro::ReadPlan;
use industrydata_core::model::IndustryDataRun;
use industrydata_core::model::Operation;
use industrydata_core::model::RunActivity;
use industrydata_core::model::RunStatistics;
use industrydata_core::policy::Limits;

use crate::{
    client::Client,
    clock::{now, seed},
    driver,
    follow::RunPoller,
    tenant_client::TenantClient,
};

impl TenantClient {
    /// The operations the service still has, of starts and of validations. It takes `IndustryData.ReadBasic.All`.
    ///
    /// # Errors
    ///
    /// [`ReadError`]. A run may have started: no, not by this.
    pub fn operations(&self) -> Result<Vec<Operation>, ReadError> {
        self.read(ListOperations)
    }

    /// One operation, as it is now. It takes `IndustryData.ReadBasic.All`.
    ///
    /// # Errors
    ///
    /// [`ReadError`]. A run may have started: no, not by this.
    pub fn operation(&self, id: &str) -> Result<Operation, ReadError> {
        self.read(GetOperation::new(id))
    }

    /// The runs the service still has, scheduled ones too. It takes `IndustryData-Run.Read.All` or
    /// `IndustryData-Run.Start`.
    ///
    /// # Errors
    ///
    /// [`ReadError`]. A run may have started: no, not by this.
    pub fn runs(&self) -> Result<Vec<IndustryDataRun>, ReadError> {
        self.read(ListRuns)
    }

    /// One run, as it is now. It takes `IndustryData-Run.Read.All` or `IndustryData-Run.Start`.
    ///
    /// # Errors
    ///
    /// [`ReadError`]. A run may have started: no, not by this.
    pub fn run_by_id(&self, id: &str) -> Result<IndustryDataRun, ReadError> {
        self.read(GetRun::new(id))
    }

    /// What a run counted; complete at its end. It takes `IndustryData-Run.Read.All` or `IndustryData-Run.Start`.
    ///
    /// # Errors
    ///
    /// [`ReadError`]. A run may have started: no, not by this.
    pub fn statistics(&self, run: &str) -> Result<RunStatistics, ReadError> {
        self.read(GetStatistics::new(run))
    }

    /// What a run does with each flow. **The call is known from the service's metadata only**, its permission is not
    /// published.
    ///
    /// # Errors
    ///
    /// [`ReadError`]. A run may have started: no, not by this.
    pub fn activities(&self, run: &str) -> Result<Vec<RunActivity>, ReadError> {
        self.read(ListActivities::new(run))
    }

    /// Whether the token may watch what it starts: reads the first page of the operations, before a slot is spent.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; `Forbidden` names `IndustryData.ReadBasic.All`, which `IndustryData-Run.Start` does not contain. A
    /// run may have started: no, not by this.
    pub fn preflight(&self) -> Result<(), ReadError> {
        self.read(Preflight)
    }

    /// Follows a run of this id to its end. Nothing is asked until the follow is driven; its time limit begins now.
    pub fn follow(&self, run: &str) -> RunPoller {
        let client = self.client().inner();
        let plan = PollPlan {
            service: client.service.clone(),
            policy: client.policy,
            limits: self.limits(),
        };
        RunPoller::new(
            self.client().clone(),
            self.tenant().clone(),
            plan,
            run,
            None,
        )
    }

    /// Reads any endpoint, the caller's own too, with the retries, paging and checks of the others.
    ///
    /// # Errors
    ///
    /// [`ReadError`]. A run may have started: no, not by this.
    pub fn read<E: Endpoint>(&self, endpoint: E) -> Result<E::Output, ReadError> {
        read(self.client(), self.tenant(), self.limits(), endpoint)
    }
}

pub(crate) fn read<E: Endpoint>(
    client: &Client,
    tenant: &Tenant,
    limits: Limits,
    endpoint: E,
) -> Result<E::Output, ReadError> {
    let client = client.inner();
    let plan = ReadPlan {
        service: client.service.clone(),
        limits,
    };
    // Only request ids are made of it: all alike is better than no read.
    let machine = Read::new(endpoint, plan, seed().unwrap_or_default(), now());
    driver::fetch(client, tenant, machine)
}
