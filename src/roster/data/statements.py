"""Short names for SQLAlchemy's types where the columns of a statement are told by the record that it makes."""

from typing import Any, TypeAlias

from sqlalchemy import CompoundSelect, Row, Select, SQLColumnExpression

Column: TypeAlias = SQLColumnExpression[Any]
AnyRow: TypeAlias = Row[*tuple[Any, ...]]
AnySelect: TypeAlias = Select[*tuple[Any, ...]]
AnyCompound: TypeAlias = CompoundSelect[*tuple[Any, ...]]
