"""Files: kept once, in pieces, only what may be kept; and what is said when there is no room."""

from __future__ import annotations

import errno
import os
import tracemalloc
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from kehu.cases.attachments import attach, clear_unused, keep
from kehu.cases.models import Attachment
from kehu.config.environment import files as files_setting
from kehu.core import clock, files, filetypes, uploads
from kehu.core.models import Organization, StoredFile
from tests.api.conftest import Program
from tests.cast import FRIDAY, Telling, sign_in

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 2000
MEGABYTE = 2**20


@pytest.fixture(autouse=True)
def folder(settings, tmp_path: Path) -> Path:  # type: ignore[no-untyped-def]
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def in_memory(settings) -> None:  # type: ignore[no-untyped-def]
    """As any other storage of Django's, S3 among them: nothing of ours may ask for a path."""
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}


def add(telling: Telling, *uploads: File) -> list[Attachment]:
    return attach(
        organization=telling.organization, number=telling.number, uploads=uploads, by="sales_rep", now=telling.now
    )


def address_of(telling: Telling, added: Attachment) -> str:
    return reverse("case_file", args=[telling.number, added.pk])


def read(answer) -> bytes:  # type: ignore[no-untyped-def]
    return b"".join(answer.streaming_content)


# --- kept --------------------------------------------------------------------------------------------------------------


def test_a_file_goes_through_any_storage_and_comes_back(complaint: Telling, client: Client, in_memory: None) -> None:
    (added,) = add(complaint, SimpleUploadedFile("photo.png", PNG))
    sign_in(client, complaint.organization, "sales_rep")

    assert read(client.get(address_of(complaint, added))) == PNG
    assert files.content(added.stored, "photo.png") == PNG
    assert client.get(reverse("case_paper", args=[complaint.number])).status_code == 200


def test_s3_is_a_setting(settings) -> None:  # type: ignore[no-untyped-def]
    found = files_setting("s3://kehu/files?endpoint=https://minio.example.com&region=cn")

    assert found["BACKEND"] == "kehu.core.object_store.ObjectStore"
    assert found["OPTIONS"]["bucket_name"] == "kehu"
    assert found["OPTIONS"]["location"] == "files"
    assert found["OPTIONS"]["endpoint_url"] == "https://minio.example.com"
    for wrong in ("ftp://kehu", "s3:///prefix", "s3://kehu?colour=red"):
        with pytest.raises(Exception, match="KEHU_FILES_URL"):
            files_setting(wrong)


