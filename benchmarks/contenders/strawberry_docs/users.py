"""Users, by the ORM."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, exists, literal, select, tuple_

from benchmarks.contenders.strawberry_docs.tables import (
    LIVE,
    RoleAssignmentModel,
    RoleModel,
    UserModel,
    session,
)
from benchmarks.contenders.strawberry_docs.types import (
    PageInfo,
    User,
    UserConnection,
    UserEdge,
    UserFilter,
    UserOrder,
)
from roster.domain.text import fold

_KEYS = {
    UserOrder.CREATED_AT: UserModel.created_at,
    UserOrder.DISPLAY_NAME: UserModel.display_name_fold,
}


async def page(first: int, after: str | None, where: UserFilter | None, order: UserOrder) -> UserConnection:
    key = _KEYS[order]
    statement = select(UserModel).where(LIVE).order_by(key, UserModel.id).limit(first + 1)
    if after is not None:
        text, user_id = json.loads(urlsafe_b64decode(after))
        place = datetime.fromisoformat(text) if order is UserOrder.CREATED_AT else text
        statement = statement.where(
            tuple_(key, UserModel.id) > tuple_(literal(place, key.type), literal(UUID(user_id)))
        )
    if where is not None:
        statement = _filtered(statement, where)
    async with session() as db:
        models = (await db.scalars(statement)).all()
    edges = [UserEdge(cursor=_cursor(model, order), node=User.of(model)) for model in models[:first]]
    end = edges[-1].cursor if edges else None
    return UserConnection(edges=edges, page_info=PageInfo(has_next_page=len(models) > first, end_cursor=end))


def _cursor(model: UserModel, order: UserOrder) -> str:
    key = model.created_at.isoformat() if order is UserOrder.CREATED_AT else model.display_name_fold
    return urlsafe_b64encode(json.dumps([key, str(model.id)]).encode()).decode()


def _filtered(statement: Select[UserModel], where: UserFilter) -> Select[UserModel]:
    if where.email_contains is not None:
        statement = statement.where(UserModel.email.contains(where.email_contains))
    if where.roles_any_of is not None:
        statement = statement.where(
            exists()
            .where(RoleAssignmentModel.user_id == UserModel.id, RoleAssignmentModel.ended_at.is_(None))
            .where(RoleModel.id == RoleAssignmentModel.role_id, RoleModel.key.in_(where.roles_any_of))
        )
    for word in where.search or ():
        statement = statement.where(UserModel.search_fold.contains(word))
    if where.created_from is not None:
        statement = statement.where(UserModel.created_at >= datetime.fromisoformat(where.created_from))
    return statement


def new_user(email: str, first_name: str, last_name: str) -> UserModel:
    names = (first_name, last_name, f"{first_name} {last_name}")
    folds = [fold(name) for name in names]
    return UserModel(
        email=email,
        first_name=names[0],
        first_name_fold=folds[0],
        last_name=names[1],
        last_name_fold=folds[1],
        display_name=names[2],
        display_name_fold=folds[2],
        search_fold="\n".join([*folds, email]),
    )
