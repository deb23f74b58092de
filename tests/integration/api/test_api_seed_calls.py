"""The product page's own calls, to the letter (SPEC 8)."""

from tests.integration.api.client import Api


def test_seed_calls_work_to_the_letter(api: Api) -> None:
    """SPEC 8: create, add step, activate, add to the list, enroll, list enrollments."""
    list_id, sender_id = api.new_list(), api.new_sender(api.new_domain())
    first, second, third = (api.new_contact(f"{name}@example.org") for name in ("ada", "grace", "edsger"))

    sequence = api.made(
        "/api/sequences",
        {
            "name": "Welcome Series",
            "triggerType": "list_add",
            "triggerListId": list_id,
            "senderId": sender_id,
            "enrollExisting": False,
        },
    )
    here = f"/api/sequences/{sequence['id']}"
    step = api.made(
        f"{here}/steps",
        {
            "name": "Welcome Email",
            "subject": "Welcome to {{companyName}}!",
            "bodyHtml": "<p>Hello {{firstName}},</p><p>Welcome aboard!</p>",
            "delayAmount": 0,
            "delayUnit": "days",
        },
    )
    activated = api.made(f"{here}/activate")
    added = api.made(f"/api/lists/{list_id}/contacts", {"contactIds": [first]})
    enrolled = api.made(f"{here}/enroll", {"contactIds": [second, third]})
    page = api.found(f"{here}/enrollments?status=active&limit=50&offset=0")

    assert (sequence["status"], activated["status"], step["position"]) == ("draft", "active", 1)
    assert (added, enrolled["enrolled"], enrolled["skipped"]) == ({"added": 1}, 2, 0)
    assert {row["contactId"] for row in page["enrollments"]} == {first, second, third}
    assert (page["totalCount"], page["limit"], page["offset"]) == (3, 50, 0)


def test_seed_calls_work_below_v1(api: Api) -> None:
    """SPEC 8: /v1 is an alias."""
    sequence_id = api.new_active()
    contact_id = api.new_contact()

    enrolled = api.made(f"/v1/sequences/{sequence_id}/enroll", {"contactIds": [contact_id]})

    assert enrolled["enrolled"] == 1
    assert api.found(f"/v1/sequences/{sequence_id}") == api.found(f"/api/sequences/{sequence_id}")


def test_import_onto_the_list_enrolls(api: Api) -> None:
    """SPEC 2, Triggers: bulk import fires the list like an add does."""
    list_id = api.new_list()
    sequence_id = api.new_active(triggerType="list_add", triggerListId=list_id)

    api.made("/api/contacts/import", {"contacts": [{"email": "ada@example.org"}], "listId": list_id})

    page = api.found(f"/api/sequences/{sequence_id}/enrollments")
    assert [row["source"] for row in page["enrollments"]] == ["import"]
