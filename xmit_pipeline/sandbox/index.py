"""What the mailbox knows without opening a mail: whose it is, of which day, how often its id was accepted."""

from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import datetime

from xmit_pipeline.sandbox.mail import merged, recipients
from xmit_pipeline.sandbox.validation.shape import JsonObject

MESSAGE_ARG = "xmit_message"


class MailIndex:
    """Mails are numbered from 0 over all requests, in the order in which they were accepted."""

    def __init__(self) -> None:
        self.by_address: defaultdict[str, list[int]] = defaultdict(list)
        self.acceptances: Counter[str] = Counter()
        self.by_day: Counter[str] = Counter()
        self.mails = 0
        self.requests = 0
        self._starts: list[int] = []

    def add(self, body: JsonObject, accepted_at: datetime) -> None:
        """Take up a request's mails, whole or not at all; call it in the order of the records."""
        addresses = [party["email"].lower() for _, party in recipients(body)]
        messages = [merged(body, one, "custom_args").get(MESSAGE_ARG) for one in body["personalizations"]]
        for number, address in enumerate(addresses, start=self.mails):
            self.by_address[address].append(number)
        self.acceptances.update(message for message in messages if message is not None)
        self.by_day[accepted_at.date().isoformat()] += len(addresses)
        self._starts.append(self.mails)
        self.mails += len(addresses)
        self.requests += 1

    def skip(self) -> None:
        """Count a record that can't be read, so that the later ones keep their places."""
        self._starts.append(self.mails)

    @property
    def records(self) -> int:
        """How many records there are, with those that can't be read."""
        return len(self._starts)

    def holds(self, record: int) -> bool:
        """Whether a record holds any mail: one that can't be read holds none."""
        end = self._starts[record + 1] if record + 1 < len(self._starts) else self.mails
        return end > self._starts[record]

    def place(self, number: int) -> tuple[int, int]:
        """The record that holds a mail, and the mail's place among that request's recipients."""
        record = bisect_right(self._starts, number) - 1
        return record, number - self._starts[record]

    def containing(self, text: str) -> list[int]:
        """Numbers of the mails whose address holds `text` in any case, oldest first."""
        wanted = text.lower()
        return sorted(
            number for address, numbers in self.by_address.items() if wanted in address for number in numbers
        )
