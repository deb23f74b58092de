"""Who may send at SendGrid: authenticated domains and single verified senders, beside those of the store."""

from dataclasses import dataclass
from typing import Any

from xmit_pipeline.delivery.control_calls import ControlCalls
from xmit_pipeline.delivery.identity import is_authenticated

_MOST = 200


@dataclass(frozen=True, slots=True)
class Identities:
    """`domains` are authenticated and valid; `addresses` are verified one by one. All in lower case."""

    domains: frozenset[str]
    addresses: frozenset[str]

    def may_send(self, address: str) -> bool:
        """Whether mail from this address is let through: itself verified, or on an authenticated domain."""
        folded = address.lower()
        return folded in self.addresses or folded.rpartition("@")[2] in self.domains


def identities_of(calls: ControlCalls, domains: list[str]) -> Identities:
    """What SendGrid says of these domains (in lower case), and which single senders it has verified."""
    valid = frozenset(name for name in domains if is_authenticated(calls.sendgrid, name))
    answer = calls.get("verified_senders", {"limit": _MOST})
    senders: list[dict[str, Any]] = (answer.get("results") or []) if isinstance(answer, dict) else []
    verified = {str(each.get("from_email", "")).lower() for each in senders if each.get("verified")}
    return Identities(valid, frozenset(verified))
