"""What the environment sets (SPEC 10), read once at the edge and passed down."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from xmit_pipeline.model.errors import ConfigurationFault
from xmit_pipeline.model.outcomes import UnknownPolicy

SENDGRID = "https://api.sendgrid.com"
_SHORTEST_SECRET = 16
_LARGEST_NUMBER = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Where state lives, whom to deliver to, and how links are built and signed; keys and addresses may be blank.

    secrets                the first signs, all verify
    unknown_policy         decides after `unknown_after` about mail whose fate nothing has proved
    contact_gap            keeps two mails to one person apart
    webhooks_private       outgoing webhooks may go to private networks
    rate_per_second        calls of one API key, 0 for as many as it likes; `rate_burst` may come at once
    webhook_public_key     verifies SendGrid's events
    push_suppressions_to   `global`, or the number of an ASM group
    scanner_links          so many of one mail, clicked from one address within `scanner_seconds` of its delivery, are a
                           scanner's; 0 seconds: nobody is one
    soft_bounce_limit      in a row, 0 for no limit
    alert_url              hears of trouble
    upload_limit_mb        bounds a contact file sent to the dashboard
    dagster_url            where the dashboard's links to Dagster lead
    """

    home: Path
    database: Path
    sendgrid_key: str
    sendgrid_host: str
    public_url: str
    secrets: tuple[str, ...]
    tick_budget_seconds: int
    retry_budget_seconds: int
    unknown_policy: UnknownPolicy
    unknown_after: timedelta
    resend_limit: int
    contact_gap: timedelta
    webhooks_private: bool
    rate_per_second: int
    rate_burst: int
    webhook_public_key: str
    push_suppressions_to: str
    scanner_seconds: int
    scanner_links: int
    soft_bounce_limit: int
    alert_url: str
    upload_limit_mb: int
    dagster_url: str

    @property
    def secret(self) -> str:
        """The one that signs."""
        return self.secrets[0]

    @property
    def host_is_loopback(self) -> bool:
        """Whether mail goes to an address of this machine: a sandbox or a test server."""
        return is_loopback(self.sendgrid_host)

    @property
    def public_url_is_reachable(self) -> bool:
        """Whether people and SendGrid could reach us: https, and no address of this machine."""
        return urlsplit(self.public_url).scheme == "https" and not is_loopback(self.public_url)

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @property
    def journal(self) -> Path:
        return self.home / "journal"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment; makes and keeps a secret in the home folder where none is given."""
    env = os.environ if environ is None else environ
    home = Path(env.get("XMIT_HOME") or ".xmit").expanduser().resolve()
    return Settings(
        home=home,
        database=_database(env, home),
        sendgrid_key=_sendgrid_key(env),
        sendgrid_host=_url(env, "SENDGRID_HOST", SENDGRID),
        public_url=_url(env, "XMIT_PUBLIC_URL", "http://127.0.0.1:8000"),
        secrets=_secrets(env, home),
        tick_budget_seconds=_whole_number(env, "XMIT_TICK_BUDGET_SECONDS", 600),
        retry_budget_seconds=_whole_number(env, "XMIT_RETRY_BUDGET_SECONDS", 60),
        unknown_policy=_policy(env),
        unknown_after=timedelta(hours=_whole_number(env, "XMIT_UNKNOWN_AFTER_HOURS", 24, least=1)),
        resend_limit=_whole_number(env, "XMIT_RESEND_LIMIT", 3, least=1),
        contact_gap=timedelta(minutes=_whole_number(env, "XMIT_CONTACT_GAP_MINUTES", 0)),
        webhooks_private=_allowed(env, "XMIT_WEBHOOKS_PRIVATE"),
        rate_per_second=_whole_number(env, "XMIT_RATE_PER_SECOND", 100),
        rate_burst=_whole_number(env, "XMIT_RATE_BURST", 1000, least=1),
        webhook_public_key=env.get("SENDGRID_WEBHOOK_PUBLIC_KEY", "").strip(),
        push_suppressions_to=_push_target(env),
        scanner_seconds=_whole_number(env, "XMIT_SCANNER_SECONDS", 10),
        scanner_links=_whole_number(env, "XMIT_SCANNER_LINKS", 2, least=1),
        soft_bounce_limit=_whole_number(env, "XMIT_SOFT_BOUNCE_LIMIT", 5),
        alert_url=_url(env, "XMIT_ALERT_URL", "https://alerts.example.com/xmit")
        if env.get("XMIT_ALERT_URL")
        else "",
        upload_limit_mb=_whole_number(env, "XMIT_UPLOAD_LIMIT_MB", 1024, least=1),
        dagster_url=_url(env, "XMIT_DAGSTER_URL", "http://127.0.0.1:3000"),
    )


def webhook_key_file(home: Path) -> Path:
    """Where `xmit setup-sendgrid` keeps the event webhook's public key."""
    return home / "sendgrid_webhook_public_key"


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine's loopback."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sendgrid_key(env: Mapping[str, str]) -> str:
    key = env.get("SENDGRID_API_KEY", "").strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationFault(
            "SENDGRID_API_KEY holds what no key has (curly quotes, a space, a line break?); copy it once more."
        )
    return key


