"""`kehu act`: the verbs of a case in a terminal, refused as page and API refuse them."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from kehu.cases.models import Case, Task
from kehu.cases.verbs import VERBS
from kehu.cli.main import main
from kehu.core.models import Event, Organization
from tests.api.conftest import Program
from tests.cast import Telling, sign_in

Captured = pytest.CaptureFixture[str]
STEP = "accept-complaint"


@pytest.fixture
def act(complaint: Telling, capsys: Captured) -> Callable[..., tuple[int, str, str]]:
    """`act("void", by="sales_head", reason="x")`: exit code, what was printed, what was said to be wrong."""

    def done(verb: str, *words: str, by: str = "sales_deputy_manager", number: str = "") -> tuple[int, str, str]:
        code = main(["act", number or complaint.number, verb, "--by", by, *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return done


def test_a_step_is_completed_and_what_is_open_now_is_said(act: Any, complaint: Telling, tmp_path: Any) -> None:
    data = tmp_path / "form.json"
    data.write_text('{"help_needed": true}', encoding="utf-8")
    code, out, err = act("complete", "--step", STEP, "--give", "outcome=help", "--data", str(data))

    assert (code, out, err) == (0, f"{complaint.number} open: fill-sheet\n", "")
    task = Task.objects.get(step=STEP)
    assert (task.state, task.outcome, task.filled) == ("done", "help", {"help_needed": True})


def test_the_form_may_come_from_standard_input_and_the_answer_be_json(
    act: Any, complaint: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO('{"help_needed": true}'))
    code, out, _err = act("complete", "--step", STEP, "--give", "outcome=help", "--data", "-", "--json")
    case = Case.objects.get(number=complaint.number)
    assert code == 0
    assert json.loads(out) == {
        "number": case.number,
        "status": "open",
        "version": case.version,
        "open": ["fill-sheet"],
    }


def test_several_members_stand_in_one_word_and_a_boolean_is_one(act: Any, complaint: Telling) -> None:
    assert act("ask_opinion", "--step", STEP, "--give", "who=qa_head, eng_head", "--reason", "burrs?")[0] == 0
    assert act("give_opinion", "--step", STEP, "--give", "declines=true", "--reason", "no", by="eng_head")[0] == 0
    asked, declined = Event.objects.filter(name__startswith="task.opinion").order_by("sequence")
    assert (asked.facts["who"], declined.name) == (["qa_head", "eng_head"], "task.opinion_declined")


def test_the_last_open_step_closed_leaves_nothing_open(act: Any, complaint: Telling) -> None:
    code, out, _err = act("void", "--reason", "opened twice", by="sales_head")
    assert (code, out) == (0, f"{complaint.number} voided: nothing is open\n")


REFUSED = [
    ("complete", {"outcome": "help"}, "qa_head", "position"),
    ("complete", {"outcome": "help", "values": {"help_needed": "perhaps"}}, "sales_deputy_manager", "data"),
    ("complete", {"outcome": "emperor"}, "sales_deputy_manager", "data"),
    ("send_back", {"to": "close-complaint", "reason": "x"}, "sales_deputy_manager", "order"),
    ("send_back", {"to": "receive-complaint"}, "sales_deputy_manager", "data"),
    ("hand_over", {"to": "nobody_here"}, "sales_deputy_manager", "data"),
    ("add_signer", {"who": ["qa_head"], "order": "sometime"}, "sales_deputy_manager", "data"),
    ("sign", {"answer": "agree"}, "qa_head", "order"),
    ("void", {"reason": "x"}, "sales_rep", "position"),
    ("void", {}, "sales_head", "data"),
    ("resume", {}, "sales_deputy_manager", "order"),
]


@pytest.mark.parametrize(("verb", "given", "by", "kind"), REFUSED)
def test_what_is_refused_is_refused_alike_at_every_door(
    act: Any, complaint: Telling, tmp_path: Any, verb: str, given: dict[str, Any], by: str, kind: str
) -> None:
    """The same sentence in the terminal, from the API and on the page; and nothing is changed."""
    before = Event.objects.filter(stream=f"case:{complaint.case.pk}").count()  # type: ignore[union-attr]
    words = ["--step", STEP] if VERBS[verb].subject == "task" else []
    for name, value in given.items():
        if name == "values":
            (tmp_path / "form.json").write_text(json.dumps(value), encoding="utf-8")
            words += ["--data", str(tmp_path / "form.json")]
        else:
            words += ["--give", f"{name}={','.join(value) if isinstance(value, list) else value}"]
    code, out, err = act(verb, *words, by=by)
    assert (code, out) == (1, "")
    assert err.strip()
    code, out, _err = act(verb, *words, "--json", by=by)
    told = json.loads(out)
    assert (code, told["refused"], told["message"]) == (1, kind, err.strip())

    place = f"tasks/{STEP}/" if VERBS[verb].subject == "task" else ""
    answer = Program(complaint.organization, by).post(f"/cases/{complaint.number}/{place}{VERBS[verb].noun}", given)
    problem = answer.json()
    assert problem["kind"] == told["refused"]
    if problem["code"] != "api.malformed":  # what the document of the API rules out does not reach the action
        assert (problem["code"], problem["detail"]) == (told["code"], told["message"])

    client = sign_in(Client(), complaint.organization, by)
    client.cookies["kehu_language"] = "en"
    typed = {**given, **given.get("values", {})}
    typed.pop("values", None)
    page = client.post(f"/cases/{complaint.number}/{place}{VERBS[verb].noun}/", typed)
    assert page.status_code >= 400
    if kind != "data":  # a finding stands at its field there
        assert told["message"] in html.unescape(page.content.decode())
    assert Event.objects.filter(stream=f"case:{complaint.case.pk}").count() == before  # type: ignore[union-attr]


def test_a_finding_names_its_field(act: Any) -> None:
    code, out, _err = act("hand_over", "--step", STEP, "--give", "to=nobody_here", "--json")
    told = json.loads(out)
    assert (code, told["code"]) == (1, "data.not_accepted")
    assert [one["path"] for one in told["findings"]] == ["to"]
    assert "nobody_here" in told["findings"][0]["message"]


def test_a_case_is_stopped_and_goes_on_as_it_was_seen_or_not_at_all(act: Any, complaint: Telling) -> None:
    by = "sales_deputy_manager"
    for before, verb in (("send_back", "pause"), ("", "resume"), ("void", "reopen")):
        seen = Case.objects.get(number=complaint.number).version
        where = ("--step", STEP, "--give", "to=receive-complaint") if before == "send_back" else ()
        seen -= not before  # of the pause itself
        assert not before or act(before, "--reason", "so", *where)[0] == 0
        code, _out, err = act(verb, "--reason", "so", "--version", str(seen))
        assert (code, "did something in this case" in err) == (1, True), (verb, err)
        answer = Program(complaint.organization, by).post(
            f"/cases/{complaint.number}/{VERBS[verb].noun}", {"reason": "so"}, If_Match=f'"{seen}"'
        )
        assert (answer.status_code, answer.json()["code"]) == (412, "api.changed_since")
        assert act(verb, "--reason", "so")[0] == 0


def test_a_case_is_voided_as_it_was_seen_or_not_at_all(act: Any, complaint: Telling) -> None:
    """At every door (the API asks its precondition first); where nothing happened since, the version is no hindrance."""
    seen = Case.objects.get(number=complaint.number).version
    act("send_back", "--step", STEP, "--give", "to=receive-complaint", "--reason", "which product?")
    code, _out, err = act("void", "--reason", "opened twice", "--version", str(seen), by="sales_head")
    assert code == 1
    assert "did something in this case" in err

    answer = Program(complaint.organization, "sales_head").post(
        f"/cases/{complaint.number}/voiding", {"reason": "opened twice"}, If_Match=f'"{seen}"'
    )
    assert (answer.status_code, answer.json()["code"]) == (412, "api.changed_since")
    client = sign_in(Client(), complaint.organization, "sales_head")
    client.cookies["kehu_language"] = "en"
    page = client.post(f"/cases/{complaint.number}/voiding/", {"reason": "opened twice", "version": str(seen)})
    assert page.status_code == 409
    assert "did something in this case" in page.content.decode()
    assert "opened twice" in page.content.decode()
    assert Case.objects.get(number=complaint.number).status == "open"

    now = Case.objects.get(number=complaint.number).version
    assert act("void", "--reason", "opened twice", "--version", str(now), by="sales_head")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["NO-1", "void", "--by", "sales_head", "--reason", "x"], "NO-1"),
        (["{number}", "vanish", "--by", "sales_head"], "There is no verb “vanish”"),
        (["{number}", "void", "--by", "nobody_here", "--reason", "x"], "members of this organization"),
        (["{number}", "complete", "--by", "sales_head"], "Say which step is meant"),
        (["{number}", "void", "--by", "sales_head", "--give", "why=x"], "is not given “why”"),
        (["{number}", "void", "--by", "sales_head", "--give", "reason"], "write NAME=VALUE"),
        (["{number}", "complete", "--by", "sales_head", "--data", "/not/there.json"], "/not/there.json"),
        (["{number}", "void", "--by", "sales_head", "--organization", "none"], "Say which --organization: mfg"),
    ],
)
def test_a_wrong_line_is_answered_with_a_sentence(
    complaint: Telling, capsys: Captured, words: list[str], said: str
) -> None:
    assert main(["act", *(word.format(number=complaint.number) for word in words)]) == 1
    told = capsys.readouterr()
    assert said in told.err
    assert (told.out, "Traceback" in told.err) == ("", False)


@pytest.mark.parametrize("content", ["[1]", "{", '"text"'])
def test_a_file_that_is_no_form_is_named(act: Any, tmp_path: Any, content: str) -> None:
    file = tmp_path / "form.json"
    file.write_text(content, encoding="utf-8")
    code, _out, err = act("complete", "--step", STEP, "--data", str(file))
    assert code == 1
    assert "form.json" in err


def test_of_several_companies_one_has_to_be_named(complaint: Telling, stranger: Organization, capsys: Captured) -> None:
    words = ["act", complaint.number, "void", "--by", "sales_head", "--reason", "x"]
    assert main(words) == 1
    assert "mfg, other" in capsys.readouterr().err
    assert main([*words, "--organization", "other"]) == 1
    assert complaint.number in capsys.readouterr().err
    assert main([*words, "--organization", "mfg"]) == 0


def test_the_verbs_are_listed_with_what_they_are_given(capsys: Captured) -> None:
    assert main(["act", "--verbs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(VERBS)
    assert main(["act", "--verbs", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["send_back"]["subject"] == "task"
    assert told["send_back"]["parameters"]["to"] == {"type": "step", "required": True}


def test_without_a_number_the_use_is_said(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["act"])
    assert ended.value.code == 2
    assert "NUMBER, VERB and --by are needed" in capsys.readouterr().err
