"""mail_settings and tracking_settings: which switches exist, and of which JSON type each is."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from xmit_pipeline.sandbox.validation.refusals import Refusal
from xmit_pipeline.sandbox.validation.shape import JsonObject, check_type, unknown_fields, wrong_type

_Switches: TypeAlias = Mapping[str, Mapping[str, type]]

_BYPASSES = ("bypass_spam_management", "bypass_bounce_management", "bypass_unsubscribe_management")
_UTM = ("utm_source", "utm_medium", "utm_term", "utm_content", "utm_campaign")

MAIL_SETTINGS: _Switches = {
    **{name: {"enable": bool} for name in ("bypass_list_management", *_BYPASSES, "sandbox_mode")},
    "footer": {"enable": bool, "text": str, "html": str},
}

TRACKING_SETTINGS: _Switches = {
    "click_tracking": {"enable": bool, "enable_text": bool},
    "open_tracking": {"enable": bool, "substitution_tag": str},
    "subscription_tracking": {"enable": bool, "text": str, "html": str, "substitution_tag": str},
    "ganalytics": {"enable": bool, **dict.fromkeys(_UTM, str)},
}


def check_settings(field: str, given: object, switches: _Switches) -> Iterator[Refusal]:
    """Refuse unknown settings, unknown switches, and switches of another JSON type."""
    if not isinstance(given, dict):
        yield wrong_type(field, dict, given)
        return
    yield from unknown_fields(field, given, frozenset(switches))
    for name in given.keys() & switches.keys():
        yield from _check_switches(f"{field}.{name}", given[name], switches[name])


def _check_switches(field: str, given: object, types: Mapping[str, type]) -> Iterator[Refusal]:
    if not isinstance(given, dict):
        yield wrong_type(field, dict, given)
        return
    yield from unknown_fields(field, given, frozenset(types))
    for name in given.keys() & types.keys():
        yield from check_type(f"{field}.{name}", types[name], given[name])


def check_bypasses(message: JsonObject) -> Iterator[Refusal]:
    """bypass_list_management excludes the three narrower bypasses."""
    settings = message.get("mail_settings")
    if isinstance(settings, dict) and _on(settings, "bypass_list_management"):
        for name in _BYPASSES:
            if _on(settings, name):
                yield Refusal(
                    "bypass_list_management can't be combined with another bypass.", f"mail_settings.{name}"
                )


def _on(settings: JsonObject, name: str) -> bool:
    setting = settings.get(name)
    return isinstance(setting, dict) and setting.get("enable") is True


def is_preflight(message: JsonObject) -> bool:
    """Whether sandbox_mode asks for a validation only: answered 200, nothing is sent."""
    return _on(message.get("mail_settings") or {}, "sandbox_mode")
