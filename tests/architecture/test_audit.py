"""What `make audit` says of an answer of the vulnerability service."""

from __future__ import annotations

import runpy

import pytest

from tests.cast import ROOT

judged = runpy.run_path(str(ROOT / "tools" / "audit.py"))["judged"]
SOUND = {"name": "sound", "version": "1", "vulns": []}
UNKNOWN = {"name": "unknown", "version": "1", "skip_reason": "not found"}
HOLED = {"name": "holed", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}


@pytest.mark.parametrize(
    ("libraries", "code", "said"),
    [
        ([SOUND], 0, "1 libraries without"),
        ([SOUND, UNKNOWN], 0, "not known to the vulnerability service: unknown"),
        ([SOUND, UNKNOWN, HOLED], 1, "holed 1: CVE-1; fixed in 2"),
        ([UNKNOWN, UNKNOWN], 0, "COULD NOT BE ASKED"),
    ],
)
def test_a_hole_fails_the_check_silence_of_the_service_does_not(
    libraries: list[dict], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(libraries) == code
    assert said in capsys.readouterr().out