def test_sixty_megabytes_go_in_and_out_in_pieces(complaint: Telling, client: Client, settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings.MAX_FILE_SIZE = 100 * MEGABYTE
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        for number in range(60):
            file.write(bytes([97 + number % 26]) * MEGABYTE)
    tracemalloc.start()
    with large.open("rb") as file:
        (added,) = add(complaint, File(file, name="large.txt"))
    sign_in(client, complaint.organization, "sales_rep")
    taken = sum(len(piece) for piece in client.get(address_of(complaint, added)).streaming_content)  # type: ignore[attr-defined]
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert taken == added.stored.size == 60 * MEGABYTE
    assert peak < 12 * MEGABYTE


@pytest.mark.parametrize(
    ("asked", "status", "got"),
    [
        ("bytes=0-3", 206, PNG[:4]),
        ("bytes=2000-", 206, PNG[2000:]),
        ("bytes=-5", 206, PNG[-5:]),
        ("bytes=5-99999999", 206, PNG[5:]),
        ("bytes=999999-", 416, b""),
        ("bytes=9-3", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=a-b", 200, PNG),
        ("bytes=0-1,4-5", 200, PNG),
        ("lines=1-2", 200, PNG),
    ],
)
def test_a_part_is_given_where_a_part_is_asked_for(
    complaint: Telling, client: Client, asked: str, status: int, got: bytes
) -> None:
    (added,) = add(complaint, SimpleUploadedFile("photo.png", PNG))
    sign_in(client, complaint.organization, "sales_rep")

    answer = client.get(address_of(complaint, added), headers={"Range": asked})

    assert answer.status_code == status
    assert (read(answer) if answer.streaming else answer.content) == got
    if status == 206:
        assert answer.headers["Content-Length"] == str(len(got))
        assert answer.headers["Content-Range"].endswith(f"/{len(PNG)}")


def test_pictures_and_pdfs_open_in_the_browser_everything_else_is_handed_over(
    complaint: Telling, client: Client
) -> None:
    sign_in(client, complaint.organization, "sales_rep")
    how = {}
    for name, content in {
        "a.png": PNG,
        "b.pdf": b"%PDF-1.7",
        "c.csv": b"=1",
        "d.zip": b"PK\x03\x04",
        "e.txt": b"x",
    }.items():
        (added,) = add(complaint, SimpleUploadedFile(name, content))
        answer = client.get(address_of(complaint, added))
        how[name] = answer.headers["Content-Disposition"].split(";")[0]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "private" in answer.headers["Cache-Control"]
        handed = client.get(address_of(complaint, added) + "?download")
        assert handed.headers["Content-Type"] == "application/octet-stream"

    assert how == {
        "a.png": "inline",
        "b.pdf": "inline",
        "c.csv": "attachment",
        "d.zip": "attachment",
        "e.txt": "inline",
    }
    page = client.get(reverse("case", args=[complaint.number])).content.decode()
    assert page.count('<a class="thumb"') == 1


# --- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        ("photo.png", b"MZ\x90\0", files.FileNotAsNamed),
        ("letter.pdf", b"<html><script>", files.FileNotAsNamed),
        ("letter.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", files.FileNotAsNamed),
        ("notes.txt", b"#!/bin/sh\n", files.FileNotAsNamed),
        ("list.csv", b"  <!DOCTYPE html><body>", files.FileNotAsNamed),
        ("drawing.svg", b"<svg onload=x>", files.FileNotAllowed),
        ("page.html", b"hello", files.FileNotAllowed),
        ("set-up.exe", b"MZ", files.FileNotAllowed),
        ("report.pdf.exe", b"%PDF-", files.FileNotAllowed),
        ("without", b"x", files.FileNotAllowed),
    ],
)
def test_what_would_run_or_is_not_as_named_is_not_kept(
    complaint: Telling, name: str, content: bytes, refusal: type[files.FileRefused]
) -> None:
    with pytest.raises(refusal, match=name.split(".")[0]):
        add(complaint, SimpleUploadedFile("good.png", PNG), SimpleUploadedFile(name, content))

    assert not StoredFile.objects.exists()  # none of the form's files


def test_a_pack_says_which_endings_its_company_takes(complaint: Telling) -> None:
    complaint.organization.pack["file_endings"] = ["png", "html"]

    add(complaint, SimpleUploadedFile("photo.PNG", PNG))
    with pytest.raises(files.FileNotAllowed):
        add(complaint, SimpleUploadedFile("letter.pdf", b"%PDF-"))
    with pytest.raises(files.FileNotAllowed):  # a reader's machine would run it, whatever the pack says
        add(complaint, SimpleUploadedFile("page.html", b"hello"))


@given(st.sampled_from(sorted(filetypes.ENDINGS)), st.binary(max_size=64))
def test_whatever_comes_a_program_is_never_taken_for_a_document(ending: str, rest: bytes) -> None:
    assert filetypes.is_taken(ending)
    for beginning in (b"MZ", b"\x7fELF", b"#!/", b"<html", b" <SCRIPT", b"<svg "):
        # A PDF may begin anywhere in its first kilobyte; what is handed over as PDF is shown as PDF only.
        assert not filetypes.agrees(ending, beginning + rest) or (ending == "pdf" and b"%PDF-" in rest)


@given(st.text(max_size=300))
def test_names_are_made_safe(name: str) -> None:
    safe = files.safe_name(name)

    assert 1 <= len(safe) <= 125
    assert not set(safe) & set('/\\<>:"|?*\0\r\n\t\u202e\u2066\u200f\u2028')
    assert safe.strip(" .") == safe or "." in safe
    assert files.safe_name(safe) == safe
    assert safe.split(".")[0].lower() not in {"con", "nul", "aux", "prn", "com1", "lpt1"}


