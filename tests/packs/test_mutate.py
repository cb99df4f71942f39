"""What `tools/mutate.py` breaks, and what it says of a rule that no story notices."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cast import ROOT

TOOL = runpy.run_path(str(ROOT / "tools" / "mutate.py"))
breaks, of_tables = TOOL["breaks"], TOOL["of_tables"]


def said(value: Any) -> list[str]:
    return [f"{'.'.join(map(str, one.path))}: {one.words}" for one in breaks(value)]


@pytest.mark.parametrize(
    ("rules", "broken"),
    [
        ({"due": "4 working hours"}, ["due: 4 working hours → 5 working hours"]),
        ({"at": "75%", "tell": "assignee"}, ["at: 75% → 80%", "tell: dropped: assignee"]),
        ({"needs": ["tracker", "reason"]}, ["needs.0: dropped: tracker", "needs.1: dropped: reason"]),
        ({"escalate": "vice_gm"}, ["escalate: dropped: vice_gm"]),
        ({"escalate": [{"at": "due"}]}, ["escalate.0: rung dropped: {'at': 'due'}"]),
        ({"role": "head+ of sales"}, ["role: head+ of sales → anyone", "role: head+ of sales → head of sales"]),
        ({"role": "customer"}, []),
        ({"approves": ["fill-sheet"]}, ["approves: dropped: ['fill-sheet']"]),
        ({"checks": [{"that": "round > 2"}]}, [
            "checks.0: dropped: round > 2",
            "checks.0.that: 2 → 3 in round > 2",
            "checks.0.that: > → >= in round > 2",
        ]),
        ({"counts": "x1 == 'a 1' and b"}, []),
        ({"sets": {"approved_by": "by"}}, ["sets.approved_by: dropped"]),
        ({"steps": {"needs": {"required": True}}}, ["steps.needs.required: dropped"]),
        ({"columns": {"where": {"required": True}}}, ["columns.where: dropped", "columns.where.required: dropped"]),
        ({"title": {"en": "4 hours"}, "guidance": {"due": "4 hours"}}, []),
    ],
)  # fmt: skip
def test_one_rule_is_broken_at_a_time(rules: dict[str, Any], broken: list[str]) -> None:
    assert said(rules) == broken


def test_what_is_broken_is_a_copy() -> None:
    rules = {"steps": {"a": {"checks": [{"that": "b"}, {"that": "c"}]}}}
    first, second = breaks(rules)

    assert first.applied(rules) == {"steps": {"a": {"checks": [{"that": "c"}]}}}
    assert second.applied(rules) == {"steps": {"a": {"checks": [{"that": "b"}]}}}
    assert rules == {"steps": {"a": {"checks": [{"that": "b"}, {"that": "c"}]}}}


def test_a_table_answers_otherwise_for_one_matter_and_from_another_threshold() -> None:
    rows = [{"matter": ["a", "b"], "worth": "..500", "decides": "x"}, {"matter": "c", "worth": "500..", "decides": "y"}]
    table = {"inputs": {"matter": {}, "worth": {}}, "outputs": ["decides"], "rows": rows}

    found = {one.words: one.value for one in of_tables({"authority": table})}

    assert list(found) == ["a: decides: x → y", "b: decides: x → y", "2: decides: y → x", "worth: 500 → 501"]
    assert found["b: decides: x → y"] == [
        {"matter": "b", "worth": "..500", "decides": "y"},
        {"matter": ["a"], "worth": "..500", "decides": "x"},
        rows[1],
    ]
    assert [row["worth"] for row in found["worth: 500 → 501"]] == ["..501", "501.."]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The tutorial's pack."""
    text = (ROOT / "docs" / "howto" / "write-a-procedure.md").read_text()
    for name, content in re.findall(r"(?s)`packs/tiny/([\w./-]+)`:\n\n```yaml\n(.*?)```", text):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content.replace("text: {zh: 业务员填", "covers: [TINY-1]\n    text: {zh: 业务员填"))
    return tmp_path


def played(pack: Path, only: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/mutate.py", str(pack), "sample-request", "--only", only]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603


def test_a_rule_that_no_story_shows_is_named_with_its_line_and_the_rows_it_covers(tiny: Path) -> None:
    """Its stories show the limit of twenty, and nobody who asks for none at all."""
    done = played(tiny, ".quantity.")

    form = tiny / "sample-request" / "form.yaml"
    assert done.stdout.splitlines() == [
        f"{form}:10: sections.request.fields.quantity.required: dropped",
        "    TINY-1",
        f"{form}:10: sections.request.fields.quantity.min: dropped",
        "    TINY-1",
        "3 rules broken, 2 noticed by no story",
    ]
    assert done.returncode == 1


def test_a_refusal_that_lets_nothing_out_is_no_rule(tiny: Path) -> None:
    """Where nothing has to be filled at the step, `refuses` is how people read the outcome."""
    procedure, form = tiny / "sample-request" / "procedure.yaml", tiny / "sample-request" / "form.yaml"
    procedure.write_text(
        procedure.read_text().replace("approves: [request]", "approves: [request]\n    fills: [answer]")
    )
    answer = "  answer: {title: {zh: 批复, en: Answer}, fields: {note: {type: text, title: {zh: 说明, en: Note}}}}\n"
    form.write_text(form.read_text() + answer)

    assert played(tiny, ".refuses").stdout == "0 rules broken, 0 noticed by no story\n"


def test_a_condition_under_which_a_field_is_only_shown_is_no_rule(tiny: Path) -> None:
    """Stories see no pages: they notice it where the field must be filled, or pass checks, while it is seen."""
    form = tiny / "sample-request" / "form.yaml"
    fields = "{a: {type: text, title: {zh: 甲, en: A}, visible: quantity > 5}, b: {type: text, title: {zh: 乙, en: B}, visible: quantity > 5, required: quantity > 5}}"
    form.write_text(form.read_text() + f"  more: {{title: {{zh: 其他, en: More}}, fields: {fields}}}\n")

    said = played(tiny, ".visible").stdout

    assert "fields.b.visible: dropped" in said
    assert "fields.a.visible" not in said


def test_the_stories_of_another_procedure_that_come_to_its_steps_notice_too(tiny: Path) -> None:
    other = tiny / "sample-return"
    shutil.copytree(tiny / "sample-request", other)
    procedure = (other / "procedure.yaml").read_text().replace("key: sample-request", "key: sample-return")
    (other / "procedure.yaml").write_text(procedure.replace("number: QP-01", "number: QP-02"))
    (other / "form.yaml").write_text((other / "form.yaml").read_text().replace("QP-01-F1", "QP-02-F1"))
    (other / "examples.yaml").write_text("""
- example: none at all is no sample
  start: {procedure: sample-request, by: clerk, customer: C0001, data: {product: BR-120, quantity: 0}, refused: data}
""")

    assert played(tiny, ".quantity.min").stdout == "1 rules broken, 0 noticed by no story\n"
