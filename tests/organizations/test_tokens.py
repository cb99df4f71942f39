"""Access tokens: issued, shown once, good until they expire or are revoked."""

from datetime import timedelta

import pytest

from kehu.core.models import Event
from kehu.core.refusals import BadData
from kehu.organizations import tokens
from kehu.organizations.models import AccessToken
from tests.cast import FRIDAY

YEAR = timedelta(days=365)


def issued(organization, **given):
    words = {"member": "qa_head", "name": "Reports", "scopes": ["cases:read"], "expires_at": FRIDAY + YEAR} | given
    return tokens.issue(organization=organization, by="qa_head", now=FRIDAY, **words)


def test_the_secret_is_kept_nowhere(mfg):
    token, secret = issued(mfg)

    kept = [str(value) for value in AccessToken.objects.filter(pk=token.pk).values().get().values()]
    assert secret.startswith("kehu_")
    assert secret not in "".join(kept)
    assert secret not in str(list(Event.objects.values_list("facts", flat=True)))
    assert tokens.holder_of(secret) == token


def test_issuing_and_revoking_are_events(mfg):
    token, _secret = issued(mfg)
    tokens.revoke(organization=mfg, token=token.pk, by="general_manager", now=FRIDAY)
    tokens.revoke(organization=mfg, token=token.pk, by="general_manager", now=FRIDAY)

    events = Event.objects.filter(name__startswith="token.").order_by("sequence")
    assert [(event.name, event.by, event.facts["member"]) for event in events] == [
        ("token.issued", "qa_head", "qa_head"),
        ("token.revoked", "general_manager", "qa_head"),
    ]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"member": "nobody"}, "member"),
        ({"name": "  "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"expires_at": FRIDAY}, "expires_at"),
        ({"expires_at": FRIDAY + 2 * YEAR}, "expires_at"),
    ],
)
def test_what_is_wrong_is_said(mfg, wrong, where):
    with pytest.raises(BadData) as caught:
        issued(mfg, **wrong)

    assert [finding.path for finding in caught.value.findings] == [where]
    assert not AccessToken.objects.exists()


def test_a_token_is_good_until_it_expires_or_is_revoked(mfg):
    token, _secret = issued(mfg)

    assert token.is_good(FRIDAY)
    assert not token.is_good(FRIDAY + YEAR)
    assert not tokens.revoke(organization=mfg, token=token.pk, by="qa_head", now=FRIDAY).is_good(FRIDAY)


def test_its_use_is_noted_once_a_day(mfg, django_assert_num_queries):
    token, _secret = issued(mfg)
    with django_assert_num_queries(1):
        tokens.used(token, FRIDAY.date())
        tokens.used(token, FRIDAY.date())

    token.refresh_from_db()
    assert token.last_used_on == FRIDAY.date()


def test_another_company_s_token_is_not_found_here(mfg, stranger):
    token, _secret = issued(mfg)

    with pytest.raises(AccessToken.DoesNotExist):
        tokens.revoke(organization=stranger, token=token.pk, by="general_manager", now=FRIDAY)
