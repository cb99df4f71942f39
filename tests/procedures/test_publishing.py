from dataclasses import replace
from datetime import date

import pytest

from kehu.cases.models import Case, Task
from kehu.cli.main import main
from kehu.organizations import actions as organizations
from kehu.organizations.models import WorkingWeek
from kehu.procedures import actions
from kehu.procedures.models import Procedure, Revision
from kehu.procedures.sources import Problem
from tests.cast import FRIDAY, Telling, mfg_pack, to_departments


def with_hours(hours: int):
    """The factory's pack, with another time to accept a complaint."""
    loaded = mfg_pack()
    procedure = loaded.procedures["customer-complaint"]
    step = procedure.steps["accept-complaint"]
    due = step.due.model_copy(update={"within": f"{hours} working hours"})
    steps = {**procedure.steps, "accept-complaint": step.model_copy(update={"due": due})}
    changed = procedure.model_copy(update={"steps": steps, "revision": "A/1"})
    return replace(loaded, procedures={**loaded.procedures, "customer-complaint": changed})


def test_what_has_not_changed_gets_no_new_revision(mfg):
    before = Revision.objects.count()

    assert actions.publish(organization=mfg, loaded=mfg_pack(), by="general_manager", now=FRIDAY) == []
    assert Revision.objects.count() == before


def test_new_cases_follow_the_new_revision_and_open_ones_keep_theirs(mfg):
    old = Telling(mfg).start()
    actions.publish(organization=mfg, loaded=with_hours(2), by="general_manager", now=FRIDAY, checked=True)
    new = Telling(mfg).start()

    due = {told.number: Task.objects.get(case=told.case, step="accept-complaint").due_at for told in (old, new)}
    assert (due[new.number] - due[old.number]).total_seconds() == 3600
    assert Case.objects.get(number=old.number).revision.label == "A/0"
    assert Procedure.objects.get(key="customer-complaint").current.label == "A/1"
    assert to_departments(old, "quality").open_steps() == ["propose-countermeasure[quality]"]


def test_a_pack_with_a_problem_is_not_published(mfg, tmp_path):
    loaded = replace(mfg_pack(), problems=[Problem(tmp_path / "pack.yaml", 3, "something is wrong.", "Mend it.")])

    with pytest.raises(actions.PackHasProblems):
        actions.publish(organization=mfg, loaded=loaded, by="general_manager", now=FRIDAY)


def test_setting_up_again_keeps_what_people_confirmed(mfg):
    WorkingWeek.objects.update(known_until=date(2030, 12, 31))
    loaded = mfg_pack()
    organizations.set_up(pack=loaded.pack, tables=loaded.raw_tables, by="general_manager", now=FRIDAY)

    assert WorkingWeek.objects.get(department=None, customer_code="").known_until == date(2030, 12, 31)


def test_the_command_publishes_outside_any_organization(db, capsys, monkeypatch):
    """On PostgreSQL the wall stands before rows that nobody spoke for: every question of the command must say for whom."""
    loaded = mfg_pack()
    monkeypatch.setattr(
        "kehu.procedures.packs.load", lambda _: replace(loaded, examples=dict([*loaded.examples.items()][:1]))
    )

    assert main(["publish", "packs/mfg"]) == 0

    assert "customer-complaint: A/0 is in force." in capsys.readouterr().out
