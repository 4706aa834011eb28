"""Who the users are, and the roles that they hold."""

from roster.domain.sample.names import SITES, ascii_of
from roster.domain.text import fold

# (number, given, its fold, family, its fold, both folded, before the @, locale, time zone, phone, digits to come)
PEOPLE = [
    (number, given, fold(given), family, fold(family), fold(f"{given} {family}"), address, *place)
    for number, (given, family, address, place) in enumerate(
        (
            given,
            family,
            f"{ascii_of(given)}.{ascii_of(family)}",
            (site.locale, site.timezone, site.phone, site.phone_digits),
        )
        for site in SITES
        for given in site.given
        for family in site.family
    )
]

_DEPARTMENTS = ("Engineering", "Finance", "Legal", "Marketing", "Personnel", "Research", "Sales")
_LEVELS = {
    "reader": "Reads",
    "writer": "Writes",
    "reviewer": "Reviews",
    "approver": "Approves",
    "operator": "Operates",
    "lead": "Leads",
    "owner": "Owns",
}


def _role(department: str, level: str, verb: str) -> tuple[str, str, str, str, str, str, list[str]]:
    """(key, its fold, name, its fold, description, its fold, permissions)"""
    key, name = f"{department}_{level}".upper(), f"{department} {level}"
    description = f"{verb} what {department} has."
    labels = [f"{department.lower()}:{level}", f"{department.lower()}:visit"]
    return key, key.lower(), name, name.lower(), description, description.lower(), labels


# With ADMIN, which the migrations make, there are 50.
ROLES = [_role(department, level, verb) for department in _DEPARTMENTS for level, verb in _LEVELS.items()]
