"""Saved views: everybody's own; shared with a department or with everybody by whoever made them. Only what is shared leaves an event."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import events
from kehu.core.models import Organization
from kehu.core.refusals import BadData, Conflict, Finding, OutOfOrder

from .models import DefaultView, SavedView
from .queries import Directory, Person

LONGEST, MOST = 1500, 100
"""Of what a view asks, in characters; and so many views has one person."""


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
    line = {unit for department in person.departments for unit in people.line_of(department)}
    shared = Q(shared=SavedView.Shared.EVERYBODY) | Q(shared=SavedView.Shared.DEPARTMENT, department__in=line)
    return SavedView.objects.filter(Q(owner_id=person.id) | shared)


def offered(person: Person, people: Directory, page: str) -> list[SavedView]:
    """The views of one list, his own first; each tells by `is_default` whether the list opens with it. One statement."""
    default = DefaultView.objects.filter(view=OuterRef("pk"), member_id=person.id)
    found = seen_by(person, people).filter(page=page).annotate(is_default=Exists(default)).select_related("owner")
    return sorted(found, key=lambda view: (view.owner_id != person.id, view.name, view.pk))


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
    findings = []
    if not name:
        findings.append(Finding("name", _("Give the view a name.")))
    elif len(name) > 60:
        findings.append(Finding("name", _("A view's name has at most 60 characters.")))
    if len(words) > LONGEST:
        findings.append(Finding("words", _("This asks for too much at once to be kept. Take some filters away.")))
    if shared not in SavedView.Shared.values or (shared == SavedView.Shared.DEPARTMENT and not by.departments):
        findings.append(Finding("shared", _("Choose with whom the view is shared; a department must be yours.")))
    if SavedView.objects.filter(owner_id=by.id).count() >= MOST:
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
            )
    except IntegrityError:
        raise NameTaken(name=name) from None
    if shared:
        _tell("view.shared", view, by, now)
    if is_default:
        _open_with(view, by)
    return view


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
    found = seen_by(by, people).filter(pk=view).first()
    if found is None:
        raise NoSuchView
    if is_default:
        _open_with(found, by)
    else:
        DefaultView.objects.filter(member_id=by.id, view=found).delete()
    return found


def _open_with(view: SavedView, by: Person) -> None:
    DefaultView.objects.update_or_create(
        organization_id=view.organization_id, member_id=by.id, page=view.page, defaults={"view": view}
    )


def _own(view: int, by: Person) -> SavedView:
    found = SavedView.objects.select_for_update().select_related("organization").filter(pk=view, owner_id=by.id).first()
    if found is None:
        raise NoSuchView
    return found


def _tell(event: str, view: SavedView, by: Person, now: datetime) -> None:
    facts = {"view": view.name, "page": view.page, "shared": view.shared, "department": view.department}
    events.record(view.organization, event, by=by.key, at=now, **facts)
