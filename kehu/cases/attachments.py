"""Files of a case: added at any time by whoever may see it, never taken away."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import PurePath

from django.core.files.base import File
from django.db import transaction
from django.db.models import Exists, OuterRef

from kehu.core import files
from kehu.core.models import Organization, StoredFile
from kehu.core.scope import scope

from .models import Attachment
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
        taken = set(Attachment.objects.filter(case=folder.case).values_list("name", flat=True))
        added = []
        for content, kept in zip(contents, stored, strict=True):
            name = _free_name(files.safe_name(content.upload.name), taken)
            taken.add(name)
            added.append(
                Attachment.objects.create(
                    case=folder.case,
                    stored=kept,
                    name=name,
                    field=field,
                    by_id=work.by.id,
                    at=now,
                )
            )
        if added:
            folder.record("case.file_added", **as_facts(added), field=field)
            work.write()
        return added


def keep(
    *,
    organization: Organization,
    uploads: Iterable[Upload],
    by: int,
    now: datetime,
    field: str = "",
    taken: Iterable[str] = (),
) -> list[Attachment]:
    """Files for a case that is about to be opened: they wait with their uploader until `open_case` takes them."""
    contents = files.put(organization, uploads)
    names = set(taken)
    kept = []
    with transaction.atomic(), scope(organization):
        for content in contents:
            name = _free_name(files.safe_name(content.upload.name), names)
            names.add(name)
            stored = files.row_of(organization, content)
            kept.append(Attachment.objects.create(case=None, stored=stored, name=name, field=field, by_id=by, at=now))
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
        used = Attachment.objects.filter(stored=OuterRef("pk"))
        unused = list(StoredFile.objects.filter(~Exists(used)).values_list("pk", flat=True))
    return files.clear_away(organization, unused, lost_before=lost_before)


def _free_name(name: str, taken: set[str]) -> str:
    path, number, free = PurePath(name), 1, name
    while free in taken:
        number += 1
        free = f"{path.stem} ({number}){path.suffix}"
    return free
