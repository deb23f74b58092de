"""Settings from the environment, and the secret that is made where none is given (SPEC 10)."""

import pytest

from xmit_pipeline.model.errors import ConfigurationFault
from xmit_pipeline.model.settings import read_settings


def test_a_secret_is_made_once_and_kept(home):
    first = read_settings({"XMIT_HOME": str(home)})
    assert read_settings({"XMIT_HOME": str(home)}).secrets == first.secrets
    assert (home / "secret").stat().st_mode & 0o077 == 0


def test_the_first_secret_signs_and_all_verify(home):
    settings = read_settings(
        {"XMIT_HOME": str(home), "XMIT_SECRET": "newest-secret-of-all, older-secret-of-all"}
    )
    assert settings.secret == "newest-secret-of-all"
    assert len(settings.secrets) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENDGRID_HOST", "api.sendgrid.com"),
        ("SENDGRID_HOST", "http://[::1"),
        ("SENDGRID_HOST", "http://127.0.0.1:99999"),
        ("SENDGRID_HOST", "https://api.sendgrid .com"),
        ("SENDGRID_API_KEY", "\N{LEFT DOUBLE QUOTATION MARK}SG.x\N{RIGHT DOUBLE QUOTATION MARK}"),
        ("SENDGRID_API_KEY", "SG.x\nSG.y"),
        ("XMIT_PUBLIC_URL", "ftp://x"),
        ("XMIT_SECRET", "short"),
        ("XMIT_TICK_BUDGET_SECONDS", "ten"),
        ("XMIT_DATABASE", "postgres://x"),
    ],
)
def test_a_bad_setting_is_named(home, name, value):
    with pytest.raises(ConfigurationFault, match=name):
        read_settings({"XMIT_HOME": str(home), name: value})


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("http://127.0.0.1:8025", True),
        ("http://localhost", True),
        ("https://api.sendgrid.com", False),
        ("http://127.evil.com", False),
    ],
)
def test_loopback_hosts_are_told_apart(home, host, loopback):
    assert read_settings({"XMIT_HOME": str(home), "SENDGRID_HOST": host}).host_is_loopback is loopback
