"""What a pack says of the company: departments, positions, ladders, numbers, calendars, rights, and the demo."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from kehu.engine.definitions import NUMBER_PARTS, Pack
from kehu.engine.roles import parse_role
from kehu.organizations.calendars import Budget, Calendar, Period, SpecialDay

from ..names import columns_of
from ..packs import LoadedPack
from ..sources import Place, Source, did_you_mean, listed
from .who import role_of_company, rung_times
from .written import Problems, Written, in_two, refused_by, undeclared


def company(loaded: LoadedPack, pack: Pack, everybody: list[Written]) -> Problems:
    source = loaded.source(loaded.folder / "pack.yaml")
    yield from _departments_and_positions(source, pack, everybody)
    yield from _ladders(source, pack, everybody)
    yield from _tables(loaded, source, everybody)
    yield from _numbering(source, pack)
    yield from _calendars(loaded, source, pack)
    yield from _administration(source, pack)
    yield from _dashboards(source, pack, everybody)
    yield from _ledgers(source, pack)
    if pack.nudge_every:
        yield from refused_by(source, ("nudge_every",), Budget.parse, pack.nudge_every)
    yield from _demo(loaded, pack)


def _departments_and_positions(source: Source, pack: Pack, everybody: list[Written]) -> Problems:
    for key, department in pack.departments.items():
        place = ("departments", key, "parent")
        yield from undeclared(source, place, department.parent, "department", pack.departments)
        if _is_own_ancestor(key, pack):
            yield source.problem(
                place, f'department "{key}" stands above itself.', "Let the topmost one have no parent."
            )
    for key, position in pack.positions.items():
        yield from undeclared(
            source, ("positions", key, "department"), position.department, "department", pack.departments
        )
        yield from undeclared(source, ("positions", key, "rank"), position.rank, "rank", pack.ranks)
    for key, relative in pack.relative_positions.items():
        if key in pack.positions:
            message = f'"{key}" is a position and a relative position.'
            yield source.problem(("relative_positions", key), message, "Give one of them another key.")
        yield from undeclared(source, ("relative_positions", key, "rank"), relative.rank, "rank", pack.ranks)
        for index, path in enumerate(relative.of):
            if (
                everybody
                and not any(_names_department(path, one) for one in everybody)
                and path not in pack.departments
            ):
                message = f'relative position "{key}" looks in "{path}", which no form has.'
                remedy = "Name a department, a department field, or item.COLUMN."
                yield source.problem(("relative_positions", key, "of", index), message, remedy)
    for key in pack.department_calendars:
        yield from undeclared(source, ("department_calendars", key), key, "department", pack.departments)


def _is_own_ancestor(key: str, pack: Pack) -> bool:
    seen, above = set(), pack.departments[key].parent
    while above in pack.departments and above not in seen:
        if above == key:
            return True
        seen.add(above)
        above = pack.departments[above].parent
    return False


def _names_department(path: str, one: Written) -> bool:
    root, _, column = path.partition(".")
    if not column:
        return root in one.fields
    tables = (columns_of(one.form, key) or {} for key, found in one.fields.items() if found.type == "rows")
    return root in ("item", "row") and any(column in columns for columns in tables)


def _ladders(source: Source, pack: Pack, everybody: list[Written]) -> Problems:
    if pack.default_ladder not in pack.ladders:
        message = f'the default ladder "{pack.default_ladder}" does not exist.'
        yield source.problem(("default_ladder",), message, listed("Ladders here", pack.ladders, pack.default_ladder))
    for key, rungs in pack.ladders.items():
        for index, rung in enumerate(rungs):
            place = ("ladders", key, index)
            yield from rung_times(source, place, rung, pack)
            if rung.when:
                message = f'ladder "{key}" has a condition, and no form tells what it may read.'
                yield source.problem((*place, "when"), message, "Write the rungs at the step.")
            for word, roles in (("tell", rung.tell), ("shares", rung.shares)):
                for line, text in enumerate(roles):
                    yield from role_of_company(source, (*place, word, line), text, pack, everybody)


def _tables(loaded: LoadedPack, source: Source, everybody: list[Written]) -> Problems:
    """Of a table that no rule asks, nothing follows, whatever is written into it."""
    texts = [source.text, *(text for one in everybody for text in (one.text.text, one.form_text.text))]
    for key, file in loaded.table_files.items():
        if not any(re.search(rf"\b{key}\b", text) for text in texts):
            remedy = "Ask it where it decides (`role: {table: …}`, `does: decide`), or take it out."
            yield loaded.source(file).problem((key,), f'no procedure asks decision table "{key}".', remedy)


def _numbering(source: Source, pack: Pack) -> Problems:
    for key, pattern in pack.numbering.items():
        parts = re.findall(r"\{(\w+)\}", pattern)
        groups = [part for part in parts if set(part) == {"N"}]
        if len(groups) > 1 or not (groups or {"customer", "starter"} & set(parts)):
            count = f"{len(groups)} groups" if groups else "no group"
            message = f'numbering "{key}": "{pattern}" has {count} of N for the counter.'
            yield source.problem(("numbering", key), message, 'Write one, as in "CP-{YYYY}{MM}-{NNN}".')
        for part in sorted(set(parts) - set(groups) - set(NUMBER_PARTS)):
            message = f'numbering "{key}": there is no "{{{part}}}".'
            yield source.problem(("numbering", key), message, listed("There are", NUMBER_PARTS, part))


def _calendars(loaded: LoadedPack, source: Source, pack: Pack) -> Problems:
    try:
        Calendar.from_json({"timezone": pack.timezone, "week": {}})
    except ValueError as error:
        if "time zone" in str(error):
            yield source.problem(("timezone",), *in_two(error))
    days = loaded.source(loaded.folder / "calendar.yaml")
    for place, calendar in [
        (("calendar",), pack.calendar),
        *((("department_calendars", key), calendar) for key, calendar in pack.department_calendars.items()),
    ]:
        for name, texts in calendar.week.items():
            for index, text in enumerate(texts):
                yield from refused_by(source, (*place, "week", name, index), Period.parse, text)
        for day, special in calendar.special_days.items():
            own = isinstance(source.value, dict) and str(day) in map(str, _special_days(source.value, place))
            where = (source, (*place, "special_days", str(day))) if own else (days, (str(day),))
            facts = {"kind": special.kind, "periods": list(special.periods)}
            yield from refused_by(*where, partial(SpecialDay.from_json, data=facts), str(day))


def _special_days(value: Any, place: Place) -> Mapping[Any, Any]:
    for step in (*place, "special_days"):
        value = value.get(step) or {}
    return value if isinstance(value, dict) else {}


def _administration(source: Source, pack: Pack) -> Problems:
    for right, words in pack.administration.items():
        yield from _positions(source, ("administration", right), words, f"administration, {right}", pack)


def _positions(source: Source, place: Place, words: tuple[str, ...], where: str, pack: Pack) -> Problems:
    """Roles outside any case: positions, and nothing that only a case could say."""
    for index, text in enumerate(words):
        role = parse_role(text)
        if role.kind != "position" or role.name in pack.relative_positions:
            message = f'{where} is given to "{text}", which only a case could say who it is.'
            yield source.problem((*place, index), message, "Name a position (`personnel`, `vice_gm+`).")
        elif role.name not in pack.positions:
            message = f'{where} names position "{role.name}", which nobody declared.'
            remedy = did_you_mean(role.name, pack.positions) or "Declare it under `positions:`."
            yield source.problem((*place, index), message, remedy)


def _ledgers(source: Source, pack: Pack) -> Problems:
    for key, ledger in pack.ledgers.items():
        for index, department in enumerate(ledger.readers):
            yield from undeclared(
                source, ("ledgers", key, "readers", index), department, "department", pack.departments
            )


def _dashboards(source: Source, pack: Pack, everybody: list[Written]) -> Problems:
    written = {one.key: one.procedure for one in everybody}
    for number, dashboard in enumerate(pack.dashboards):
        place: Place = ("dashboards", number)
        yield from _positions(source, (*place, "for"), dashboard.for_, f"dashboard {number + 1}", pack)
        for index, tile in enumerate(dashboard.tiles):
            at, where = (*place, "tiles", index), f"dashboard {number + 1}, tile {index + 1}"
            procedure = written.get(tile.procedure)
            if tile.procedure and everybody and procedure is None:
                message = f'{where} tells of procedure "{tile.procedure}", which does not exist.'
                yield source.problem(at, message, listed("Procedures here", written, tile.procedure))
            for word, text in (("indicator", tile.indicator), ("statistic", tile.statistic)):
                if procedure is None or text is None:
                    continue
                known = procedure.indicators if word == "indicator" else procedure.statistics
                key = text.partition(".")[2]
                if key not in known:
                    message = f'{where} shows {word} "{key}", which "{tile.procedure}" does not have.'
                    yield source.problem((*at, word), message, listed(f"{word.capitalize()}s there", known, key))


def _demo(loaded: LoadedPack, pack: Pack) -> Problems:
    source = loaded.source(loaded.folder / "demo.yaml")
    people = loaded.demo.get("people")
    people = people if isinstance(people, dict) else {}
    for key, person in people.items():
        positions = person.get("positions") if isinstance(person, dict) else None
        for index, position in enumerate(positions if isinstance(positions, list) else []):
            if str(position) not in pack.positions:
                message = f'person "{key}" holds position "{position}", which nobody declared.'
                place = ("people", str(key), "positions", index)
                yield source.problem(
                    place, message, did_you_mean(position, pack.positions) or "Positions stand in pack.yaml."
                )
    customers = loaded.demo.get("customers")
    for index, customer in enumerate(customers if isinstance(customers, list) else []):
        owner = customer.get("owner") if isinstance(customer, dict) else None
        if owner and str(owner) not in people and str(owner) not in pack.positions:
            message = f'customer "{customer.get("code")}" is owned by "{owner}", who is nobody here.'
            yield source.problem(("customers", index, "owner"), message, listed("People here", map(str, people), owner))
