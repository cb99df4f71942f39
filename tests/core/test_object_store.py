"""Files on S3: put, got, gone, and what is said when the store does not answer."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.base import File
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from kehu.cases import actions
from kehu.cases.attachments import attach, clear_unused, keep
from kehu.cases.models import Attachment
from kehu.config.environment import files as files_setting
from kehu.core import clock
from kehu.core.models import StoredFile
from kehu.operations import backups, doctor
from kehu.operations.verification import verify
from tests.cast import Telling, sign_in

from .bucket import Bucket, bucket

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
MEGABYTE = 2**20
PATIENCE = 15
"""Seconds within which whoever waits at a page must have his answer."""


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "kehu")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not a secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def store(settings: Any) -> Iterator[Bucket]:
    with bucket() as server:
        settings.STORAGES = {**settings.STORAGES, "default": files_setting(server.address)}
        yield server


@pytest.fixture
def away(settings: Any) -> None:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    found = files_setting(f"s3://kehu/files?endpoint=http://127.0.0.1:{port}&region=cn")
    settings.STORAGES = {**settings.STORAGES, "default": found}


def add(telling: Telling, *uploads: File) -> list[Attachment]:
    return attach(
        organization=telling.organization, number=telling.number, uploads=uploads, by="sales_rep", now=telling.now
    )


def address_of(telling: Telling, added: Attachment) -> str:
    return reverse("case_file", args=[telling.number, added.pk])


def said(page: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page.decode()))


# --- put and got -------------------------------------------------------------------------------------------------------


def test_a_file_is_put_under_its_digest_and_got_whole_and_in_part(
    complaint: Telling, client: Client, store: Bucket
) -> None:
    (added,) = add(complaint, SimpleUploadedFile("photo.png", PNG))
    digest = added.stored.digest
    sign_in(client, complaint.organization, "sales_rep")

    assert store.objects == {f"files/{complaint.organization.pk}/{digest[:2]}/{digest}": PNG}
    whole = client.get(address_of(complaint, added))
    assert b"".join(whole.streaming_content) == PNG  # type: ignore[attr-defined]
    part = client.get(address_of(complaint, added), headers={"Range": "bytes=3-9"})
    assert (part.status_code, b"".join(part.streaming_content)) == (206, PNG[3:10])  # type: ignore[attr-defined]
    add(complaint, SimpleUploadedFile("again.png", PNG))
    assert len([asked for asked in store.asked if asked.startswith("PUT")]) == 1, "the same content goes there once"


def test_a_large_file_goes_in_parts(complaint: Telling, client: Client, store: Bucket) -> None:
    large = b"x" * (18 * MEGABYTE) + b"end"
    (added,) = add(complaint, SimpleUploadedFile("list.txt", large))
    sign_in(client, complaint.organization, "sales_rep")

    assert list(store.objects.values()) == [large]
    assert store.parts == {}
    answer = client.get(address_of(complaint, added))
    assert b"".join(answer.streaming_content) == large  # type: ignore[attr-defined]


def test_what_nothing_points_to_is_cleared_away(
    complaint: Telling, store: Bucket, django_capture_on_commit_callbacks: Any
) -> None:
    organization, now = complaint.organization, complaint.now
    (used,) = add(complaint, SimpleUploadedFile("used.png", PNG))
    assert used.by_id
    keep(organization=organization, uploads=[SimpleUploadedFile("b.png", PNG + b"2")], by=used.by_id, now=now)
    store.objects[f"files/{organization.pk}/ab/ab{'0' * 62}"] = b"of a transaction that failed"

    def clear(lost_before: datetime) -> int:
        with django_capture_on_commit_callbacks(execute=True):
            return clear_unused(organization, now + timedelta(days=8), lost_before=lost_before)

    assert clear(clock.now() - timedelta(days=1)) == 1
    assert clear(clock.now() + timedelta(days=1)) == 1
    assert [key.rpartition("/")[2] for key in store.objects] == [used.stored.digest]


def test_a_backup_and_a_verification_read_what_lies_there(complaint: Telling, store: Bucket, tmp_path: Any) -> None:
    (added,) = add(complaint, SimpleUploadedFile("photo.png", PNG))
    assert backups.back_up(tmp_path / "whole.zip", now=complaint.now)["files"]["count"] == 1
    assert verify().problems == []

    store.objects[f"files/{added.stored.path}"] = PNG + b"altered"
    (altered,) = verify().problems
    assert "another digest" in altered.what


# --- gone, away --------------------------------------------------------------------------------------------------------


def test_a_file_that_is_gone_is_said_and_the_case_is_read_and_printed_without_it(
    complaint: Telling, client: Client, store: Bucket, tmp_path: Any
) -> None:
    (added,) = add(complaint, SimpleUploadedFile("photo.png", PNG))
    store.objects.clear()
    sign_in(client, complaint.organization, "sales_rep")

    answer = client.get(address_of(complaint, added))

    assert answer.status_code == 410
    assert "photo.png" in said(answer.content)
    assert client.get(reverse("case", args=[complaint.number])).status_code == 200
    assert client.get(reverse("case_paper", args=[complaint.number])).status_code == 200
    (problem,) = verify().problems
    assert problem.what == "is missing"
    assert backups.back_up(tmp_path / "without.zip", now=complaint.now)["missing"] == [added.stored.path]


NEW_CASE = "/procedures/customer-complaint/cases/new/"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((503, "SlowDown"), 503),
        ((500, "InternalError"), 503),
        ((403, "AccessDenied"), 503),
        ((404, "NoSuchBucket"), 503),
        ((507, "XMinioStorageFull"), 507),
        ((403, "QuotaExceeded"), 507),
    ],
)
def test_what_the_store_refuses_is_said_and_what_was_typed_stays(
    complaint: Telling, client: Client, store: Bucket, answer: tuple[int, str], status: int
) -> None:
    sign_in(client, complaint.organization, "sales_receiver")
    store.fails_with = answer
    upload = SimpleUploadedFile("photo.png", PNG)

    page = client.post(NEW_CASE, {"channel": "email", "content": "这里有毛刺", "files": upload})

    assert page.status_code == status
    assert "这里有毛刺" in page.content.decode()
    assert "photo.png" in said(page.content)
    assert not StoredFile.objects.exists()
    assert not Attachment.objects.exists()


@pytest.mark.parametrize("verb", ["case_completion", "case_draft"])
def test_in_a_case_too_what_was_typed_stays(complaint: Telling, client: Client, store: Bucket, verb: str) -> None:
    common = {"organization": complaint.organization, "number": complaint.number, "now": complaint.now}
    actions.send_back(
        **common, step="accept-complaint", to="receive-complaint", by="sales_deputy_manager", reason="which product?"
    )
    sign_in(client, complaint.organization, "sales_receiver")
    store.fails_with = (507, "XMinioStorageFull")
    typed = {"content": "这里有毛刺", "outcome": "received", "files": SimpleUploadedFile("photo.png", PNG)}

    page = client.post(reverse(verb, args=[complaint.number, "receive-complaint"]), typed)

    assert page.status_code == 507
    assert "这里有毛刺" in page.content.decode()
    assert "photo.png" in said(page.content)
    assert not StoredFile.objects.exists()


def test_a_store_that_is_away_is_said_soon_and_what_was_typed_stays(
    complaint: Telling, client: Client, away: None
) -> None:
    sign_in(client, complaint.organization, "sales_receiver")
    began = time.monotonic()

    page = client.post(
        NEW_CASE, {"channel": "email", "content": "这里有毛刺", "files": SimpleUploadedFile("photo.png", PNG)}
    )

    assert time.monotonic() - began < PATIENCE
    assert page.status_code == 503
    assert "这里有毛刺" in page.content.decode()
    assert not StoredFile.objects.exists()


def test_files_of_a_store_that_went_away_are_refused_in_a_sentence_and_the_case_is_still_read(
    complaint: Telling, client: Client, store: Bucket, tmp_path: Any
) -> None:
    (added,) = add(complaint, SimpleUploadedFile("photo.png", PNG))
    store.fails_with = (503, "SlowDown")
    sign_in(client, complaint.organization, "sales_rep")

    answer = client.get(address_of(complaint, added))

    assert answer.status_code == 503
    assert "photo.png" in said(answer.content)
    assert client.get(reverse("case", args=[complaint.number])).status_code == 200
    printed = client.get(reverse("case_paper", args=[complaint.number]))
    assert printed.status_code == 503, "a paper without its picture would be another paper"
    assert "photo.png" in said(printed.content)
    (problem,) = verify().problems
    assert "cannot be read" in problem.what
    with pytest.raises(OSError, match="file store"):
        backups.back_up(tmp_path / "none.zip", now=complaint.now)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", [(404, "NoSuchBucket"), (403, "InvalidAccessKeyId"), (503, "SlowDown")])
def test_the_doctor_names_a_store_that_does_not_take_us(store: Bucket, answer: tuple[int, str]) -> None:
    assert list(doctor._files(clock.now())) == []

    store.fails_with = answer

    (complaint,) = doctor._files(clock.now())
    assert complaint.subject == "KEHU_FILES_URL"
    assert answer[1] in complaint.what
