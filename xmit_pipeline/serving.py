"""What every server of ours does the same: take a port, say where it answers, end by a signal without an error."""

import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager

from xmit_pipeline.model.errors import ConfigurationFault


def listener_on(host: str, port: int, who: str) -> socket.socket:
    """A listening socket; ConfigurationFault, naming `who` ("The API"), where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigurationFault(
            f"{who} can't listen on {host}:{port} ({error.strerror}); choose another --port or --host."
        ) from error


def url_of(listener: socket.socket) -> str:
    """Where a listening socket answers."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def ended_by(*signals: signal.Signals) -> Generator[None]:
    """uvicorn raises again the signal that ended it; here that is the ordinary end and no error."""
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
