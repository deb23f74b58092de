"""The account that the sandbox stands for: mailbox, suppressions, faults in force, events, verified domains."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from xmit_pipeline.sandbox.events_desk import EventsDesk
from xmit_pipeline.sandbox.faults import Faults
from xmit_pipeline.sandbox.mailbox import Mailbox
from xmit_pipeline.sandbox.suppressions import SuppressionLists
from xmit_pipeline.sandbox.validation.addresses import domain_of
from xmit_pipeline.sandbox.validation.refusals import Refusal, Refused


@dataclass(frozen=True, slots=True)
class Account:
    """Everything a call may read or change; no `verified_domains` means that every domain is verified."""

    mailbox: Mailbox
    suppressions: SuppressionLists
    faults: Faults
    events: EventsDesk
    verified_domains: frozenset[str] | None

    def may_send_from(self, address: str) -> bool:
        """Whether this From address is a verified identity."""
        if self.faults.is_unverified(address):
            return False
        return self.verified_domains is None or domain_of(address) in self.verified_domains


def account_of(request: Request) -> Account:
    """The account of the app that serves this request."""
    return request.app.state.account


def require_key(request: Request) -> None:
    """Refuse with 401, in SendGrid's words, a call without `Authorization: Bearer SG.<something>`."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip().startswith("SG.") or key.strip() == "SG.":
        raise Refused(401, [Refusal("The provided authorization grant is invalid, expired, or revoked")])


TheAccount = Annotated[Account, Depends(account_of)]
