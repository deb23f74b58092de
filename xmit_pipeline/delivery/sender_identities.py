"""Who may send at SendGrid: authenticated domains and single verified senders, beside those of the store."""

from dataclasses import dataclass
from typing import Any

from xmit_pipeline.delivery.control_calls import ControlCalls

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
    """What SendGrid says of these domains, and which single senders it has verified."""
    valid = frozenset(domain.lower() for domain in domains if _is_valid(calls, domain.lower()))
    answer = calls.get("verified_senders", {"limit": _MOST})
    senders: list[dict[str, Any]] = (answer.get("results") or []) if isinstance(answer, dict) else []
    verified = {str(each.get("from_email", "")).lower() for each in senders if each.get("verified")}
    return Identities(valid, frozenset(verified))


def _is_valid(calls: ControlCalls, domain: str) -> bool:
    """The listing keeps stale rows: one valid row is enough."""
    rows = calls.get("whitelabel/domains", {"domain": domain})
    found = rows if isinstance(rows, list) else []
    return any(row.get("valid") and str(row.get("domain", "")).lower() == domain for row in found)
