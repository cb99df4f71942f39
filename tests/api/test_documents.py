"""The examples of docs/howto/use-the-api.md, run as they stand; the document that tools read."""

from __future__ import annotations

import re
import shlex

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from kehu.api.document import openapi
from kehu.organizations.tokens import SCOPES
from tests.cast import ROOT

HOWTO = (ROOT / "docs" / "howto" / "use-the-api.md").read_text()


def curl(client: Client, command: str, facts: dict[str, str]) -> object:
    """What a curl command line asks for, asked of the test client."""
    for name, value in facts.items():
        command = command.replace(f"${name}", value)
    words = iter(shlex.split(command)[1:])
    method, headers, body, parts, address = "GET", {}, None, {}, ""
    for word in words:
        match word:
            case "-s" | "-i":
                continue
            case "-X":
                method = next(words)
            case "-H":
                name, _colon, value = next(words).partition(": ")
                headers[name] = value
            case "-d":
                body = next(words)
            case "-F":
                name, _equals, file = next(words).partition("=@")
                parts[name] = SimpleUploadedFile(file, b"\xff\xd8\xff\xe0" + b"0" * 64)
            case _:
                address = word
    if method == "GET":
        return client.get(address, headers=headers)
    if parts:
        return client.post(address, parts, headers=headers)
    return client.post(address, body, content_type=headers.pop("Content-Type"), headers=headers)


def test_the_how_to_s_examples_run(program, client):
    starter, decider = program("sales_receiver"), program("sales_deputy_manager")
    facts = {"KEHU": "", "TOKEN": starter.secret, "NUMBER": ""}
    commands = [code for code in re.findall(r"(?ms)^```sh\n(.*?)```", HOWTO) if code.startswith("curl")]
    assert len(commands) >= 9
    for command in commands:
        facts["TOKEN"] = decider.secret if facts["NUMBER"] else starter.secret
        answer = curl(client, command, facts)
        assert answer.status_code in (200, 201), f"{command}\n{getattr(answer, 'content', b'')}"
        if answer.status_code == 201 and "number" in answer.json():
            facts["NUMBER"] = answer.json()["number"]


def test_every_scope_opens_something_and_is_in_the_reference():
    used = {
        operation["security"][0]["AccessTokenAuth"][0]
        for way in openapi()["paths"].values()
        for operation in way.values()
    }
    reference = (ROOT / "docs" / "reference" / "api.md").read_text()

    assert used == set(SCOPES)
    assert [scope for scope in SCOPES if f"`{scope}`" not in reference] == []


@pytest.mark.parametrize("address", ["/api/v1/", "/api/v1/openapi.json"])
def test_the_reference_is_open_and_needs_nothing_from_elsewhere(client, db, address):
    answer = client.get(address, headers={"Accept-Language": "en"})

    assert answer.status_code == 200
    assert not re.findall(r'(?:src|href)="https?:', answer.content.decode())
    assert answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [("get", "/api/v2/", 404), ("get", "/api/v1/nothing", 404), ("delete", "/api/v1/cases", 405)],
)
def test_what_is_not_there_is_told_as_a_problem(client, db, method, address, status):
    answer = getattr(client, method)(address)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"procedure": "a\\u0000"}', 400),
        (b'{"procedure": "\\ud800"}', 400),
        (b'{"procedure": NaN}', 400),
        (b'{"values": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400),
        (b'{"values": {"a": 1e999999}}', 400),
        (b'{"values": {"a": ' + b"9" * 6000 + b"}}", 400),
        (b"[]", 422),
        (b"", 422),
        (b'{"procedure": 5}', 422),
        (b'{"procedure": "x", "more": 1}', 422),
        (b'{"procedure": "x"}', 404),
    ],
)
def test_bodies_nobody_means_are_refused_clearly(program, body, status):
    answer = program("sales_receiver").post("/cases", body)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.content


def test_a_wrong_media_type_is_said(program):
    mine = program("sales_receiver")
    answer = mine.client.post("/api/v1/cases", "a=b", content_type="text/plain", headers=mine._headers({}))
    unwanted = mine.get("/cases", Accept="text/html")

    assert (answer.status_code, unwanted.status_code) == (415, 406)
