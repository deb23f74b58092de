"""The headers that other programs' contact files carry, and what each is used for.

Knows Mailchimp's, HubSpot's and listmonk's exports and the usual plain spellings; a header is compared by
its letters and digits alone.
"""

from enum import StrEnum

from xmit_pipeline.model.metadata_keys import plain_letters


class Role(StrEnum):
    """What a column's values are used for."""

    EMAIL = "email"
    FIRST_NAME = "firstName"
    LAST_NAME = "lastName"
    FULL_NAME = "firstName, lastName"
    TIMEZONE = "timezone"
    STATUS = "status"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    SUBSCRIBED = "subscribed"
    ATTRIBUTES = "attributes"
    METADATA = "metadata"
    LEFT_OUT = "-"


# filled in (or for SUBSCRIBED: denied), these say that somebody must not be mailed
FLAGS = frozenset({Role.UNSUBSCRIBED, Role.BOUNCED, Role.COMPLAINED, Role.SUBSCRIBED})

# a flag is kept too, and so is a status column's value that is no word of status
KEPT_AS_METADATA = FLAGS | {Role.METADATA, Role.STATUS}

_SPELLINGS: dict[Role, tuple[str, ...]] = {
    Role.EMAIL: ("email", "emailaddress", "emailaddr", "mail", "mailaddress", "email1value"),
    Role.FIRST_NAME: ("firstname", "fname", "first", "givenname", "forename"),
    Role.LAST_NAME: ("lastname", "lname", "last", "surname", "familyname"),
    Role.FULL_NAME: ("name", "fullname"),
    Role.TIMEZONE: ("timezone", "tz"),
    Role.STATUS: ("status", "emailstatus", "memberstatus", "subscriberstatus", "subscriptionstatus"),
    Role.UNSUBSCRIBED: (
        "unsubtime", "unsubscribed", "unsubscribedat", "unsubscribedfromallemail", "hsemailoptout",
        "optout", "optedout", "emailoptout", "donotemail",
    ),
    Role.BOUNCED: ("cleantime", "bounced", "bouncedat", "hardbounced"),
    Role.COMPLAINED: ("complained", "complainedat", "spamcomplaint"),
    Role.SUBSCRIBED: ("subscribed", "issubscribed", "acceptsmarketing", "acceptsemailmarketing"),
    Role.ATTRIBUTES: ("attributes", "attribs", "metadata"),
}  # fmt: skip
_ROLES = {spelling: role for role, spellings in _SPELLINGS.items() for spelling in spellings}


def role_of(header: str) -> Role:
    """The use a header asks for; METADATA for one that is no known field."""
    letters = "".join(letter for letter in plain_letters(header).lower() if letter.isalnum())
    return _ROLES.get(letters, Role.METADATA)
