"""One mail as the events tell of it: whose it is, what SendGrid would track in it. Opened only as far as needed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xmit_pipeline.model.settings import is_loopback
from xmit_pipeline.sandbox.mail import AcceptedRequest, merged, recipients
from xmit_pipeline.sandbox.reading import links
from xmit_pipeline.sandbox.substitution import Substitution
from xmit_pipeline.sandbox.validation.shape import JsonObject

_ONE_CLICK = "list-unsubscribe=one-click"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to one recipient of an accepted request; `ordinal` is the recipient's place in it, from 0."""

    request: AcceptedRequest
    ordinal: int
    one: JsonObject
    email: str

    @property
    def message_id(self) -> str:
        """The request's X-Message-Id."""
        return self.request.message_id

    @property
    def sent_at(self) -> float:
        """Unix seconds at which delivery begins: when it was accepted, or at its `send_at` if that is later."""
        return max(self.request.accepted_at.timestamp(), self._own("send_at") or 0)

    @property
    def subject(self) -> str:
        """As its reader sees it."""
        return Substitution(self.one.get("substitutions", {})).resolve(self._own("subject") or "")

    @property
    def custom_args(self) -> dict[str, str]:
        """The personalization's over the message's own."""
        return merged(self.request.body, self.one, "custom_args")

    @property
    def group(self) -> int | None:
        """The ASM group that it was sent under."""
        return self.request.body.get("asm", {}).get("group_id")

    @property
    def opens_are_tracked(self) -> bool:
        """Whether it carries SendGrid's pixel: only HTML can."""
        return self._tracks("open_tracking") and any(
            part["type"] == "text/html" for part in self.request.body["content"]
        )

    @property
    def bypasses_suppressions(self) -> bool:
        """Whether it goes to suppressed addresses too."""
        settings = self.request.body.get("mail_settings", {})
        return bool(settings.get("bypass_list_management", {}).get("enable"))

    def tracked_links(self) -> list[str]:
        """The links that SendGrid would count clicks on, in order; never the way out."""
        if not self._tracks("click_tracking"):
            return []
        way_out = self._way_out()
        return [
            link.href
            for link in links(self.request.mail(self.ordinal, self.ordinal))
            if link.is_tracked and link.href != way_out
        ]

    def one_click_url(self) -> str | None:
        """Where a mail app posts its reader's wish (RFC 8058); None without one, or beyond this machine."""
        post = self._headers().get("list-unsubscribe-post", "").replace(" ", "").lower()
        url = self._way_out()
        return url if post == _ONE_CLICK and url is not None and is_loopback(url) else None

    def _way_out(self) -> str | None:
        for part in self._headers().get("list-unsubscribe", "").split(","):
            url = part.strip().removeprefix("<").removesuffix(">")
            if url.startswith(("http://", "https://")):
                return url
        return None

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in merged(self.request.body, self.one, "headers").items()}

    def _own(self, name: str) -> Any:
        return self.one.get(name, self.request.body.get(name))

    def _tracks(self, name: str) -> bool:
        return bool(self.request.body.get("tracking_settings", {}).get(name, {}).get("enable", True))


def letters(request: AcceptedRequest) -> Iterator[Letter]:
    """A request's mails in order."""
    for ordinal, (one, party) in enumerate(recipients(request.body)):
        yield Letter(request, ordinal, one, party["email"])
