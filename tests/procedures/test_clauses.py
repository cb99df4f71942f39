"""Requirement rows against stories: covered, manual, uncovered, unknown."""

from __future__ import annotations

import pytest

from kehu.cli.main import main
from kehu.procedures.clauses import coverage, read_catalogue
from kehu.procedures.packs import load

CATALOGUE = """\
# Acme

| # | finding |
|---|---|
| A1 | nothing is said of manners |

| ID | who | what |
|---|---|---|
| ACM-1 | clerk | registers |
| ACM-2 = BCM-2 | head | approves |
| ACM-S3-1.2#1 | clerk | takes back |
| ACM-4 | all | be polite |
| OTH-1 | others | others |
"""


@pytest.fixture
def requirements(tmp_path):
    folder = tmp_path / "requirements"
    folder.mkdir()
    (folder / "ACM.md").write_text(CATALOGUE, encoding="utf-8")
    return folder


def test_rows_are_table_lines_that_begin_with_ids(requirements):
    rows = read_catalogue(requirements)
    assert list(rows) == ["ACM-1", "ACM-2", "BCM-2", "ACM-S3-1.2#1", "ACM-4", "OTH-1"]
    assert rows["BCM-2"].line == 10


def test_a_row_is_covered_by_a_story_or_seen_to_by_people(acme, requirements):
    found = coverage(load(acme.path), requirements)
    assert found.covered_by == {"ACM-1": ["a loan is registered"], "ACM-2": ["a loan is registered"]}
    assert found.manual == {"ACM-4": "Conduct"}
    assert [row.id for row in found.uncovered] == ["ACM-S3-1.2#1"]
    assert found.unknown == []


def test_rows_of_documents_that_the_pack_does_not_touch_are_not_asked_for(acme, requirements):
    assert "OTH-1" not in coverage(load(acme.path), requirements).rows


def test_a_row_that_the_catalogue_does_not_have_is_told_with_its_line(acme, requirements):
    acme.spoil("lend-tools/examples.yaml", "covers: [ACM-1, ACM-2]", "covers:\n    - ACM-1\n    - ACM-22")
    (problem,) = coverage(load(acme.path), requirements).unknown
    assert problem.line == 4
    assert problem.message == 'row "ACM-22" is not in the requirements.'
    assert problem.remedy == 'Did you mean "ACM-2"?'


def test_the_command_says_what_it_read(acme, capsys):
    assert main(["check", str(acme.path)]) == 0
    assert capsys.readouterr().out == f"{acme.path}: no problems (2 procedures, 10 steps, 5 clauses, 1 table)\n"


def test_the_command_ends_with_1_where_there_are_problems(acme, capsys):
    acme.spoil("pack.yaml", "Europe/Berlin", "Europe/Belrin")
    assert main(["check", str(acme.path)]) == 1
    assert capsys.readouterr().out.endswith(f"1 problem in {acme.path}\n")


def test_uncovered_rows_are_listed_and_unknown_ones_are_a_problem(acme, requirements, capsys):
    assert main(["check", str(acme.path), "--coverage", str(requirements)]) == 0
    said = capsys.readouterr().out
    assert f"{requirements / 'ACM.md'}:11: ACM-S3-1.2#1 is covered by no story." in said
    assert "4 rows: 2 covered, 1 manual, 1 uncovered" in said
    acme.spoil("lend-tools/examples.yaml", "ACM-2", "ACM-9")
    assert main(["check", str(acme.path), "--coverage", str(requirements), "--section", "ACM-S3"]) == 1
    assert "1 row: 0 covered, 0 manual, 1 uncovered; 1 unknown row named" in capsys.readouterr().out


def test_the_schema_knows_short_forms_and_leaves_the_form_to_its_own_file(capsys):
    import json

    assert main(["schema"]) == 0
    schemas = json.loads(capsys.readouterr().out)
    assert set(schemas) == {"pack", "procedure", "form"}
    procedure = schemas["procedure"]
    assert "form" not in procedure["properties"]
    assert {"type": "string"} in procedure["$defs"]["Step"]["properties"]["next"]["anyOf"]
    assert "else" in procedure["$defs"]["Branch"]["properties"]
