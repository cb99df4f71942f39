"""`kehu schedule`: what the calendar will open next, and why."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from . import setting_up


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kehu schedule",
        description="List what the calendar opens by itself: the next occurrences of each schedule, how many cases it would open "
        "now, and its last run.",
    )
    parser.add_argument("--organization", metavar="ORGANIZATION", help="its key; not needed where there is only one")
    parser.add_argument("--next", type=int, default=3, metavar="N", help="so many occurrences of each schedule (3)")
    given = parser.parse_args(arguments)
    setting_up.django()
    organization = setting_up.organization(given.organization)
    if organization is None:
        return 1
    from kehu.cases.schedules import Forecast, forecasts
    from kehu.core import clock
    from kehu.organizations.queries import local_now

    def face(moment: object) -> str:
        return f"{local_now(organization, moment):%Y-%m-%d %H:%M}"  # type: ignore[arg-type]

    def lines(found: Forecast) -> list[str]:
        plan = found.plan
        coming = ", ".join(face(one.at) + (" (provisional)" if one.provisional else "") for one in found.coming)
        when = "; ".join(one.text("en") for one in plan.recurrences)
        each = {"owner": ", one for each owner", "customer": ", one for each customer"}.get(
            plan.schedule.each or "", ""
        )
        where = f" where {plan.schedule.where}" if plan.schedule.where else ""
        last = f"{face(found.last)}, {found.opened} opened" if found.last else "not yet"
        last += f", {found.waiting} waiting" if found.waiting else ""
        last += f", {found.failed} could not be opened" if found.failed else ""
        return [
            f"{coming or 'never again'}",
            f"  {plan.procedure.key}: {plan.schedule.title.en} ({when}{each}{where})",
            f"  {found.count} cases now; last run: {last}",
        ]

    found = forecasts(organization, clock.now(organization), given.next)
    for forecast in found:
        print(*lines(forecast), sep="\n")
    if not found:
        print("No procedure in force is opened by the calendar.")
    return 0
