"""A case's values put into a template; a template looked through for the procedure that it is for."""

from __future__ import annotations

from datetime import datetime

from kehu.cases.filling import as_drafted
from kehu.cases.history import Record, read
from kehu.cases.models import TemplateRevision
from kehu.core import files
from kehu.core.files import FileGone
from kehu.core.models import Organization
from kehu.core.scope import scope
from kehu.procedures import revisions
from kehu.procedures.packs import Running
from kehu.procedures.revisions import procedures_of

from .office.filling import Report, examined, filled
from .office.names import names_of, openers_of
from .office.placeholders import Names
from .office.values import CaseValues, SampleValues
from .sheet import Sheet


def report(content: bytes, name: str, running: Running, *, organization: Organization, now: datetime) -> Report:
    """What a file asks of the procedure's cases; a `FileRefused` where it cannot be filled."""
    names = names_for(running, organization)
    return examined(content, name, names, SampleValues(running, names, language="zh", now=now))


def sample(revision: TemplateRevision, running: Running, *, organization: Organization, now: datetime) -> bytes:
    """The template with every field's title where its value would be."""
    names = names_for(running, organization)
    source = SampleValues(running, names, language=revision.language, now=now)
    return filled(content_of(revision), revision.name, source)


def fill(
    revision: TemplateRevision, record: Record, *, now: datetime, step: str = "", item: str = ""
) -> tuple[str, bytes]:
    """The file's name and content. With a `step` that is being filled, with what is kept of it."""
    organization = record.folder.work.organization
    with scope(organization):
        values = _values(record, revision.language, now)
        if step:
            values.data = as_drafted(record.folder, step, item)
        made = filled(content_of(revision), revision.name, values)
    ending = revision.name.rpartition(".")[2].lower()
    return files.safe_name(f"{record.case.number} {revision.template.title}.{ending}"), made


def _values(record: Record, language: str, now: datetime) -> CaseValues:
    sheet = Sheet(record.case, language=language, copy_for=None, by=record.person, now=now)
    parent = record.case.parent
    openers = [revisions.running(parent.revision)] if parent else []

    def opener() -> CaseValues | None:
        """Who may not read the case that opened this one may not put it into a file."""
        if parent is None:
            return None
        organization = record.folder.work.organization
        return _values(
            read(organization=organization, number=parent.number, person=record.person, now=now), language, now
        )

    return CaseValues(sheet, names_of(sheet.folder.running, openers), language=language, parent=opener)


def names_for(running: Running, organization: Organization) -> Names:
    """What templates of a procedure may name."""
    return names_of(running, openers_of(running.procedure.key, procedures_of(organization).values()))


def content_of(revision: TemplateRevision) -> bytes:
    content = files.content(revision.stored, revision.name)
    if not content:
        raise FileGone(name=revision.name)
    return content
