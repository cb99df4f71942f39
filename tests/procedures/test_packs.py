"""Reading a folder: what cannot be read is told, never raised; what was read comes back from a revision unchanged."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from kehu.procedures.checks import check_pack
from kehu.procedures.packs import Running, definition_json, load, read_definition

MFG = Path(__file__).resolve().parents[2] / "packs" / "mfg"


def stored(definition: dict) -> dict:
    """As it comes back from the database."""
    return json.loads(json.dumps(definition))


def test_a_pack_is_read_with_its_files(acme):
    loaded = load(acme.path)
    assert loaded.problems == []
    assert set(loaded.procedures) == {"lend-tools", "repair-tool"}
    assert loaded.procedures["lend-tools"].form.field("worth").type == "money"
    assert loaded.examples == {"lend-tools": acme.path / "lend-tools/examples.yaml"}
    assert loaded.demo["people"]["ann"]["positions"] == ["clerk"]
    assert loaded.tables["authority"].decide({"matter": "lend", "worth": 500}) == {"decides": "director"}


def test_calendar_days_become_special_days_of_the_company(acme):
    days = load(acme.path).pack.calendar.special_days
    assert {day: found.kind for day, found in days.items()} == {
        date(2025, 12, 25): "holiday",
        date(2025, 12, 24): "half_day",
    }


def test_every_place_knows_its_line(acme):
    loaded, file = load(acme.path), acme.path / "lend-tools/procedure.yaml"
    assert loaded.line_of(file, ("steps", "check-tool", "role", 1)) == acme.line_of(
        "lend-tools/procedure.yaml", "role: [line_head"
    )
    # A short form, and a key that is not there, have the line around them.
    assert loaded.line_of(file, ("steps", "register-loan", "next", 0, "to")) == acme.line_of(
        "lend-tools/procedure.yaml", "next: approve-loan"
    )
    assert loaded.line_of(file, ("steps", "close-loan", "due")) == acme.line_of(
        "lend-tools/procedure.yaml", "close-loan:\n"
    )


def without_holidays(pack):
    """A revision keeps no holidays: the organization's calendars hold them."""

    def bare(calendar):
        return calendar.model_copy(update={"special_days": {}})

    others = {key: bare(calendar) for key, calendar in pack.department_calendars.items()}
    return pack.model_copy(update={"calendar": bare(pack.calendar), "department_calendars": others})


@pytest.mark.parametrize("key", ["lend-tools", "repair-tool"])
def test_a_definition_comes_back_from_json_as_it_was(acme, key):
    loaded = load(acme.path)
    assert read_definition(stored(definition_json(loaded, key))) == Running(
        without_holidays(loaded.pack), loaded.procedures[key], loaded.tables
    )


def test_the_factorys_definitions_come_back_from_json_as_they_were():
    loaded = load(MFG)
    for key, procedure in loaded.procedures.items():
        layouts = {
            number: loaded.layouts[number].read_text(encoding="utf-8")
            for number in procedure.form.numbers
            if number in loaded.layouts
        }
        expected = Running(without_holidays(loaded.pack), procedure, loaded.tables, None, layouts)
        assert read_definition(stored(definition_json(loaded, key))) == expected


def test_a_folder_without_pack_yaml_is_no_pack(tmp_path):
    (problem,) = check_pack(load(tmp_path))
    assert str(problem).startswith(f"{tmp_path}: pack.yaml is missing")


def test_a_folder_that_is_not_there_is_told(tmp_path):
    (problem,) = load(tmp_path / "nowhere").problems
    assert problem.message == "there is no such folder."


def test_a_missing_form_is_told(acme):
    (acme.path / "repair-tool/form.yaml").unlink()
    found = load(acme.path)
    assert [str(problem.file) for problem in found.problems] == [str(acme.path / "repair-tool/form.yaml")]
    assert "repair-tool" not in found.procedures
    assert "repair-tool" in found.folders


def test_a_file_of_a_name_nobody_reads_is_told(acme):
    acme.write("lend-tools/forms.yaml", "a: 1\n")
    (problem,) = load(acme.path).problems
    assert problem.message == "nothing reads a file of this name."
    assert problem.remedy == 'Did you mean "form.yaml"?'


def test_a_file_in_another_encoding_is_told_with_its_line(acme):
    (acme.path / "pack.yaml").write_bytes("key: acme\ntitle: 顶点\n".encode("gb18030"))
    problem = load(acme.path).problems[0]
    assert (problem.line, problem.message) == (2, "this file is not written in UTF-8.")


def test_an_empty_file_and_one_of_another_shape_are_told(acme):
    acme.write("demo.yaml", "- a\n")
    acme.write("repair-tool/form.yaml", "")
    acme.write("tables/authority.yaml", "authority: 3\n")
    messages = [problem.message for problem in load(acme.path).problems]
    assert "demo.yaml is no block of keys." in messages
    assert "form.yaml is empty." in messages
    assert 'table "authority" is no block of keys.' in messages


def test_what_a_revision_keeps_has_no_dates_but_text(acme):
    assert load(acme.path).raw_tables["authority"]["valid_from"] == "2025-01-01"
