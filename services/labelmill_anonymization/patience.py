"""For work that can wait: jobs and streams, which have brakes of their own."""

from __future__ import annotations

import asyncio

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Anonymizer
from labelmill_anonymization.transform import CleanText
from labelmill_runtime.errors import ResourceExhausted


async def anonymize_patiently(anonymizer: Anonymizer, text: str, policy: Policy, keys: ProjectKeys) -> CleanText:
    """Anonymizes a text when there is room for it; callers in a hurry are refused instead."""
    while True:
        try:
            return await anonymizer.anonymize(text, policy, keys)
        except ResourceExhausted as error:
            await asyncio.sleep(error.retry_after_s or 1.0)
