"""The working calendar: a year at a glance, single days, weeks of departments and customers, a year proposed and confirmed."""

from __future__ import annotations

import calendar as months_of
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kehu.cases import recounting
from kehu.core.refusals import BadData
from kehu.ledgers.customers.models import Customer
from kehu.organizations import actions, working_days
from kehu.organizations.calendars import WEEKDAYS, Calendar, SpecialDay
from kehu.organizations.models import CalendarProposal, Department, WorkingWeek
from kehu.organizations.permissions import must_administer
from kehu.organizations.queries import calendar_of, local_now

KIND_WORDS = {
    "holiday": gettext_lazy("Holiday"),
    "make_up": gettext_lazy("Make-up workday"),
    "half_day": gettext_lazy("Half day"),
    "special": gettext_lazy("Special hours"),
}


@dataclass(frozen=True)
class Cell:
    day: date
    look: str
    """work · rest · holiday · make_up · half_day · special"""
    says: str
    is_known: bool


@dataclass(frozen=True)
class Month:
    first: date
    weeks: list[list[Cell | None]]
    working_days: int


@require_safe
def year(request: Any) -> HttpResponse:
    must_administer(request.person, "calendar", request.organization)
    return _year(request)


def _year(
    request: Any, problems: list[str] | None = None, sheet_problems: list[str] | None = None, status: int = 200
) -> HttpResponse:
    today = local_now(request.organization, request.now).date()
    shown = _number(request.GET.get("year") or request.POST.get("year"), today.year)
    weeks = list(WorkingWeek.objects.select_related("department").order_by("department_id", "customer_code", "pk"))
    week = _chosen(request, weeks)
    calendar = calendar_of(week, week.special_days.all(), request.organization.timezone)
    chosen = _day(request.GET.get("day") or request.POST.get("day") or "")
    special = calendar.special_days.get(chosen) if chosen else None
    words = {
        "year": shown,
        "week": week,
        "weeks": [(one, _title(one)) for one in weeks],
        "week_title": _title(week),
        "months": [_month(calendar, shown, number) for number in range(1, 13)],
        "week_lines": [(_weekday(n), ", ".join(periods)) for n, periods in enumerate(week.week)],
        "known_until": calendar.known_until,
        "special_days": [calendar.special_days[day] for day in sorted(calendar.special_days) if day.year == shown],
        "chosen": chosen,
        "special": special,
        "periods": ", ".join(str(period) for period in special.periods) if special else "",
        "kinds": KIND_WORDS.items(),
        "departments": Department.objects.order_by("pk"),
        "proposals": CalendarProposal.objects.order_by("-pk")[:10],
        "problems": problems or [],
        "sheet_problems": sheet_problems or [],
        "posted": request.POST,
        "today": today,
        "recount": recounting.unfinished(),
        "weekday_names": [_weekday(n) for n in range(7)],
    }
    return render(request, "web/settings/calendar.html", words, status=status)


@require_POST
def day(request: Any) -> HttpResponse:
    must_administer(request.person, "calendar", request.organization)
    week = _chosen(request, list(WorkingWeek.objects.select_related("department")))
    chosen = _day(request.POST.get("day", ""))
    kind = request.POST.get("kind", "")
    if chosen is None or kind not in ("", *working_days.KINDS):
        return _year(request, problems=[_("Choose a day and what it is.")], status=422)
    name = request.POST.get("name", "").strip()[:60]
    try:
        working_days.set_day(
            week=week,
            day=chosen,
            kind=kind,
            name={"zh": name, "en": request.POST.get("name_en", "").strip()[:60] or name},
            periods=[
                part.strip() for part in request.POST.get("periods", "").replace("，", ",").split(",") if part.strip()
            ],
            by=request.person.key,
            now=request.now,
        )
    except BadData as refusal:
        return _year(request, problems=[str(finding) for finding in refusal.findings], status=422)
    return _counted(request, _("{day} is kept.").format(day=chosen), _address(chosen.year, week))


@require_POST
def weeks(request: Any) -> HttpResponse:
    must_administer(request.person, "calendar", request.organization)
    department, customer = None, request.POST.get("customer", "").strip()
    if key := request.POST.get("department"):
        department = get_object_or_404(Department, key=key)
    if customer and not Customer.objects.filter(code=customer).exists():
        return _year(request, problems=[_("There is no customer {code}.").format(code=customer)], status=422)
    if customer and department:
        return _year(request, problems=[_("Choose a department or a customer, not both.")], status=422)
    try:
        week = working_days.set_week(
            organization=request.organization,
            department=department,
            customer_code=customer,
            periods=[request.POST.get(name, "") for name in WEEKDAYS],
            by=request.person.key,
            now=request.now,
        )
    except BadData as refusal:
        said = [f"{_weekday(WEEKDAYS.index(one.path))}: {one}" for one in refusal.findings]
        return _year(request, problems=said, status=422)
    return _counted(request, _("The week is kept."), _address(local_now(request.organization, request.now).year, week))


