"""date_shift: moves a date by a number of days that is the same for everything about one subject."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators.operator import Protection
from labelmill_anonymization.written_dates import read_date

DEFAULT_MAX_DAYS = 182


@dataclass(frozen=True, slots=True)
class DateShift:
    """Moves dates by 1 to `max_days` days, back or forth; the time between two dates of a subject stays what it is."""

    name: ClassVar[str] = "date_shift"
    max_days: int = DEFAULT_MAX_DAYS
    day_first: bool | None = None
    """In 03/04/2024 the day is first; None: as the text's language has it, which the policy fills in."""

    def apply(self, value: str, entity_type: str, keys: ProjectKeys) -> str:
        """Another date in the same form; what is no whole date, or would leave the calendar, becomes its type."""
        written = read_date(value, day_first=bool(self.day_first))
        if written is None:
            return f"<{entity_type}>"
        try:
            return written.write(written.day + timedelta(days=self.days(keys)))
        except OverflowError:
            return f"<{entity_type}>"

    def days(self, keys: ProjectKeys) -> int:
        """By how much; never 0."""
        number = int.from_bytes(keys.purpose_key("date-shift", keys.subject)) % (2 * self.max_days) - self.max_days
        return number if number < 0 else number + 1

    def protection(self, value: str) -> Protection:
        """Whoever holds the key knows the number of days."""
        return Protection.PSEUDONYMIZED

    def key_ids(self, keys: ProjectKeys) -> tuple[str, ...]:
        """The project's linking key."""
        return (keys.linking_id,)
