"""Whether everything runs: schedule, ticks, what is stuck and what to do (PAINS C9)."""

from typing import cast

from fastapi import APIRouter, Request, Response

from xmit_pipeline.api.glance import Sight
from xmit_pipeline.api.health import report
from xmit_pipeline.dashboard.outlook import AtOutlook
from xmit_pipeline.dashboard.rule_check import RuleCheck
from xmit_pipeline.dashboard.visit import AtVisit
from xmit_pipeline.delivery.readiness import settings_finding, step_findings, webhook_findings
from xmit_pipeline.delivery.tick import tick_is_alive
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.store.findings import sending_findings
from xmit_pipeline.store.ticks import recent_ticks

PAGE = "/system"
router = APIRouter(prefix=PAGE)

SHOWN_TICKS = 30


@router.get("")
def show_system(visit: AtVisit, request: Request, outlook: AtOutlook) -> Response:
    """Everything that `xmit doctor` would find and this process can know, and the last ticks."""
    settings = visit.settings
    with visit.desk.reading() as (connection, now):
        ticks = recent_ticks(connection, SHOWN_TICKS)
        findings = [
            settings_finding(settings, visit.desk.clock),
            *webhook_findings(settings),
            *step_findings(connection, settings, now),
            *sending_findings(connection, now, outlook.groups if outlook else []),
            *(outlook.events if outlook else []),
        ]
    return visit.show(
        "system.html",
        ready=report(Sight(outlook.pulse, 0.0, None)) if outlook else None,
        tick_alive=tick_is_alive(settings),
        ticks=ticks,
        todo=[finding for finding in findings if finding.remedy],
        well=[finding for finding in findings if not finding.remedy],
        outlook=outlook,
        rules=_rules(request),
        dagster=settings.dagster_url,
        wall=WallClock().now(),
    )


@router.post("/rules")
def check_rules(visit: AtVisit, request: Request) -> Response:
    """Look whether every invariant holds."""
    _rules(request).begin()
    return visit.go(f"{PAGE}#rules")


def _rules(request: Request) -> RuleCheck:
    return cast(RuleCheck, request.app.state.rules)