def _database(env: Mapping[str, str], home: Path) -> Path:
    given = env.get("XMIT_DATABASE", "").strip()
    if "://" in given or given.startswith("ducklake:"):
        raise ConfigurationFault(f"XMIT_DATABASE is {given!r}; give the path of a DuckDB file.")
    return Path(given).expanduser().resolve() if given else home / "xmit.duckdb"


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    url = (env.get(name) or default).strip().rstrip("/")
    if not _is_whole(url):
        raise ConfigurationFault(f"{name} is {url!r}; give a whole address such as {default}.")
    return url


def _is_whole(url: str) -> bool:
    try:
        parts = urlsplit(url)
        place = bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that don't close, a port that is none
        return False
    return place and parts.scheme in ("http", "https") and not any(letter.isspace() for letter in url)


def _whole_number(env: Mapping[str, str], name: str, default: int, least: int = 0) -> int:
    text = env.get(name, "").strip()
    if text and (not text.isdecimal() or not least <= int(text) <= _LARGEST_NUMBER):
        raise ConfigurationFault(
            f"{name} is {text!r}; give a whole number from {least} to {_LARGEST_NUMBER}."
        )
    return int(text) if text else default


def _policy(env: Mapping[str, str]) -> UnknownPolicy:
    text = env.get("XMIT_UNKNOWN_POLICY", "").strip() or UnknownPolicy.PRESUME_SENT.value
    try:
        return UnknownPolicy(text)
    except ValueError as error:
        known = " or ".join(policy.value for policy in UnknownPolicy)
        raise ConfigurationFault(f"XMIT_UNKNOWN_POLICY is {text!r}; give {known}.") from error


def _allowed(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "").strip().lower()
    if text not in ("", "allow", "refuse"):
        raise ConfigurationFault(f"{name} is {text!r}; give allow, or leave it out.")
    return text == "allow"


def _push_target(env: Mapping[str, str]) -> str:
    text = env.get("XMIT_PUSH_SUPPRESSIONS", "").strip().lower()
    if text not in ("", "global") and not (text.isascii() and text.isdecimal()):
        raise ConfigurationFault(
            f"XMIT_PUSH_SUPPRESSIONS is {text!r}; give global, the number of an ASM group, or leave it out."
        )
    return text


def _secrets(env: Mapping[str, str], home: Path) -> tuple[str, ...]:
    given = tuple(part.strip() for part in env.get("XMIT_SECRET", "").split(",") if part.strip())
    if any(len(secret) < _SHORTEST_SECRET for secret in given):
        raise ConfigurationFault(f"XMIT_SECRET signs links: give at least {_SHORTEST_SECRET} characters.")
    return given or (_kept_secret(home / "secret"),)


def _kept_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"secret.{os.getpid()}.new")
    if not path.exists():
        fresh.write_text(secrets.token_urlsafe(32))
        fresh.chmod(0o600)
        try:
            os.link(fresh, path)  # whoever is first decides, for every process that starts at once
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
