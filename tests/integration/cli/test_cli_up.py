"""`xmit up` before anything starts: what it refuses, and whose mail goes where."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Xmit
from xmit_pipeline.cli.home_lock import home_in_use, surroundings
from xmit_pipeline.cli.reaching import answers
from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.sandbox.server import RunningSandbox


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


@pytest.mark.parametrize("option", ["--dagster-port", "--api-port", "--sandbox-port"])
def test_taken_port_is_refused_before_anything_starts(xmit: Xmit, taken: str, option: str, home: Path):
    said = xmit("up", option, taken)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"xmit: Port {taken} can't be used")
    assert not (home / "dagster").exists()


def test_sandbox_port_matters_only_with_a_sandbox(xmit: Xmit, taken: str, monkeypatch: pytest.MonkeyPatch):
    """With a key there is none: the next port is the one complained about."""
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.real")
    said = xmit("up", "--sandbox-port", taken, "--api-port", "70", "--dagster-port", "70")
    assert "Port 70 was given twice" in said.err


def test_same_port_twice_is_refused(xmit: Xmit):
    assert "was given twice" in xmit("up", "--api-port", "3999", "--dagster-port", "3999").err


def test_one_home_holds_one_up(xmit: Xmit, home: Path):
    """A second daemon would start every tick twice."""
    with home_in_use(home):
        said = xmit("up", "--dagster-port", "3991", "--api-port", "3992", "--sandbox-port", "3993")
    assert said.code == 1
    assert f"works on {home}" in said.err


def test_demo_is_not_rebuilt_under_a_running_up(xmit: Xmit, home: Path):
    (home / "demo").mkdir(parents=True)
    (home / "demo" / "kept").write_text("in use")
    with home_in_use(home / "demo"):
        said = xmit("demo")
    assert said.code == 1
    assert (home / "demo" / "kept").exists()


def test_surroundings_are_known_while_it_runs(home: Path):
    """Addresses only: never a key or a secret."""
    told = {
        "SENDGRID_HOST": "http://127.0.0.1:1",
        "XMIT_PUBLIC_URL": "http://127.0.0.1:2",
        "XMIT_DATABASE": "/db",
    }
    assert surroundings(home) is None
    with home_in_use(home, {**told, "SENDGRID_API_KEY": "SG.secret", "XMIT_SECRET": "secret"}):
        assert surroundings(home) == told
        assert "secret" not in (home / "up.json").read_text()
    assert surroundings(home) is None


def test_own_address_is_never_asked_through_a_proxy(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch):
    """Where a company's proxy is set, what runs here would otherwise never seem ready."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert answers(sandbox.url)
    assert not answers("http://127.0.0.1:9")


def test_home_is_free_after_an_error(home: Path):
    with pytest.raises(ValueError, match="died"), home_in_use(home):
        raise ValueError("died")
    with home_in_use(home), pytest.raises(Conflict), home_in_use(home):
        pass
