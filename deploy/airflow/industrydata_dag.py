"""A nightly run of School Data Sync from Airflow, by the command industrydata on the worker.

The key is the id of the DAG run, so every retry and every cleared task goes on with the same start. Workers share the
ledger in a PostgreSQL database: set INDUSTRYDATA_LEDGER, PGPASSWORD and the variables of the credential on them.
"""

import subprocess
from datetime import datetime, timedelta, timezone

from airflow.decorators import dag, task
from airflow.exceptions import AirflowException, AirflowFailException

# 6: the service was not reached. 7: the time limit passed. A retry changes nothing about the other codes.
AGAIN = {6, 7}


@dag(
    schedule="0 1 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
)
def industrydata_nightly():
    @task(retries=3, retry_delay=timedelta(minutes=10), execution_timeout=timedelta(hours=10))
    def start(run_id=None):
        command = ["industrydata", "start", "--key", run_id, "--follow", "--timeout", "9h", "--output", "json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout)
        if done.returncode in AGAIN:
            raise AirflowException(f"industrydata ended with {done.returncode}")
        if done.returncode != 0:
            raise AirflowFailException(f"industrydata ended with {done.returncode}: no retry helps")

    start()


industrydata_nightly()
