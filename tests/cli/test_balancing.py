"""Of several processes, who has clearly more in hand lets connections go."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterable
from typing import Any

import pytest

from kehu.cli.balancing import Balanced, Loads

ELSEWHERE, HERE = 0, 1


def pages(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]


@pytest.fixture
def loads() -> Loads:
    return Loads(2)


def answered(balanced: Balanced, protocol: str = "HTTP/1.1", method: str = "GET") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    balanced(
        {"SERVER_PROTOCOL": protocol, "REQUEST_METHOD": method}, lambda status, headers, *rest: found.extend(headers)
    )
    return found


@pytest.mark.parametrize(("here", "elsewhere", "closes"), [(0, 0, False), (1, 1, False), (1, 0, True), (3, 2, True)])
def test_who_has_two_more_in_hand_than_another_lets_the_connection_go(
    loads: Loads, here: int, elsewhere: int, closes: bool
) -> None:
    balanced = Balanced(pages, loads, HERE)
    loads.in_hand[:] = [elsewhere, here]

    assert (("Connection", "close") in answered(balanced)) == closes, "the one being answered counts, too"
    assert list(loads.in_hand) == [elsewhere, here], "and is in hand no more"


def test_a_page_that_breaks_is_in_hand_no_more(loads: Loads) -> None:
    def broken(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        raise ZeroDivisionError

    balanced = Balanced(broken, loads, HERE)
    with pytest.raises(ZeroDivisionError):
        answered(balanced)

    assert loads.in_hand[HERE] == 0


def test_the_header_is_left_out_where_it_means_nothing(loads: Loads) -> None:
    balanced = Balanced(pages, loads, HERE)
    loads.in_hand[HERE] = 5

    assert answered(balanced, "HTTP/2.0") == [("Content-Type", "text/plain")]
    assert answered(balanced, method="POST") == [("Content-Type", "text/plain")], "the page comes next, by the same one"


def test_who_comes_for_one_that_died_takes_its_place_and_starts_with_nothing(loads: Loads) -> None:
    forking = multiprocessing.get_context("fork")
    ready = forking.Event()

    def other() -> None:
        loads.in_hand[loads.place()] = 4
        ready.set()
        signal.pause()

    others = [forking.Process(target=other) for _ in range(2)]
    for process in others:
        process.start()
        assert ready.wait(20)
        ready.clear()
    assert loads.place() is None, "each has one"

    os.kill(others[1].pid or 0, signal.SIGKILL)
    others[1].join()
    assert loads.place() == 1
    assert list(loads.in_hand) == [4, 0]

    others[0].kill()
    others[0].join()
