"""The two walls between organizations: the managers', and PostgreSQL's behind them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext

from kehu.cases.models import Case
from kehu.core import scope as scoping
from kehu.core import wall
from kehu.core.models import Counter, Event, Organization
from kehu.core.scope import OrganizationRow, Unscoped, every_organization, scope
from kehu.organizations.models import Member
from tests.cast import Telling, at, mfg_pack, sign_in, stage

postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has row-level security")
ROWS = sorted(model._meta.label for model in apps.get_models() if issubclass(model, OrganizationRow))
SHARED = {"core.User", "accounts.Session", "accounts.FailedSignIn", "operations.Backup", "operations.Heartbeat"}
"""Of the installation, not of an organization: who signs in is not known to belong anywhere before; its backups and workers."""


@pytest.fixture
def other(mfg: Organization, stranger: Organization) -> Organization:
    """Another organization, seen from outside any scope."""
    return stranger


@contextmanager
def outside() -> Iterator[None]:
    """As a thread that nobody told for whom it speaks."""
    token = scoping._scope.set(None)
    try:
        yield
    finally:
        scoping._scope.reset(token)


def seen() -> set[object]:
    """Whose members raw SQL finds."""
    return {row[0] for row in raw("SELECT organization_id FROM organizations_member")}


def raw(sql: str, *values: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall()) if cursor.description else []


def test_every_model_of_ours_belongs_to_an_organization() -> None:
    ours = {model._meta.label for model in apps.get_models(include_auto_created=True) if "kehu." in model.__module__}

    assert ours - set(ROWS) == SHARED | {"core.Organization"}


@pytest.mark.parametrize("label", [*ROWS, "core.Organization"])
def test_a_query_outside_any_scope_is_a_mistake(label: str) -> None:
    model = apps.get_model(label)
    with outside(), pytest.raises(Unscoped):
        model.objects.first()
    if label in ROWS:
        with outside(), pytest.raises(Unscoped):
            model.everywhere.first()
        with every_organization(), pytest.raises(Unscoped):
            model.objects.first()


def test_everywhere_is_as_wide_as_its_scope(mfg: Organization, other: Organization) -> None:
    def seen() -> set[int]:
        return set(Member.everywhere.values_list("organization_id", flat=True))

    assert seen() == {mfg.pk}
    with scope(other):
        assert seen() == {other.pk}
    with every_organization():
        assert seen() == {mfg.pk, other.pk}
    assert list(Organization.objects.all()) == [mfg]


@postgresql
def test_the_tests_run_as_a_user_who_cannot_pass_the_wall_and_no_table_lacks_it(db: None) -> None:
    assert wall.gaps(connection) == []
    assert len(wall.columns()) == len(ROWS) + 1


@postgresql
def test_raw_sql_sees_no_row_of_another_organization_in_any_table(mfg: Organization, other: Organization) -> None:
    Telling(mfg).start()
    Telling(other).start()
    for table, column in wall.columns().items():
        everybody_s = f"SELECT {column} FROM {table}"
        with scope(mfg):
            mine = raw(everybody_s)
        with scope(other):
            theirs = raw(everybody_s)
        with outside():
            assert raw(everybody_s) == [], table
        with every_organization():
            assert sorted(raw(everybody_s)) == sorted(mine + theirs), table
        assert set(mine) <= {(mfg.pk,)}, table
        assert set(theirs) <= {(other.pk,)}, table


@postgresql
def test_raw_sql_writes_no_row_of_another_organization(mfg: Organization, other: Organization) -> None:
    title = "UPDATE organizations_member SET email = 'stolen@example.org' RETURNING organization_id"
    assert {row[0] for row in raw(title)} == {mfg.pk}
    assert {row[0] for row in raw("DELETE FROM core_event RETURNING organization_id")} == {mfg.pk}
    assert raw("UPDATE core_organization SET pack = '{}' WHERE id = %s RETURNING id", other.pk) == []
    with outside():
        assert raw(title) == []
    with scope(other):
        assert not Member.objects.filter(email="stolen@example.org").exists()
        assert Event.objects.exists()


@postgresql
@pytest.mark.parametrize("within", ["another", "outside"])
def test_no_row_is_made_for_another_organization_nor_given_to_it(
    mfg: Organization, other: Organization, within: str
) -> None:
    mine = Counter.objects.create(organization=mfg, series="mine")
    with outside() if within == "outside" else nullcontext():
        for write in (
            lambda: Counter(organization=other, series="forged").save(),
            lambda: Counter.objects.bulk_create([Counter(organization=other, series="forged")]),
            lambda: raw("INSERT INTO core_counter (organization_id, series, value) VALUES (%s, 'forged', 1)", other.pk),
        ):
            with pytest.raises(Error, match="row-level security"), transaction.atomic():
                write()
    mine.organization = other
    with pytest.raises(Error, match="row-level security"), transaction.atomic():
        mine.save()
    with every_organization():
        assert set(Counter.everywhere.values_list("series", "organization_id")) >= {("mine", mfg.pk)}
        assert not Counter.everywhere.filter(series="forged").exists()


@postgresql
def test_scopes_nest_and_what_is_written_in_the_inner_one_is_asked_in_the_outer(
    mfg: Organization, other: Organization
) -> None:
    with scope(other):
        assert seen() == {other.pk}
        with every_organization():
            assert seen() == {mfg.pk, other.pk}
            with outside():
                assert seen() == set()
        assert seen() == {other.pk}
    assert seen() == {mfg.pk}


@postgresql
@pytest.mark.parametrize("inside_a_transaction", [True, False])
def test_a_rollback_takes_the_setting_back_and_it_is_said_again(
    mfg: Organization, other: Organization, inside_a_transaction: bool
) -> None:
    assert seen() == {mfg.pk}
    with transaction.atomic() if inside_a_transaction else nullcontext(), scope(other):
        with transaction.atomic():
            assert seen() == {other.pk}
            transaction.set_rollback(True)
        assert seen() == {other.pk}
        with pytest.raises(Error), transaction.atomic():
            raw("SELECT 1/0")
        assert seen() == {other.pk}
    assert seen() == {mfg.pk}


@postgresql
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_lost_is_told_anew(db: None) -> None:
    organization = stage(mfg_pack(), at("2024-03-01 08:00"))
    with scope(organization):
        assert raw("SELECT count(*) FROM organizations_member") != [(0,)]
        with transaction.atomic(), every_organization():
            raw("SELECT count(*) FROM organizations_member")
            transaction.set_rollback(True)  # a whole transaction, not a savepoint
        assert raw("SELECT DISTINCT organization_id FROM organizations_member") == [(organization.pk,)]
        connection.close()
        assert raw("SELECT DISTINCT organization_id FROM organizations_member") == [(organization.pk,)]

        found = []

        def unscoped() -> None:
            found.extend(raw("SELECT id FROM organizations_member"))
            connection.close()

        thread = threading.Thread(target=unscoped)
        thread.start()
        thread.join()
        assert found == []  # a thread of its own speaks for nobody


@postgresql
def test_what_was_said_before_is_no_key_for_who_says_nothing(mfg: Organization) -> None:
    """The connection stays open between two requests; what the one before was allowed is not left open with it."""
    assert raw("SELECT id FROM organizations_member")
    with outside():
        assert raw("SELECT 1 AS no_table_of_ours") == [(1,)]
        assert raw("SELECT id FROM organizations_member") == []


@postgresql
def test_a_page_costs_no_statement_for_the_wall_where_one_organization_is_alone(mfg: Organization, client) -> None:  # type: ignore[no-untyped-def]
    sign_in(client, mfg, "sales_head")
    client.get("/")
    with CaptureQueriesContext(connection) as captured:
        client.get("/")

    assert captured.captured_queries
    assert [query["sql"] for query in captured.captured_queries if "set_config" in query["sql"]] == []


@postgresql
def test_a_table_whose_wall_was_torn_down_is_named_and_gets_it_back(mfg: Organization) -> None:
    raw("SET CONSTRAINTS ALL IMMEDIATE")  # what still waits for its commit forbids to alter the table
    raw("ALTER TABLE cases_case NO FORCE ROW LEVEL SECURITY")
    raw("ALTER TABLE core_event DISABLE ROW LEVEL SECURITY")
    raw("CREATE POLICY hole ON organizations_member USING (true)")

    found = wall.gaps(connection)

    assert sorted(line.split()[1] for line in found) == ["cases_case", "core_event", "organizations_member"]
    call_command("migrate", verbosity=0)
    assert wall.gaps(connection) == []
    with CaptureQueriesContext(connection) as captured:
        wall.raise_wall(connection)
    assert len(captured.captured_queries) == 1  # where it stands, one look is all


@postgresql
def test_a_query_uses_its_index_behind_the_wall(mfg: Organization) -> None:
    """The policy must not turn a look-up by number into a walk through the table."""
    raw("SET LOCAL enable_seqscan = off")
    plan = "\n".join(
        str(line[0])
        for line in raw(f"EXPLAIN {Case.objects.filter(number='x').only('pk').query}".replace("= x", "= 'x'"))
    )
    assert "Index" in plan
    assert "Seq Scan" not in plan
