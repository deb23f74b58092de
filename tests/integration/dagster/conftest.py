"""The project's own definitions, run on a home and a sandbox of the test's."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import dagster as dg
import pytest

from tests.campaigns import World
from xmit_pipeline.definitions import build_defs

Pipeline = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def pipeline(world: World, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Runs the job `tick` to its end; at a simulated moment where one is given, as a run's config would."""
    monkeypatch.setenv("SENDGRID_HOST", world.sandbox.url)
    job = build_defs().resolve_job_def("tick")

    def run(now: datetime | None = None) -> dg.ExecuteInProcessResult:
        world.store.close()
        config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        if now:
            config["resources"] = {"clock": {"config": {"now": now.isoformat()}}}
        return job.execute_in_process(run_config=config)

    return run


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """What an asset's materialization shows, by name, as plain values."""
    [event] = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}
