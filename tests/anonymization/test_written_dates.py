"""Dates are read in their usual forms and written again in the same form; nothing else is taken for one."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators import DateShift
from labelmill_anonymization.written_dates import read_date

KEYS = ProjectKeys.derive(b"s" * 32, "demo")
FORTNIGHT = timedelta(days=14)


@pytest.mark.parametrize(
    ("written", "later"),
    [
        ("March 3, 2024", "March 17, 2024"),
        ("March 30th, 2024", "April 13th, 2024"),
        ("MARCH 20, 2024", "APRIL 3, 2024"),
        ("Mar. 3, 2024", "Mar. 17, 2024"),
        ("Sept 20, 2024", "Oct 4, 2024"),
        ("Monday, March 4, 2024", "Monday, March 18, 2024"),
        ("3 March 2024", "17 March 2024"),
        ("the 3rd of March", None),
        ("3rd of March 2024", "17th of March 2024"),
        ("03-MAR-2024", "17-MAR-2024"),
        ("2024-03-03", "2024-03-17"),
        ("2024/3/3", "2024/3/17"),
        ("2024-02-20T10:30:00Z", "2024-03-05T10:30:00Z"),
        ("2024-03-03 10:30:00.123+02:00", "2024-03-17 10:30:00.123+02:00"),
        ("20240303", "20240317"),
        ("03.03.2024", "17.03.2024"),
        ("3. 3. 2024", "17. 3. 2024"),
        ("03/04/2024", "03/18/2024"),
        ("3/4/24", "3/18/24"),
        ("25/12/2023", "08/01/2024"),
        ("3. März 2024", "17. März 2024"),
        ("Dienstag, 5. März 2024 um 10:30 Uhr", "Dienstag, 19. März 2024 um 10:30 Uhr"),
        ("3 de marzo de 2024", "17 de marzo de 2024"),
        ("20 mars 2024", "3 avril 2024"),
        ("1er mars 2024", "15 mars 2024"),
        ("lunedì 4 marzo 2024", "lunedì 18 marzo 2024"),
        ("March 3, 2024 at 10:30 am", "March 17, 2024 at 10:30 am"),
        ("yesterday", None),
        ("2024", None),
        ("March 2024", None),
        ("30.02.2024", None),
        ("2024-13-01", None),
        ("10:30", None),
        ("March 3, 2024 and Jane", None),
        ("", None),
    ],
)
def test_a_fortnight_later_in_the_same_form(written: str, later: str | None) -> None:
    found = read_date(written)
    assert (found.write(found.day + FORTNIGHT) if found else None) == later


def test_which_number_is_the_day_depends_on_the_language() -> None:
    american, european = read_date("03/04/2024"), read_date("03/04/2024", day_first=True)
    assert american is not None
    assert european is not None
    assert (american.day, european.day) == (date(2024, 3, 4), date(2024, 4, 3))


FORMS = ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%B %d, %Y", "%d %b %Y", "%A, %B %d, %Y", "%Y%m%d"]


@given(st.dates(date(1901, 1, 1), date(2099, 12, 31)), st.sampled_from(FORMS))
def test_a_date_written_unchanged_is_what_it_was(day: date, form: str) -> None:
    written = day.strftime(form)
    found = read_date(written)
    assert found is not None
    assert found.day == day
    assert found.write(day) == written


@given(
    st.dates(date(1901, 1, 1), date(2099, 1, 1)),
    st.dates(date(1901, 1, 1), date(2099, 1, 1)),
    st.text(max_size=20),
    st.integers(1, 3650),
)
def test_the_time_between_two_dates_of_a_subject_stays(first: date, second: date, subject: str, far: int) -> None:
    shift, keys = DateShift(far), KEYS.about(subject)
    moved = [date.fromisoformat(shift.apply(day.isoformat(), "DATE_TIME", keys)) for day in (first, second)]
    assert moved[1] - moved[0] == second - first
    assert 1 <= abs((moved[0] - first).days) <= far


def test_subjects_are_moved_by_different_numbers_of_days() -> None:
    days = {DateShift().days(KEYS.about(f"patient {number}")) for number in range(50)}
    assert len(days) > 30
    assert 0 not in days


@pytest.mark.parametrize("value", ["yesterday", "2024", "9999-12-31", "0001-01-01", "last May"])
def test_what_cannot_be_shifted_is_replaced(value: str) -> None:
    moved = DateShift(3650).apply(value, "DATE_TIME", KEYS)
    assert moved == "<DATE_TIME>" or value in ("9999-12-31", "0001-01-01")
    assert moved != value
