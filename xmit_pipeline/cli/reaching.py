"""Whether something answers at an address: for starting up, and for the doctor."""

import socket
import urllib.request
from http.client import HTTPException
from pathlib import Path

from xmit_pipeline.model.settings import is_loopback

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_AS_SET = urllib.request.build_opener()


def answers(url: str, seconds: float = 2.0) -> bool:
    """Whether a GET of this http or https address succeeds; this machine's own never goes through a proxy."""
    opener = _DIRECT if is_loopback(url) else _AS_SET
    try:
        with opener.open(url, timeout=seconds):
            return True
    except (OSError, HTTPException):
        return False


def accepts_connections(host: str, port: int, seconds: float) -> bool:
    """Whether anybody listens there."""
    try:
        with socket.create_connection((host, port), timeout=seconds):
            return True
    except OSError:
        return False


def listens(path: Path) -> bool:
    """Whether a server stands behind a Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
