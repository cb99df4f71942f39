"""One altered byte, a row or file that is gone, a chain cut off: each is named, and what is whole is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from kehu.cases import signing, withdrawal
from kehu.cases.escalation import fire_due
from kehu.cases.models import Assignment, Attachment, Case, Deadline, Suspension, Task
from kehu.cases.verbs import perform
from kehu.core import chain
from kehu.core.models import Event, Organization, StoredFile
from kehu.operations import seals
from kehu.operations.models import Seal
from kehu.operations.verification import verify
from kehu.organizations.models import Member
from kehu.procedures.models import Procedure, Revision
from tests.cast import FRIDAY, Telling

NUMBER = "CP-202403-001"


def places(**asked: Any) -> list[str]:
    return [str(problem) for problem in verify(**asked).problems]


def test_what_nobody_altered_is_whole(lively: Telling) -> None:
    found = verify()

    assert [str(problem) for problem in found.problems] == []
    assert (found.counts["cases"], found.counts["files"], found.counts["seals"]) == (3, 1, 1)
    assert found.counts["events"] == Event.objects.count()
    assert found.sealed["mfg"]["day"] == "2024-03-15"


def first_event() -> Any:
    return Event.objects.filter(stream=f"case:{Case.objects.get(number=NUMBER).pk}", sequence=2)


def the_case() -> Any:
    return Case.objects.filter(number=NUMBER)


def done_task() -> Any:
    return Task.objects.filter(case__number=NUMBER, step="fill-sheet")


def open_task() -> Any:
    return Task.objects.filter(case__number=NUMBER, step="propose-countermeasure", item="quality")


def with_data(**values: Any) -> None:
    case = the_case().get()
    the_case().update(data=case.data | values)


def with_definition() -> None:
    revision = Revision.objects.get(procedure__key="customer-complaint")
    revision.definition["procedure"]["number"] += "x"
    revision.save(update_fields=["definition"])


def without_events() -> None:
    Event.objects.filter(stream=f"case:{the_case().get().pk}").delete()


def without_end() -> None:
    """The last event cut off, and the case's head with it: only the replay, the counts and the seal tell."""
    case = the_case().get()
    *_, before, last = Event.objects.filter(stream=f"case:{case.pk}").order_by("sequence")
    last.delete()
    the_case().update(chain_head=before.digest, events=before.sequence)


def without_case() -> None:
    case = Case.objects.get(number="CP-202403-003")
    case.deadlines.all().delete()
    Task.objects.filter(case=case).delete()
    case.delete()


def path() -> Path:
    return Path(settings.MEDIA_ROOT) / StoredFile.objects.get().path


def with_one_byte_changed() -> None:
    content = bytearray(path().read_bytes())
    content[3] ^= 1
    path().write_bytes(content)


def stood_still() -> Any:
    return Suspension.objects.filter(case__number="CP-202403-002", clock="")


def in_inboxes() -> Any:
    return Assignment.objects.filter(task__in=open_task(), is_open=True)


def to_come() -> Any:
    return Deadline.objects.filter(task__in=open_task(), active=True, is_due=True)


def to_another() -> None:
    in_inboxes().update(member=Member.objects.get(key="finance"))


def to_one_more() -> None:
    row = in_inboxes().get()
    row.pk, row.member = None, Member.objects.get(key="finance")
    row.save(force_insert=True)


def to_come_again() -> None:
    row = to_come().get()
    row.pk, row.at = None, row.at + timedelta(days=1)
    row.save(force_insert=True)