@require_POST
def propose(request: Any) -> HttpResponse:
    """A year from the library, or from a sheet; shown before anything counts."""
    must_administer(request.person, "calendar", request.organization)
    chosen = _number(request.POST.get("year"), local_now(request.organization, request.now).year)
    sheet: UploadedFile | None = request.FILES.get("sheet")
    if sheet is None or sheet.file is None:
        made = actions.propose_holidays(
            organization=request.organization, year=chosen, country="CN", by=request.person.key, now=request.now
        )
        return redirect("working_calendar_proposal", pk=made.pk)
    read = working_days.read_sheet(sheet.name or "", sheet.file, chosen)
    if read.problems:
        return _year(request, sheet_problems=read.problems, status=422)
    made = working_days.propose_sheet(
        organization=request.organization, year=chosen, source=sheet.name or "", days=read.days, now=request.now
    )
    return redirect("working_calendar_proposal", pk=made.pk)


@dataclass(frozen=True)
class Difference:
    day: SpecialDay
    kind: Any
    state: str
    """new · same · other: what was entered by hand stays."""
    present: SpecialDay | None


@require_http_methods(["GET", "POST"])
def proposal(request: Any, pk: int) -> HttpResponse:
    must_administer(request.person, "calendar", request.organization)
    proposed = get_object_or_404(CalendarProposal, pk=pk)
    if request.method == "POST":
        if not proposed.days:
            raise Http404
        actions.confirm_holidays(proposal=proposed, by=request.person.key, now=request.now)
        words = _("The holidays of {year} are confirmed.").format(year=proposed.year)
        return _counted(request, words, f"{reverse('working_calendar')}?year={proposed.year}")
    week = WorkingWeek.objects.get(department=None, customer_code="")
    present = calendar_of(week, week.special_days.all(), request.organization.timezone).special_days
    differences = []
    for line in proposed.days:
        special = SpecialDay.from_json(line["day"], line)
        now = present.get(special.day)
        same = now is not None and (now.kind, now.periods) == (special.kind, special.periods)
        state = "new" if now is None else "same" if same else "other"
        differences.append(Difference(special, KIND_WORDS[special.kind], state, now))
    words_ = {"proposal": proposed, "differences": differences, "known_until": week.known_until}
    return render(request, "web/settings/calendar_proposal.html", words_)


def _counted(request: Any, words: str, address: str) -> HttpResponse:
    count = recounting.ask(organization=request.organization, now=request.now)
    again = _("Open cases with provisional limits that are counted again: {count}").format(count=count)
    messages.success(request, f"{words} {again}" if count else words)
    return redirect(address)


def _chosen(request: HttpRequest, weeks: list[WorkingWeek]) -> WorkingWeek:
    pk = _number(request.GET.get("week") or request.POST.get("week"), 0)
    company = next(week for week in weeks if week.department is None and not week.customer_code)
    return next((week for week in weeks if week.pk == pk), company)


def _title(week: WorkingWeek) -> Any:
    if week.customer_code:
        return _("Customer {code}").format(code=week.customer_code)
    return week.department.title if week.department else _("The company")


def _address(year: int, week: WorkingWeek) -> str:
    return f"{reverse('working_calendar')}?year={year}&week={week.pk}"


def _number(text: str | None, otherwise: int) -> int:
    """A year or a key as typed; what is none is answered with the ordinary one."""
    return int(text) if text and text.isascii() and text.isdigit() and 0 < int(text) < 9000 else otherwise


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _month(calendar: Calendar, year: int, number: int) -> Month:
    weeks: list[list[Cell | None]] = []
    working = 0
    for days in months_of.Calendar().monthdatescalendar(year, number):
        weeks.append([_cell(calendar, day) if day.month == number else None for day in days])
        working += sum(day.month == number and calendar.is_working_day(day) for day in days)
    return Month(date(year, number, 1), weeks, working)


def _cell(calendar: Calendar, day: date) -> Cell:
    special = calendar.special_days.get(day)
    look = special.kind if special else "work" if calendar.is_working_day(day) else "rest"
    words = [str(day)]
    if special:
        from django.utils.translation import get_language

        words += [str(KIND_WORDS[special.kind]), special.text(get_language() or "zh")]
    words += [", ".join(str(period) for period in calendar.periods_of(day)) or _("closed")]
    return Cell(day, look, " · ".join(filter(None, words)), calendar.is_known(day))


def _weekday(number: int) -> str:
    return [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")][number]
