"""Several tasks at once: each in its own transaction, so that one that is refused stops no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from kehu.core.models import Organization
from kehu.core.refusals import AgainstTheRule, Refusal
from kehu.core.scope import scope
from kehu.procedures import revisions

from .models import Case
from .refusals import NoSuchCase
from .verbs import perform

LIMIT = 100


class TooMany(AgainstTheRule):
    code = "bulk.too_many"
    message = _("At most {limit} lines at once; {count} are chosen.")


class NotInBulk(AgainstTheRule):
    code = "bulk.not_in_bulk"
    message = _("“{step}” is not approved for several cases at once; open the case.")


class OnlyAsked(AgainstTheRule):
    code = "bulk.only_asked"
    message = _("Here you are only asked for your signature or opinion. Open the case to give it.")


@dataclass(frozen=True)
class Chosen:
    """A task, by its place; without a step a line in which something else is asked than to do the task."""

    number: str
    step: str = ""
    item: str = ""


@dataclass(frozen=True)
class Result:
    """What became of it."""

    chosen: Chosen
    refusal: Refusal | None = None


def approve_all(chosen: Iterable[Chosen], *, organization: Organization, by: str, now: datetime) -> list[Result]:
    """Each is completed with the outcome that the pack allows to be taken for several at once (`bulk: true`)."""

    def given(one: Chosen) -> Mapping[str, Any]:
        return {"outcome": _outcome(organization, one)}

    return _all("complete", chosen, given, organization=organization, by=by, now=now)


def hand_over_all(
    chosen: Iterable[Chosen], *, to: str, reason: str, organization: Organization, by: str, now: datetime
) -> list[Result]:
    return _all(
        "hand_over", chosen, lambda one: {"to": to, "reason": reason}, organization=organization, by=by, now=now
    )


def _all(verb: str, chosen: Iterable[Chosen], given: Any, **common: Any) -> list[Result]:
    places = list(dict.fromkeys(chosen))
    if len(places) > LIMIT:
        raise TooMany(limit=LIMIT, count=len(places))
    return [_one(verb, one, given, common) for one in places]


def _one(verb: str, one: Chosen, given: Any, common: Mapping[str, Any]) -> Result:
    if not one.step:
        return Result(one, OnlyAsked())
    try:
        perform(verb, number=one.number, step=one.step, item=one.item, given=given(one), **common)
    except Refusal as refusal:
        return Result(one, refusal)
    return Result(one)


def _outcome(organization: Organization, one: Chosen) -> str:
    with scope(organization):
        case = Case.objects.select_related("revision").defer("revision__definition").filter(number=one.number).first()
    if case is None:
        raise NoSuchCase(number=one.number)
    with scope(organization):
        step = revisions.running(case.revision).procedure.steps.get(one.step)
    if step is None or step.bulk_outcome is None:
        title = step.title.in_(get_language() or "zh-hans") if step else one.step
        raise NotInBulk(step=title)
    return step.bulk_outcome
