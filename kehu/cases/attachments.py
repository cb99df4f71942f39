"""Files of a case: added at any time by whoever may see it, never taken away."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import PurePath

from django.core.files.base import File
from django.db import transaction

from kehu.core import files
from kehu.core.models import Organization, StoredFile
from kehu.core.scope import scope

from .folder import Folder
from .models import Attachment, Case, Invitation
from .work import Work

Upload = File | files.Content
WAITS = timedelta(days=7)


def attach(
    *, organization: Organization, number: str, uploads: Iterable[Upload], by: str, now: datetime, field: str = ""
) -> list[Attachment]:
    """The files belong to the case from now on; a name that is taken gets a number behind it."""
    contents = files.put(organization, uploads)
    with transaction.atomic(), scope(organization):
        stored = [files.row_of(organization, content) for content in contents]
        work = Work(organization, None, now)
        work.by = work.people.people[by]
        folder = work.take(number)
        added = belong(folder, [(content, kept, field) for content, kept in zip(contents, stored, strict=True)])
        if added:
            folder.record("case.file_added", **as_facts(added), field=field)
            work.write()
        return added


def belong(
    folder: Folder, new: Iterable[tuple[files.Content, StoredFile, str]], invitation: Invitation | None = None
) -> list[Attachment]:
    """What was put belongs to the case from now on, each in its field; the caller records the event."""
    by, taken = folder.work.by, names_in(folder.case)
    added = []
    for content, kept, field in new:
        name = _free_name(files.safe_name(content.upload.name), taken)
        taken.add(name)
        added.append(
            Attachment.objects.create(
                case=folder.case,
                stored=kept,
                name=name,
                field=field,
                by_id=by.id if by else None,
                invitation=invitation,
                at=folder.work.now,
            )
        )
    return added


def names_in(case: Case) -> set[str]:
    return set(Attachment.objects.filter(case=case).values_list("name", flat=True))


def keep(
    *,
    organization: Organization,
    uploads: Iterable[Upload],
    by: int | None,
    now: datetime,
    field: str = "",
    taken: Iterable[str] = (),
    invitation: Invitation | None = None,
) -> list[Attachment]:
    """Files for a case that is about to be opened, or answered by a link: they wait with their uploader until `open_case`, or
    `answer`, takes them."""
    contents = files.put(organization, uploads)
    names = set(taken)
    kept = []
    with transaction.atomic(), scope(organization):
        for content in contents:
            name = _free_name(files.safe_name(content.upload.name), names)
            names.add(name)
            stored = files.row_of(organization, content)
            kept.append(
                Attachment.objects.create(
                    case=None, stored=stored, name=name, field=field, by_id=by, invitation=invitation, at=now
                )
            )
    return kept


def as_facts(added: Iterable[Attachment]) -> dict[str, list[str]]:
    """Files as an event keeps them: by name and content."""
    added = list(added)
    return {
        "names": [attachment.name for attachment in added],
        "digests": [attachment.stored.digest for attachment in added],
    }


def clear_unused(organization: Organization, now: datetime, *, lost_before: datetime) -> int:
    """Uploads whose case was never opened are forgotten after a week, and contents that nothing points to any more go with
    them. `lost_before` is of the machine's own clock, also where a demo's clock was moved. Gives how many contents."""
    with scope(organization):
        Attachment.objects.filter(case=None, at__lt=now - WAITS).delete()
    return files.clear_away(organization, files.unused(organization), lost_before=lost_before)


def _free_name(name: str, taken: set[str]) -> str:
    path, number, free = PurePath(name), 1, name
    while free in taken:
        number += 1
        free = f"{path.stem} ({number}){path.suffix}"
    return free
