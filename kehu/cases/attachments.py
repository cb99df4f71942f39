"""Files of a case: added at any time by whoever may see it, never taken away."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePath

from django.core.files.base import File
from django.db import transaction

from kehu.core import files
from kehu.core.models import Organization
from kehu.core.scope import scope

from .models import Attachment
from .work import Work


@transaction.atomic
def attach(
    *, organization: Organization, number: str, uploads: Iterable[File], by: str, now: datetime, field: str = ""
) -> list[Attachment]:
    """The files belong to the case from now on; a name that is taken gets a number behind it."""
    uploads = list(uploads)
    for upload in uploads:
        files.check_size(upload)
    with scope(organization):
        work = Work(organization, None, now)
        work.by = work.people.people[by]
        folder = work.take(number)
        taken = set(Attachment.objects.filter(case=folder.case).values_list("name", flat=True))
        added = []
        for upload in uploads:
            name = _free_name(files.safe_name(upload.name), taken)
            taken.add(name)
            added.append(
                Attachment.objects.create(
                    case=folder.case,
                    stored=files.store(organization, upload),
                    name=name,
                    field=field,
                    by_id=work.by.id,
                    at=now,
                )
            )
        if added:
            folder.record("case.file_added", names=[attachment.name for attachment in added], field=field)
            work.write()
        return added


@transaction.atomic
def keep(
    *,
    organization: Organization,
    uploads: Iterable[File],
    by: int,
    now: datetime,
    field: str = "",
    taken: Iterable[str] = (),
) -> list[Attachment]:
    """Files for a case that is about to be opened: they wait with their uploader until `open_case` takes them."""
    uploads = list(uploads)
    for upload in uploads:
        files.check_size(upload)
    names = set(taken)
    kept = []
    with scope(organization):
        for upload in uploads:
            name = _free_name(files.safe_name(upload.name), names)
            names.add(name)
            kept.append(
                Attachment.objects.create(
                    case=None, stored=files.store(organization, upload), name=name, field=field, by_id=by, at=now
                )
            )
    return kept


def _free_name(name: str, taken: set[str]) -> str:
    path, number, free = PurePath(name), 1, name
    while free in taken:
        number += 1
        free = f"{path.stem} ({number}){path.suffix}"
    return free
