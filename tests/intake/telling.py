"""A sheet told in a test: lines of text in, what became of them out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import xlsxwriter
from django.core.files.base import ContentFile

from kehu.core.models import Organization
from kehu.intake import actions, work
from kehu.intake.models import Import, ImportRow
from tests.cast import FRIDAY

Rows = Iterable[Iterable[Any]]


def as_csv(rows: Rows, encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(encoding)


def as_xlsx(rows: Rows, name: str = "Sheet1") -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet(name)
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return target.getvalue()


class Sheet:
    """`Sheet(mfg, "customers", rows).checked().done()`"""

    def __init__(
        self,
        organization: Organization,
        kind: str,
        content: bytes | Rows,
        name: str = "register.csv",
        by: str = "lu",
        now: datetime = FRIDAY,
    ):
        self.organization, self.by, self.now = organization, by, now
        data = content if isinstance(content, bytes) else as_csv(content)
        upload = ContentFile(data, name)
        self.row = actions.bring(organization=organization, kind=kind, upload=upload, by=by, now=now)
        self.work()

    @property
    def one(self) -> Import:
        return Import.objects.get(pk=self.row.pk)

    def work(self, turns: int = 20) -> Sheet:
        for _turn in range(turns):
            if not self.one.is_working:
                break
            work.work(self.organization, self.now)
        return self

    def checked(self, mapping: dict[str, int] | None = None, **options: bool) -> Sheet:
        columns = {at: key for key, at in (self.one.mapping if mapping is None else mapping).items()}
        actions.choose(sheet=self.one, columns=columns, options=options, by=self.by, now=self.now)
        return self.work()

    def started(self) -> Sheet:
        actions.start(sheet=self.one, by=self.by, now=self.now)
        return self

    def done(self) -> Sheet:
        return self.started().work()

    def undone(self) -> Sheet:
        actions.undo(sheet=self.one, by=self.by, now=self.now)
        return self.work()

    @property
    def counts(self) -> dict[str, int]:
        return {name: count for name, count in self.one.counts.items() if count}

    def refused(self) -> dict[int, str]:
        """Row -> why, all reasons in one text."""
        rows = ImportRow.objects.filter(batch=self.row, outcome="refused").order_by("row")
        return {row.row: _said(row.facts["reasons"]) for row in rows}


def _said(reasons: list[dict[str, Any]]) -> str:
    from kehu.core.batches import Reason

    return " ".join(f"{reason['column']}: {Reason.from_json(reason)}" for reason in reasons)


def checked_sheet(organization: Organization, said: str, pk: int = 1) -> Import:
    """A sheet with that key, for walks through all addresses; what it says is nobody's business but theirs who may bring in customers."""
    rows = [["客户编号", "客户名称", "电话"], ["K1", said, "1"], ["K2", f"{said}公司", ""]]
    upload = ContentFile(as_csv(rows), f"{said}.csv")
    made = actions.bring(organization=organization, kind="customers", upload=upload, by="", now=FRIDAY)
    Import.objects.filter(pk=made.pk).update(id=pk)
    one = Import.objects.get(pk=pk)
    while one.is_working:
        work.work(organization, FRIDAY)
        one.refresh_from_db()
        if one.state == Import.State.MAPPING:
            columns = {at: key for key, at in one.mapping.items()}
            one = actions.choose(sheet=one, columns=columns, options={}, by="", now=FRIDAY)
    return one
