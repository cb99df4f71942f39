"""Verifying: every event against its chain, every chain against the seals, every case against its events, every file against its
digest. Reads one moment's data, a few hundred cases at a time.

What no event tells of (drafts, notices, what somebody has seen, messages on their way, people's addresses) cannot be verified here; a
backup's own digests cover those rows, too. In whose inbox a task lies and what comes when is told by the events of versions after 0.1.0.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.core.files.storage import default_storage
from django.db.models import F, Model, QuerySet

from kehu.accounts.models import MemberLog
from kehu.cases.models import Assignment, Attachment, Case, Deadline, Invitation, Suspension, Task
from kehu.core import chain
from kehu.core.models import Event, Organization, StoredFile
from kehu.core.scope import every_organization, scope
from kehu.organizations.models import Member
from kehu.procedures.actions import digest_of
from kehu.procedures.models import Procedure, Revision

from . import seals, tables
from .archive import CHUNK, Problem, Progress, silent
from .models import Seal
from .recorded import Rows, case_problems

_CASES = 200
_HEADS = 400
M = TypeVar("M", bound=Model)


@dataclass
class Verified:
    """What was looked at, and what was found."""

    problems: list[Problem] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("events", "cases", "files", "seals"), 0))
    sealed: dict[str, dict[str, str]] = field(default_factory=dict)
    """The last seal of every organization: noted elsewhere, it vouches for everything until then."""


def verify(*, progress: Progress = silent, files: bool = True, sealed: str | None = None) -> Verified:
    """Looks at everything of every organization. `files`: also at what is kept on disk; `sealed`: the digest of a seal that was
    noted elsewhere and must be among ours."""
    found = Verified()
    with every_organization(), tables.snapshot():
        for organization in Organization.objects.order_by("pk"):
            with scope(organization):
                for problem in _Verification(organization, found, progress, files).problems():
                    found.problems.append(Problem(f"{organization.key}: {problem.place}", problem.what))
        if sealed and not Seal.everywhere.filter(digest=sealed).exists():
            found.problems.append(
                Problem(f"seal {sealed[:12]}", "is not here: the log was made anew since that seal was noted")
            )
    return found


class _Verification:
    def __init__(self, organization: Organization, found: Verified, progress: Progress, files: bool):
        self.organization, self.counts, self.sealed = organization, found.counts, found.sealed
        self.progress, self.with_files = progress, files
        self.streams = 0
        """Events of the streams that belong to something."""
        self.sound: set[int] = set()
        """Revisions that say what they said when they were published."""

    def problems(self) -> Iterator[Problem]:
        yield from self._organization()
        yield from self._revisions()
        yield from self._cases()
        yield from self._members()
        yield from self._orphans()
        yield from self._seals()
        yield from self._files()

    def _organization(self) -> Iterator[Problem]:
        events = Event.objects.filter(stream="organization").order_by("sequence").iterator(chunk_size=2000)
        walk = _Walk("organization", self.organization.chain_head)
        for event in events:
            self.streams += 1
            if problem := walk.next(event):
                yield problem
        yield from walk.end()
        self.counts["events"] += self.streams

    def _revisions(self) -> Iterator[Problem]:
        published: dict[str, str] = {}
        for facts in (
            Event.objects.filter(stream="organization", name="procedures.published")
            .order_by("sequence")
            .values_list("facts", flat=True)
        ):
            published |= facts.get("digests") or {}
        known = set(published.values())
        for revision in Revision.objects.select_related("procedure").order_by("pk").iterator(chunk_size=20):
            place = f"procedure {revision.procedure.key}, revision {revision.label}"
            if digest_of(revision.definition) != revision.digest:
                yield Problem(place, "was altered: its text has another digest")
            else:
                self.sound.add(revision.pk)
        for procedure in Procedure.objects.select_related("current").defer("current__definition").order_by("pk"):
            expected = published.get(procedure.key)
            if expected and (procedure.current is None or procedure.current.digest != expected):
                yield Problem(f"procedure {procedure.key}", "another revision is in force than was published last")
        if gone := known - set(Revision.objects.values_list("digest", flat=True)):
            names = sorted(key for key, digest in published.items() if digest in gone)
            yield Problem(f"procedure {', '.join(names)}", "a revision that was published is missing")

    def _cases(self) -> Iterator[Problem]:
        members = dict(Member.objects.values_list("pk", "key"))
        done = 0
        for cases in _in_portions(Case.objects.select_related("procedure", "customer", "opener"), _CASES):
            streams = {f"case:{case.pk}": case for case in cases}
            events = _by(Event.objects.filter(stream__in=streams).order_by("sequence"), "stream")
            tasks = _by(Task.objects.filter(case__in=cases).order_by("pk"), "case_id")
            attachments = _by(Attachment.objects.filter(case__in=cases).select_related("stored"), "case_id")
            suspensions = _by(Suspension.objects.filter(case__in=cases).order_by("pk"), "case_id")
            assignments = _by(
                Assignment.objects.filter(task__case__in=cases, is_open=True).annotate(of=F("task__case")), "of"
            )
            deadlines = _by(Deadline.objects.filter(case__in=cases).order_by("pk"), "case_id")
            invitations = _by(Invitation.objects.filter(case__in=cases).order_by("pk"), "case_id")
            for stream, case in streams.items():
                place = f"case {case.number}"
                walk = _Walk(place, case.chain_head)
                broken = [problem for event in events[stream] if (problem := walk.next(event))] + list(walk.end())
                self.streams += len(events[stream])
                self.counts["events"] += len(events[stream])
                if broken:
                    yield broken[0]  # what follows of a broken chain says nothing more
                elif case.revision_id in self.sound:
                    kept = (tasks, attachments, suspensions, assignments, deadlines, invitations)
                    yield from case_problems(case, events[stream], Rows(*(found[case.pk] for found in kept)), members)
            done += len(cases)
            self.counts["cases"] += len(cases)
            self.progress("cases", done)

    def _members(self) -> Iterator[Problem]:
        """What happened to each member's sign-in."""
        for log in MemberLog.objects.select_related("member").order_by("pk").iterator(chunk_size=500):
            walk = _Walk(f"sign-in log of {log.member.key}", log.head)
            count = 0
            for event in Event.objects.filter(stream=f"member:{log.member.key}").order_by("sequence").iterator(2000):
                count += 1
                if problem := walk.next(event):
                    yield problem
            yield from walk.end()
            self.streams += count
            self.counts["events"] += count

    def _orphans(self) -> Iterator[Problem]:
        """Events of a case that is gone; looked for only where there are more events than the cases have."""
        if Event.objects.count() == self.streams:
            return
        streams = Event.objects.order_by("stream").values_list("stream", flat=True).distinct().iterator(chunk_size=2000)
        logs = {f"member:{key}" for key in MemberLog.objects.values_list("member__key", flat=True)}
        for portion in _portions((stream for stream in streams if stream not in {"organization", *logs}), 500):
            keys = {int(key) for stream in portion if (key := stream.removeprefix("case:")).isdecimal()}
            there = {f"case:{pk}" for pk in Case.objects.filter(pk__in=keys).values_list("pk", flat=True)}
            for stream in portion:
                if stream not in there:
                    opened = Event.objects.filter(stream=stream).order_by("sequence").first()
                    number = (opened.facts.get("number") if opened else None) or stream
                    yield Problem(f"case {number}", "its row is missing; its events are there")

    def _seals(self) -> Iterator[Problem]:
        last: Seal | None = None
        for seal in Seal.objects.order_by("sequence").iterator(chunk_size=20):
            self.counts["seals"] += 1
            place = f"seal {seal.sequence} of {seal.day}"
            if seal.sequence != (last.sequence + 1 if last else 1):
                yield Problem(place, "the seal before it is missing")
            elif seal.previous != (last.digest if last else "") or seals.digest(seal) != seal.digest:
                yield Problem(place, "was altered")
            else:
                yield from self._heads(seal, place)
            last = seal
        if last:
            self.sealed[self.organization.key] = {"day": last.day.isoformat(), "digest": last.digest}

    def _heads(self, seal: Seal, place: str) -> Iterator[Problem]:
        for portion in _portions(seal.heads, _HEADS):
            sequences = {sequence for _, sequence, _ in portion}
            there = {
                (stream, sequence): digest
                for stream, sequence, digest in Event.objects.filter(
                    stream__in=[stream for stream, _, _ in portion], sequence__in=sequences
                ).values_list("stream", "sequence", "digest")
            }
            for stream, sequence, digest in portion:
                if there.get((stream, sequence)) != digest:
                    what = "is missing" if (stream, sequence) not in there else "is not the one that was sealed"
                    yield Problem(f"{self._called(stream)}, event {sequence}", f"{what} ({place})")

    def _called(self, stream: str) -> str:
        key = stream.removeprefix("case:")
        case = Case.objects.filter(pk=int(key)).only("number").first() if key.isdecimal() else None
        return f"case {case.number}" if case else stream

    def _files(self) -> Iterator[Problem]:
        if not self.with_files:
            return
        for number, stored in enumerate(StoredFile.objects.order_by("pk").iterator(chunk_size=500), 1):
            self.counts["files"] += 1
            if what := _wrong_with(stored):
                yield Problem(f"file {stored.path}{self._of_case(stored)}", what)
            if number % 20 == 0:
                self.progress("files", number)

    def _of_case(self, stored: StoredFile) -> str:
        attachment = Attachment.objects.filter(stored=stored, case__isnull=False).select_related("case").first()
        return f" (“{attachment.name}” of case {attachment.case})" if attachment else ""


