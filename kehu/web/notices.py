"""What was said to me."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from kehu.notifications import actions, queries


@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    organization, person = request.organization, request.person  # type: ignore[attr-defined]
    unread_only = request.GET.get("show") == "unread"
    page = queries.notices_of(organization, person, unread_only=unread_only, after=request.GET.get("after", "")[:20])
    following = {"show": "unread" if unread_only else "all", "after": page.after}
    words = {
        "page": page,
        "unread_only": unread_only,
        "following": f"{reverse('notices')}?{urlencode(following)}" if page.after else "",
    }
    return render(request, "web/notices/notices.html", words)


@require_safe
def notice(request: HttpRequest, key: int) -> HttpResponse:
    """Opening a notice goes to its case; it is read then."""
    found = queries.notice_of(request.person, key)  # type: ignore[attr-defined]
    if found is None:
        return redirect("notices")
    if not found.case_number:
        actions.mark_read(by=request.person, now=request.now, only=[key])  # type: ignore[attr-defined]
        return redirect("deputies" if found.kind.startswith("deputy_") else "notices")
    actions.mark_read(by=request.person, now=request.now, only=[key])  # type: ignore[attr-defined]
    return redirect("case", found.case_number)


@require_POST
def reading(request: HttpRequest) -> HttpResponse:
    """All read, or one read or unread again."""
    person, now = request.person, request.now  # type: ignore[attr-defined]
    key = request.POST.get("notice", "")
    if not key.isdigit():
        count = actions.mark_read(by=person, now=now)
        said = ngettext("{count} notice marked as read.", "{count} notices marked as read.", count)
        messages.success(request, said.format(count=count) if count else _("Nothing was unread."))
    elif request.POST.get("unread"):
        actions.mark_unread(by=person, key=int(key))
    else:
        actions.mark_read(by=person, now=now, only=[int(key)])
    return redirect(f"{reverse('notices')}{'?show=unread' if request.POST.get('show') == 'unread' else ''}")
