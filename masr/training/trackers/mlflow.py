"""MLflow: a store of files beside the runs, or whatever MLFLOW_TRACKING_URI names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from masr.training.tracking import Told, shared_folder

_MOST_LETTERS = 500
"""Of a parameter's value: what every version takes."""
_TAG = "masr.run_id"


class MlflowRun:
    """One run of an experiment."""

    def __init__(self, client: Any, run_id: str) -> None:
        self.client, self.id = client, run_id

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """The figures of a step."""
        for name, value in figures.items():
            self.client.log_metric(self.id, name, value, step=step)

    def picture(self, name: str, path: Path) -> None:  # noqa: ARG002 (as all trackers)
        """A PNG among the run's artefacts."""
        self.client.log_artifact(self.id, str(path), "figures")

    def keep(self, path: Path) -> None:
        """A file among the run's artefacts."""
        self.client.log_artifact(self.id, str(path))

    def close(self) -> None:
        """Marks the run as ended."""
        self.client.set_terminated(self.id)


def open_run(told: Told) -> MlflowRun:
    """The run of this id, begun or gone on with; the project is the experiment."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or shared_folder(told.folder, "mlflow").as_uri()
    if uri.startswith("file:"):
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    known = client.get_experiment_by_name(told.project)
    experiment = known.experiment_id if known else client.create_experiment(told.project)
    found = client.search_runs([experiment], f"tags.`{_TAG}` = '{told.run_id}'", max_results=1)
    if found:
        client.update_run(found[0].info.run_id, status="RUNNING")
        return MlflowRun(client, found[0].info.run_id)  # its parameters stay: MLflow changes none
    run = client.create_run(experiment, run_name=told.name, tags={_TAG: told.run_id})
    for key, value in told.values.items():
        client.log_param(run.info.run_id, key, value[:_MOST_LETTERS])
    return MlflowRun(client, run.info.run_id)
