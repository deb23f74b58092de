"""`xmit doctor` names a webhook that can't verify anything (SPEC 7)."""

import pytest
from typer.testing import CliRunner

from xmit_pipeline.cli.app import app


@pytest.mark.parametrize(("key", "told"), [("", True), ("AAAA", False)])
def test_a_missing_key_is_a_fault(monkeypatch: pytest.MonkeyPatch, key: str, *, told: bool):
    """SPEC 7: no key set is a fault in `doctor` where real SendGrid is used; that address leads nowhere."""
    monkeypatch.setenv("SENDGRID_HOST", "http://sendgrid.invalid")
    monkeypatch.setenv("SENDGRID_WEBHOOK_PUBLIC_KEY", key)
    monkeypatch.setenv("COLUMNS", "300")
    result = CliRunner().invoke(app, ["doctor"], catch_exceptions=False)
    assert ("every event is refused" in result.stdout) is told
