"""The agents and queues of the simulated organization: names, the ids that go with them, and who is at work."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid5

ORGANISATION = UUID("5b0c5e0e-7f57-4f0c-9a5e-9be2a1f0c3d7")
"""The name space of all derived ids, and the id of the organization itself."""

DIVISION_ID = "0e1f6c52-7a52-4d0f-8a8a-6f2d5a2c9b11"

STAFF = (
    "Priya Nair",
    "Tom Becker",
    "Lucia Romano",
    "Kwame Mensah",
    "Sofie Lindqvist",
    "Mateo Vargas",
    "Hanna Virtanen",
)
QUEUES = ("Billing", "Support", "Sales", "Claims")


def derived_id(*parts: object) -> str:
    """Derive an id that is the same in every run, so that documents and tests can name it."""
    return str(uuid5(ORGANISATION, "/".join(str(part) for part in parts)))


@dataclass(slots=True)
class Directory:
    """Who works here; a name that was never heard of joins when it is first used."""

    users: dict[str, str] = field(default_factory=dict)
    """Names by user id."""

    queues: dict[str, str] = field(default_factory=dict)
    """Names by queue id."""

    emails: dict[str, str] = field(default_factory=dict)
    """Addresses by user id, where they don't follow from the name."""

    inactive: set[str] = field(default_factory=set)
    """The ids of users who may not log in any more."""

    off_queue: set[str] = field(default_factory=set)
    """The ids of users who take no calls of a queue now."""

    offline: set[str] = field(default_factory=set)
    """The ids of users who are logged out."""

    def __post_init__(self) -> None:
        for name in STAFF:
            self.user_id(name)
        for name in QUEUES:
            self.queue_id(name)

    def user_id(self, name: str) -> str:
        user_id = derived_id("user", name)
        self.users[user_id] = name
        return user_id

    def email(self, user_id: str) -> str:
        mailbox = self.users[user_id].lower().replace(" ", ".")
        return self.emails.get(user_id, f"{mailbox}@example.com")

    def queue_id(self, name: str) -> str:
        queue_id = derived_id("queue", name)
        self.queues[queue_id] = name
        return queue_id
