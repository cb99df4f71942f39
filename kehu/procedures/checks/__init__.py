"""What definitions of the right shape still get wrong: a step nobody reaches, a field nobody fills, a position nobody declared.

Every check is a function from a written procedure (or the company) to problems; `check_pack` gathers them. A module
a question: the company, who, the way through the steps (flow), the form, the rules, the document, what customers do by links, other procedures (between).
"""

from __future__ import annotations

from collections.abc import Collection

from ..packs import LoadedPack
from ..sources import Problem, Source
from . import document, flow, form, links, rules, who
from .between import between_procedures, operations_known
from .company import company
from .form import fields_filled, forms_agree
from .written import Check, Problems, Written

CHECKS: tuple[Check, ...] = (
    *who.CHECKS,
    *flow.CHECKS,
    *form.CHECKS,
    *rules.CHECKS,
    *document.CHECKS,
    *links.CHECKS,
)


def check_pack(
    loaded: LoadedPack, operations: Collection[str] | None = None, customer_facts: Collection[str] | None = None
) -> list[Problem]:
    """All that is wrong, in the order of files and lines. `operations` are what an auto step may do, `customer_facts` what ledgers
    tell of customers, where known."""
    found = [*loaded.problems, *_examples_readable(loaded)]
    if loaded.pack:
        written = {
            key: Written(loaded, loaded.pack, key, procedure, customer_facts)
            for key, procedure in loaded.procedures.items()
        }
        # What only all procedures together can say is not asked while one of them cannot be read.
        everybody = list(written.values()) if written.keys() == loaded.folders.keys() else []
        found.extend(company(loaded, loaded.pack, everybody))
        found.extend(forms_agree(everybody))
        found.extend(document.numbers_differ(everybody))
        found.extend(document.layouts(loaded, everybody))
        for one in written.values():
            for check in CHECKS:
                found.extend(check(one))
            found.extend(fields_filled(one, everybody))
            found.extend(between_procedures(one, written))
            if operations is not None:
                found.extend(operations_known(one, operations))
    return sorted(set(found))


def _examples_readable(loaded: LoadedPack) -> Problems:
    for file in loaded.examples.values():
        yield from Source.read(file).problems
