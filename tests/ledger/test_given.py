"""A command made ready: what is typed is sealed whole, or refused with how long it may be."""

import base64
from typing import Any

import pytest

from service.alerts.actors import Action, Actor, ActorRole
from service.effects import Acknowledge
from service.ledger.given import TYPED, TYPED_MAX, Act, ActUnusable, NoKey, make_command
from service.ledger.sealed import Keys, new_key
from tests.timeline import MONDAY

KEYS = Keys([base64.b64decode(new_key())])
CANARY = "Zephyrine Quillfeather"


def an_act(typed: dict[str, str] | None = None, **given: Any) -> Act:
    actor = Actor(id="p-1", roles=(ActorRole.SUPERVISOR,), forces=("33",), via="test")
    fields: dict[str, Any] = {"force": "33", "ref": "R1", "command_id": "command-1", **given}
    return Act(actor=actor, asked=Acknowledge(), typed=typed or {}, **fields)


def test_what_is_typed_is_sealed_and_its_fields_are_told() -> None:
    typed = {"comment": f" {CANARY} ", "rationale": " ", "what": "x" * TYPED_MAX}
    command = make_command(an_act(typed), KEYS, MONDAY)
    assert command.action is Action.ACKNOWLEDGE
    assert command.text is not None
    assert command.text.fields == ("comment", "what")
    assert CANARY not in repr(command)


def test_without_anything_typed_no_key_is_needed() -> None:
    assert make_command(an_act({"comment": "  "}), None, MONDAY).text is None
    with pytest.raises(NoKey, match="RECOUNT_TEXT_KEY_FILE"):
        make_command(an_act({"comment": CANARY}), None, MONDAY)


@pytest.mark.parametrize("field", TYPED)
def test_what_is_too_long_is_refused_and_never_cut(field: str) -> None:
    with pytest.raises(
        ActUnusable, match="4,001 characters are too many: write at most 4,000"
    ) as e:
        make_command(an_act({field: "x" * (TYPED_MAX + 1)}), KEYS, MONDAY)
    assert e.value.field == field


def test_a_browsers_line_ends_count_once() -> None:
    lines = "x\r\n" * (TYPED_MAX // 2)
    assert len(lines) > TYPED_MAX
    assert make_command(an_act({"comment": lines}), KEYS, MONDAY).text is not None


def test_nobody_makes_up_a_field_or_an_id() -> None:
    """Both stand in the chain, unsealed."""
    for act in (an_act({CANARY: "x"}), an_act(command_id=CANARY), an_act(command_id="")):
        with pytest.raises(ActUnusable) as refused:
            make_command(act, KEYS, MONDAY)
        assert CANARY not in str(refused.value)
