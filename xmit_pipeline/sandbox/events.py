"""What happened to a mail, in the very fields of SendGrid's Event Webhook. Decides nothing: `people.py` does.

Fields and types are those of the vendor's Email Logs schemas, with custom args flattened into the top level, as the
webhook has them (twilio.com/docs/sendgrid/for-developers/tracking-events/event).
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from zlib import crc32

from xmit_pipeline.sandbox.events_letter import Letter
from xmit_pipeline.sandbox.people import Act
from xmit_pipeline.sandbox.validation.addresses import domain_of
from xmit_pipeline.sandbox.validation.shape import JsonObject

ACCOUNT = 10_000_001
DROPS = ("Spam Content", "Recipient List over Package Quota", "Invalid SMTPAPI header", "Expired")
_SENDING_IP = "192.0.2.25"
_ROOM = "550 5.1.1 The email account that you tried to reach does not exist. "
_BLOCKS = (
    ("452 4.2.2 The mailbox is full, try again later", "4.2.2", "Mailbox Unavailable"),
    ("550 5.7.1 Message rejected by the content filter", "5.7.1", "Content"),
    ("unable to get mx info: failed to get IPs from PTR record", None, "Technical"),
)
_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
_MACHINE = "Mozilla/5.0"
_SCANNER = "Mozilla/5.0 (compatible; GateScanner/1.0)"


@dataclass(frozen=True, slots=True)
class EventWriter:
    """Writes the events of one mail; `seed` goes into the ids of what readers do."""

    letter: Letter
    seed: int

    def of(self, act: Act) -> list[JsonObject]:
        """The events of one act: one, or one a link where a scanner went through; none for what is not tracked."""
        match act.kind:
            case "processed":
                return [self._delivery("processed", act, f"processed-{ACCOUNT}", **self._scheduling())]
            case "dropped":
                return [self.dropped(DROPS[int(act.roll * len(DROPS))], act.after)]
            case "deferred":
                return [self._deferred(act)]
            case "delivered":
                return [self._delivered(act)]
            case "bounce" | "blocked" | "late_bounce":
                return [self._bounce(act)]
            case _:
                return list(self._engagement(act))

    def dropped(self, reason: str, after: float = 1.0) -> JsonObject:
        """SendGrid did not try: `reason` is one of its words, such as "Bounced Address"."""
        identity = f"drop-{ACCOUNT}-{self.letter.message_id}-{self.letter.ordinal}"
        event = self._event("dropped", after, _encoded(identity.encode()), part="filterdrecv")
        return event | {"smtp-id": self._smtp_id, "reason": reason}

    def _deferred(self, act: Act) -> JsonObject:
        sender = self.letter.one.get("from", self.letter.request.body["from"])
        return self._delivery(
            "deferred", act, f"deferred-{act.turn}-{ACCOUNT}",
            response="451 4.7.1 Greylisted, please come back later", attempt=str(act.turn), ip=_SENDING_IP, tls=1,
            domain=domain_of(self.letter.email), **{"from": sender["email"]},
        )  # fmt: skip

    def _delivered(self, act: Act) -> JsonObject:
        return self._delivery(
            "delivered", act, f"delivered-0-{ACCOUNT}",
            response=f"250 2.0.0 OK {int(self._time(act.after))} {self.letter.message_id[:12]}", ip=_SENDING_IP, tls=1,
        )  # fmt: skip

    def _bounce(self, act: Act) -> JsonObject:
        if act.kind == "late_bounce":
            # whoever took the mail and then sent it back knows nothing of the ids
            identity = f"bounce-async-{ACCOUNT}-{self.letter.message_id}-{self.letter.ordinal}"
            return {
                "email": self.letter.email, "event": "bounce", "type": "bounce", "reason": _ROOM, "status": "5.1.1",
                "timestamp": int(self._time(act.after)), "sg_event_id": _encoded(identity.encode()),
            }  # fmt: skip
        if act.kind == "bounce":
            reason, status, classification = _ROOM, "5.1.1", "Invalid Address"
        else:
            reason, status, classification = _BLOCKS[int(act.roll * len(_BLOCKS))]
        event = self._delivery(
            "bounce", act, f"bounce-4-{ACCOUNT}",
            type="bounce" if act.kind == "bounce" else "blocked", reason=reason, ip=_SENDING_IP, tls=1,
            bounce_classification=classification,
        )  # fmt: skip
        return event if status is None else event | {"status": status}

    def _engagement(self, act: Act) -> Iterator[JsonObject]:
        match act.kind:
            case "open" | "machine_open":
                if self.letter.opens_are_tracked:
                    by_machine = act.kind == "machine_open"
                    yield self._read("open", act, act.kind, self._agent(machine=by_machine)) | {
                        "sg_content_type": "html", "sg_machine_open": by_machine,
                    }  # fmt: skip
            case "click":
                tracked = self.letter.tracked_links()
                if tracked:
                    yield self._click(act, tracked, int(act.roll * len(tracked)), self._agent())
            case "scan":
                tracked = self.letter.tracked_links()
                for index in range(len(tracked)):
                    yield self._click(act, tracked, index, {"useragent": _SCANNER, "ip": "203.0.113.200"})
            case "unsubscribe" | "one_click":
                # a link that the sandbox may not post to is taken for SendGrid's own
                kind = "unsubscribe" if self.letter.group is None else "group_unsubscribe"
                yield self._read(kind, act, "unsubscribe", self._agent())
            case _:
                yield self._read(act.kind, act, act.kind, {})

    def _click(self, act: Act, tracked: list[str], index: int, agent: JsonObject) -> JsonObject:
        event = self._read("click", act, f"{act.kind} {index}", agent)
        return event | {"url": tracked[index], "url_offset": {"index": index, "type": "html"}}

    def _read(self, kind: str, act: Act, name: str, extra: JsonObject) -> JsonObject:
        """What a reader does; `name` and the act's turn tell apart what one mail can have more than once."""
        key = f"{self.seed}/{self.letter.message_id}/{self.letter.ordinal}/{name}/{act.turn}"
        drawn = _encoded(blake2b(key.encode(), digest_size=16).digest())
        return self._event(kind, act.after, drawn) | extra

    def _delivery(self, kind: str, act: Act, prefix: str, **fields: object) -> JsonObject:
        """What SendGrid and the mailbox's server do; its ids are made of the message's own."""
        identity = f"{prefix}-{self.letter.message_id}-{self.letter.ordinal}"
        return self._event(kind, act.after, _encoded(identity.encode())) | {"smtp-id": self._smtp_id} | fields

    def _event(self, kind: str, after: float, event_id: str, part: str = "recvd") -> JsonObject:
        body = self.letter.request.body
        # a reserved name in the custom args is overwritten, as the vendor's page warns
        event: JsonObject = self.letter.custom_args | {
            "email": self.letter.email,
            "timestamp": int(self._time(after)),
            "event": kind,
            "sg_event_id": event_id,
            "sg_message_id": self._message_id(part),
        }
        if body.get("categories"):
            event["category"] = body["categories"]
        if self.letter.group is not None and kind != "spamreport":
            event["asm_group_id"] = self.letter.group
        return event

    def _time(self, after: float) -> float:
        return self.letter.sent_at + after

    def _message_id(self, part: str) -> str:
        mark = crc32(self.letter.message_id.encode())
        return f"{self.letter.message_id}.{part}-sandbox-{mark:08x}-1-{mark >> 4:X}-{self.letter.ordinal:X}.0"

    @property
    def _smtp_id(self) -> str:
        return f"<{self.letter.message_id}@geopod-ismtpd-1>"

    def _scheduling(self) -> JsonObject:
        fields: JsonObject = {}
        body = self.letter.request.body
        if "ip_pool_name" in body:
            fields["pool"] = {"name": body["ip_pool_name"], "id": "1"}
        send_at = self.letter.one.get("send_at", body.get("send_at"))
        return fields if send_at is None else fields | {"send_at": send_at}

    def _agent(self, *, machine: bool = False) -> JsonObject:
        if machine:
            return {"useragent": _MACHINE, "ip": "203.0.113.100"}
        place = crc32(self.letter.email.lower().encode()) % 254 + 1
        return {"useragent": _BROWSER, "ip": f"198.51.100.{place}"}


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
