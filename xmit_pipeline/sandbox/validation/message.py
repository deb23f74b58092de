"""A whole Mail Send message: every rule of the vendor applied. Knows nothing of accounts."""

from collections.abc import Iterator

from xmit_pipeline.sandbox.validation.addresses import check_party
from xmit_pipeline.sandbox.validation.content import check_attachments, check_content
from xmit_pipeline.sandbox.validation.merged import (
    check_custom_args,
    check_headers,
    check_send_at,
    check_subject,
)
from xmit_pipeline.sandbox.validation.personalizations import check_personalizations
from xmit_pipeline.sandbox.validation.refusals import Refusal
from xmit_pipeline.sandbox.validation.settings import (
    MAIL_SETTINGS,
    TRACKING_SETTINGS,
    check_bypasses,
    check_settings,
)
from xmit_pipeline.sandbox.validation.shape import JsonObject, check_type, unknown_fields, wrong_type

_FIELDS = frozenset(
    {
        "personalizations",
        "from",
        "reply_to",
        "reply_to_list",
        "subject",
        "content",
        "attachments",
        "template_id",
        "headers",
        "categories",
        "custom_args",
        "send_at",
        "batch_id",
        "asm",
        "ip_pool_name",
        "mail_settings",
        "tracking_settings",
    }
)
_MAX_CATEGORIES = 10
_MAX_CATEGORY = 255
_MAX_REPLY_TO = 1000
_MAX_GROUPS = 25
_POOL_NAME = range(2, 65)


def check_message(message: object, now: float) -> list[Refusal]:
    """Every reason to refuse this body; empty where SendGrid would take it. `now` is in Unix seconds."""
    if not isinstance(message, dict):
        return [wrong_type("(root)", dict, message)]
    return [
        *unknown_fields("", message, _FIELDS),
        *check_personalizations(message, now),
        *_check_sender(message),
        *_check_subjects(message),
        *check_content(message),
        *check_attachments(message),
        *_check_merged(message, now),
        *_check_categories(message),
        *_check_asm(message),
        *_check_names(message),
        *_check_all_settings(message),
    ]


def _check_sender(message: JsonObject) -> Iterator[Refusal]:
    if "from" in message:
        yield from check_party("from", message["from"])
    else:
        yield Refusal('The from object is required, as {"email", "name"}.', "from")
    if "reply_to" in message:
        yield from check_party("reply_to", message["reply_to"])
    if "reply_to_list" not in message:
        return
    if "reply_to" in message:
        yield Refusal("reply_to and reply_to_list can't be combined.", "reply_to_list")
    yield from _check_reply_to_list(message["reply_to_list"])


def _check_reply_to_list(given: object) -> Iterator[Refusal]:
    if not isinstance(given, list):
        yield wrong_type("reply_to_list", list, given)
        return
    if len(given) > _MAX_REPLY_TO:
        yield Refusal(f"reply_to_list takes at most {_MAX_REPLY_TO} addresses.", "reply_to_list")
    for index, party in enumerate(given):
        yield from check_party(f"reply_to_list.{index}", party)
    addresses = [str(party.get("email")).lower() for party in given if isinstance(party, dict)]
    if len(set(addresses)) < len(addresses):
        yield Refusal("Every address of reply_to_list has to be different.", "reply_to_list")


def _check_subjects(message: JsonObject) -> Iterator[Refusal]:
    if "subject" in message:
        yield from check_subject("subject", message["subject"])
        return
    personalizations = message.get("personalizations")
    if isinstance(personalizations, list) and all(
        isinstance(one, dict) and "subject" in one for one in personalizations
    ):
        return
    yield Refusal("A subject is required, for the message or in every personalization.", "subject")


def _check_merged(message: JsonObject, now: float) -> Iterator[Refusal]:
    if "headers" in message:
        yield from check_headers("headers", message["headers"])
    if "custom_args" in message:
        yield from check_custom_args("custom_args", message["custom_args"], {})
    if "send_at" in message:
        yield from check_send_at("send_at", message["send_at"], now)


def _check_categories(message: JsonObject) -> Iterator[Refusal]:
    given = message.get("categories", [])
    if not isinstance(given, list) or not all(isinstance(category, str) for category in given):
        yield Refusal("categories has to be an array of strings.", "categories")
        return
    if len(given) > _MAX_CATEGORIES:
        yield Refusal(f"A mail takes at most {_MAX_CATEGORIES} categories.", "categories")
    if len(set(given)) < len(given):
        yield Refusal("Every category has to be different.", "categories")
    for index, category in enumerate(given):
        if len(category) > _MAX_CATEGORY or not category.isascii():
            yield Refusal(f"A category is at most {_MAX_CATEGORY} ASCII characters.", f"categories.{index}")


def _check_asm(message: JsonObject) -> Iterator[Refusal]:
    given = message.get("asm", {"group_id": 1})
    if not isinstance(given, dict):
        yield wrong_type("asm", dict, given)
        return
    yield from unknown_fields("asm", given, frozenset({"group_id", "groups_to_display"}))
    yield from check_type("asm.group_id", int, given.get("group_id"))
    groups = given.get("groups_to_display", [])
    if not isinstance(groups, list) or not all(type(group) is int for group in groups):
        yield Refusal("groups_to_display has to be an array of integers.", "asm.groups_to_display")
    elif len(groups) > _MAX_GROUPS:
        yield Refusal(f"At most {_MAX_GROUPS} groups can be displayed.", "asm.groups_to_display")


def _check_names(message: JsonObject) -> Iterator[Refusal]:
    if "batch_id" in message:
        yield from check_type("batch_id", str, message["batch_id"])
    if "template_id" in message:
        # an account without templates refuses every id, and the sandbox keeps none
        yield Refusal("This account has no such template; send the content itself.", "template_id")
    pool = message.get("ip_pool_name", "ok")
    if not isinstance(pool, str) or len(pool) not in _POOL_NAME:
        yield Refusal("An IP pool's name is 2 to 64 characters long.", "ip_pool_name")


def _check_all_settings(message: JsonObject) -> Iterator[Refusal]:
    if "mail_settings" in message:
        yield from check_settings("mail_settings", message["mail_settings"], MAIL_SETTINGS)
        yield from check_bypasses(message)
    if "tracking_settings" in message:
        yield from check_settings("tracking_settings", message["tracking_settings"], TRACKING_SETTINGS)