def _wrong_with(stored: StoredFile) -> str:
    whole, size = hashlib.sha256(), 0
    try:
        with default_storage.open(stored.path) as content:
            while chunk := content.read(CHUNK):
                whole.update(chunk)
                size += len(chunk)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if whole.hexdigest() != stored.digest:
        return "was altered: its content has another digest"
    return "" if size == stored.size else f"has {size} bytes, its row says {stored.size}"


class _Walk:
    """Along one stream's chain; names the first link that does not fit, and nothing after it."""

    def __init__(self, place: str, head: str):
        self.place, self.head = place, head
        self.previous, self.sequence, self.is_broken = "", 0, False

    def next(self, event: Event) -> Problem | None:
        if self.is_broken:
            return None
        what = ""
        if event.sequence != self.sequence + 1:
            what = f"event {self.sequence + 1} is missing before it"
        elif chain.digest(event) != event.digest or event.previous != self.previous:
            what = "was altered"
        self.previous, self.sequence = event.digest, event.sequence
        self.is_broken = bool(what)
        return Problem(f"{self.place}, event {event.sequence} ({event.name})", what) if what else None

    def end(self) -> Iterator[Problem]:
        if not self.is_broken and self.previous != self.head:
            what = (
                "its events are missing"
                if not self.sequence
                else f"its events end at {self.sequence}, or its head was altered"
            )
            yield Problem(self.place, what)


def _in_portions(rows: QuerySet[M], size: int) -> Iterator[list[M]]:
    """All rows in the order of their keys, so many at a time."""
    last = 0
    while portion := list(rows.filter(pk__gt=last).order_by("pk")[:size]):
        yield portion
        last = portion[-1].pk


def _portions(things: Iterable[Any], size: int) -> Iterator[list[Any]]:
    portion: list[Any] = []
    for thing in things:
        portion.append(thing)
        if len(portion) == size:
            yield portion
            portion = []
    if portion:
        yield portion


def _by(rows: Iterable[Any], name: str) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found