def test_a_name_that_turns_the_reading_direction_shows_its_true_ending() -> None:
    assert files.safe_name("invoice\u202efdp.exe") == "invoice_fdp.exe"
    assert files.safe_name("../../etc/passwd") == "passwd"
    assert files.safe_name("CON.txt") == "_CON.txt"


def test_a_virus_scanner_is_asked_where_one_is_set(complaint: Telling, settings) -> None:  # type: ignore[no-untyped-def]
    settings.SCAN_COMMAND = ["grep", "-qv", "EICAR"]  # 0: a line without it
    add(complaint, SimpleUploadedFile("good.txt", b"hello\n"))
    with pytest.raises(files.FileInfected):
        add(complaint, SimpleUploadedFile("bad.txt", b"EICAR\n"))
    settings.SCAN_COMMAND = ["sh", "-c", "exit 2"]
    with pytest.raises(files.StorageFailed):  # a scanner that does not work lets nothing pass
        add(complaint, SimpleUploadedFile("good.txt", b"hello\n"))

    assert StoredFile.objects.count() == 1


# --- too large, no room ------------------------------------------------------------------------------------------------


def posted(client: Client, telling: Telling, upload: File, **more: str):  # type: ignore[no-untyped-def]
    words = {"channel": "email", "content": "这里有毛刺", "files": upload, **more}
    return client.post("/procedures/customer-complaint/cases/new/", words)


@pytest.mark.parametrize("megabytes", [1, 60])
def test_a_file_too_large_is_answered_with_413_and_what_was_typed_stays(
    complaint: Telling, client: Client, settings, megabytes: int
) -> None:  # type: ignore[no-untyped-def]
    settings.MAX_FILE_SIZE = MEGABYTE // 2
    sign_in(client, complaint.organization, "sales_receiver")

    answer = posted(client, complaint, SimpleUploadedFile("film.mp4", b"\0" * megabytes * MEGABYTE))

    assert answer.status_code == 413
    page = answer.content.decode()
    assert "这里有毛刺" in page
    assert f"{megabytes}.0 MB" in page
    assert not StoredFile.objects.exists()


