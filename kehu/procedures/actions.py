"""Publishing what the company has written."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import get_language, gettext_lazy

from kehu.core import events
from kehu.core.models import Organization
from kehu.core.refusals import AgainstTheRule
from kehu.core.scope import scope
from kehu.organizations.actions import changed

from .checks import check_pack
from .models import Procedure, Revision
from .packs import LoadedPack, definition_json
from .revisions import NoSuchProcedure, in_force, is_on, procedures_of


class WaitedFor(AgainstTheRule):
    code = "procedure.waited_for"
    message = gettext_lazy("Cases of “{other}” wait for the end of one of this procedure. Switch that one off first.")


class PackHasProblems(AgainstTheRule):
    code = "pack.has_problems"
    message = "{count} problems in {pack}; the first: {first}"


@transaction.atomic
def publish(
    *, organization: Organization, loaded: LoadedPack, by: str, now: datetime, checked: bool = False
) -> list[Revision]:
    """Every procedure of the pack whose text changed gets a new revision, in force at once. Open cases keep theirs."""
    problems = loaded.problems if checked else check_pack(loaded)
    if problems:
        raise PackHasProblems(count=len(problems), pack=loaded.folder, first=problems[0])
    published = []
    with scope(organization):
        for key, definition in loaded.procedures.items():
            procedure, _ = Procedure.objects.update_or_create(
                organization=organization,
                key=key,
                defaults={"number": definition.number, "title": definition.title.model_dump()},
            )
            text = definition_json(loaded, key)
            digest = digest_of(text)
            revision = Revision.objects.filter(procedure=procedure, digest=digest).first()
            if revision is None:
                revision = Revision.objects.create(
                    organization=organization,
                    procedure=procedure,
                    label=definition.revision,
                    definition=text,
                    digest=digest,
                    published_at=now,
                    published_by=by,
                )
                published.append(revision)
            if procedure.current_id != revision.pk:
                procedure.current = revision
                procedure.save(update_fields=["current"])
        if published:
            changed(organization)
            events.record(
                organization,
                "procedures.published",
                by=by,
                at=now,
                revisions={revision.procedure.key: revision.label for revision in published},
                digests={revision.procedure.key: revision.digest for revision in published},
            )
    return published


@transaction.atomic
def switch(*, organization: Organization, procedure: str, on: bool, by: str, now: datetime) -> Procedure:
    """The company's own word on whether cases of a procedure may be opened. Open cases go on in either case."""
    with scope(organization):
        found = Procedure.objects.select_for_update(of=("self",)).filter(key=procedure, current__isnull=False).first()
        if found is None:
            raise NoSuchProcedure(procedure=procedure)
        if is_on(found) is on:
            return found
        if not on:
            _nobody_waits_for(organization, procedure)
        found.switched, found.switched_at = on, now
        found.save(update_fields=["switched", "switched_at"])
        changed(organization)
        name = "procedures.switched_on" if on else "procedures.switched_off"
        events.record(organization, name, by=by, at=now, procedure=procedure)
    return found


def _nobody_waits_for(organization: Organization, procedure: str) -> None:
    """Whose case waits for the end of a case of this one would wait for ever."""
    for key, other in in_force(organization).items():
        steps = procedures_of(organization)[key].procedure.steps.values()
        if key != procedure and is_on(other) and any(step.wait and step.wait.case == procedure for step in steps):
            title = procedures_of(organization)[key].procedure.title
            raise WaitedFor(other=title.in_(get_language() or "zh-hans"))


def digest_of(definition: Any) -> str:
    """What tells one text of a procedure from another."""
    return hashlib.sha256(json.dumps(definition, ensure_ascii=False).encode()).hexdigest()
