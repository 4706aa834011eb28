"""The types of the schema."""

from datetime import datetime
from enum import Enum
from typing import Self
from uuid import UUID

import strawberry
from sqlalchemy import func, select
from strawberry.dataloader import DataLoader

from benchmarks.contenders.strawberry_docs.tables import LIVE, RoleModel, UserModel, session

Info = strawberry.Info[dict[str, DataLoader[UUID, list[RoleModel]]], None]


@strawberry.type
class Role:
    key: str
    name: str
    description: str | None

    @classmethod
    def of(cls, model: RoleModel) -> Self:
        return cls(key=model.key, name=model.name, description=model.description)


@strawberry.type
class User:
    id: strawberry.ID
    email: str | None
    first_name: str | None
    last_name: str | None
    display_name: str
    phone: str | None
    status: str
    created_at: datetime

    @classmethod
    def of(cls, model: UserModel) -> Self:
        return cls(
            id=strawberry.ID(str(model.id)),
            email=model.email,
            first_name=model.first_name,
            last_name=model.last_name,
            display_name=model.display_name,
            phone=model.phone,
            status=model.status,
            created_at=model.created_at,
        )

    @strawberry.field
    async def roles(self, info: Info) -> list[Role]:
        return [Role.of(model) for model in await info.context["roles"].load(UUID(self.id))]


@strawberry.type
class UserEdge:
    cursor: str
    node: User


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class UserConnection:
    edges: list[UserEdge]
    page_info: PageInfo

    @strawberry.field
    async def total_count(self, cap: int | None = None) -> int:
        counted = select(UserModel.id).where(LIVE)
        if cap is not None:
            counted = counted.limit(cap + 1)
        async with session() as db:
            return (await db.execute(select(func.count()).select_from(counted.subquery()))).scalar_one()


@strawberry.enum
class UserOrder(Enum):
    CREATED_AT = "created_at"
    DISPLAY_NAME = "display_name_fold"


@strawberry.input
class UserFilter:
    email_contains: str | None = None
    roles_any_of: list[str] | None = None
    search: list[str] | None = None
    created_from: str | None = None
