"""Version 1, put together. An address that is in use stays as it is; what must change otherwise gets a /api/v2 beside it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI

from kehu import __version__

from . import (
    attachments,
    cases,
    customers,
    document,
    door,
    form_templates,
    inbox,
    indicators,
    ledgers,
    links,
    members,
    notices,
    procedures,
    reference,
    registers,
    tasks,
)
from .problems import NoSuchAddress, problem, tell
from .reading import StrictJSON

api = NinjaAPI(
    title="Kehu",
    version=__version__,
    description="Everything the pages do, for programs. docs/howto/use-the-api.md shows the way.",
    urls_namespace="api-v1",
    parser=StrictJSON(),
    openapi_url=None,
    docs_url=None,
)
for _noun in (
    procedures,
    cases,
    tasks,
    links,
    attachments,
    form_templates,
    inbox,
    customers,
    ledgers,
    registers,
    indicators,
    members,
    notices,
):
    for _view in _noun.router.path_operations.values():
        for _operation in _view.operations:
            _operation.by_alias = True
            door.learn(_operation)
    api.add_router("", _noun.router)
tell(api)


@csrf_exempt
def _nothing(request: HttpRequest) -> HttpResponse:
    return problem(request, NoSuchAddress(address=request.path))


urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/openapi.json", document.serve, name="openapi"),
    path("api/v1/", reference.page, name="api_reference"),
    path("api/v1/", api.urls),
    re_path(r"^api/", _nothing, name="api_nothing"),
]
