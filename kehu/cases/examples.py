"""A pack's stories, run with a steered clock against an organization where every position has its own holder.

The format is design §8's. A story's acts go through the same actions as every door's; the worker runs whenever the clock moves, instant
by instant. What differs from what a story expects is said with file and line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from django.db import transaction
from django.utils import translation
from django.utils.translation import get_language

from kehu.core.models import Message, Organization
from kehu.core.refusals import Refusal
from kehu.core.scope import scope
from kehu.engine.advance import VOIDED
from kehu.engine.definitions import FieldDefinition
from kehu.engine.records import decoded
from kehu.organizations import absences, deputies, members
from kehu.organizations import actions as organizations
from kehu.organizations.calendars import Budget, due
from kehu.organizations.models import Absence, DeputyRule
from kehu.organizations.queries import directory, local_now
from kehu.procedures import actions as procedures
from kehu.procedures.forms import is_called
from kehu.procedures.packs import LoadedPack
from kehu.procedures.sources import Source

from . import actions, answering, invitations, schedules
from .assignment import assists, told
from .escalation import LIMIT_TOLD, run_until
from .given import look_up, put
from .guests import Visit, signer_of
from .handing_on import hand_on
from .models import Case, Invitation, Task
from .posting.customers import enter as enter_customers
from .queries import waiting_for
from .standing import standing
from .verbs import VERBS, perform
from .work import Work

Done = TypeVar("Done")
_DURATION = re.compile(r"(\d+)\s*(minute|hour|day|week)s?")
_PLACE = re.compile(r"([a-z0-9-]+)(?:\[(.+)\])?")
Report = Callable[[Organization, str, datetime], Any]
"""What a register or the statistics of that key show at a moment."""


class StoryError(Exception):
    """A story that cannot be read: its own words are wrong, not the pack's."""


class _StoryOver(Exception):
    """After a mistake in the story itself the rest would only repeat it."""


@dataclass(frozen=True)
class Difference:
    file: Path
    line: int
    story: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.story}: {self.message}"


@dataclass
class Result:
    stories: int = 0
    differences: list[Difference] = field(default_factory=list)


def stage(loaded: LoadedPack, now: datetime) -> Organization:
    """The organization in which a pack's stories play: one member for every position, the demo's customers."""
    assert loaded.pack
    organization = organizations.set_up(pack=loaded.pack, tables=loaded.raw_tables, by="", now=now)
    for key, position in loaded.pack.positions.items():
        organizations.take_on(
            organization=organization,
            key=key,
            name=position.title.model_dump(),
            positions=[key],
            by="",
            now=now,
            with_user=False,
        )
    procedures.publish(organization=organization, loaded=loaded, by="", now=now, checked=True)
    with scope(organization):
        enter_customers(organization, loaded.demo.get("customers") or [], aliases(loaded), now)
    return organization


def aliases(loaded: LoadedPack) -> dict[str, str]:
    """The demo's people as the holders of their first positions."""
    return {
        key: person["positions"][0]
        for key, person in (loaded.demo.get("people") or {}).items()
        if person.get("positions")
    }


def run_stories(
    loaded: LoadedPack, organization: Organization, source: Source, reports: Mapping[str, Report] | None = None
) -> Result:
    """Every story of one file; each leaves nothing behind. `reports` are what `expect:` may look at beyond cases."""
    result = Result()
    for number, story in enumerate(source.value if isinstance(source.value, list) else [source.value]):
        result.stories += 1
        with scope(organization), transaction.atomic(), translation.override("en"):
            try:
                result.differences += Player(loaded, organization, source, number, story, reports).play()
            except StoryError as error:
                result.differences.append(
                    Difference(source.file, source.line_of((number,)), f"story {number + 1}", str(error))
                )
            transaction.set_rollback(True)
        with scope(organization):
            organization.refresh_from_db(fields=["version", "chain_head"])
    return result