TASK = f"mfg: case {NUMBER}, task propose-countermeasure[quality]"
CASE = f"mfg: case {NUMBER}"
PAUSED = "mfg: case CP-202403-002"
ALTERATIONS: dict[str, tuple[Callable[[], object], str]] = {
    "event's facts": (lambda: first_event().update(facts={"outcome": "alone"}), f"{CASE}, event 2 (task.completed)"),
    "event's name": (lambda: first_event().update(name="task.forgotten"), f"{CASE}, event 2 (task.forgotten)"),
    "event's time": (lambda: first_event().update(at=FRIDAY - timedelta(minutes=1)), f"{CASE}, event 2"),
    "event's person": (lambda: first_event().update(by="vice_gm"), f"{CASE}, event 2"),
    "event's digest": (lambda: first_event().update(digest="0" * 64), f"{CASE}, event 2"),
    "event's link": (lambda: first_event().update(previous="0" * 64), f"{CASE}, event 2"),
    "event's place": (
        lambda: first_event().update(sequence=99),
        f"{CASE}, event 3 (task.completed): event 2 is missing",
    ),
    "event's stream": (lambda: first_event().update(stream="case:0"), f"{CASE}, event 3"),
    "event gone": (lambda: first_event().delete(), f"{CASE}, event 3 (task.completed): event 2 is missing"),
    "organization's event": (
        lambda: Event.objects.filter(stream="organization", sequence=1).update(by="x"),
        "mfg: organization, event 1 (organization.set_up): was altered",
    ),
    "organization's head": (lambda: Organization.objects.update(chain_head="0" * 64), "mfg: organization: its events"),
    "all events gone": (without_events, f"{CASE}: its events are missing"),
    "end cut off": (without_end, "is missing (seal 1 of 2024-03-15)"),
    "case gone": (without_case, "mfg: case CP-202403-003: its row is missing"),
    "case's head": (lambda: the_case().update(chain_head="0" * 64), f"{CASE}: its events end at"),
    "case's data": (lambda: with_data(content="毛刺超差。"), f"{CASE}, field content: is '毛刺超差。'"),
    "case's number": (lambda: the_case().update(number="CP-202403-009"), "case CP-202403-009: number is"),
    "case's status": (lambda: the_case().update(status="closed"), f"{CASE}: status is 'closed'"),
    "case's round": (lambda: the_case().update(round=2), f"{CASE}: round is 2"),
    "case's customer": (lambda: the_case().update(customer=None), f"{CASE}: customer is None"),
    "case's opening": (lambda: the_case().update(opened_at=FRIDAY - timedelta(days=1)), f"{CASE}: opened_at is"),
    "task's outcome": (lambda: done_task().update(outcome="unclear"), f"{CASE}, task fill-sheet: outcome is 'unclear'"),
    "task's filling": (lambda: done_task().update(filled={}), f"{CASE}, task fill-sheet: filled is {{}}"),
    "task's doer": (lambda: done_task().update(done_by=None), f"{CASE}, task fill-sheet: done_by is ''"),
    "task's end": (lambda: done_task().update(closed_at=FRIDAY - timedelta(hours=1)), "task fill-sheet: closed_at is"),
    "task's due time": (
        lambda: open_task().update(due_at=FRIDAY + timedelta(days=30)),
        f"{CASE}, task propose-countermeasure[quality]: due_at is",
    ),
    "task's state": (
        lambda: open_task().update(state="canceled"),
        f"{CASE}, task propose-countermeasure[quality]: state",
    ),
    "who has a task": (to_another, f"{TASK}: to do is with ['finance']; its events say ['qa_head']"),
    "who has it besides": (to_one_more, f"{TASK}: to do is with ['finance', 'qa_head']"),
    "nobody has it": (lambda: in_inboxes().delete(), f"{TASK}: to do is with []"),
    "it is hidden": (lambda: in_inboxes().update(is_open=False), f"{TASK}: to do is with []"),
    "it is to be signed": (lambda: in_inboxes().update(part="sign"), f"{TASK}: to do is with []"),
    "instant gone": (lambda: to_come().delete(), f"{TASK}: its instant (rung 1 of 2024-03-1"),
    "instant moved": (lambda: to_come().update(at=FRIDAY + timedelta(days=9)), f"{TASK}: its instant (rung 1 of"),
    "instant put out": (lambda: to_come().update(active=False), "was put out; no event tells that it came"),
    "instant that never came": (
        lambda: to_come().update(active=False, fired_at=FRIDAY),
        "was put out; no event tells that it came",
    ),
    "instant of another rung": (lambda: to_come().update(rung=0), f"{TASK}: its instant (rung 1 of"),
    "instant made up": (to_come_again, f"{TASK}: no event planned its instant (rung 1 of"),
    "suspension's end": (
        lambda: stood_still().update(ended_at=FRIDAY + timedelta(days=9)),
        f"{PAUSED}, all clocks: stood",
    ),
    "suspension gone": (lambda: stood_still().delete(), f"{PAUSED}, all clocks: stood still from 2024-03-15T"),
    "suspension made up": (
        lambda: Suspension.objects.create(case=the_case().get(), clock="reply", started_at=FRIDAY),
        f"{CASE}, clock reply: stood still from 2024-03-15T",
    ),
    "revision": (with_definition, "mfg: procedure customer-complaint, revision"),
    "revision in force": (
        lambda: Procedure.objects.filter(key="customer-complaint").update(current=Revision.objects.earliest("pk")),
        "mfg: procedure customer-complaint: another revision is in force",
    ),
    "seal": (lambda: Seal.objects.update(heads=[]), "mfg: seal 1 of 2024-03-15: was altered"),
    "attachment gone": (lambda: Attachment.objects.all().delete(), f"{CASE}, file “report.txt”: its row is missing"),
    "attachment's name": (lambda: Attachment.objects.update(name="other.txt"), f"{CASE}, file “report.txt”"),
    "file's digest": (
        lambda: StoredFile.objects.update(digest="0" * 64),
        "was altered: its content has another digest",
    ),
    "file's size": (lambda: StoredFile.objects.update(size=1), "its row says 1"),
    "file gone": (lambda: path().unlink(), f"(“report.txt” of case {NUMBER}): is missing"),
    "file's content": (with_one_byte_changed, f"(“report.txt” of case {NUMBER}): was altered"),
}


