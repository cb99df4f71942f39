"""Views of lists: kept, chosen, opened first, shared; and only by whom they belong to."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from kehu.core.models import Event
from kehu.organizations.models import DefaultView, SavedView
from tests.cast import sign_in

REGISTER = "/registers/customer-complaint/"


def keep(
    client: Client, name: str = "逾期未结", page: str = REGISTER, words: str = "status=open&overdue=1", **more: str
):  # type: ignore[no-untyped-def]
    return client.post(reverse("views"), {"page": page, "name": name, "words": words, **more}, follow=True)


def test_a_view_opens_the_list_as_it_was_kept(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_deputy_manager")

    answer = keep(client, words="status=open&overdue=1&page=3&saved=7")

    view = SavedView.objects.get()
    assert answer.redirect_chain[-1][0] == f"{REGISTER}?status=open&overdue=1&saved={view.pk}"
    assert answer.context["asked"].status == "open"
    assert "逾期未结" in client.get(f"{REGISTER}?saved=none").content.decode()
    assert not Event.objects.filter(name__startswith="view.").exists()


@pytest.mark.parametrize("page", [REGISTER, "/", "/customers/"])
def test_a_list_opens_with_its_default_until_the_whole_list_is_asked_for(client: Client, mfg, page: str) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_deputy_manager")
    keep(client, page=page, words="q=HY", is_default="1")
    view = SavedView.objects.get()

    assert client.get(page).headers["Location"] == f"{page}?q=HY&saved={view.pk}"
    assert client.get(f"{page}?saved=none").status_code == 200
    client.post(reverse("view_default", args=[view.pk]), {"is_default": "0"})
    assert client.get(page).status_code == 200


@pytest.mark.parametrize(
    ("shared", "sees", "blind"), [("department", "sales_receiver", "qa_head"), ("everybody", "qa_head", None)]
)
def test_what_is_shared_is_used_by_others_and_changed_by_its_owner(client: Client, mfg, shared, sees, blind) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_deputy_manager")
    keep(client)
    view = SavedView.objects.get()
    client.post(reverse("view_sharing", args=[view.pk]), {"shared": shared})
    assert Event.objects.filter(name="view.shared", by="sales_deputy_manager").count() == 1

    sign_in(client, mfg, sees)
    assert "逾期未结" in client.get(f"{REGISTER}?saved=none").content.decode()
    for name in ("view_removal", "view_sharing"):
        assert client.post(reverse(name, args=[view.pk]), {"shared": ""}).status_code == 404
    assert client.post(reverse("view_default", args=[view.pk]), {"is_default": "1"}).status_code == 302
    if blind:
        sign_in(client, mfg, blind)
        assert "逾期未结" not in client.get(f"{REGISTER}?saved=none").content.decode()
        assert client.post(reverse("view_default", args=[view.pk]), {"is_default": "1"}).status_code == 404

    sign_in(client, mfg, "sales_deputy_manager")
    client.post(reverse("view_removal", args=[view.pk]))
    assert not SavedView.objects.exists()
    assert not DefaultView.objects.exists()
    assert Event.objects.filter(name="view.withdrawn").count() == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": "  "}, "起个名称"),
        ({"name": "x" * 61}, "60"),
        ({"words": "q=" + "x" * 1600}, "筛选"),
        ({"shared": "world"}, "共享"),
    ],
)
def test_what_cannot_be_kept_is_said(client: Client, mfg, given, says) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_deputy_manager")

    assert says in keep(client, **given).content.decode()
    assert not SavedView.objects.exists()


def test_a_name_twice_is_refused(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_deputy_manager")
    keep(client)

    assert "已有" in keep(client).content.decode()
    assert SavedView.objects.count() == 1


@pytest.mark.parametrize("page", ["https://elsewhere.example/", "//elsewhere.example/", "/cases/x/", "", "/nowhere/"])
def test_only_lists_have_views(client: Client, mfg, page: str) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_deputy_manager")

    keep(client, page=page)

    assert not SavedView.objects.exists()


def test_another_company_sees_none(client: Client, mfg, stranger) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_deputy_manager")
    keep(client, shared="everybody")
    view = SavedView.objects.get()
    sign_in(client, stranger, "general_manager")

    assert "逾期未结" not in client.get(f"{REGISTER}?saved=none").content.decode()
    assert client.post(reverse("view_removal", args=[view.pk])).status_code == 404


# --- what is done with a kept one -------------------------------------------------------------------------------------


def names(client: Client) -> list[str]:
    return [view.name for view, _address, _is_own in client.get(f"{REGISTER}?saved=none").context["kept_views"]]


def test_a_view_is_renamed_and_keeps_the_list_as_it_looks_now(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_deputy_manager")
    keep(client, shared="everybody")
    keep(client, name="另一个")
    view = SavedView.objects.get(name="逾期未结")

    client.post(reverse("view_name", args=[view.pk]), {"name": " 只看  逾期 "})
    client.post(
        reverse("view_words", args=[view.pk]), {"words": "overdue=1&columns=severity&columns=product&saved=3&page=2"}
    )
    view.refresh_from_db()
    assert (view.name, view.words) == ("只看 逾期", "overdue=1&columns=severity&columns=product")
    assert Event.objects.get(name="view.renamed").facts["was"] == "逾期未结"
    assert Event.objects.filter(name="view.changed").count() == 1

    for given, says in (("另一个", "已有"), (" ", "起个名称"), ("x" * 61, "60")):
        answer = client.post(reverse("view_name", args=[view.pk]), {"name": given}, follow=True)
        assert says in answer.content.decode()
    assert (
        "筛选"
        in client.post(
            reverse("view_words", args=[view.pk]), {"words": "q=" + "x" * 1600}, follow=True
        ).content.decode()
    )
    view.refresh_from_db()
    assert (view.name, view.words) == ("只看 逾期", "overdue=1&columns=severity&columns=product")


def test_a_copy_is_ones_own_to_change(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_deputy_manager")
    keep(client, name="长" * 60, shared="everybody")
    shared = SavedView.objects.get()
    sign_in(client, mfg, "qa_head")
    for _ in range(3):
        client.post(reverse("view_copy", args=[shared.pk]))

    copies = SavedView.objects.exclude(pk=shared.pk).order_by("pk")
    assert [view.name for view in copies] == ["长" * 60, "长" * 56 + " (2)", "长" * 56 + " (3)"]
    assert {(view.words, view.shared, view.owner.key) for view in copies} == {(shared.words, "", "qa_head")}


def test_ones_own_views_stand_as_one_puts_them(client: Client, mfg) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_deputy_manager")
    for name in ("丙", "甲", "乙"):
        keep(client, name=name)
    assert names(client) == ["丙", "甲", "乙"]
    last = SavedView.objects.get(name="乙")
    for way, after in (
        ("up", ["丙", "乙", "甲"]),
        ("up", ["乙", "丙", "甲"]),
        ("up", ["乙", "丙", "甲"]),
        ("down", ["丙", "乙", "甲"]),
    ):
        client.post(reverse("view_place", args=[last.pk]), {"to": way})
        assert names(client) == after


@pytest.mark.parametrize("name", ["view_name", "view_words", "view_place", "view_copy"])
def test_nobody_changes_or_copies_what_is_not_his_to_see(client: Client, mfg, stranger, name: str) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_deputy_manager")
    keep(client, shared="everybody" if name != "view_copy" else "")
    view = SavedView.objects.get()
    for organization, key in ((mfg, "qa_head"), (stranger, "general_manager")):
        sign_in(client, organization, key)
        answer = client.post(reverse(name, args=[view.pk]), {"name": "x", "words": "q=1", "to": "up"})
        assert answer.status_code == 404
    sign_in(client, mfg, "sales_deputy_manager")
    assert names(client) == ["逾期未结"]
    assert SavedView.objects.get().words == "status=open&overdue=1"
