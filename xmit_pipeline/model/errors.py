"""The errors a person may see: each is a sentence that says what to do."""


class XmitError(Exception):
    """Root of everything xmit raises on purpose; its text is shown to the user as it stands."""


class BadInput(XmitError):
    """What was given can't be taken (HTTP 400).

    `faults` names each fault beside the field it belongs to: `{"field": "subject", "message": "..."}`.
    """

    def __init__(self, message: str, faults: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.faults = faults or []


class NotFound(XmitError):
    """No such thing, or an id of another kind (HTTP 404)."""


class Conflict(XmitError):
    """It can't be done in the present state (HTTP 409)."""


class StoreRefused(XmitError):
    """The store file is not ours, is newer than this program, or stays locked by a foreign program."""


class ConfigurationFault(XmitError):
    """A setting makes sending impossible or unsafe; the sentence names the setting."""
