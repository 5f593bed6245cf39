"""What is sealed opens in its place with its key, and nowhere else; keys can be changed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from service.ledger.opening import Ledger
from service.ledger.sealed import (
    Keys,
    KeysUnusable,
    NotOpened,
    new_key,
    open_letter,
    open_text,
    read_keys,
    reseal,
    seal_letter,
    seal_text,
)
from service.ledger.statements import insert
from service.ledger.tables import dead_letters, operator_texts

OLD, NEW = bytes(32), bytes(range(32))
LETTER = ("topic-1", 0, 7)


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_is_sealed_opens_again(data: bytes, place: str) -> None:
    sealed = Keys([NEW]).seal(data, place)
    assert Keys([OLD, NEW]).open(sealed, place) == data
    assert len(data) < 8 or data not in sealed


@given(st.integers(0, 63))
def test_altered_moved_or_under_another_key_it_does_not_open(at: int) -> None:
    keys = Keys([NEW])
    sealed = keys.seal(b"x" * 32, "here")
    altered = bytearray(sealed)
    altered[at] ^= 1
    for wrong in (bytes(altered), sealed[:at]):
        with pytest.raises(NotOpened):
            keys.open(wrong, "here")
    with pytest.raises(NotOpened, match="altered since"):
        keys.open(sealed, "there")
    with pytest.raises(NotOpened, match="which is not in the key file"):
        Keys([OLD]).open(sealed, "here")


def test_the_same_text_never_looks_the_same() -> None:
    keys = Keys([NEW])
    assert keys.seal(b"x", "here") != keys.seal(b"x", "here")


def test_nothing_typed_is_nothing_sealed() -> None:
    assert seal_text(Keys([NEW]), "33", "c", {"comment": " \n", "rationale": ""}) is None
    sealed = seal_text(Keys([NEW]), "33", "c", {"comment": " a ", "rationale": ""})
    assert sealed is not None
    assert sealed.fields == ("comment",)


def test_keys_come_from_a_file_the_first_one_seals(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    lines = [new_key(), new_key()]
    path.write_text(f"# of this year\n{lines[0]}\n\n{lines[1]}  # of last year\n")
    sealed = read_keys(path).seal(b"x", "here")
    path.write_text(lines[0])
    assert read_keys(path).open(sealed, "here") == b"x"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no key"),
        ("# nothing\n", "holds no key"),
        ("short", "line 1 is not base64 of 32 bytes"),
        (f"{'A' * 43}=\nQUJD\n", "line 2 is not base64 of 32 bytes"),
        ("é", "not plain text"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_told_of(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KeysUnusable, match=told) as refused:
        read_keys(path)
    assert "short" not in str(refused.value)
    with pytest.raises(KeysUnusable, match="No such file"):
        read_keys(tmp_path / "none")


def test_everything_is_brought_under_the_first_key(ledgers: Callable[[], Ledger]) -> None:
    ledger, old, both, new = ledgers(), Keys([OLD]), Keys([NEW, OLD]), Keys([NEW])
    text = seal_text(old, "33", "c-1", {"comment": "a"})
    assert text is not None
    letter = seal_letter(old, *LETTER, b"raw")
    with ledger.writing() as connection:
        insert(connection, operator_texts, [("33", 1, "c-1", text.key_id, text.data)])
        row = (*LETTER, "33", "log", None, "not_json", "", "d", 1, "kept", letter, None)
        insert(connection, dead_letters, [row])
    with ledger.writing() as connection:
        assert reseal(connection, both) == 2
        assert reseal(connection, both) == 0
        assert open_text(connection, new, "33", 1) == {"comment": "a"}
        held = connection.scalars(select(dead_letters.c.raw_encrypted)).one()
        assert held is not None
        assert open_letter(new, *LETTER, bytes(held)) == b"raw"
        with pytest.raises(NotOpened):
            open_letter(new, "topic-1", 0, 8, bytes(held))
        with pytest.raises(NotOpened):
            open_text(connection, old, "33", 1)
