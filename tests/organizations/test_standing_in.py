"""Who stands in for whom, from plain rules."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from kehu.organizations.standing_in import Rule, StandIn, circle, stand_ins_of

MONDAY, FRIDAY, LATER = date(2024, 3, 18), date(2024, 3, 22), date(2024, 4, 1)


def rule(number: int, principal: str, deputy: str, **more) -> Rule:  # type: ignore[no-untyped-def]
    return Rule(number, principal, deputy, **{"valid_from": MONDAY, **more})


def who(absent: list[str], *rules: Rule, links: int = 3) -> list[tuple[str, str, tuple[int, ...]]]:
    found = stand_ins_of(dict.fromkeys(absent, FRIDAY), rules, links)
    return [(one.principal, one.deputy, one.rules) for one in found]


def test_a_rule_counts_only_while_its_principal_is_away() -> None:
    assert who([], rule(1, "a", "b")) == []
    assert who(["a"], rule(1, "a", "b")) == [("a", "b", (1,))]


def test_a_deputy_who_is_away_passes_it_on_to_his_own() -> None:
    rules = [rule(1, "a", "b"), rule(2, "b", "c")]
    assert who(["a", "b"], *rules) == [("a", "c", (1, 2)), ("b", "c", (2,))]


def test_a_chain_ends_after_as_many_links_as_are_allowed() -> None:
    rules = [rule(1, "a", "b"), rule(2, "b", "c"), rule(3, "c", "d")]
    assert ("a", "d", (1, 2, 3)) in who(["a", "b", "c"], *rules)
    assert ("a", "d", (1, 2, 3)) not in who(["a", "b", "c"], *rules, links=2)


def test_a_chain_that_comes_back_ends_there() -> None:
    assert who(["a", "b"], rule(1, "a", "b"), rule(2, "b", "a")) == []


def test_a_chain_allows_only_what_all_its_rules_allow() -> None:
    first = rule(1, "a", "b", procedures=frozenset({"x", "y"}), limit=Decimal(500))
    second = rule(2, "b", "c", procedures=frozenset({"y"}), limit=Decimal(900), valid_until=date(2024, 3, 20))
    one = stand_ins_of({"a": FRIDAY, "b": LATER}, [first, second])[0]

    assert (one.procedures, one.limit, one.valid_until) == (frozenset({"y"}), Decimal(500), date(2024, 3, 20))
    assert one.covers("y", Decimal(500))
    assert not one.covers("y", Decimal("500.01"))
    assert not one.covers("x")
    assert one.facts()["valid_until"] == "2024-03-19"
    assert one.facts()["via"] == ["b"]


def test_rules_without_a_procedure_in_common_make_no_chain() -> None:
    rules = [rule(1, "a", "b", procedures=frozenset({"x"})), rule(2, "b", "c", procedures=frozenset({"y"}))]
    assert [one.principal for one in stand_ins_of({"a": FRIDAY, "b": FRIDAY}, rules)] == ["b"]


def test_a_limit_says_nothing_of_a_case_without_an_amount() -> None:
    one = StandIn("a", "b", (1,), (), MONDAY, FRIDAY, limit=Decimal(10))
    assert one.covers("x", None)


def test_a_circle_is_named_from_the_new_rule_s_principal_back_to_him() -> None:
    rules = [rule(1, "a", "b"), rule(2, "b", "c")]
    assert circle(rules, rule(3, "c", "a")) == ("c", "a", "b", "c")
    assert circle(rules, rule(3, "c", "d")) == ()


def test_rules_of_other_days_or_procedures_close_no_circle() -> None:
    over = rule(1, "a", "b", valid_until=FRIDAY)
    assert circle([over], rule(2, "b", "a", valid_from=FRIDAY)) == ()
    assert circle([over], rule(2, "b", "a", valid_from=date(2024, 3, 21))) == ("b", "a", "b")
    narrow = rule(1, "a", "b", procedures=frozenset({"x"}))
    assert circle([narrow], rule(2, "b", "a", procedures=frozenset({"y"}))) == ()
