"""What a browser may load for our pages: what we serve ourselves, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",  # Tabler's CSS draws its ticks and arrows as data: images
        "style-src 'self'",
        "script-src 'self'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    ]
)

PERMISSIONS = ", ".join(
    f"{what}=()" for what in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
)
"""What no page of ours asks a browser for; a photo is taken by the phone's own file chooser."""


class ContentSecurityPolicy:
    """Every answer's headers, also those of error pages. What a company wrote is kept by no cache between."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)  # a file's own is stricter
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response
