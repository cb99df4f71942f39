"""`kehu openapi`: the document that tools make clients from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client

from kehu.cases.verbs import VERBS
from kehu.cli.main import main

Captured = pytest.CaptureFixture[str]


def test_what_is_printed_is_what_the_server_serves(capsys: Captured, client: Client) -> None:
    """Without a database: there need not be one to make a client."""
    assert main(["openapi"]) == 0
    printed = json.loads(capsys.readouterr().out)

    assert printed["openapi"].startswith("3.1")
    assert printed == client.get("/api/v1/openapi.json").json()
    addresses = {address for address, acts in printed["paths"].items() if "post" in acts}
    for verb in VERBS.values():
        assert any(address.endswith(f"/{verb.noun}") for address in addresses), verb.name


def test_it_is_written_to_a_file(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "openapi.json"
    assert main(["openapi", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(file.read_text(encoding="utf-8"))["info"]["title"]
    assert file.read_text(encoding="utf-8").endswith("}\n")


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path, capsys: Captured) -> None:
    assert main(["openapi", str(tmp_path / "nowhere" / "openapi.json")]) == 1
    assert "nowhere" in capsys.readouterr().err
