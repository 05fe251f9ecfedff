"""The keys that a policy needs for contents of one project, by data subject."""

from __future__ import annotations

from dataclasses import dataclass

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import KeySource


@dataclass(frozen=True)
class SubjectKeys:
    """Asks the keyring; a key of the subject's own only where the policy encrypts by subject."""

    source: KeySource
    project: str
    policy: Policy

    async def about(self, subject: str) -> ProjectKeys:
        """The keys for contents about a subject; "": not said whom they are about."""
        return await self.source.keys(self.project, subject, subject_key=self.policy.encrypts_by_subject)