def test_a_body_beyond_all_measure_is_refused_before_it_is_read(complaint: Telling, client: Client, settings) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, complaint.organization, "sales_receiver")

    class Untouched(BytesIO):
        def read(self, *size: int) -> bytes:
            raise AssertionError("the body was read")

    answer = client.generic(
        "POST",
        "/procedures/customer-complaint/cases/new/",
        content_type="multipart/form-data; boundary=x",
        **{"CONTENT_LENGTH": str(settings.MAX_REQUEST_SIZE + 1), "wsgi.input": Untouched()},
    )

    assert answer.status_code == 413
    assert str(settings.MAX_REQUEST_SIZE // MEGABYTE) in answer.content.decode()


@pytest.mark.parametrize(
    ("error", "status"), [(OSError(errno.ENOSPC, "full"), 507), (ConnectionError("no answer"), 503)]
)
@pytest.mark.parametrize("where", ["storage", "temporary file"])
def test_a_full_disk_is_said_what_was_typed_stays_and_nothing_half_is_kept(
    complaint: Telling,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    where: str,
    error: OSError,
    status: int,
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    if where == "storage":
        monkeypatch.setattr("os.fsync", fail)
    else:
        monkeypatch.setattr("kehu.core.uploads.TemporaryFile", fail)
    sign_in(client, complaint.organization, "sales_receiver")

    answer = posted(client, complaint, SimpleUploadedFile("film.png", PNG + b"\0" * 3 * MEGABYTE))

    assert answer.status_code == status
    assert "这里有毛刺" in answer.content.decode()
    assert not StoredFile.objects.exists()
    assert not Attachment.objects.exists()
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_disk_that_fills_up_while_a_file_comes_in(complaint: Telling, client: Client, settings) -> None:  # type: ignore[no-untyped-def]
    """The temporary file on a device that is always full: every write fails as it fails for real."""
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    sign_in(client, complaint.organization, "sales_receiver")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(uploads, "TemporaryFile", lambda **_: open("/dev/full", "wb+", buffering=0))  # noqa: SIM115
        answer = posted(client, complaint, SimpleUploadedFile("film.png", PNG + b"\0" * 3 * MEGABYTE))

    assert answer.status_code == 507
    assert "这里有毛刺" in answer.content.decode()


def test_a_file_on_its_way_in_has_no_name_that_would_outlive_the_server(settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    coming = uploads.LimitedUpload()
    coming.new_file("files", "film.mp4", "video/mp4", 0)

    coming.receive_data_chunk(b"half of it", 0)

    assert list(tmp_path.iterdir()) == []
    upload = coming.file_complete(10)
    assert upload.read() == b"half of it"


# --- cleared away ------------------------------------------------------------------------------------------------------


def test_uploads_that_were_never_used_go_after_a_week_used_ones_stay(
    complaint: Telling, folder: Path, django_capture_on_commit_callbacks
) -> None:  # type: ignore[no-untyped-def]
    organization, now = complaint.organization, complaint.now
    (used,) = add(complaint, SimpleUploadedFile("used.png", PNG))
    by = used.by_id
    assert by
    keep(organization=organization, uploads=[SimpleUploadedFile("same.png", PNG)], by=by, now=now)
    keep(organization=organization, uploads=[SimpleUploadedFile("unused.png", PNG + b"2")], by=by, now=now)
    lost = f"{organization.pk}/ab/ab{'0' * 62}"
    default_storage.save(lost, ContentFile(b"of a transaction that failed"))
    real = clock.now()

    def clear(after: timedelta, lost_before=real - timedelta(days=1)) -> int:  # type: ignore[no-untyped-def]
        with django_capture_on_commit_callbacks(execute=True):
            return clear_unused(organization, now + after, lost_before=lost_before)

    assert clear(timedelta(days=6)) == 0
    assert clear(timedelta(days=8)) == 1
    assert clear(timedelta(days=8)) == 0
    assert default_storage.exists(lost)
    assert clear(timedelta(days=8), lost_before=real + timedelta(days=1)) == 1

    assert list(Attachment.objects.values_list("name", flat=True)) == ["used.png"]
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [used.stored.digest]


def test_a_file_is_its_organization_s_own(complaint: Telling, stranger: Organization, client: Client) -> None:
    (added,) = add(complaint, SimpleUploadedFile("photo.png", PNG))
    sign_in(client, stranger, "general_manager")

    assert client.get(address_of(complaint, added)).status_code == 404
    assert added.at == FRIDAY


# --- nobody waits ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", ["page", "API"])
def test_no_transaction_is_open_while_a_file_is_scanned_and_written(
    mfg: Organization, client: Client, settings, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:  # type: ignore[no-untyped-def]
    """On SQLite nobody else could write meanwhile, however long a scanner or a store takes."""
    telling = Telling(mfg).start()
    held: list[bool] = []
    is_clean, save = files._is_clean, default_storage.save

    def scanned(upload: File) -> bool:
        held.append(connection.in_atomic_block)
        return is_clean(upload)

    def saved(*words: object) -> str:
        held.append(connection.in_atomic_block)
        return save(*words)  # type: ignore[arg-type]

    settings.SCAN_COMMAND = ["true"]
    monkeypatch.setattr(files, "_is_clean", scanned)
    monkeypatch.setattr(default_storage, "save", saved)
    upload = SimpleUploadedFile("photo.png", PNG)
    if door == "page":
        sign_in(client, mfg, "sales_rep")
        answer = client.post(reverse("case_files", args=[telling.number]), {"files": upload})
    else:
        answer = Program(mfg, "sales_rep").send(f"/cases/{telling.number}/attachments", uploads=upload)

    assert answer.status_code in (201, 302), answer.content
    assert held == [False, False]


def test_a_content_cleared_away_between_put_and_row_is_written_again(complaint: Telling, folder: Path) -> None:
    organization = complaint.organization
    (first,) = add(complaint, SimpleUploadedFile("photo.png", PNG))
    (content,) = files.put(organization, [SimpleUploadedFile("again.png", PNG)])
    Attachment.objects.filter(pk=first.pk).delete()
    first.stored.delete()
    default_storage.delete(content.path)

    stored = files.row_of(organization, content)

    assert files.content(stored, "again.png") == PNG
