"""What a contact file says about who may be mailed, in the words other platforms use.

An import only tightens (SPEC 9): a word of consent says nothing, every other word counts.
"""

from enum import IntEnum


class Standing(IntEnum):
    """How firmly a person must not be mailed; of two statements the higher one holds.

    A bounce ranks below an unsubscribe because an operator may lift it (SPEC 3). UNDECIDED is no standing
    of a contact: the person has not agreed yet, so the row is not imported at all.
    """

    UNDECIDED = -1
    MAILABLE = 0
    BOUNCED = 1
    UNSUBSCRIBED = 2
    COMPLAINED = 3


# in lower case and without anything but letters: "Opted-out" is looked up as "optedout"
STANDING_WORDS: dict[Standing, tuple[str, ...]] = {
    Standing.UNDECIDED: (
        "pending", "unconfirmed", "nonsubscribed", "notsubscribed", "transactional", "archived", "invited",
    ),
    Standing.MAILABLE: (
        "active", "subscribed", "enabled", "confirmed", "optedin", "optin", "valid", "deliverable",
    ),
    Standing.BOUNCED: (
        "bounced", "bounce", "hardbounce", "hardbounced", "cleaned", "undeliverable", "invalid",
    ),
    Standing.UNSUBSCRIBED: (
        "unsubscribed", "unsubscribe", "unsub", "optedout", "optout", "blocklisted", "blacklisted", "blocked",
        "disabled", "suppressed", "removed", "deleted", "donotcontact", "donotemail", "donotmail",
    ),
    Standing.COMPLAINED: (
        "complained", "complaint", "complainer", "spam", "spamcomplaint", "spamreport", "abuse",
    ),
}  # fmt: skip

# what a yes-or-no column holds for no; anything else that is filled in means yes, a date too
NO_WORDS = ("no", "n", "false", "f", "0", "off", "never", "none", "null", "-")
