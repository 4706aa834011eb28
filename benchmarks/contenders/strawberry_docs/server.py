"""A server as documentations show one: Strawberry's pages on FastAPI and DataLoaders, SQLAlchemy's on asynchronous I/O.

Pages are sought by cursor, as Strawberry's guide to pagination has it. Nothing is tuned: so a first version is written.
"""

from collections.abc import Sequence
from uuid import UUID

import strawberry
from fastapi import FastAPI
from sqlalchemy import select
from strawberry.dataloader import DataLoader
from strawberry.fastapi import GraphQLRouter

from benchmarks.contenders.strawberry_docs import users as store
from benchmarks.contenders.strawberry_docs.tables import RoleAssignmentModel, RoleModel, UserModel, session
from benchmarks.contenders.strawberry_docs.types import User, UserConnection, UserFilter, UserOrder


@strawberry.type
class Query:
    @strawberry.field
    async def user(self, id: strawberry.ID) -> User | None:  # noqa: A002 -- the argument of the field
        async with session() as db:
            model = await db.get(UserModel, UUID(id))
        return None if model is None else User.of(model)

    @strawberry.field
    async def users(
        self,
        first: int,
        after: str | None = None,
        filter: UserFilter | None = None,  # noqa: A002 -- the argument of the field
        order_by: UserOrder = UserOrder.CREATED_AT,
    ) -> UserConnection:
        return await store.page(first, after, filter, order_by)


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def create_user(self, email: str, first_name: str, last_name: str) -> User:
        model = store.new_user(email, first_name, last_name)
        async with session() as db:
            db.add(model)
            await db.commit()
            await db.refresh(model)
        return User.of(model)

    @strawberry.mutation
    async def update_user(self, id: strawberry.ID, phone: str) -> User | None:  # noqa: A002 -- the same
        async with session() as db:
            model = await db.get(UserModel, UUID(id))
            if model is None:
                return None
            model.phone = phone
            await db.commit()
        return User.of(model)

    @strawberry.mutation
    async def assign_roles(self, id: strawberry.ID, roles: list[strawberry.ID]) -> User | None:  # noqa: A002 -- the same
        async with session() as db:
            model = await db.get(UserModel, UUID(id))
            if model is None:
                return None
            db.add_all(RoleAssignmentModel(user_id=model.id, role_id=UUID(role)) for role in roles)
            await db.commit()
        return User.of(model)


async def load_roles(user_ids: Sequence[UUID]) -> list[list[RoleModel]]:
    statement = (
        select(RoleAssignmentModel.user_id, RoleModel)
        .join(RoleModel, RoleModel.id == RoleAssignmentModel.role_id)
        .where(RoleAssignmentModel.user_id.in_(user_ids), RoleAssignmentModel.ended_at.is_(None))
        .order_by(RoleModel.key)
    )
    held: dict[UUID, list[RoleModel]] = {user_id: [] for user_id in user_ids}
    async with session() as db:
        for user_id, role in await db.execute(statement):
            held[user_id].append(role)
    return list(held.values())


async def get_context() -> dict[str, DataLoader[UUID, list[RoleModel]]]:
    return {"roles": DataLoader(load_fn=load_roles)}


schema = strawberry.Schema(Query, Mutation)
app = FastAPI()
app.include_router(GraphQLRouter(schema, context_getter=get_context), prefix="/graphql")
