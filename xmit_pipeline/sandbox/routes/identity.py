"""What the account says of itself: who may send (domains, single senders) and what the key may do."""

from typing import Any

from fastapi import APIRouter, Depends

from xmit_pipeline.sandbox.account import TheAccount, require_key

router = APIRouter(prefix="/v3", dependencies=[Depends(require_key)])

_SCOPES = [
    "asm.groups.suppressions.create",
    "asm.groups.suppressions.delete",
    "asm.groups.suppressions.read",
    "mail.send",
    "sender_verification_eligible",
    "suppression.delete",
    "suppression.read",
    "whitelabel.read",
]


@router.get("/whitelabel/domains")
def list_domains(account: TheAccount, domain: str | None = None) -> list[dict[str, Any]]:
    """Authenticated domains; `domain` asks for one, and where every domain is verified, so is that one."""
    if account.verified_domains is None:
        names = [] if domain is None else [domain.lower()]
    else:
        names = sorted(name for name in account.verified_domains if domain is None or name == domain.lower())
    return [_domain(number, name) for number, name in enumerate(names, start=1)]


def _domain(number: int, name: str) -> dict[str, Any]:
    return {
        "id": number,
        "user_id": 1,
        "subdomain": "em1",
        "domain": name,
        "username": "sandbox",
        "ips": [],
        "custom_spf": False,
        "default": number == 1,
        "legacy": False,
        "automatic_security": True,
        "valid": True,
        "dns": {},
    }


@router.get("/verified_senders")
def list_verified_senders() -> dict[str, list[dict[str, Any]]]:
    """Single verified senders: none, as the sandbox verifies whole domains."""
    return {"results": []}


@router.get("/scopes")
def list_scopes() -> dict[str, list[str]]:
    """What any key may do here."""
    return {"scopes": _SCOPES}
