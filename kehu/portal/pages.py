"""The pages of somebody outside: the door, what he is asked, his receipt, how his case stands. Everything is behind a link."""

from __future__ import annotations

import base64
import binascii
import logging
from typing import Any
from urllib.parse import quote

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from kehu.cases import answering
from kehu.cases.answering import waiting_of
from kehu.cases.attachments import keep, names_in
from kehu.cases.editing import posted, uploads, with_files
from kehu.cases.guests import signer_of
from kehu.cases.invitations import open_link
from kehu.cases.links import new_browser
from kehu.cases.models import Attachment, Invitation
from kehu.cases.standing import standing
from kehu.core import downloads
from kehu.core.files import FileRefused
from kehu.core.refusals import BadData, Conflict, Finding, Refusal

from .door import COMINGS, Coming, bind, by_link, keep_language, said, shown
from .paper import paper_of, signed_paper
from .sheet import Attempt, Line, Sheet, files_shown, folder_of, parts, words_of

log = logging.getLogger("kehu.portal")
MOST_FILES = 20
"""That wait with one link and were not submitted yet."""
MOST_DRAWN = 300_000
"""Octets of a drawn signature."""
WIDEST = 2000
MOST_MISSING = 20
"""Lines that he may add to those he reads."""


@require_safe
@by_link
def page(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """To look at the door opens nothing: mail programs do that unasked."""
    if not coming.is_inside:
        answer = shown(request, coming, "door.html", {"is_status": coming.invitation.kind == Invitation.Kind.STATUS})
    elif coming.invitation.kind == Invitation.Kind.STATUS:
        answer = _status(request, coming)
    elif coming.invitation.used_at:
        answer = _receipt(request, coming)
    else:
        answer = _form(request, coming, Sheet(coming))
    keep_language(answer, request, coming)
    return answer


@require_POST
@by_link
def opening(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    browser = coming.browser or new_browser()
    open_link(**{**coming.common, "browser": browser}, visit=coming.visit)
    COMINGS.labels("opened").inc()
    answer = HttpResponseRedirect(coming.address())
    bind(answer, coming, browser)
    return answer


@require_POST
@by_link
def answer(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """Refused, it is the same page with what is wrong and everything that was typed."""
    if not coming.is_inside or coming.invitation.task is None:
        return HttpResponseRedirect(coming.address())
    if coming.invitation.used_at:
        return _receipt(request, coming, said_again=True)
    attempt = _attempt(request, coming)
    try:
        _keep_files(request, coming, attempt)
        drawn = _drawn(attempt.drawn)
        given = answering.Answer(
            values=Sheet(coming, attempt).editor.values(),
            outcome=attempt.outcome or None,
            reason=attempt.reason,
            signer=attempt.signer,
            lines=attempt.lines,
            read=request.POST.get("read", ""),
            consents=attempt.consents or drawn is not None,
        )
        looked = answering.look(**coming.common, given=given)
        drawn = drawn if looked.is_signed else None
        sheet = Sheet(coming)
        paper = signed_paper(coming, sheet, looked, attempt, _octets(drawn)) if sheet.signs else None
        proof = answering.Proof(paper, drawn)
        answering.answer(**coming.common, visit=coming.visit, given=given, proof=proof)
    except (BadData, FileRefused, Conflict) as refusal:
        attempt.refusal = refusal
        return _form(request, coming, Sheet(coming, attempt), refusal.status)
    except Refusal as refusal:
        log.info("an answer by a link was refused", extra={"facts": {"code": refusal.code}})
        message = _("This cannot be answered at the moment. Please ask {name}.").format(name=coming.asker)
        return said(request, message, refusal.status, coming.language, coming=coming)
    COMINGS.labels("answered").inc()
    return HttpResponseRedirect(f"{coming.address()}?thanks")


@require_POST
@by_link
def form(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """What the form looks like with what is typed now; nothing is kept."""
    if not coming.is_inside or coming.invitation.task is None or coming.invitation.used_at:
        return JsonResponse({})
    sheet = Sheet(coming, _attempt(request, coming))
    fields = {one.key: {"visible": one.is_visible, "required": one.is_required} for one in sheet.editor.controls()}
    ways = {way.key: way.is_offered for way in sheet.ways}
    return JsonResponse({"fields": fields, "ways": ways, "signed": sheet.is_signed})


@require_safe
@by_link
def file(request: HttpRequest, coming: Coming, pk: int) -> HttpResponseBase:
    """A file that the fields he reads name, or one of his own."""
    if not coming.is_inside:
        return HttpResponseRedirect(coming.address())
    found = next((one for one in files_shown(coming, folder_of(coming), _shows(coming)) if one.pk == pk), None)
    if found is None:
        raise Http404
    return downloads.answer(found.stored, found.name, request)


@require_safe
@by_link
def paper(request: HttpRequest, coming: Coming) -> HttpResponseBase:
    """What he reads, as PDF; once he has answered, what he answered to."""
    if not coming.is_inside:
        return HttpResponseRedirect(coming.address())
    if coming.invitation.used_at:
        kept = Attachment.objects.filter(invitation=coming.invitation, case__isnull=False, name__endswith=".pdf")
        found = kept.select_related("stored").order_by("pk").last()
        return downloads.answer(found.stored, found.name, request) if found else HttpResponseRedirect(coming.address())
    answer = HttpResponse(paper_of(coming), content_type="application/pdf")
    answer["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(coming.invitation.case.number)}.pdf"
    return answer


def _shows(coming: Coming) -> dict[str, tuple[str, ...]]:
    procedure = folder_of(coming).procedure
    if coming.invitation.task is None:
        return procedure.status_page.shows if procedure.status_page else {}
    invites = procedure.steps[coming.invitation.task.step].invites
    return invites.shows if invites else {}


# --- what stands on them ------------------------------------------------------------------------------------------------


def _form(request: HttpRequest, coming: Coming, sheet: Sheet, status: int = 200) -> HttpResponse:
    attempt = sheet.attempt
    notice = ""
    if attempt and attempt.refusal and not attempt.findings:
        notice = str(attempt.refusal)
    words = {"sheet": sheet, "attempt": attempt or Attempt({}), "notice": notice, "name": coming.invitation.name}
    return shown(request, coming, "answer.html", words, status)


def _receipt(request: HttpRequest, coming: Coming, *, said_again: bool = False) -> HttpResponse:
    """Thanks, the first time; later when he answered. Whoever sends his answer once more is told that the first one counts."""
    sheet = Sheet(coming)
    task = coming.invitation.task
    assert task
    way = next((way for way in sheet.ways if way.key == task.outcome), None)
    papers = Attachment.objects.filter(invitation=coming.invitation, case__isnull=False).order_by("pk")
    words = {
        "sheet": sheet,
        "way": way.title if way else "",
        "is_signed": bool(way and way.is_signed),
        "is_new": "thanks" in request.GET,
        "said_again": said_again,
        "answers": sheet.answered(task),
        "signer": signer_of(task.acting),
        "at": sheet.words.moment(coming.invitation.used_at),  # type: ignore[arg-type]
        "papers": [(one.name, coming.address("invitation_file", one.pk)) for one in papers],
        "until": sheet.words.moment(coming.invitation.expires_at),
    }
    return shown(request, coming, "receipt.html", words, 409 if said_again else 200)


def _status(request: HttpRequest, coming: Coming) -> HttpResponse:
    folder = folder_of(coming)
    status_page = folder.procedure.status_page
    if status_page is None:
        raise Http404
    words, steps = words_of(folder), folder.procedure.steps
    stages = [
        {
            "title": words.say(status_page.steps.get(one.key) or steps[one.key].title),
            "at": words.moment(one.done_at) if one.done_at else "",
            "is_open": one.is_open,
        }
        for one in standing(folder).stages
    ]
    return shown(
        request,
        coming,
        "status.html",
        {
            "title": words.say(status_page.title or folder.procedure.title),
            "text": words.say(status_page.text),
            "number": folder.case.number,
            "stages": stages,
            "parts": parts(coming, folder, words, status_page),
        },
    )


# --- what was sent ------------------------------------------------------------------------------------------------------


def _attempt(request: HttpRequest, coming: Coming) -> Attempt:
    sheet, post = Sheet(coming), request.POST
    return Attempt(
        raw=posted(sheet.editor.fields.items(), post),
        outcome=post.get("outcome", ""),
        reason=post.get("reason", "").strip(),
        signer=post.get("signer", "").strip()[:80],
        consents=post.get("consent") == "1",
        drawn=post.get("drawn", "")[: 2 * MOST_DRAWN],
        lines=_lines(sheet, post),
    )


def _lines(sheet: Sheet, post: Any) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for line in sheet.lines:
        said_of_it = post.get(f"{line.name}.answer", "")
        given: dict[str, Any] = {} if not said_of_it else {"agrees": said_of_it == "agree"}
        found[line.number] = {**given, **_differing(line, post)}
    for number in range(len(found), len(found) + MOST_MISSING) if sheet.missing else ():
        given = _differing(sheet.line(number), post)
        if any(given.values()):
            found[number] = given
    return found


def _differing(line: Line, post: Any) -> dict[str, str]:
    remark = post.get(line.remark.name, "").strip() if line.remark else ""
    return {"figure": post.get(line.figure.name, "").strip(), "remark": remark}


def _keep_files(request: HttpRequest, coming: Coming, attempt: Attempt) -> None:
    """New files wait with the link before anything else is asked, so that a refused form need not send them again."""
    fields = Sheet(coming).editor.fields
    chosen = uploads(fields.items(), request)
    waiting = waiting_of(coming.invitation)
    if len(waiting) + sum(map(len, chosen.values())) > MOST_FILES:
        sentence = _("These are too many files: at most {most} may be sent here.").format(most=MOST_FILES)
        raise BadData([Finding(next(iter(chosen), ""), sentence)])
    taken = names_in(coming.invitation.case) | {one.name for one in waiting}
    for key, files in chosen.items():
        kept = keep(
            organization=coming.organization,
            uploads=[one for one in files if isinstance(one, UploadedFile)],
            by=None,
            now=coming.now,
            field=key,
            taken=taken,
            invitation=coming.invitation,
        )
        taken |= {one.name for one in kept}
        with_files(attempt.raw, fields, {key: [one.name for one in kept]})


def _octets(drawn: ContentFile[bytes] | None) -> bytes:
    if drawn is None:
        return b""
    drawn.seek(0)
    return drawn.read()


def _drawn(text: str) -> ContentFile[bytes] | None:
    """What the page's script drew, as a picture; None where nothing was drawn."""
    head = "data:image/png;base64,"
    if not text.startswith(head):
        return None
    try:
        picture = base64.b64decode(text.removeprefix(head), validate=True)
    except binascii.Error:
        return None
    width, height = (int.from_bytes(picture[start : start + 4], "big") for start in (16, 20))
    is_png = picture.startswith(b"\x89PNG\r\n\x1a\n") and picture[12:16] == b"IHDR"
    if not is_png or len(picture) > MOST_DRAWN or not (0 < width <= WIDEST and 0 < height <= WIDEST):
        raise BadData([Finding("signer", _("Your drawn signature could not be read. Please draw it again."))])
    return ContentFile(picture, name=_("signature") + ".png")
