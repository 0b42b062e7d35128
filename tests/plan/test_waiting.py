"""The pauses of a sensor, the end of its patience, and how it ends then."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlpipe.domain.history import State
from sqlpipe.domain.task import OnTimeout, Sensor, TimeOfDay
from sqlpipe.plan.waiting import ending, next_poke, timed_out, too_many_errors

_CONDITION = TimeOfDay(time(6))
_FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)
_SENSOR = Sensor(_CONDITION, interval=30, max_interval=300, backoff=2, jitter=0, timeout=3600)


def _pause(sensor: Sensor, pokes: int, draw: float = 0.5) -> float:
    return (next_poke(sensor, pokes, _FIRST, _FIRST, draw) - _FIRST).total_seconds()


def test_pauses_grow_up_to_the_cap() -> None:
    assert [_pause(_SENSOR, pokes) for pokes in range(1, 7)] == [30, 60, 120, 240, 300, 300]


def test_without_backoff_they_stay_as_they_are() -> None:
    assert {_pause(Sensor(_CONDITION, interval=30, backoff=1, jitter=0), pokes) for pokes in (0, 1, 2, 99)} == {30}


def test_a_sensor_that_has_been_poked_for_weeks_has_no_numbers_too_large() -> None:
    assert _pause(_SENSOR, 100_000) == 300
    assert _pause(Sensor(_CONDITION, interval=30, backoff=1.01, jitter=0), 100_000) == 300


def test_an_interval_beyond_the_cap_was_asked_for() -> None:
    assert _pause(Sensor(_CONDITION, interval=900, max_interval=300, jitter=0), 1) == 900


def test_jitter_shortens_and_lengthens() -> None:
    sensor = Sensor(_CONDITION, interval=100, jitter=0.1)
    assert (_pause(sensor, 1, 0.0), _pause(sensor, 1, 0.5), _pause(sensor, 1, 0.75)) == (90, 100, 105)


@pytest.mark.catalogue("E10")
def test_the_last_poke_falls_on_the_deadline_which_counts_from_the_first() -> None:
    late = _FIRST + timedelta(seconds=3590)
    last = next_poke(_SENSOR, 40, _FIRST, late, 0.5)
    assert last == _FIRST + timedelta(seconds=3600)
    assert not timed_out(_SENSOR, _FIRST, late)
    assert timed_out(_SENSOR, _FIRST, last)


@pytest.mark.catalogue("E10")
def test_who_was_down_beyond_the_deadline_is_due_at_once_and_out_of_time() -> None:
    back = _FIRST + timedelta(days=3)
    assert next_poke(_SENSOR, 1, _FIRST, back, 0.5) <= back
    assert timed_out(_SENSOR, _FIRST, back)


def test_a_condition_that_knows_when_is_not_asked_before() -> None:
    due = _FIRST + timedelta(seconds=1234)
    assert next_poke(_SENSOR, 1, _FIRST, _FIRST, 0.5, due) == due
    assert next_poke(_SENSOR, 1, _FIRST, _FIRST, 0.5, _FIRST + timedelta(days=1)) == _FIRST + timedelta(hours=1)
    assert next_poke(_SENSOR, 1, _FIRST, _FIRST, 0.5, _FIRST) == _FIRST + timedelta(seconds=30)


@given(
    st.floats(0.1, 1e6),
    st.floats(0.1, 1e6),
    st.floats(1, 100),
    st.integers(0, 10**6),
    st.floats(0, 1, exclude_max=True),
)
def test_a_poke_is_never_in_the_past_and_never_beyond_the_deadline(
    interval: float, most: float, backoff: float, pokes: int, draw: float
) -> None:
    sensor = Sensor(_CONDITION, interval=interval, max_interval=most, backoff=backoff, jitter=0.5, timeout=1e9)
    now = _FIRST + timedelta(seconds=5e8)
    due = next_poke(sensor, pokes, _FIRST, now, draw)
    assert now <= due <= _FIRST + timedelta(seconds=1e9)


@pytest.mark.parametrize(
    ("on_timeout", "state"),
    [(OnTimeout.FAIL, State.FAILED), (OnTimeout.SKIP, State.SKIPPED), (OnTimeout.CONTINUE, State.DONE)],
)
def test_how_it_ends(on_timeout: OnTimeout, state: State) -> None:
    assert ending(Sensor(_CONDITION, on_timeout=on_timeout)) is state


@pytest.mark.catalogue("E10")
@pytest.mark.parametrize("on_timeout", OnTimeout)
def test_a_broken_sensor_does_not_look_like_a_patient_one(on_timeout: OnTimeout) -> None:
    # airflow#71255: soft-failing sensors hid that they were broken.
    sensor = Sensor(_CONDITION, on_timeout=on_timeout, max_errors=3)
    assert [too_many_errors(sensor, errors) for errors in range(5)] == [False, False, False, True, True]


@pytest.mark.catalogue("E10")
@pytest.mark.parametrize("on_timeout", OnTimeout)
def test_who_could_not_look_when_time_ran_out_has_failed(on_timeout: OnTimeout) -> None:
    # airflow#71255: few long pauses, so that the errors never become too many.
    assert ending(Sensor(_CONDITION, on_timeout=on_timeout, max_errors=5), errors=1) is State.FAILED


def test_no_errors_are_never_too_many() -> None:
    assert not too_many_errors(Sensor(_CONDITION, max_errors=0), 0)
    assert too_many_errors(Sensor(_CONDITION, max_errors=0), 1)
