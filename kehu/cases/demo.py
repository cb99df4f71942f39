"""The demo's stories: told like a pack's examples, by the demo's people, at times counted back from today.

`{days: -12}` is that many working days before today, `{days: -12, at: "09:20"}` a moment of it, `{minutes: -40}`
is forty minutes ago; `now` and `today` are those of the act. A
story is told up to the present; what would come later is left to whoever plays with the demo.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import translation

from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.organizations.queries import directory
from kehu.procedures.packs import LoadedPack
from kehu.procedures.sources import Source

from .escalation import run_until
from .examples import Difference, Player, StoryError
from .models import Case


class _Present(Exception):
    """The story has come to the present."""


def tell_stories(loaded: LoadedPack, organization: Organization, source: Source, present: datetime) -> list[Difference]:
    """All stories, oldest first, and then the worker's work until now. Gives what did not go as told."""
    differences: list[Difference] = []
    with scope(organization), translation.override("zh-hans"):
        tellers = [
            Teller(loaded, organization, source, number, story, present)
            for number, story in enumerate(source.value.get("stories") or [])
        ]
        for teller in sorted(tellers, key=lambda teller: teller.now):
            differences += teller.play()
        run_until(present - timedelta(days=400), present, organization)
    return differences


class Teller(Player):
    def __init__(
        self,
        loaded: LoadedPack,
        organization: Organization,
        source: Source,
        number: int,
        story: Mapping[str, Any],
        present: datetime,
    ):
        self.present = present
        super().__init__(loaded, organization, source, number, story)
        self.path = ("stories", number)

    def play(self) -> list[Difference]:
        try:
            return super().play()
        except _Present:
            return self.differences

    def _firing(self) -> list[int] | None:
        """Other stories have clocks of their own."""
        return [case.pk for case in self._cases()]

    def _until(self, moment: datetime) -> None:
        if moment > self.present:
            raise _Present
        super()._until(max(moment, self.now))

    def _moment(self, value: Any) -> datetime:
        if isinstance(value, Mapping) and "minutes" in value:
            return (self.present + timedelta(minutes=int(value["minutes"]))).replace(second=0)
        if isinstance(value, Mapping):
            if "days" not in value:
                raise StoryError('a time in the demo is {days: -3, at: "09:20"}')
            day = self._day(int(value["days"]))
            return datetime.combine(day, time.fromisoformat(str(value.get("at", "09:00"))), self.zone)
        return super()._moment(value)

    def _day(self, days: int) -> date:
        """So many working days from today; today itself, or the working day before it, is 0."""
        calendar = directory(self.organization, self.present.date()).calendar()
        day = self.present.astimezone(self.zone).date()
        step = timedelta(days=-1 if days <= 0 else 1)
        while not calendar.is_working_day(day):
            day -= timedelta(days=1)
        for _ in range(abs(days)):
            day += step
            while not calendar.is_working_day(day):
                day += step
        return day

    def _given(self, given: Mapping[str, Any]) -> None:
        super()._given(self._resolved(given))

    def _values(self, data: dict[str, Any], case: Case | None = None, step: str = "", item: str = "") -> dict[str, Any]:
        return {key: self._resolved(value) for key, value in data.items()}

    def _resolved(self, value: Any) -> Any:
        if value == "now":
            return self.now
        if value == "today":
            return self.now.astimezone(self.zone).date()
        if isinstance(value, Mapping) and ("days" in value or "minutes" in value):
            return self._moment(value) if "at" in value or "minutes" in value else self._day(int(value["days"]))
        if isinstance(value, Mapping):
            return {key: self._resolved(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._resolved(inner) for inner in value]
        return value
