"""The demo's readers: what they do with the mail reaches the landing zone as from SendGrid and the mail's own links.

The sandbox tells what happened up to a simulated moment; here it is kept as the API keeps it, once it is verified.
"""

from dataclasses import dataclass
from datetime import datetime

from xmit_pipeline.model.settings import Settings
from xmit_pipeline.model.tokens import verify
from xmit_pipeline.sandbox.people import PeopleOrder
from xmit_pipeline.sandbox.server import RunningSandbox
from xmit_pipeline.store.event_files import keep_body
from xmit_pipeline.store.wish_files import keep_wish

SEED = 14
"""Something of everything, but no third complaint: that would pause the domain, as it should (SPEC 4, health)."""


@dataclass(frozen=True, slots=True)
class Readers:
    """The sandbox's people, and where what they do is landed."""

    sandbox: RunningSandbox
    settings: Settings

    def move_in(self) -> None:
        """From now on mail has readers: the usual rates, the same fates in each demo."""
        self.sandbox.events.people = PeopleOrder(seed=SEED)

    def act(self, until: datetime) -> None:
        """Let everything happen up to and with `until`, and land it for the next tick."""
        moment = until.timestamp()
        happened = self.sandbox.events.happen(moment)
        for body in self.sandbox.events.batches(happened, moment):
            keep_body(self.settings.home, body)
        for wished in happened.one_clicks:
            keep_wish(self.settings.home, verify(wished.url.rpartition("/")[2], self.settings.secrets))
        self.sandbox.events.keep(moment)