class Player:
    """One story as it is played."""

    def __init__(
        self,
        loaded: LoadedPack,
        organization: Organization,
        source: Source,
        number: int,
        story: Mapping[str, Any],
        reports: Mapping[str, Report] | None = None,
    ):
        self.reports = reports or {}
        if not isinstance(story, Mapping):
            raise StoryError("a story is a mapping with `example:`, `start:` and `steps:`")
        self.loaded, self.organization, self.source, self.story = loaded, organization, source, story
        self.name = str(story.get("example", f"story {number + 1}"))
        self.path: tuple[Any, ...] = (number,)
        self.names = aliases(loaded)
        self.now = self._moment(story.get("at", "2024-03-15 09:00"))
        self.started: list[Case] = []
        self.calendar: set[str] = set()
        """Procedures whose cases the calendar opens in this story."""
        self.differences: list[Difference] = []

    def play(self) -> list[Difference]:
        story = self.story
        try:
            if "given" in story:
                self._step(("given",), {"given": story["given"]})
            if "start" in story:
                self._step(("start",), {"start": story["start"]})
            for index, line in enumerate(story.get("steps") or []):
                self._step(("steps", index), line)
        except _StoryOver:
            pass
        return self.differences

    def _step(self, path: tuple[Any, ...], line: Mapping[str, Any]) -> None:
        before = self.path
        self.path = (*before[:1], *path)
        try:
            for word, act in (
                ("given", lambda line: self._given(line["given"])),
                ("start", self._start),
                ("do", self._do),
                ("try", self._try),
                ("wait", self._wait),
                ("absent", self._absent),
                ("back", self._back),
                ("leaves", self._leaves),
                ("expect", self._expect),
            ):
                if word in line:
                    act(line)
                    return
            raise StoryError(
                f"a step is start, do, try, wait, absent, back, leaves or expect; this one has {', '.join(map(str, line))}"
            )
        except StoryError as error:
            self._differs((), str(error))
            raise _StoryOver from None
        except KeyError as error:
            self._differs((), f"`{error.args[0]}:` is missing or unknown")
            raise _StoryOver from None
        finally:
            self.path = before

    def _differs(self, path: tuple[Any, ...], message: str) -> None:
        self.differences.append(
            Difference(self.source.file, self.source.line_of((*self.path, *path)), self.name, message)
        )

    # -- the clock

    def _moment(self, value: Any) -> datetime:
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError:
            raise StoryError(f'"{value}" is no moment such as 2024-03-15 14:00') from None
        return found if found.tzinfo else found.replace(tzinfo=self.zone)

    @property
    def zone(self) -> Any:
        return local_now(self.organization, datetime.now().astimezone()).tzinfo

    def _until(self, moment: datetime) -> None:
        """The clock moves; on the way the worker fires every instant at its own time."""
        if moment < self.now:
            raise StoryError(f"the clock cannot go back from {self.now:%Y-%m-%d %H:%M} to {moment:%Y-%m-%d %H:%M}")
        if self.calendar:
            schedules.run_until(self.now, moment, self.organization, self._firing, self.calendar)
        else:
            run_until(self.now, moment, self.organization, self._firing())
        self.now = moment
        self._notice_scheduled()

    def _firing(self) -> list[int] | None:
        """The cases whose instants are fired while the clock moves; None for all."""
        return None

    def _move_clock(self, line: Mapping[str, Any]) -> None:
        if "after" in line:
            self._until(self._later(line["after"]))
        if "at" in line:
            self._until(self._moment(line["at"]))

    def _later(self, words: Any) -> datetime:
        if match := _DURATION.fullmatch(str(words).strip()):
            return self.now + timedelta(**{f"{match[2]}s": int(match[1])})
        try:
            budget = Budget.parse(str(words))
        except ValueError as error:
            raise StoryError(str(error)) from None
        reached = due(directory(self.organization, self.now.date()).calendar(), budget, self.now)
        assert reached
        return reached.at

    def _wait(self, line: Mapping[str, Any]) -> None:
        words = str(line["wait"]).removeprefix("until ").strip()
        self._until(self._moment(words) if re.match(r"\d{4}-", words) else self._later(words))

    # -- acts

    def _given(self, given: Mapping[str, Any]) -> None:
        try:
            put(self.organization, self._resolved(given), self.names, self.now)
        except KeyError:
            raise
        except LookupError as error:
            raise StoryError(str(error)) from None

    def _resolved(self, value: Any) -> Any:
        """What is given, as it stands; the demo's stories count their days from today."""
        return value

    def _start(self, line: Mapping[str, Any]) -> None:
        start = line["start"]
        self._move_clock(start)
        if start.get("by") == "calendar":
            self._begin_schedules(str(start["procedure"]))
            return

        def act() -> Case:
            submit = start.get("submit", True) and "data" in start
            case = actions.open_case(
                organization=self.organization,
                procedure=start["procedure"],
                by=self._person(start["by"]),
                now=self.now,
                customer=start.get("customer"),
                values=self._values(dict(start.get("data") or {})) if submit else None,
                outcome=start.get("outcome"),
                reason=start.get("reason", ""),
            )
            if not submit and start.get("data"):
                step = str(Task.objects.filter(case=case, state="open").values_list("step", flat=True)[0])
                actions.save_draft(
                    organization=self.organization, number=case.number, step=step, by=self._person(start["by"]), now=self.now,
                    values=self._values(dict(start["data"])),
                )  # fmt: skip
            return case

        case = self._attempt(start, act)
        if case:
            self.started.append(case)

    def _begin_schedules(self, procedure: str) -> None:
        """Nobody starts: the procedure's schedules open its cases from now on, at this very moment too."""
        if procedure not in self.loaded.procedures or not self.loaded.procedures[procedure].schedules:
            raise StoryError(f'"{procedure}" has no `schedules:`, so the calendar opens nothing')
        schedules.begin(self.organization, procedure, self.now)
        self.calendar.add(procedure)
        self._until(self.now)

    def _notice_scheduled(self) -> None:
        """Cases that the calendar opened meanwhile: behind those the story knows, so that it speaks of the first of them."""
        if self.calendar:
            known = {case.pk for case in self.started}
            opened = Case.objects.filter(scheduled__isnull=False).exclude(pk__in=known).order_by("-pk")
            self.started[:0] = opened.select_related("procedure")

    def _do(self, line: Mapping[str, Any]) -> None:
        self._move_clock(line)
        self._open_link(line, "do")
        self._attempt(line, lambda: self._act(str(line["do"]), line))

    def _try(self, line: Mapping[str, Any]) -> None:
        self._move_clock(line)
        if "refused" not in line:
            raise StoryError("a try says `refused:` order, position, data, rule or conflict")
        self._open_link(line, "try")
        self._attempt(line, lambda: self._act(str(line["try"]), line))

    # -- who is here

    def _absent(self, line: Mapping[str, Any]) -> None:
        """Somebody is away; a deputy that is named accepts at once, unless `accepted: false`."""
        self._move_clock(line)
        member = self._person(line["absent"])
        deputy = self._person(line["deputy"]) if line.get("deputy") else ""

        def act() -> None:
            absences.enter(
                organization=self.organization,
                member=member,
                first_day=self._date(line["from"]) if "from" in line else self._today(),
                last_day=self._date(line["until"]),
                kind=str(line.get("kind", "leave")),
                deputy=deputy,
                procedures=[str(key) for key in line.get("procedures") or ()],
                limit=Decimal(str(line["limit"])) if "limit" in line else None,
                by=self._person(line["by"]) if "by" in line else member,
                now=self.now,
            )
            rule = DeputyRule.objects.order_by("-number").first()
            if deputy and rule and line.get("accepted", True):
                deputies.accept(organization=self.organization, number=rule.number, by=deputy, now=self.now)
            hand_on(self.organization, self.now)

        self._attempt(line, act)

    def _back(self, line: Mapping[str, Any]) -> None:
        self._move_clock(line)
        member = self._person(line["back"])
        found = Absence.objects.filter(member__key=member, canceled_at=None, valid_until__gt=self._today()).first()
        if found is None:
            raise StoryError(f"{member} is not away")
        pk = found.pk

        def act() -> None:
            absences.end(organization=self.organization, absence=pk, by=member, now=self.now)
            hand_on(self.organization, self.now)

        self._attempt(line, act)

    def _leaves(self, line: Mapping[str, Any]) -> None:
        """Somebody leaves the company after the day `on`; what was his is handed on when that day is over."""
        self._move_clock(line)
        successor = self._person(line["successor"]) if line.get("successor") else ""

        def act() -> None:
            members.leave(
                organization=self.organization,
                member=self._person(line["leaves"]),
                last_day=self._date(line["on"]) if "on" in line else self._today(),
                successor=successor,
                by=self._person(line["by"]) if "by" in line else "",
                now=self.now,
            )
            hand_on(self.organization, self.now)

        self._attempt(line, act)

    def _today(self) -> date:
        return local_now(self.organization, self.now).date()

    def _date(self, value: Any) -> date:
        return self._moment(value).astimezone(self.zone).date()

    def _attempt(self, line: Mapping[str, Any], act: Callable[[], Done]) -> Done | None:
        expected = line.get("refused")
        try:
            with transaction.atomic():
                done = act()
        except Refusal as refusal:
            words = str(refusal)
            if expected is None:
                self._differs((), f"was refused ({refusal.kind}): {words}")
            elif refusal.kind != expected:
                self._differs((), f"should be refused as {expected}, was refused as {refusal.kind}: {words}")
            elif (says := line.get("says")) and says not in words and says not in (chinese := _in_chinese(act)):
                self._differs((), f'the refusal should say "{says}", it says: {words} / {chinese}')
            return None
        if expected is not None:
            self._differs((), f"should be refused as {expected}, but was done")
        return done

    def _act(self, step: str, line: Mapping[str, Any]) -> Case:
        place = _PLACE.fullmatch(step)
        if place is None:
            raise StoryError(f'"{step}" is no step')
        step, item = place[1], str(line.get("item") or place[2] or "")
        case = self._case_with(step, item, self._person(line["by"]))
        item = item or self._only_row(case, step)
        verb = line.get("verb")
        data = dict(line.get("data") or {})
        if line["by"] == "customer" and not verb:
            return self._answer(case, step, item, line, data)
        common: dict[str, Any] = {
            "organization": self.organization,
            "number": case.number,
            "by": self._person(line["by"], case, step, item),
            "now": self.now,
            "reason": str(line.get("reason") or data.pop("reason", "") or ""),
        }
        if verb:
            return self._verb(str(verb), line, case, step, item, common, data)
        return actions.complete(
            **common, step=step, item=item, outcome=self._outcome(case, step, line.get("outcome")), to=line.get("to"), values=self._values(data, case, step, item),
            version=line.get("version"),
        )  # fmt: skip

    def _answer(self, case: Case, step: str, item: str, line: Mapping[str, Any], data: dict[str, Any]) -> Case:
        """The customer answers by the last link made for that step."""
        link = self._link(case, step, item)
        if link is None:
            self._invite(case, step, item, line)
            link = self._link(case, step, item)
        assert link
        lines = enumerate(line.get("lines") or [])
        given = answering.Answer(
            values=data,
            outcome=line.get("outcome"),
            reason=str(line.get("reason") or data.pop("reason", "") or ""),
            signer=str(line.get("signer", link.name)),
            lines={number: {"agrees": True} if one == "agree" else one for number, one in lines},
        )
        proof = answering.Proof(paper=str(line.get("paper", f"{case.number}.pdf")))
        return answering.answer(**self._coming(link, line), given=given, proof=proof)

    def _link(self, case: Case, step: str, item: str) -> Invitation | None:
        """The last one; none where its task is done and open anew."""
        link = Invitation.objects.filter(case=case, task__step=step, task__item=item).order_by("-pk").first()
        is_open = Task.objects.filter(case=case, step=step, item=item, state="open").exists()
        return None if link and link.used_at and is_open else link

    def _coming(self, link: Invitation, line: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "organization": self.organization,
            "invitation": link.pk,
            "browser": str(line.get("browser", "his own")),
            "visit": Visit("192.0.2.7", "a telephone"),
            "language": get_language() or "en",
            "now": self.now,
        }

    def _open_link(self, line: Mapping[str, Any], word: str) -> None:
        """Before a customer answers he opens his link; whoever has the task makes one where there is none. What is refused here is
        refused again when he answers."""
        if line.get("by") != "customer" or "verb" in line:
            return
        place = _PLACE.fullmatch(str(line[word]))
        if place is None:
            return
        step, item = place[1], str(line.get("item") or place[2] or "")
        with suppress(Refusal), transaction.atomic():
            case = self._case_with(step, item)
            item = item or self._only_row(case, step)
            if self._link(case, step, item) is None:
                self._invite(case, step, item, line)
            if link := self._link(case, step, item):
                invitations.open_link(**self._coming(link, line))

    def _invite(self, case: Case, step: str, item: str, line: Mapping[str, Any]) -> None:
        tasks = Task.objects.filter(case=case, step=step, item=item, assignments__part="do", assignments__is_open=True)
        holder = tasks.values_list("assignments__member__key", flat=True).first()
        invitations.invite(
            organization=self.organization,
            number=case.number,
            step=step,
            item=item,
            name=str(line.get("signer") or "客户"),
            by=holder or next(iter(directory(self.organization, self._today()).people)),
            now=self.now,
        )

    def _verb(
        self,
        name: str,
        line: Mapping[str, Any],
        case: Case,
        step: str,
        item: str,
        common: dict[str, Any],
        data: dict[str, Any],
    ) -> Case:
        """Any verb of the table; what it is given stands beside `verb:` by the name of its parameter."""
        verb = VERBS.get("save_draft" if name == "save" else name)
        if verb is None:
            raise StoryError(f'there is no verb "{name}"; there are {", ".join(VERBS)}')
        given: dict[str, Any] = {}
        for parameter in verb.parameters:
            value = common.get(parameter.name) if parameter.name == "reason" else line.get(parameter.name)
            if parameter.type == "values":
                value = self._values(data, case, step, item)
            elif parameter.type == "day" and value:
                value = str(value)[:10]
            elif parameter.type == "member" and value:
                value = self._person(value, case, step, item)
            elif parameter.type == "members" and value:
                value = [self._person(one, case, step, item) for one in ([value] if isinstance(value, str) else value)]
            given[parameter.name] = value
        if name == "revoke_invitation" and not given["invitation"]:
            last = Invitation.objects.filter(case=case).order_by("-pk").values_list("pk", flat=True).first()
            given["invitation"] = str(last or "")
        reason = common.pop("reason")
        if reason and verb.parameter("reason") is None:
            raise StoryError(f'"{name}" takes no reason')
        subject: dict[str, Any] = {"step": step, "item": item} if verb.subject == "task" else {}
        return perform(verb.name, **common, **subject, given=given, version=line.get("version"))

    def _outcome(self, case: Case, step: str, said: Any) -> Any:
        """The outcome by its key; a story may say less of it, or more, where only one can be meant: `keep` for `keep_price`."""
        known = self.loaded.procedures[case.procedure.key].steps.get(step)
        keys = list(known.all_outcomes()) if known else []
        if said is None or said in keys:
            return said
        words = set(re.split(r"[\s_-]+", str(said)))
        meant = [
            key
            for key in keys
            if (own := set(key.split("_"))) and (words <= own or own <= words) and "not" not in words ^ own
        ]
        return meant[0] if len(meant) == 1 else said

    def _cases(self) -> Iterator[Case]:
        """The cases started in this story, the latest first, each with those it opened."""
        for case in reversed(self.started):
            yield from self._with_children(case)

    def _with_children(self, case: Case) -> Iterator[Case]:
        yield Case.objects.select_related("procedure").get(pk=case.pk)
        for child in Case.objects.filter(parent=case).order_by("id"):
            yield from self._with_children(child)

    def _case_with(self, step: str, item: str, by: str = "") -> Case:
        """The case where that step is open; of several, one where it is `by`'s, and the latest."""
        cases = list(self._cases())
        if not cases:
            raise StoryError("no case was started")
        open_here = Task.objects.filter(step=step, state="open")
        for found in [open_here.filter(item=item)] if item else [open_here.filter(item=""), open_here]:
            mine = found.filter(assignments__member__key=by, assignments__is_open=True)
            for tasks in (mine, found):
                for case in cases:
                    if tasks.filter(case=case).exists():
                        return case
        for case in cases:
            if step in self.loaded.procedures[case.procedure.key].steps:
                return case
        return cases[0]

    @staticmethod
    def _only_row(case: Case, step: str) -> str:
        """The row for which an `each` step is open, where there is one and the story need not say which."""
        rows = Task.objects.filter(case=case, step=step, state="open").values_list("item", flat=True)[:2]
        return rows[0] if len(rows) == 1 else ""

    def _person(self, words: Any, case: Case | None = None, step: str = "", item: str = "") -> str:
        """A position, a demo person, or a relative position of the case: as the member's key."""
        assert self.loaded.pack
        words = str(words)
        people = directory(self.organization, self.now.date())
        if words in people.people:
            return words
        if holders := people.holders.get(words):
            return holders[0].key
        if words in self.names:
            return self.names[words]
        if words in self.loaded.pack.relative_positions and case:
            work = Work(self.organization, None, self.now)
            folder = work.take(pk=case.pk)
            each = folder.procedure.steps[step].each if step in folder.procedure.steps else None
            place = step if each or not item else _step_with_rows(folder.procedure.steps) or step
            found = told(
                (words,),
                folder.circumstances(place if place in folder.procedure.steps else folder.procedure.first_step, item),
            )
            if found:
                return found[0].key
            return words
        return words

    def _values(self, data: dict[str, Any], case: Case | None = None, step: str = "", item: str = "") -> dict[str, Any]:
        """Demo people and the positions that a case decides stand for their holders, in fields and in rows too."""
        return {key: self._value(value, case, step, item) for key, value in data.items()}

    def _value(self, value: Any, case: Case | None, step: str, item: str) -> Any:
        assert self.loaded.pack
        if isinstance(value, Mapping):
            return {key: self._value(inner, case, step, item) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner, case, step, item) for inner in value]
        if isinstance(value, str) and (value in self.names or value in self.loaded.pack.relative_positions):
            return self._person(value, case, step, item)
        return value

    # -- looking

    def _expect(self, line: Mapping[str, Any]) -> None:
        expected = line["expect"] or {}
        looks: dict[str, Callable[[Any], None]] = {
            "open": self._expect_open,
            "due": self._expect_due,
            "overdue": self._expect_overdue,
            "told": self._expect_told,
            "reminded": self._expect_reminded,
            "acted": self._expect_acted,
            "waits_for": self._expect_waits_for,
            "links": self._expect_links,
            "status_page": self._expect_status_page,
            "status": self._expect_status,
            "data": lambda value: self._expect_fields(self._current(), ("expect", "data"), value),
            "opened": self._expect_opened,
            "ledger": self._expect_ledger,
            "attachments": self._expect_attachments,
            "assist": self._expect_assist,
            **{key: partial(self._expect_report, key) for key in self.reports},
            "round": lambda value: self._same(("expect", "round"), "round", self._current().round, value),
        }
        for key, value in expected.items():
            if key not in looks:
                raise StoryError(f'`expect:` knows {", ".join(looks)}; not "{key}"')
            looks[key](value)

    def _current(self) -> Case:
        if not self.started:
            raise StoryError("no case was started")
        return Case.objects.select_related("procedure", "customer").get(pk=self.started[-1].pk)

    def _tasks(self) -> list[Task]:
        cases = [case.pk for case in self._cases()]
        return list(Task.objects.filter(case__in=cases, state="open").order_by("id"))

    def _expect_open(self, expected: Any) -> None:
        actual = [str(task) for task in self._tasks()]
        if not _same_places(actual, expected or []):
            self._differs(
                ("expect", "open"),
                f"open should be {_listed(sorted(map(str, expected or [])))}, is {_listed(sorted(actual))}",
            )

    def _expect_due(self, expected: Mapping[str, Any]) -> None:
        tasks = self._tasks()
        for place, moment in expected.items():
            found = [task for task in tasks if str(place) in (str(task), task.step)]
            actual = sorted(
                local_now(self.organization, task.due_at).strftime("%Y-%m-%d %H:%M") if task.due_at else "none"
                for task in found
            )
            wanted = "none" if moment in (None, "none") else self._moment(moment).strftime("%Y-%m-%d %H:%M")
            if not found:
                self._differs(("expect", "due", place), f"{place} is not open")
            elif wanted not in actual:
                self._differs(("expect", "due", place), f"{place} should be due {wanted}, is due {', '.join(actual)}")

    def _expect_overdue(self, expected: Any) -> None:
        actual = [str(task) for task in self._tasks() if task.due_at and task.due_at <= self.now]
        if not _same_places(actual, expected or []):
            self._differs(("expect", "overdue"), f"overdue should be {_listed(expected)}, is {_listed(sorted(actual))}")

    def _expect_told(self, expected: Mapping[str, Any]) -> None:
        cases = {case.number: case for case in self._cases()}
        for place, people in expected.items():
            match = _PLACE.fullmatch(str(place))
            assert match
            messages = Message.objects.filter(case_number__in=cases, step=match[1])
            if match[2]:
                messages = messages.filter(item=match[2])
            actual = set(messages.values_list("recipient", flat=True))
            case = self._case_with(match[1], match[2] or "")
            for words in [people] if isinstance(people, str) else people:
                if self._person(words, case, match[1], match[2] or "") not in actual:
                    self._differs(
                        ("expect", "told", place),
                        f"{place}: {words} should have been told; told were {_listed(sorted(actual))}",
                    )

    def _expect_reminded(self, expected: Mapping[str, Any]) -> None:
        """How often a step's time limit has been told to somebody: before its end, at it, and after it."""
        cases = {case.number: case for case in self._cases()}
        for place, people in expected.items():
            match = _PLACE.fullmatch(str(place))
            assert match
            told_of = Message.objects.filter(case_number__in=cases, step=match[1], kind__in=LIMIT_TOLD)
            if match[2]:
                told_of = told_of.filter(item=match[2])
            case = self._case_with(match[1], match[2] or "")
            for words, count in people.items():
                person = self._person(words, case, match[1], match[2] or "")
                actual = told_of.filter(recipient=person).count()
                self._same(("expect", "reminded", place), f"how often {words} was reminded of {place}", actual, count)

    def _expect_acted(self, expected: Mapping[str, Any]) -> None:
        """Who completed a step last: `{by: deputy, for: principal}`, or only who; `{signer: name}` of a customer."""
        for place, who in expected.items():
            match = _PLACE.fullmatch(str(place))
            assert match
            task = (
                Task.objects.filter(case__in=[case.pk for case in self._cases()], step=match[1], item=match[2] or "")
                .filter(state=Task.State.DONE)
                .select_related("done_by")
                .order_by("-closed_at", "-id")
                .first()
            )
            wanted = who if isinstance(who, Mapping) else {"by": who, "for": None}
            actual = {
                "by": task.done_by.key if task and task.done_by else None,
                "for": task.acting.get("for") if task else None,
                "signer": signer_of(task.acting) if task else None,
            }
            for word, words in wanted.items():
                name = self._person(words) if words and word != "signer" else words
                self._same(("expect", "acted", place), f"{place} {word}", actual.get(word), name)

    def _expect_waits_for(self, expected: Mapping[str, Any]) -> None:
        """In whose inboxes an open step is, deputies included; all of them."""
        now = self._today()
        people = directory(self.organization, now)
        for place, wanted in expected.items():
            tasks = [task.pk for task in self._tasks() if str(task) == place]
            found = {
                person.key for person in people.people.values() if waiting_for(person).filter(task__in=tasks).exists()
            }
            names = {self._person(words) for words in ([wanted] if isinstance(wanted, str) else wanted)}
            if found != names:
                self._differs(
                    ("expect", "waits_for", place),
                    f"{place} should wait for {_listed(sorted(names))}, waits for {_listed(sorted(found))}",
                )

    def _expect_links(self, expected: Mapping[str, str]) -> None:
        """How the last link stands that was made for a step, or (`status`) for reading how the case stands."""
        for place, wanted in expected.items():
            match = _PLACE.fullmatch(str(place))
            assert match
            made = Invitation.objects.filter(case__in=[case.pk for case in self._cases()]).select_related("task")
            of_step = made.filter(task__step=match[1], task__item=match[2] or "")
            link = (made.filter(kind="status") if place == "status" else of_step).order_by("-pk").first()
            self._same(("expect", "links", place), f"link of {place}", link.state(self.now) if link else "none", wanted)

    def _expect_status_page(self, expected: Mapping[str, Any]) -> None:
        """What the customer reads of the case: the steps done and under way, and the fields that say anything; all of them."""
        folder = Work(self.organization, None, self.now).take(pk=self._current().pk, lock=False)
        found = standing(folder)
        actual = {
            "done": [one.key for one in found.stages if one.done_at],
            "open": [one.key for one in found.stages if one.is_open],
            "fields": sorted(key for key, value in found.values.items() if value not in (None, "", [])),
        }
        for word, wanted in expected.items():
            if word not in actual:
                raise StoryError(f'`status_page:` knows {", ".join(actual)}; not "{word}"')
            listed = sorted(wanted) if word == "fields" else list(wanted)
            self._same(("expect", "status_page", word), f"status page, {word}", actual[word], listed)

    def _expect_status(self, expected: Any) -> None:
        status = self._current().status
        if status == VOIDED and expected in ("void", "cancelled", "canceled"):
            return
        self._same(("expect", "status"), "status", status, expected)

    def _expect_opened(self, expected: Mapping[str, Any]) -> None:
        """The fields of the case of that procedure that was opened last."""
        for procedure, fields in expected.items():
            found = [case for case in self._cases() if case.procedure.key == procedure]
            if found:
                self._expect_fields(max(found, key=lambda case: case.pk), ("expect", "opened", procedure), fields)
            else:
                self._differs(("expect", "opened", procedure), f"no {procedure} was opened")

    def _expect_fields(self, case: Case, path: tuple[Any, ...], expected: Mapping[str, Any]) -> None:
        form = self.loaded.procedures[case.procedure.key].form
        data = {**decoded(form, case.data), "number": case.number}
        for key, value in expected.items():
            definition = form.table(key) or form.field(key)
            self._same((*path, key), key, data.get(key), value, definition)

    def _expect_assist(self, expected: Any) -> None:
        """The open tasks that lie with other departments than the procedure's owner."""
        people = directory(self.organization, self.now.date())
        found = []
        for task in self._tasks():
            holders = [
                people.by_id[key]
                for key in task.assignments.filter(is_open=True, part="do").values_list("member_id", flat=True)
            ]
            if assists(holders, self.loaded.procedures[task.case.procedure.key].owner, people):
                found.append(str(task))
        if sorted(found) != sorted(map(str, expected or [])):
            self._differs(("expect", "assist"), f"assisting should be {_listed(expected)}, is {_listed(sorted(found))}")

    def _expect_attachments(self, expected: Any) -> None:
        """The files that the record names, in any order."""
        case = self._current()
        form = self.loaded.procedures[case.procedure.key].form
        names: list[str] = []
        for _section, _title, key, definition in form.fields():
            value = case.data.get(key)
            if definition.type in ("file", "files") and value:
                names += [value] if isinstance(value, str) else value
        if sorted(names) != sorted(expected or []):
            self._differs(("expect", "attachments"), f"attachments should be {_listed(expected)}, are {_listed(names)}")

    def _expect_report(self, report: str, expected: Mapping[str, Any]) -> None:
        """What a register or the statistics show: "at least these" where things are named, row by row where they are listed."""
        for key, wanted in expected.items():
            actual = self.reports[report](self.organization, str(key), self.now)
            self._contains(("expect", report, key), str(key), actual, wanted)

    def _contains(self, path: tuple[Any, ...], name: str, actual: Any, expected: Any) -> None:
        if isinstance(expected, Mapping) and isinstance(actual, Mapping):
            for key, value in expected.items():
                if key not in actual:
                    self._differs(path, f"{name} has no {key}; it has {_listed(actual)}")
                else:
                    self._contains(path, f"{name}.{key}", actual[key], value)
        else:
            self._same(path, name, actual, expected)

    def _expect_ledger(self, expected: Mapping[str, Any]) -> None:
        for path, value in expected.items():
            try:
                actual = look_up(str(path), self._current().customer if self.started else None, self._today())
            except LookupError as error:
                raise StoryError(str(error)) from None
            self._same(("expect", "ledger", path), str(path), actual, value)

    def _same(
        self, path: tuple[Any, ...], name: str, actual: Any, expected: Any, definition: FieldDefinition | None = None
    ) -> None:
        if definition and definition.type == "people" and isinstance(expected, str):
            expected = [expected]
        if (
            isinstance(expected, list)
            and isinstance(actual, list)
            and any(isinstance(row, Mapping) for row in expected)
        ):
            if len(actual) != len(expected):
                self._differs(path, f"{name} should have {len(expected)} rows, has {len(actual)}")
            for number, (row, wanted) in enumerate(zip(actual, expected, strict=False)):
                for key, value in wanted.items():
                    column = definition.columns.get(key) if definition else None
                    if definition and not column:
                        raise StoryError(f'{name} has no column "{key}"; it has {_listed(definition.columns)}')
                    self._same(path, f"{name}[{number}].{key}", row.get(key), value, column)
        elif definition and definition.type == "choice" and actual in definition.choices:
            if not is_called(actual, definition, expected):
                self._differs(path, f"{name} should be {expected!r}, is {actual!r}")
        elif not self._equal(actual, expected):
            self._differs(path, f"{name} should be {expected!r}, is {_shown(actual, self.zone)!r}")

    def _equal(self, actual: Any, expected: Any) -> bool:
        if isinstance(actual, datetime):
            return actual.astimezone(self.zone).replace(second=0, microsecond=0) == self._moment(expected)
        if isinstance(actual, date):
            return actual.isoformat() == str(expected)[:10]
        if isinstance(expected, bool) or isinstance(actual, bool):
            return actual is expected
        if isinstance(actual, int | float | Decimal) or isinstance(expected, int | float | Decimal):
            try:
                return actual is not None and Decimal(str(actual)) == Decimal(str(expected))
            except InvalidOperation:
                return False
        if isinstance(expected, str):
            return actual == self.names.get(expected, expected) or actual == expected
        return bool(actual == expected)


def _same_places(actual: list[str], expected: list[Any]) -> bool:
    """Whether these are the places, in any order; `prepare` stands for any row of an `each` step, `prepare[quality]` for that one."""
    left = list(actual)
    for place in sorted(map(str, expected), key=lambda place: "[" not in place):
        found = next((one for one in left if one == place or one.partition("[")[0] == place), None)
        if found is None:
            return False
        left.remove(found)
    return not left


def _step_with_rows(steps: Mapping[str, Any]) -> str | None:
    return next((key for key, step in steps.items() if step.each), None)


def _in_chinese(act: Callable[[], Any]) -> str:
    """The same refusal in the other language."""
    with translation.override("zh-hans"):
        try:
            with transaction.atomic():
                act()
        except Refusal as refusal:
            return str(refusal)
    return ""


def _shown(value: Any, zone: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    return str(value) if isinstance(value, date | Decimal) else value


def _listed(values: Any) -> str:
    return "[" + ", ".join(map(str, values or [])) + "]"
