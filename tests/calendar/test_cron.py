"""Which expressions are understood, how the others are complained of, and when they are due where clocks are set."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from sqlpipe.calendar import cron


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _local(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _due(expression: str, zone: str, after: datetime, count: int) -> list[datetime]:
    found: list[datetime] = []
    for _ in range(count):
        following = cron.next_after(expression, zone, found[-1] if found else after)
        assert following is not None
        found.append(following)
    return found


def _shown(expression: str, zone: str, day: str, count: int) -> list[str]:
    """What the clock shows when it is due, from the beginning of a local day."""
    after = _local(zone, day) - timedelta(microseconds=1)
    return [f"{each.astimezone(ZoneInfo(zone)):%d %H:%M %z}" for each in _due(expression, zone, after, count)]


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        (" @Annually ", "0 0 1 1 *"),
        ("  */15\t9-17  * JAN-mar MON-FRI ", "*/15 9-17 * jan-mar mon-fri"),
        ("0 6 L * *", "0 6 l * *"),
        ("0 6 1,l * *", "0 6 1,l * *"),
        ("0 6 * * fri#2", "0 6 * * fri#2"),
        ("0 6 31 2 mon", "0 6 31 2 mon"),  # every Monday of February
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 * * 5-7", "0 0 * * 5-7"),
    ],
)
def test_an_expression_is_spelled_out(text: str, spelled: str) -> None:
    assert cron.parse(text) == spelled
    assert cron.parse(spelled) == spelled


@pytest.mark.parametrize(
    ("text", "marked", "words"),
    [
        ("", "", "five fields, and this has none"),
        ("0 6 * *", "0 6 * *", "five fields, and this has 4"),
        ("0 0 6 * * *", "*", "five fields, and this has 6"),
        ("0 6 * * * 2026 x", "2026 x", "five fields, and this has 7"),
        ("@reboot", "@reboot", "`@reboot` is no time"),
        ("  @dayly", "@dayly", "there is no `@dayly`"),
        ("5-1 * * * *", "5-1", "`5-1` runs backwards"),
        ("0 0 * * fri-sun", "fri-sun", "`fri-sun` runs backwards"),
        ("60 * * * *", "60", "`60` is no minute"),
        ("0 24 * * *", "24", "`24` is no hour"),
        ("0 6,12,99 * * *", "99", "`99` is no hour"),
        ("0 9-99 * * *", "99", "`99` is no hour"),
        ("0 0 0 * *", "0", "`0` is no day of the month"),
        ("0 0 * foo *", "foo", "`foo` is no month"),
        ("0 0 * * 8", "8", "`8` is no day of the week"),
        ("0 0 31 2 *", "31 2", "no such month has a day 31"),
        ("0 0 30,31 feb *", "30,31 feb", "no such month has a day 30"),
        ("0 0 31 4,6,9,11 */2", "31 4,6,9,11", "no such month has a day 31"),
        ("*/90 * * * *", "/90", "`/90` is no step for a minute"),
        ("*/0 * * * *", "/0", "`/0` is no step"),
        ("5/15 * * * *", "5/15", "does not say where it ends"),
        ("*-5 * * * *", "*-5", "`*-5` is no minute"),
        ("1,* * * * *", "*", "`*` is every minute already"),
        ("1,,2 * * * *", "", "`` is no minute"),
        ("H * * * *", "h", "`h` is no minute"),
        ("0 0 ? * *", "?", "`?` is no day of the month"),
        ("0 0 15W * *", "15w", "`15w` is no day of the month"),
        ("0 0 * * fri#6", "6", "no month has a weekday number 6"),
        ("0 0 13 * fri#2", "13", "`fri#2` goes with `*`"),
        ("-1 * * * *", "-1", "`-1` is no minute"),
        ("٣ * * * *", "٣", "`٣` is no minute"),
    ],
)
def test_what_is_not_understood_is_marked_in_the_text(text: str, marked: str, words: str) -> None:
    with pytest.raises(cron.CronError) as caught:
        cron.parse(text)
    error = caught.value
    assert words in error.message
    assert text[error.start : error.start + len(marked)].lower() == marked
    assert error.length == max(1, len(marked))


@pytest.mark.parametrize(
    ("text", "start", "help"),
    [
        ("0 0 * * frii", 8, "did you mean `fri`?"),
        (
            "0 0 6 * * *",
            10,
            "minute, hour, day of the month, month, day of the week; there are none for seconds or years",
        ),
        ("5/15 * * * *", 0, "write `5-59/15`"),
        ("0,30 1,25 * * *", 7, "from 0 to 23"),
    ],
)
def test_a_complaint_says_where_and_what_to_do(text: str, start: int, help: str) -> None:
    with pytest.raises(cron.CronError) as caught:
        cron.parse(text)
    assert (caught.value.start, caught.value.help) == (start, help)


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("Europe/Pariss", "did you mean `Europe/Paris`"),
        ("paris", "did you mean `Europe/Paris`?"),
        ("New York", "did you mean `America/New_York`?"),
        ("", "name one as `Europe/Paris` or `UTC`"),
        ("../etc/passwd", "name one as"),
        ("Europe", ""),
        ("+02:00", "name one as"),
    ],
)
def test_a_zone_that_does_not_exist_is_complained_of(name: str, help: str) -> None:
    with pytest.raises(cron.CronError, match="there is no time zone") as caught:
        cron.zone(name)
    assert caught.value.help.startswith(help)


def test_a_zone_is_found_by_its_name() -> None:
    assert cron.zone("Europe/Paris") == ZoneInfo("Europe/Paris")


@pytest.mark.catalogue("T1", "T6")
def test_in_a_gap_it_is_due_at_the_first_instant_after() -> None:
    zone = "America/Chicago"
    assert _due("30 2 * * *", zone, _local(zone, "2026-03-08"), 1) == [_utc("2026-03-08T08:00")]
    assert _shown("30 2 * * *", zone, "2026-03-07", 3) == ["07 02:30 -0600", "08 03:00 -0500", "09 02:30 -0500"]


@pytest.mark.catalogue("T3")
def test_two_times_in_one_gap_are_due_once() -> None:
    zone = "America/Chicago"
    expected = ["08 01:30 -0600", "08 03:00 -0500", "08 03:30 -0500", "09 01:00 -0500"]
    assert _shown("0,30 1-3 * * *", zone, "2026-03-08", 5)[1:] == expected


@pytest.mark.catalogue("T1", "T2", "T6", "T8")
@pytest.mark.parametrize(
    ("expression", "zone", "day", "shown"),
    [
        ("30 1 * * *", "America/Chicago", "2026-11-01", ["01 01:30 -0500", "02 01:30 -0600"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-05", ["05 01:45 +1100", "06 01:45 +1030"]),
        ("30 2 * * *", "Europe/Paris", "2026-10-25", ["25 02:30 +0200", "26 02:30 +0100"]),
        ("0 2 * * *", "Europe/Paris", "2026-10-25", ["25 02:00 +0200", "26 02:00 +0100"]),
    ],
)
def test_what_the_clock_shows_twice_is_due_once(expression: str, zone: str, day: str, shown: list[str]) -> None:
    assert _shown(expression, zone, day, 2) == shown


@pytest.mark.catalogue("T1", "T2")
def test_asked_in_the_second_of_two_hours_it_does_not_go_back_to_the_first() -> None:
    assert _due("50 1 * * *", "America/Chicago", _utc("2026-11-01T07:45"), 1) == [_utc("2026-11-02T07:50")]


@pytest.mark.catalogue("T3")
def test_every_hour_is_every_hour_that_passes() -> None:
    hour = timedelta(hours=1)
    for zone, day in (
        ("America/Chicago", "2026-11-01"),
        ("America/Chicago", "2026-03-08"),
        ("Europe/Paris", "2026-10-25"),
    ):
        found = _due("0 * * * *", zone, _local(zone, day), 30)
        assert {later - earlier for earlier, later in pairwise(found)} == {hour}
    assert _shown("0 * * * *", "America/Chicago", "2026-11-01", 4) == [
        "01 00:00 -0500",
        "01 01:00 -0500",
        "01 01:00 -0600",
        "01 02:00 -0600",
    ]


@pytest.mark.catalogue("T1", "T8")
@pytest.mark.parametrize(
    ("expression", "zone", "day", "shown"),
    [
        ("0 */2 * * *", "America/Toronto", "2026-03-08", ["08 00:00 -0500", "08 04:00 -0400", "08 06:00 -0400"]),
        ("*/30 2 * * *", "America/Toronto", "2026-03-08", ["09 02:00 -0400", "09 02:30 -0400"]),
        ("*/30 1 * * *", "America/Toronto", "2026-11-01",
         ["01 01:00 -0400", "01 01:30 -0400", "01 01:00 -0500", "01 01:30 -0500"]),
        ("0 7-8 * * *", "America/Los_Angeles", "2019-11-03", ["03 07:00 -0800", "03 08:00 -0800", "04 07:00 -0800"]),
    ],
)  # fmt: skip
def test_a_star_follows_the_clock(expression: str, zone: str, day: str, shown: list[str]) -> None:
    assert _shown(expression, zone, day, len(shown)) == shown


@pytest.mark.catalogue("T4")
@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "America/St_Johns"])
def test_the_hour_is_that_of_the_local_clock(zone: str) -> None:
    found = _due("0 * * * *", zone, _utc("2026-06-01T00:00"), 3)
    assert [each.astimezone(ZoneInfo(zone)).minute for each in found] == [0, 0, 0]
    assert found[0].minute != 0


@pytest.mark.catalogue("T4")
def test_a_gap_from_a_quarter_to_three_in_the_chathams() -> None:
    zone = "Pacific/Chatham"
    assert _shown("0 3 * * *", zone, "2026-09-27", 2) == ["27 03:45 +1345", "28 03:00 +1345"]
    assert _shown("0 3 * * *", zone, "2026-04-05", 2) == ["05 03:00 +1345", "06 03:00 +1245"]
    assert _shown("*/15 3 * * *", zone, "2026-09-27", 2) == ["27 03:45 +1345", "28 03:00 +1345"]


@pytest.mark.catalogue("T1", "T4")
def test_half_an_hour_on_lord_howe() -> None:
    zone = "Australia/Lord_Howe"
    assert _shown("15 2 * * *", zone, "2026-10-04", 2) == ["04 02:30 +1100", "05 02:15 +1100"]
    assert _shown("0 * * * *", zone, "2026-04-05", 4)[1:] == ["05 01:00 +1100", "05 02:00 +1030", "05 03:00 +1030"]
    assert _shown("45 * * * *", zone, "2026-04-05", 4)[1:] == ["05 01:45 +1100", "05 01:45 +1030", "05 02:45 +1030"]


@pytest.mark.catalogue("T1", "T3")
@pytest.mark.parametrize(("zone", "day"), [("America/Sao_Paulo", "2018-11-04"), ("Asia/Beirut", "2024-03-31")])
def test_a_day_without_midnight_begins_at_its_first_instant(zone: str, day: str) -> None:
    before = _local(zone, day) - timedelta(hours=12)
    found = _due("0 0 * * *", zone, before, 2)
    assert f"{found[0].astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" == f"{day} 01:00"
    assert found[1] - found[0] == timedelta(hours=23)


@pytest.mark.catalogue("T1", "T3", "T5")
def test_a_day_that_a_zone_leaves_out() -> None:
    zone = "Pacific/Apia"
    assert _shown("0 0 * * *", zone, "2011-12-29", 3) == ["29 00:00 -1000", "31 00:00 +1400", "01 00:00 +1400"]
    assert _shown("0 6 * * *", zone, "2011-12-29", 3) == ["29 06:00 -1000", "31 00:00 +1400", "31 06:00 +1400"]
    assert _shown("0 6 30 12 *", zone, "2011-12-01", 2) == ["31 00:00 +1400", "30 06:00 +1400"]
    assert _shown("0 */6 30 12 *", zone, "2011-12-01", 1) == ["30 00:00 +1400"]  # of the year after


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 13 * 5", ["02-06", "02-13", "02-20"]),  # both restricted: either will do
        ("0 0 */2 * 1", ["02-09", "02-23", "03-09"]),  # one begins with `*`: both have to fit
        ("0 0 l * *", ["02-28", "03-31", "04-30"]),
        ("0 0 15,l * *", ["02-15", "02-28", "03-15"]),
        ("0 0 * * fri#2", ["02-13", "03-13", "04-10"]),
        ("0 0 13-13 * *", ["02-13", "03-13", "04-13"]),
        ("0 0 13 * 0-6", ["02-02", "02-03", "02-04"]),
        ("0 0 * * 7", ["02-08", "02-15", "02-22"]),
        ("0 0 31 * *", ["03-31", "05-31", "07-31"]),
    ],
)
def test_days_are_those_of_crontab(expression: str, days: list[str]) -> None:
    assert [f"{each:%m-%d}" for each in _due(expression, "UTC", _utc("2026-02-01T00:00"), 3)] == days


def test_leap_days_are_found_years_ahead() -> None:
    assert _due("0 0 29 2 *", "Europe/Paris", _utc("2096-03-01T00:00"), 1) == [_utc("2104-02-28T23:00")]


def test_it_ends_with_time_itself() -> None:
    assert cron.next_after("0 0 1 1 *", "UTC", _utc("9999-06-01T00:00")) is None
    assert cron.next_after("0 0 * * *", "America/Chicago", _utc("9999-12-31T12:00")) is None
    assert cron.next_after("* * * * *", "UTC", _utc("9999-12-31T23:59:30")) is None


@pytest.mark.parametrize("expression", ["0 6 * * *", "*/5 * * * *"])
def test_the_instant_itself_is_not_after_it(expression: str) -> None:
    first = _utc("2026-01-01T06:00")
    assert cron.next_after(expression, "UTC", first - timedelta(microseconds=1)) == first
    assert _due(expression, "UTC", first, 1)[0] > first


def test_the_zone_of_the_moment_does_not_matter() -> None:
    moment = _utc("2026-01-01T05:59")
    tokyo = moment.astimezone(ZoneInfo("Asia/Tokyo"))
    assert cron.next_after("0 6 * * *", "UTC", tokyo) == cron.next_after("0 6 * * *", "UTC", moment)


def test_what_is_due_every_day_is_known_without_croniter() -> None:
    program = (
        "import sys; from datetime import UTC, datetime; from sqlpipe.calendar import cron; cron.parse('0 6 1 * mon');"
        "cron.next_after('0 6 * * *', 'UTC', datetime(2026, 1, 1, tzinfo=UTC)); sys.exit('croniter' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
