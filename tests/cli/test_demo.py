"""The demo company is made once; a later start finds it without reading its pack."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from kehu.cli.demo import PACK, make_demo
from tests.cast import mfg_pack

pytestmark = pytest.mark.django_db


def test_a_later_start_reads_nothing_but_whose_pack_it_is(mfg, capsys):
    assert mfg.key == mfg_pack().pack.key
    with patch("kehu.procedures.packs.load", side_effect=AssertionError("the whole pack was read")):
        assert make_demo(PACK, says_so=True) == 0
    assert "is there already" in capsys.readouterr().out


def test_a_folder_without_a_pack_is_said(tmp_path, capsys):
    assert make_demo(tmp_path) == 1
    assert "pack.yaml is missing" in capsys.readouterr().err
