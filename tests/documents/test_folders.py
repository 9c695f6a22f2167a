"""The folders that a partner shares with the house: nothing half written, nothing overwritten, no way out of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from market.documents.folders import Folders
from market.documents.webhooks import UnreachableError

PARTY = 7


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Folders, Path]:
    folders = Folders(tmp_path / "partners")
    assert folders.look(PARTY) == []
    return folders, tmp_path / "partners" / str(PARTY)


def listed(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}


def test_a_file_goes_out_whole_and_never_over_another(kept: tuple[Folders, Path]) -> None:
    folders, home = kept
    assert folders.put(PARTY, "1.edi", b"one") == "1.edi"
    (home / "out" / ".1.edi.0badf00d.part").write_bytes(b"half of a killed house")
    assert folders.put(PARTY, "1.edi", b"one") == "1.edi", "the same again changes nothing"
    assert folders.put(PARTY, "1.edi", b"another") == "1-2.edi"
    assert folders.put(PARTY, "1.edi", b"another") == "1-2.edi"
    assert listed(home / "out") == {"1.edi": b"one", "1-2.edi": b"another"}


def test_only_whole_plain_files_are_seen(kept: tuple[Folders, Path], tmp_path: Path) -> None:
    folders, home = kept
    inside = home / "in"
    for name in ("a.part", "b.TMP", "c.filepart", ".hidden"):
        (inside / name).write_bytes(b"x")
    (inside / "empty").touch()
    (inside / "folder").mkdir()
    os.mkfifo(inside / "pipe")
    (tmp_path / "secret").write_bytes(b"key")
    (inside / "link").symlink_to(tmp_path / "secret")
    assert folders.look(PARTY) == []
    (inside / "a.edi").write_bytes(b"UNA")
    (first,) = folders.look(PARTY)
    assert folders.take(PARTY, first) == b"UNA"
    with (inside / "a.edi").open("ab") as file:
        file.write(b":+.?")
    assert folders.take(PARTY, first) is None, "it grew between the look and the reading"
    assert folders.look(PARTY) != [first]


def test_what_was_read_is_put_away_under_a_name_of_its_own(kept: tuple[Folders, Path]) -> None:
    folders, home = kept
    for content in (b"one", b"two"):
        (home / "in" / "a.edi").write_bytes(content)
        folders.put_away(PARTY, "a.edi", accepted=True)
    assert listed(home / "in") == {}
    assert listed(home / "in" / "done") == {"a.edi": b"one", "a-2.edi": b"two"}
    # Killed between giving the new name and taking the old one away.
    (home / "in" / "b").write_bytes(b"three")
    os.link(home / "in" / "done" / "a.edi", home / "in" / "a.edi")
    folders.put_away(PARTY, "a.edi", accepted=True)
    folders.put_away(PARTY, "b", accepted=False, words="No UNB.")
    assert listed(home / "in" / "done") == {"a.edi": b"one", "a-2.edi": b"two"}
    assert listed(home / "in" / "refused") == {"b": b"three", "b.txt": b"No UNB."}


def test_a_link_in_a_folders_place_leads_nowhere(kept: tuple[Folders, Path], tmp_path: Path) -> None:
    folders, home = kept
    (tmp_path / "elsewhere").mkdir()
    (home / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnreachableError):
        folders.put(PARTY, "1.edi", b"one")
    assert listed(tmp_path / "elsewhere") == {}
    with pytest.raises(UnreachableError, match="off"):
        Folders(None).put(PARTY, "1.edi", b"one")
