"""A customer's facts as they are written by hand, and two lines of the directory that are one customer. For whoever has the right
`customers`; his class is not written here, a procedure decides it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from kehu.cases.merging import merge_customers
from kehu.core.refusals import BadData, Finding, Refusal
from kehu.ledgers.customers import actions
from kehu.ledgers.customers.models import Customer
from kehu.ledgers.customers.queries import by_code
from kehu.ledgers.customers.twins import similar
from kehu.organizations.models import Member
from kehu.organizations.permissions import must_administer

from .customers import STATUSES
from .deputies import Typed
from .ledgers import tabs_of

TEXTS = (
    "name",
    "name_en",
    "short_name",
    "address",
    "main_products",
    "source",
    "tax_number",
    "currency",
    "payment_term",
)
LENGTHS = {name: getattr(Customer._meta.get_field(name), "max_length", 0) for name in TEXTS}
CONTACT = ("name", "title", "phone", "email")
SPARE = 2
"""Empty lines for new contacts."""


@require_http_methods(["GET", "HEAD", "POST"])
def facts(request: HttpRequest, code: str) -> HttpResponse:
    customer = _customer(request, code)
    typed = Typed(_facts_of(customer))
    if request.method == "POST":
        typed = _changed(request, customer)
        if not typed.message:
            messages.success(request, _("The customer’s facts are kept."))
            return redirect("customer", customer.code)
    return _page(request, customer, typed)


@require_POST
def likeness(request: HttpRequest, code: str) -> HttpResponse:
    """Who else in the directory is like what is typed: a fragment, nothing is kept."""
    customer = _customer(request, code)
    typed = _typed(request)
    return render(request, "web/customers/_twins.html", {"twins": _twins(customer, typed)})


@require_POST
def merger(request: HttpRequest, code: str) -> HttpResponse:
    """He turned out to be another customer of the directory."""
    customer = _customer(request, code)
    typed = Typed(_facts_of(customer))
    typed.values |= {
        "into": request.POST.get("into", "").strip()[:200],
        "reason": request.POST.get("reason", "").strip(),
    }
    try:
        into = by_code(typed.values["into"].split(" ")[0])
        if into is None:
            raise BadData([Finding("into", _("There is no customer “{value}”.").format(value=typed.values["into"]))])
        if not typed.values["reason"]:
            raise BadData([Finding("reason", _("A reason is needed."))])
        common = {"organization": request.organization, "by": request.person.key, "now": request.now}  # type: ignore[attr-defined]
        merge_customers(customer=customer.code, into=into.code, reason=typed.values["reason"][:400], **common)
    except Refusal as refusal:
        typed.message = str(refusal)
        typed.errors = _errors(refusal)
        return _page(request, customer, typed)
    messages.success(request, _("{number} is part of {into} now.").format(number=customer.code, into=into.code))
    return redirect("customer", into.code)


def _customer(request: HttpRequest, code: str) -> Customer:
    must_administer(request.person, "customers", request.organization)  # type: ignore[attr-defined]
    found = Customer.objects.select_related("owner", "referrer").filter(code=code, merged_into=None).first()
    if found is None:
        raise Http404
    return found


def _page(request: HttpRequest, customer: Customer, typed: Typed) -> HttpResponse:
    members = Member.objects.filter(left_on=None).order_by("key")
    words = {
        "customer": customer,
        "tabs": tabs_of(request, customer, "facts"),
        "typed": typed,
        "statuses": STATUSES.items(),
        "members": members,
        "twins": _twins(customer, typed.values),
        "contacts": [*typed.values["contacts"], *[{}] * SPARE],
    }
    return render(request, "web/customers/facts.html", words, status=422 if typed.message else 200)


def _facts_of(customer: Customer) -> dict[str, Any]:
    return {
        **{name: getattr(customer, name) for name in TEXTS},
        "status": customer.status,
        "owner": customer.owner.key if customer.owner else "",
        "referrer": customer.referrer.code if customer.referrer else "",
        "payment_days": "" if customer.payment_days is None else str(customer.payment_days),
        "wants_invoice": customer.wants_invoice,
        "contacts": list(customer.contacts.order_by("pk").values(*CONTACT)),
    }


def _typed(request: HttpRequest) -> dict[str, Any]:
    post = request.POST
    values: dict[str, Any] = {
        name: post.get(name, "").strip() for name in (*TEXTS, "status", "owner", "referrer", "payment_days")
    }
    values["wants_invoice"] = post.get("wants_invoice") == "1"
    lines = zip(*(post.getlist(f"contact_{name}") for name in CONTACT), strict=False)
    contacts = [dict(zip(CONTACT, (text.strip() for text in line), strict=True)) for line in lines]
    values["contacts"] = [one for one in contacts if any(one.values())]
    return values


def _changed(request: HttpRequest, customer: Customer) -> Typed:
    typed = Typed(_typed(request))
    try:
        with transaction.atomic():
            actions.change(
                customer=Customer.objects.select_for_update().get(pk=customer.pk),
                changes=_read(customer, typed.values),
                contacts=typed.values["contacts"],
                by=request.person.key,  # type: ignore[attr-defined]
                now=request.now,  # type: ignore[attr-defined]
            )
    except Refusal as refusal:
        typed.errors, typed.message = _errors(refusal), str(refusal)
    return typed


def _read(customer: Customer, values: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as the directory keeps it; or `BadData` with everything that is wrong."""
    wrong = [
        Finding(name, _("At most {most} characters.").format(most=most))
        for name in TEXTS
        if len(values[name]) > (most := LENGTHS[name])
    ]
    if not values["name"]:
        wrong.append(Finding("name", _("The name must be filled in.")))
    if values["status"] not in STATUSES:
        wrong.append(Finding("status", _("Choose one of the list.")))
    if values["currency"] and not (len(values["currency"]) == 3 and values["currency"].isalpha() and values["currency"].isascii()):  # fmt: skip
        wrong.append(Finding("currency", _("A currency has three letters, such as CNY.")))
    if values["payment_days"] and not (values["payment_days"].isdecimal() and int(values["payment_days"]) <= 999):
        wrong.append(Finding("payment_days", _("A number of days from 0 to 999.")))
    owner = Member.objects.filter(key=values["owner"], left_on=None).first() if values["owner"] else None
    if values["owner"] and owner is None:
        wrong.append(Finding("owner", _("There is nobody called “{value}” here.").format(value=values["owner"])))
    referrer = by_code(values["referrer"].split(" ")[0]) if values["referrer"] else None
    if values["referrer"] and (referrer is None or referrer.pk == customer.pk):
        wrong.append(Finding("referrer", _("There is no customer “{value}”.").format(value=values["referrer"])))
    for number, contact in enumerate(values["contacts"]):
        if not contact["name"] or any(len(text) > 80 for text in contact.values()):
            wrong.append(
                Finding(f"contacts.{number}", _("A contact has a name, and at most 80 characters in each box."))
            )
        if contact["email"] and ("@" not in contact["email"] or " " in contact["email"]):
            wrong.append(
                Finding(f"contacts.{number}", _("“{value}” is no mail address.").format(value=contact["email"]))
            )
    if wrong:
        raise BadData(wrong)
    return {
        **{name: values[name] for name in TEXTS},
        "currency": values["currency"].upper(),
        "status": values["status"],
        "owner": owner,
        "referrer": referrer,
        "payment_days": int(values["payment_days"]) if values["payment_days"] else None,
        "wants_invoice": values["wants_invoice"],
    }


def _errors(refusal: Refusal) -> dict[str, str]:
    return {finding.path: str(finding) for finding in refusal.findings} if isinstance(refusal, BadData) else {}


def _twins(customer: Customer, values: dict[str, Any]) -> list[Any]:
    names = [values[name] for name in ("name", "name_en", "short_name") if values.get(name)]
    phones = [contact["phone"] for contact in values["contacts"] if contact.get("phone")]
    return similar(names=names, phones=phones, tax_number=values["tax_number"], but=customer)
