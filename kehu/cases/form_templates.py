"""Templates (表单模板): customers' own forms as Word and Excel files, kept by revision. `paper/office` looks into them and fills them."""

from __future__ import annotations

from datetime import datetime

from django.core.files.base import File
from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.core import events, files
from kehu.core.models import Organization
from kehu.core.refusals import BadData, Finding, OutOfOrder
from kehu.core.rows import Kept
from kehu.core.scope import scope
from kehu.ledgers.customers.models import Customer
from kehu.organizations.models import Member
from kehu.procedures.models import Procedure

from .models import Case, FormTemplate, TemplateRevision

LANGUAGES = ("zh", "en")


class NoSuchTemplate(OutOfOrder):
    code = "template.not_found"
    status = 404
    message = gettext_lazy("There is no such template for this.")


def upload(
    *,
    organization: Organization,
    procedure: str,
    customer: str,
    title: str,
    language: str,
    upload: File | files.Content,
    by: str,
    now: datetime,
) -> TemplateRevision:
    """A template's first file, or a new one: whichever has that title for that procedure and customer (empty: the company's)."""
    with scope(organization):
        found, whose = _checked(procedure, customer, title, language)
        (content,) = files.put(organization, [upload])
        name = files.safe_name(content.upload.name)
        with transaction.atomic():
            stored = files.row_of(organization, content)
            template = _template(organization, found, whose, title.strip())
            last = template.current()
            if last and (last.stored_id, last.name, last.language) == (stored.pk, name, language):
                return last
            revision = TemplateRevision.objects.create(
                organization=organization,
                template=template,
                number=last.number + 1 if last else 1,
                stored=stored,
                name=name,
                language=language,
                by=Member.objects.get(key=by),
                at=now,
            )
            events.record(
                organization,
                "template.uploaded",
                by=by,
                at=now,
                **_facts(template),
                revision=revision.number,
                file=name,
                digest=stored.digest,
            )
    return revision


def _checked(procedure: str, customer: str, title: str, language: str) -> tuple[Procedure, Customer | None]:
    findings = []
    if not title.strip() or len(title.strip()) > 120 or not title.isprintable():
        findings.append(
            Finding("title", _("Give the template a title of at most 120 letters, such as the form's own."))
        )
    if language not in LANGUAGES:
        findings.append(Finding("language", _("Choose the language in which values are written.")))
    found = Procedure.objects.filter(key=procedure, current__isnull=False).first()
    if found is None:
        findings.append(Finding("procedure", _("Choose the procedure whose cases fill it.")))
    whose = Customer.objects.filter(code=customer).first() if customer else None
    if customer and whose is None:
        findings.append(Finding("customer", _("There is no customer {number}.").format(number=customer)))
    if findings or found is None:
        raise BadData(findings)
    return found, whose


def _template(organization: Organization, procedure: Procedure, customer: Customer | None, title: str) -> FormTemplate:
    known = {"procedure": procedure, "customer": customer, "title": title, "withdrawn_at": None}
    return FormTemplate.objects.select_for_update().filter(**known).first() or FormTemplate.objects.create(
        organization=organization, **known
    )


@transaction.atomic
def withdraw(*, organization: Organization, template: int, by: str, now: datetime) -> FormTemplate:
    """It is offered no more; what was filled from it stays. A second time changes nothing."""
    with scope(organization):
        found = FormTemplate.objects.select_for_update().filter(pk=template).first()
        if found is None:
            raise NoSuchTemplate()
        if found.withdrawn_at is None:
            found.withdrawn_at = now
            found.save(update_fields=["withdrawn_at"])
            events.record(organization, "template.withdrawn", by=by, at=now, **_facts(found))
    return found


def follow_merger(*, customer: Customer, into: Customer) -> None:
    """His templates are the other's from now on; one that has the title of another there says whose it was."""
    for template in FormTemplate.objects.filter(customer=customer):
        same = {"customer": into, "procedure": template.procedure_id, "title": template.title, "withdrawn_at": None}
        if template.withdrawn_at is None and FormTemplate.objects.filter(**same).exists():
            template.title = f"{template.title[:78]} ({customer.code})"
        template.customer = into
        template.save(update_fields=["customer", "title"])


def _facts(template: FormTemplate) -> dict[str, str | int]:
    return {
        "template": template.pk,
        "title": template.title,
        "procedure": template.procedure.key,
        "customer": template.customer.code if template.customer else "",
    }


# --- questions --------------------------------------------------------------------------------------------------------


def in_use() -> QuerySet[FormTemplate]:
    """Those that may be filled, with the number of their latest revision."""
    return _in_use(FormTemplate.objects.all())


def _in_use(templates: QuerySet[FormTemplate]) -> QuerySet[FormTemplate]:
    last: QuerySet[TemplateRevision] = QuerySet(TemplateRevision).filter(template=OuterRef("pk")).order_by("-number")
    return (
        templates.filter(withdrawn_at=None)
        .select_related("procedure", "customer")
        .annotate(
            number=Subquery(last.values("number")[:1]),
            file=Subquery(last.values("name")[:1]),
            changed_at=Subquery(last.values("at")[:1]),
        )
    )


def fitting(case: Case) -> list[FormTemplate]:
    """Those a case may fill: its customer's before the company's."""
    return _FITTING(case.customer_id or 0, case.procedure_id)


_FITTING = Kept(
    FormTemplate,
    lambda templates, customer, procedure: (
        _in_use(templates)
        .filter(Q(customer=None) | Q(customer_id=customer), procedure_id=procedure)
        .order_by(F("customer").desc(nulls_last=True), "title")
    ),
    int,
    int,
)


def of_customer(customer: Customer) -> list[FormTemplate]:
    """His own forms that may be filled."""
    return _OF_CUSTOMER(customer.pk)


_OF_CUSTOMER = Kept(
    FormTemplate, lambda templates, customer: _in_use(templates).filter(customer=customer).order_by("id"), int
)


def revision_for(case: Case, template: int) -> TemplateRevision:
    """The latest file of a template that the case may fill."""
    found = next((one for one in fitting(case) if one.pk == template), None)
    revision = found.current() if found else None
    if revision is None:
        raise NoSuchTemplate()
    assert isinstance(revision, TemplateRevision)
    return revision
