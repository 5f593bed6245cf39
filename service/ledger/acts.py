"""Commands in the ledger: answers given, mutes, and what was typed."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, select

from schemas.words import Grade
from service.alerts.mutes import Matchers, Mute
from service.effects import (
    Answer,
    AnswerCommand,
    Answered,
    ChainCommand,
    CommandGiven,
    EndMute,
    Input,
    TrackMute,
)
from service.ledger.instants import instant, micros
from service.ledger.load import Held
from service.ledger.statements import Row, by_keys, insert, insert_once, upsert
from service.ledger.tables import (
    commands,
    mutes,
    operator_texts,
)

_ANSWERED = by_keys("t.force, t.command_id, t.digest, t.answer", "commands", "command_id")
_MUTES = by_keys(", ".join(f"t.{column.name}" for column in mutes.columns), "mutes", "mute_id")

_encode = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(Answer).decode


def load_acts(
    connection: Connection, held: Mapping[str, Held], inputs: Mapping[str, Sequence[Input]]
) -> None:
    """What a turn's commands must be able to see: whether they were answered before, and the mutes
    that they name."""
    given = {
        force: [each for each in inputs[force] if isinstance(each, CommandGiven)] for force in held
    }
    if not any(given.values()):
        return
    ids = {force: sorted({each.command_id for each in some}) for force, some in given.items()}
    for force, command_id, digest, answer in _ANSWERED.run(connection, ids):
        held[force].lane.answered[command_id] = Answered(digest, _read(answer))
    named = {
        force: sorted({each.asked.mute for each in some if isinstance(each.asked, EndMute)})
        for force, some in given.items()
    }
    for row in _MUTES.run(connection, named):
        made = _mute(row)
        held[made.force].lane.mutes[made.id] = made


def all_mutes(connection: Connection, force: str) -> tuple[Mute, ...]:
    """Every mute of a force, by the moment from which it runs."""
    query = select(mutes).where(mutes.c.force == force).order_by(mutes.c.since, mutes.c.mute_id)
    return tuple(_mute(tuple(row)) for row in connection.execute(query))


def _mute(row: Row) -> Mute:
    force, name, area, category, harm, grade, subject, since, until, author, seq, ended, by = row
    return Mute(
        id=name,
        force=force,
        matchers=Matchers(
            area=area,
            category=category,
            harm=None if harm is None else bool(harm),
            grade=Grade(grade) if grade else None,
            subject=subject,
        ),
        since=instant(since),
        until=instant(until),
        author=author,
        seq=seq,
        ended_at=instant(ended),
        ended_by=by,
    )


def write_answers(connection: Connection, answers: Iterable[AnswerCommand]) -> None:
    """Remember what was answered for the first time."""
    rows: list[Row] = [
        (
            each.force,
            each.command_id,
            each.answered.answer.seq or None,
            each.answered.digest,
            micros(each.at),
            _encode(each.answered.answer).decode(),
        )
        for each in answers
        if not each.again
    ]
    insert(connection, commands, rows)


def write_texts(connection: Connection, given: Iterable[ChainCommand]) -> None:
    """Keep what was typed, sealed, apart from the chain."""
    rows: list[Row] = [
        (each.force, each.seq, each.command_id, each.text.key_id, each.text.data)
        for each in given
        if each.text is not None
    ]
    insert_once(connection, operator_texts, rows)


def write_mutes(connection: Connection, tracked: Iterable[TrackMute]) -> None:
    """Write mutes made or ended; the last state of each."""
    last = {(each.mute.force, each.mute.id): each for each in tracked}
    rows: list[Row] = []
    for (force, name), each in last.items():
        mute, matchers = each.mute, each.mute.matchers
        rows.append(
            (
                force,
                name,
                matchers.area,
                matchers.category,
                None if matchers.harm is None else int(matchers.harm),
                str(matchers.grade or ""),
                matchers.subject,
                micros(mute.since),
                micros(mute.until),
                mute.author,
                mute.seq,
                micros(mute.ended_at),
                mute.ended_by,
            )
        )
    upsert(connection, mutes, rows)
