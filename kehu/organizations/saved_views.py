"""Saved views: everybody's own; shared with a department or with everybody by whoever made them. Only what is shared leaves an event."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import count

from django.db import IntegrityError, transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import events
from kehu.core.models import Organization
from kehu.core.refusals import BadData, Conflict, Finding, OutOfOrder
from kehu.core.rows import Kept

from .models import DefaultView, SavedView
from .queries import Directory, Person

LONGEST, LONGEST_NAME, MOST = 1500, 60, 100
"""Of what a view asks and of its name, in characters; and so many views has one person."""


class NameTaken(Conflict):
    code = "view.name_taken"
    message = gettext_lazy(
        "You have a view “{name}” of this list already. Give this one another name, or delete that one."
    )


class NoSuchView(OutOfOrder):
    code = "view.not_found"
    status = 404
    message = gettext_lazy(
        "This view is not there any more, or is not shared with you. Reload the page to see which there are."
    )


def seen_by(person: Person, people: Directory) -> QuerySet[SavedView]:
    """His own, and those shared with him."""
    return _seen_by(SavedView.objects.all(), person.id, _line(person, people))


def _seen_by(views: QuerySet[SavedView], member: int, line: Sequence[str]) -> QuerySet[SavedView]:
    shared = Q(shared=SavedView.Shared.EVERYBODY) | Q(shared=SavedView.Shared.DEPARTMENT, department__in=line)
    return views.filter(Q(owner_id=member) | shared)


def _line(person: Person, people: Directory) -> list[str]:
    """His departments and those above them."""
    return list(dict.fromkeys(unit for department in person.departments for unit in people.line_of(department)))


def offered(person: Person, people: Directory, page: str) -> list[SavedView]:
    """The views of one list, his own first; each tells by `is_default` whether the list opens with it. One statement."""
    line = _line(person, people)
    found = _offered(len(line))(person.id, page, *line)
    return sorted(found, key=lambda view: (view.owner_id != person.id, *_place(view, person)))


@cache
def _offered(departments: int) -> Kept[SavedView]:
    """Every list asks it, each time it is opened."""

    def question(views: QuerySet[SavedView], member: int, page: str, *line: str) -> QuerySet[SavedView]:
        default: QuerySet[DefaultView] = QuerySet(DefaultView).filter(view=OuterRef("pk"), member_id=member)
        return (
            _seen_by(views, member, line).filter(page=page).annotate(is_default=Exists(default)).select_related("owner")
        )

    return Kept(SavedView, question, int, str, *[str] * departments)


def _place(view: SavedView, person: Person) -> tuple[int, str, int]:
    """One's own as one has put them; what others share, by name."""
    return view.position if view.owner_id == person.id else 0, view.name, view.pk


@transaction.atomic
def save(
    *,
    organization: Organization,
    page: str,
    name: str,
    words: str,
    by: Person,
    now: datetime,
    shared: str = "",
    is_default: bool = False,
) -> SavedView:
    """A list as it is asked for now gets a name."""
    name = " ".join(name.split())
    findings = [*_about_name(name), *_about_words(words)]
    if shared not in SavedView.Shared.values or (shared == SavedView.Shared.DEPARTMENT and not by.departments):
        findings.append(Finding("shared", _("Choose with whom the view is shared; a department must be yours.")))
    mine = SavedView.objects.filter(owner_id=by.id)
    if mine.count() >= MOST:
        findings.append(Finding("name", _("You have a hundred views already. Delete one first.")))
    if findings:
        raise BadData(findings)
    try:
        with transaction.atomic():
            view = SavedView.objects.create(
                organization=organization,
                owner_id=by.id,
                page=page,
                name=name,
                words=words,
                shared=shared,
                department=by.departments[0] if shared == SavedView.Shared.DEPARTMENT else "",
                position=1 + (mine.filter(page=page).aggregate(last=Max("position"))["last"] or 0),
            )
    except IntegrityError:
        raise NameTaken(name=name) from None
    if shared:
        _tell("view.shared", view, by, now)
    if is_default:
        _open_with(view, by)
    return view


def _about_name(name: str) -> Iterator[Finding]:
    if not name:
        yield Finding("name", _("Give the view a name."))
    elif len(name) > LONGEST_NAME:
        yield Finding("name", _("A view's name has at most 60 characters."))


def _about_words(words: str) -> Iterator[Finding]:
    if len(words) > LONGEST:
        yield Finding("words", _("This asks for too much at once to be kept. Take some filters away."))