def test_whatever_was_altered_is_named(lively: Telling) -> None:
    kept = path().read_bytes()
    found = {}
    for kind, (alter, _) in ALTERATIONS.items():
        with transaction.atomic():
            alter()
            found[kind] = places()
            transaction.set_rollback(True)
        path().write_bytes(kept)

    silent = {
        kind: found[kind] for kind, (_, named) in ALTERATIONS.items() if not any(named in one for one in found[kind])
    }
    assert silent == {}
    assert places() == []


def test_a_chain_made_anew_is_given_away_by_the_seal_that_was_noted(lively: Telling) -> None:
    noted = verify().sealed["mfg"]["digest"]
    assert places(sealed=noted) == []

    Seal.objects.all().delete()
    seals.seal_day(lively.organization, FRIDAY + timedelta(days=2))

    assert places(sealed=noted) == [f"seal {noted[:12]}: is not here: the log was made anew since that seal was noted"]


def test_a_day_is_sealed_once_and_only_what_has_grown_since(lively: Telling) -> None:
    assert seals.seal_day(lively.organization, FRIDAY + timedelta(days=1, hours=5)) == 0
    other = Telling(lively.organization, FRIDAY + timedelta(days=1)).start()

    assert seals.seal_day(lively.organization, FRIDAY + timedelta(days=5)) == 1

    second = Seal.objects.get(sequence=2)
    assert other.case
    assert [stream for stream, _, _ in second.heads] == [f"case:{other.case.pk}"]
    assert second.day.isoformat() == "2024-03-19"  # a worker that was away seals what it missed in one


def test_a_day_without_events_has_a_seal_too(lively: Telling) -> None:
    assert seals.seal_day(lively.organization, FRIDAY + timedelta(days=2)) == 1

    assert Seal.objects.get(sequence=2).heads == []
    assert places() == []


def test_a_day_with_very_many_streams_has_several_seals(mfg: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "HEADS", 2)
    for _ in range(4):
        Telling(mfg).start()

    assert seals.seal_day(mfg, FRIDAY + timedelta(days=1)) == 3

    assert [len(seal.heads) for seal in Seal.objects.order_by("sequence")] == [2, 2, 1]
    assert places() == []


def test_a_completion_that_waits_for_a_signer_is_whole_before_and_after_he_signs(complaint: Telling) -> None:
    at = {"organization": complaint.organization, "number": complaint.number, "step": "accept-complaint"}
    later = [FRIDAY + timedelta(minutes=minutes) for minutes in (5, 10, 15)]
    signing.add_signer(**at, by="sales_deputy_manager", now=later[0], who=["qa_head"], order="after")
    complaint.now = later[1]
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    assert Task.objects.get(step="accept-complaint").held == "help"
    assert places() == []

    signing.sign(**at, by="qa_head", now=later[2], answer="agree")

    assert Task.objects.get(step="accept-complaint").state == "done"
    assert places() == []


def test_a_completion_that_was_taken_back_is_whole(complaint: Telling) -> None:
    complaint.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    withdrawal.withdraw(
        organization=complaint.organization,
        number=complaint.number,
        step="accept-complaint",
        by="sales_deputy_manager",
        now=FRIDAY + timedelta(minutes=5),
        reason="the wrong one",
    )

    assert Task.objects.get(step="accept-complaint").is_open
    assert places() == []


def test_what_has_come_is_whole_and_what_is_handed_over_asked_or_paused_too(lively: Telling) -> None:
    """Reminders and the end have come; one task is handed over, an opinion is asked, a signer added; the case paused and resumed."""
    common: dict[str, Any] = {"organization": lively.organization, "number": lively.number}
    at = {"step": "propose-countermeasure", "item": "quality", "by": "qa_head"}
    later = FRIDAY + timedelta(minutes=30)
    fire_due(FRIDAY + timedelta(days=4))
    assert places() == []
    perform("ask_opinion", **common, **at, now=later, given={"who": ["finance"], "reason": "burrs?"})
    perform("add_signer", **common, **at, now=later, given={"who": ["vice_gm"], "order": "before"})
    assert places() == []
    perform("hand_over", **common, **at, now=later, given={"to": "qc_staff"})
    perform("pause", **common, by="sales_deputy_manager", now=later, given={"reason": "sample"})
    assert places() == []
    perform("resume", **common, by="sales_deputy_manager", now=later + timedelta(hours=3), given={})
    assert places() == []
    in_inboxes().filter(part="advise").update(is_open=False)
    assert places() == [f"{TASK}: to advise is with []; its events say ['finance']"]


def test_events_that_say_nothing_of_inboxes_and_instants_are_not_held_against_the_rows(complaint: Telling) -> None:
    """As version 0.1.0 wrote them."""
    assert complaint.case
    head = ""
    for event in Event.objects.filter(stream=f"case:{complaint.case.pk}").order_by("sequence"):
        for name in ("given", "taken", "instants", "clock_instants"):
            event.facts.pop(name, None)
        event.previous = head
        event.digest = head = chain.digest(event)
        event.save()
    Case.objects.update(chain_head=head)
    Assignment.objects.all().delete()
    Deadline.objects.all().delete()
    assert places() == []
