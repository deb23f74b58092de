"""The real `sendgrid` package, pointed at the sandbox by its host."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from python_http_client.exceptions import BadRequestsError, ForbiddenError, NotFoundError, UnauthorizedError
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import Mail

from xmit_pipeline.sandbox.server import RunningSandbox, running_sandbox


@pytest.fixture
def client(sandbox: RunningSandbox) -> Any:
    return SendGridAPIClient("SG.any-key", host=sandbox.url).client


@pytest.fixture(scope="module")
def strict() -> Iterator[RunningSandbox]:
    """A sandbox where one domain alone is verified."""
    with running_sandbox(verified_domains=frozenset({"Example.com"})) as sandbox:
        yield sandbox


def test_a_helper_mail_arrives(sandbox: RunningSandbox) -> None:
    """The package's own way to send."""
    mail = Mail("hello@example.com", "ada@example.com", "Hello", "plain", "<p>html</p>")

    answer = SendGridAPIClient("SG.any-key", host=sandbox.url).send(mail)

    assert answer.status_code == 202
    (kept,) = sandbox.mailbox.page(to="ada@example.com").mails
    assert (kept.subject, kept.text, kept.html) == ("Hello", "plain", "<p>html</p>")
    assert kept.message_id == answer.headers["X-Message-Id"]


def test_the_package_understands_a_refusal(client: Any, body: dict[str, Any]) -> None:
    """A 400 becomes the package's error, with the place to read."""
    body["personalizations"][1]["to"][0]["email"] = "grace"

    with pytest.raises(BadRequestsError) as caught:
        client.mail.send.post(request_body=body)

    (error,) = caught.value.to_dict["errors"]
    assert error["field"] == "personalizations.1.to.0.email"


def test_a_wrong_key_is_unauthorized(sandbox: RunningSandbox, body: dict[str, Any]) -> None:
    """SendGrid's own words for a key that it does not know."""
    client: Any = SendGridAPIClient("any-key", host=sandbox.url).client

    with pytest.raises(UnauthorizedError) as caught:
        client.mail.send.post(request_body=body)

    assert caught.value.to_dict["errors"] == [
        {
            "message": "The provided authorization grant is invalid, expired, or revoked",
            "field": None,
            "help": None,
        }
    ]


def test_an_unverified_sender_is_forbidden(strict: RunningSandbox, body: dict[str, Any]) -> None:
    """SendGrid, Mail Send: 403 on the field `from`."""
    client: Any = SendGridAPIClient("SG.any-key", host=strict.url).client
    assert client.mail.send.post(request_body=body).status_code == 202
    body["from"]["email"] = "hello@elsewhere.example"

    with pytest.raises(ForbiddenError) as caught:
        client.mail.send.post(request_body=body)

    assert caught.value.to_dict["errors"][0]["field"] == "from"
    assert strict.mailbox.stats()["requests"] == 2


def test_the_account_names_its_domains(strict: RunningSandbox, client: Any) -> None:
    """What the verification of a domain asks."""
    own: Any = SendGridAPIClient("SG.any-key", host=strict.url).client

    named = orjson.loads(own.whitelabel.domains.get().body)
    asked = orjson.loads(own.whitelabel.domains.get(query_params={"domain": "elsewhere.example"}).body)
    anything = orjson.loads(client.whitelabel.domains.get(query_params={"domain": "elsewhere.example"}).body)

    assert [(domain["domain"], domain["valid"]) for domain in named] == [("example.com", True)]
    assert asked == []
    assert [domain["domain"] for domain in anything] == ["elsewhere.example"]
    assert orjson.loads(client.verified_senders.get().body) == {"results": []}
    assert "mail.send" in orjson.loads(client.scopes.get().body)["scopes"]


def test_suppression_lists_page_and_filter(client: Any, sandbox: RunningSandbox) -> None:
    """SPEC 7: the hourly pull reads them, newest first."""
    for second in range(5):
        sandbox.suppressions.add(
            "bounces", f"B{second}@example.com", created=1000 + second, reason="550 no", status="5.1.1"
        )

    def pull(**query: Any) -> list[dict[str, Any]]:
        return orjson.loads(client.suppression.bounces.get(query_params=query).body)

    assert pull(limit=1) == [
        {"created": 1004, "email": "B4@example.com", "reason": "550 no", "status": "5.1.1"}
    ]
    assert [entry["created"] for entry in pull(start_time=1001, end_time=1003)] == [1003, 1002, 1001]
    assert [entry["created"] for entry in pull(limit=2, offset=1)] == [1003, 1002]
    assert [entry["email"] for entry in pull(email="b3")] == ["B3@example.com"]
    with pytest.raises(BadRequestsError):
        pull(limit=501)

    client.suppression.bounces._("b3@example.com").delete()
    assert pull(email="b3") == []
    with pytest.raises(NotFoundError):
        client.suppression.bounces._("b3@example.com").delete()


@pytest.mark.parametrize("name", ["blocks", "spam_reports", "invalid_emails", "unsubscribes"])
def test_each_suppression_list_answers(name: Any, client: Any, sandbox: RunningSandbox) -> None:
    """The other lists have the same calls."""
    sandbox.suppressions.add(name, f"{name}@example.com", created=5)

    entries = orjson.loads(client.suppression._(name).get().body)

    assert {"created": 5, "email": f"{name}@example.com"}.items() <= entries[-1].items()


def test_a_global_suppression_comes_and_goes(client: Any) -> None:
    """SPEC 7: what is pushed can be found, and what is lifted here is lifted there."""
    suppressions = client.asm.suppressions._("global")

    pushed = suppressions.post(request_body={"recipient_emails": ["Ada+1@example.com"]})
    found = orjson.loads(suppressions._("ada+1@example.com").get().body)
    listed = orjson.loads(client.suppression.unsubscribes.get(query_params={"email": "ada+1"}).body)
    lifted = suppressions._("ada+1@example.com").delete()

    assert (pushed.status_code, lifted.status_code) == (201, 204)
    assert found == {"recipient_email": "Ada+1@example.com"}
    assert [entry["email"] for entry in listed] == ["Ada+1@example.com"]
    assert orjson.loads(suppressions._("ada+1@example.com").get().body) == {}


def test_a_group_suppression_comes_and_goes(client: Any) -> None:
    """The same for a named ASM group."""
    suppressions = client.asm.groups._("7").suppressions

    assert suppressions.post(request_body={"recipient_emails": ["ada@example.com"]}).status_code == 201
    assert orjson.loads(suppressions.get().body) == ["ada@example.com"]
    assert orjson.loads(client.asm.groups._("8").suppressions.get().body) == []
    suppressions._("ADA@example.com").delete()
    assert orjson.loads(suppressions.get().body) == []
