"""SendGrid's Email Logs: find accepted mail by its recipient and time, and read what is known of one."""

import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from xmit_pipeline.sandbox.account import Account, TheAccount, require_key
from xmit_pipeline.sandbox.mail import Mail
from xmit_pipeline.sandbox.validation.refusals import Refusal, Refused

router = APIRouter(prefix="/v3", dependencies=[Depends(require_key)])

MOST = 1000
_TERM = re.compile(
    r'\s*(?:(?P<field>to_email|sg_message_id|subject)\s*=\s*"(?P<text>[^"]*)"'
    r'|sg_message_id_created_at\s*(?P<bound>>=|<=|>|<)\s*TIMESTAMP\s+"(?P<moment>[^"]*)")\s*'
)


class LogQuery(BaseModel):
    """The body of `POST /v3/logs`; of SendGrid's fields those that xmit uses, joined by AND."""

    query: str = ""
    limit: Annotated[int, Field(ge=1, le=MOST)] = 10


@router.post("/logs")
def search_logs(body: LogQuery, account: TheAccount) -> dict[str, list[dict[str, str]]]:
    """Mail that fits every term, newest first; 400 for a term that SendGrid does not know."""
    terms = [_term(part) for part in re.split(r"\bAND\b", body.query)] if body.query.strip() else []
    to = next((term["text"] for term in terms if term["field"] == "to_email"), None)
    mails = account.mailbox.page(to=to, limit=MOST).mails
    found = [mail for mail in mails if all(_fits(mail, term) for term in terms)]
    return {"messages": [_summary(mail) for mail in found[: body.limit]]}


@router.get("/logs/{sg_message_id}")
def read_log(sg_message_id: str, account: TheAccount) -> dict[str, Any]:
    """One mail with its events, their custom args apart; 404 where there is none."""
    mail = _mail(account, sg_message_id)
    received = {
        "event": "processed",
        "email": mail.to,
        "sg_message_id": sg_message_id,
        "sg_event_id": f"processed-{sg_message_id}",
        "smtp-id": f"<{sg_message_id}@sandbox>",
        "timestamp": int(mail.accepted_at.timestamp()),
        "custom_args": mail.custom_args,
    }
    return {**_summary(mail), "events": [received]}


def _term(text: str) -> dict[str, str | None]:
    found = _TERM.fullmatch(text)
    if found is None:
        raise Refused(400, [Refusal(f"invalid query: {text.strip()}", "query")])
    return found.groupdict()


def _fits(mail: Mail, term: dict[str, str | None]) -> bool:
    match term["field"]:
        case "to_email":
            return mail.to.lower() == (term["text"] or "").lower()
        case "sg_message_id":
            return _id_of(mail) == term["text"]
        case "subject":
            return mail.subject == term["text"]
        case _:
            moment = datetime.fromisoformat(term["moment"] or "")
            bound = term["bound"] or ""
            return mail.accepted_at >= moment if ">" in bound else mail.accepted_at <= moment


def _summary(mail: Mail) -> dict[str, str]:
    return {
        "from_email": mail.sender,
        "to_email": mail.to,
        "subject": mail.subject,
        "status": "processed",
        "sg_message_id": _id_of(mail),
        "sg_message_id_created_at": mail.accepted_at.isoformat(),
    }


def _id_of(mail: Mail) -> str:
    return f"{mail.message_id}.recvd-sandbox-{mail.number}"


def _mail(account: Account, sg_message_id: str) -> Mail:
    number = sg_message_id.rpartition("-")[2]
    mail = account.mailbox.mail(int(number)) if number.isdecimal() else None
    if mail is None or _id_of(mail) != sg_message_id:
        raise Refused(404, [Refusal("message not found")])
    return mail
