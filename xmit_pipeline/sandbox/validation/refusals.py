"""What SendGrid says when it refuses a request: the form of its error answers, and nothing about why."""

from dataclasses import dataclass

from xmit_pipeline.model.errors import XmitError

_HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message."


@dataclass(frozen=True, slots=True)
class Refusal:
    """One entry of an error answer: `field` is a path like `personalizations.0.to.0.email`, or None."""

    message: str
    field: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """The entry as SendGrid writes it: `message`, `field`, `help`."""
        return {"message": self.message, "field": self.field, "help": self._help()}

    def _help(self) -> str | None:
        if self.field is None:
            return None
        words = [
            part for part in self.field.split(".") if not part.isdigit() and part not in {"email", "name"}
        ]
        return _HELP + ".".join(words)


# SendGrid answers JSON that it can't read, and a substitution that is not text, with no place and no reason
BAD_REQUEST = Refusal("Bad Request")


class Refused(XmitError):
    """The request is refused as a whole: an HTTP status and SendGrid's list of errors."""

    def __init__(self, status: int, refusals: list[Refusal]) -> None:
        super().__init__("; ".join(refusal.message for refusal in refusals))
        self.status = status
        self.refusals = refusals

    def body(self) -> dict[str, list[dict[str, str | None]]]:
        """`{"errors": [{"message", "field", "help"}, ...]}`."""
        return {"errors": [refusal.as_json() for refusal in self.refusals]}
