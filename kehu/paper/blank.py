"""A controlled form that nobody has filled yet, for a pen: every field that people fill, and room to write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from kehu.cases.folder import Folder
from kehu.cases.models import Attachment, Case
from kehu.core.models import Organization
from kehu.engine.definitions import FieldDefinition, Section
from kehu.organizations.queries import Person
from kehu.procedures import revisions
from kehu.procedures.packs import Running

from .sheet import CUSTOMER, Sheet


class Blank(Sheet):
    """What depends on what was filled before is printed in any case: on paper the writer decides."""

    def __init__(
        self,
        running: Running,
        organization: Organization,
        number: str,
        *,
        language: str,
        by: Person | None,
        now: datetime,
    ):
        self._running = running
        nobody = Case(organization=organization, number="", status="open", round=1, opened_at=now, data={})
        super().__init__(nobody, language=language, copy_for=None, by=by, now=now, form=number)

    def _open(self, case: Case) -> Folder:
        return Folder(self.work, case, self._running, [])

    @property
    def attachments(self) -> list[Attachment]:
        return []

    def data(self) -> dict[str, Any]:
        asks_customer = self.procedure.customer == "required"
        return {
            **super().data(),
            "case": {"number": "", "status": "", "open": True, "round": 1, "opened_at": "", "closed_at": ""},
            "customer": dict.fromkeys(CUSTOMER, "") if asks_customer else None,
            "watermark": None,
            "rounds": [],
            "record": [],
            "blank": True,
        }

    def _sections(self) -> Iterator[dict[str, Any] | None]:
        given = self._given()
        for key, section in self.sections.items():
            yield self._empty(key, section, given)

    def _given(self) -> set[str]:
        """Fields that another procedure's people fill, and that come with the case it opens."""
        return {
            field
            for running in revisions.procedures_of(self.case.organization).values()
            for step in running.procedure.steps.values()
            for opening in (*step.opens, *(one for outcome in step.outcomes.values() for one in outcome.opens))
            if opening.procedure == self.procedure.key
            for field in opening.with_
        }

    def _empty(self, key: str, section: Section, given: set[str]) -> dict[str, Any] | None:
        signings = self.signings[key]
        signed = {one.field for one in signings} | {one.moment for one in signings}
        fields = [
            (name, field)
            for name, field in section.fields.items()
            if name not in signed and (field.is_typed_in or name in given) and field.is_shown
        ]
        if not (fields or signings):
            return None
        return {
            "key": key,
            "title": section.title.model_dump(),
            "item": None,
            "fields": [self._field(name, field, {}) for name, field in fields],
            "signatures": [self.signature(section, one, {}, "") for one in signings],
        }

    def _has_column(self, key: str, column: FieldDefinition, rows: list[Mapping[str, Any]]) -> bool:
        """On paper who received a line signs in it."""
        return column.is_shown and (column.is_typed_in or column.system and column.type == "user")
