"""What the environment sets (SPEC 10), read once at the edge and passed down."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from xmit_pipeline.model.errors import ConfigurationFault

SENDGRID = "https://api.sendgrid.com"
_SHORTEST_SECRET = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """Where state lives, whom to deliver to, and how links are built and signed.

    `secrets`: the first signs, all verify. `sendgrid_key` is empty where none was given.
    """

    home: Path
    database: Path
    sendgrid_key: str
    sendgrid_host: str
    public_url: str
    secrets: tuple[str, ...]
    tick_budget_seconds: int = 600

    @property
    def secret(self) -> str:
        """The one that signs."""
        return self.secrets[0]

    @property
    def host_is_loopback(self) -> bool:
        """Whether mail goes to an address of this machine: a sandbox or a test server."""
        return is_loopback(self.sendgrid_host)

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
        sendgrid_key=env.get("SENDGRID_API_KEY", "").strip(),
        sendgrid_host=_url(env, "SENDGRID_HOST", SENDGRID),
        public_url=_url(env, "XMIT_PUBLIC_URL", "http://127.0.0.1:8000"),
        secrets=_secrets(env, home),
        tick_budget_seconds=_whole_number(env, "XMIT_TICK_BUDGET_SECONDS", 600),
    )


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine's loopback."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _database(env: Mapping[str, str], home: Path) -> Path:
    given = env.get("XMIT_DATABASE", "").strip()
    if "://" in given or given.startswith("ducklake:"):
        raise ConfigurationFault(f"XMIT_DATABASE is {given!r}; give the path of a DuckDB file.")
    return Path(given).expanduser().resolve() if given else home / "xmit.duckdb"


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    url = (env.get(name) or default).strip().rstrip("/")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ConfigurationFault(f"{name} is {url!r}; give a whole address such as {default}.")
    return url


def _whole_number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "").strip()
    if text and not text.isdecimal():
        raise ConfigurationFault(f"{name} is {text!r}; give a whole number, 0 or more.")
    return int(text) if text else default


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
