"""Every setting, read from the environment. Imported by app and cli only."""

import re

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`database_url` (DATABASE_URL) is the server to use; without it `roster serve` starts one of its own."""

    model_config = SettingsConfigDict(frozen=True)

    database_url: str | None = None

    @field_validator("database_url")
    @classmethod
    def _with_driver(cls, url: str | None) -> str | None:
        """Any common spelling of a PostgreSQL address, with the driver that Roster uses; empty is as good as unset."""
        return re.sub(r"^postgres(?:ql)?(?:\+\w+)?://", "postgresql+psycopg://", url) if url else None