@transaction.atomic
def rename(*, view: int, name: str, by: Person, now: datetime) -> SavedView:
    found, name = _own(view, by), " ".join(name.split())
    if findings := list(_about_name(name)):
        raise BadData(findings)
    if name == found.name:
        return found
    was, found.name = found.name, name
    try:
        with transaction.atomic():
            found.save(update_fields=["name"])
    except IntegrityError:
        raise NameTaken(name=name) from None
    if found.shared:
        _tell("view.renamed", found, by, now, was=was)
    return found


@transaction.atomic
def rewrite(*, view: int, words: str, by: Person, now: datetime) -> SavedView:
    """It keeps the list as it is asked for now; whoever it is shared with sees that from now on."""
    found = _own(view, by)
    if findings := list(_about_words(words)):
        raise BadData(findings)
    if words != found.words:
        found.words = words
        found.save(update_fields=["words"])
        if found.shared:
            _tell("view.changed", found, by, now)
    return found


@transaction.atomic
def copy(*, view: int, by: Person, people: Directory, now: datetime) -> SavedView:
    """One of his own, of a view he sees: to change it without changing what others share."""
    found = _seen(view, by, people)
    taken = set(SavedView.objects.filter(owner_id=by.id, page=found.page).values_list("name", flat=True))
    return save(
        organization=found.organization,
        page=found.page,
        name=_free(found.name, taken),
        words=found.words,
        by=by,
        now=now,
    )


def _free(name: str, taken: Collection[str]) -> str:
    """The name, or with a number behind it."""
    if name not in taken:
        return name
    endings = (f" ({number})" for number in count(2))
    return next(free for ending in endings if (free := name[: LONGEST_NAME - len(ending)] + ending) not in taken)


@transaction.atomic
def move(*, view: int, by: Person, is_down: bool) -> SavedView:
    """One place up or down among his own views of the list."""
    found = _own(view, by)
    mine = list(SavedView.objects.select_for_update().filter(owner_id=by.id, page=found.page))
    mine.sort(key=lambda one: _place(one, by))
    at = mine.index(found)
    to = at + (1 if is_down else -1)
    if 0 <= to < len(mine):
        mine[at], mine[to] = mine[to], mine[at]
        for position, one in enumerate(mine, start=1):
            one.position = position
        SavedView.objects.bulk_update(mine, ["position"])
    return found


@transaction.atomic
def remove(*, view: int, by: Person, now: datetime) -> SavedView:
    """Only by its owner. Lists that opened with it open plainly again."""
    found = _own(view, by)
    if found.shared:
        _tell("view.withdrawn", found, by, now)
    found.delete()
    return found


@transaction.atomic
def share(*, view: int, shared: str, by: Person, now: datetime) -> SavedView:
    """With nobody, the owner's department, or everybody."""
    found = _own(view, by)
    if shared not in SavedView.Shared.values or (shared == SavedView.Shared.DEPARTMENT and not by.departments):
        raise BadData([Finding("shared", _("Choose with whom the view is shared; a department must be yours."))])
    if shared != found.shared:
        found.shared = shared
        found.department = by.departments[0] if shared == SavedView.Shared.DEPARTMENT else ""
        found.save(update_fields=["shared", "department"])
        _tell("view.shared" if shared else "view.withdrawn", found, by, now)
    return found


@transaction.atomic
def open_with(*, view: int, by: Person, people: Directory, is_default: bool = True) -> SavedView:
    """The list opens with this view for him, or plainly again."""
    found = _seen(view, by, people)
    if is_default:
        _open_with(found, by)
    else:
        DefaultView.objects.filter(member_id=by.id, view=found).delete()
    return found


def _open_with(view: SavedView, by: Person) -> None:
    DefaultView.objects.update_or_create(
        organization_id=view.organization_id, member_id=by.id, page=view.page, defaults={"view": view}
    )


def _seen(view: int, by: Person, people: Directory) -> SavedView:
    found = seen_by(by, people).select_related("organization").filter(pk=view).first()
    if found is None:
        raise NoSuchView
    return found


def _own(view: int, by: Person) -> SavedView:
    found = SavedView.objects.select_for_update().select_related("organization").filter(pk=view, owner_id=by.id).first()
    if found is None:
        raise NoSuchView
    return found


def _tell(event: str, view: SavedView, by: Person, now: datetime, **more: str) -> None:
    facts = {"view": view.name, "page": view.page, "shared": view.shared, "department": view.department, **more}
    events.record(view.organization, event, by=by.key, at=now, **facts)
