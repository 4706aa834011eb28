"""The roles of the sample: ADMIN as its first holder leaves it, one for nearly everyone, and a long tail.

How unevenly they are held is said here too: a role stands in `FOR_PEOPLE` as often as it has shares of what is given.
"""

from collections.abc import Mapping
from dataclasses import replace

from roster.domain.roles import ADMIN, Role
from roster.domain.sample.dice import Dice
from roster.domain.sample.history import DAY, as_datetime, id_at

DEFAULT = "MEMBER"
PROTECTED = "DATA_PROTECTION_OFFICER"
# Since how many days it is archived.
ARCHIVED = {"LEGACY_CRM_USER": 420, "BETA_TESTER": 150, "FAX_OPERATOR": 900}

_ROLES = (
    (DEFAULT, "Member", "Everyone who works here.", "directory:read profile:read profile:write"),
    ("VPN_USER", "VPN user", "May connect from outside.", "vpn:connect"),
    ("WIKI_EDITOR", "Wiki editor", "Writes in the wiki.", "wiki:read wiki:write"),
    ("DEVELOPER", "Developer", "Writes software.", "builds:start repositories:read repositories:write"),
    ("ANALYST", "Analyst", "Reads figures.", "dashboards:read reports:read warehouse:query"),
    ("SUPPORT_AGENT", "Support agent", "Answers customers.", "customers:read tickets:read tickets:write"),
    ("SALES_REPRESENTATIVE", "Sales representative", None, "crm:read crm:write quotes:write"),
    ("MANAGER", "Manager", "Leads a team.", "expenses:approve leave:approve teams:read"),
    ("RECRUITER", "Recruiter", None, "candidates:read candidates:write"),
    ("ACCOUNTANT", "Accountant", None, "billing:read ledger:read ledger:write"),
    ("BILLING_CLERK", "Billing clerk", "Writes invoices.", "billing:read billing:write"),
    ("HR_PARTNER", "HR partner", None, "personnel:read personnel:write"),
    ("DATA_ENGINEER", "Data engineer", None, "pipelines:start warehouse:query warehouse:write"),
    ("ON_CALL", "On-call engineer", "Is woken at night.", "deployments:start incidents:read incidents:write"),
    ("RELEASE_MANAGER", "Release manager", None, "deployments:start releases:approve"),
    ("HELP_DESK", "Help desk", "Looks after users.", "roster:users:read roster:users:write"),
    ("AUDITOR", "Auditor", "Sees who holds what.", "ledger:read roster:roles:read roster:users:read"),
    ("LEGAL_COUNSEL", "Legal counsel", None, "contracts:read contracts:write"),
    ("KEY_HOLDER", "Key holder", "Opens the building.", "doors:unlock"),
    (PROTECTED, "Data protection officer", "Erases who left.", "roster:users:erase roster:users:read"),
    ("API_CLIENT", "API client", "For services.", "api:read"),
    ("CI_RUNNER", "CI runner", "For services.", "artefacts:write builds:start repositories:read"),
    ("LEGACY_CRM_USER", "Legacy CRM user", "The CRM before this one.", "oldcrm:read oldcrm:write"),
    ("BETA_TESTER", "Beta tester", "Sees what is not finished.", "beta:use"),
    ("FAX_OPERATOR", "Fax operator", None, "fax:send"),
)

_SHARES = {
    "VPN_USER": 200,
    "WIKI_EDITOR": 140,
    "DEVELOPER": 120,
    "ANALYST": 90,
    "SUPPORT_AGENT": 70,
    "SALES_REPRESENTATIVE": 60,
    "MANAGER": 50,
    "LEGACY_CRM_USER": 30,
    "BETA_TESTER": 30,
    "RECRUITER": 20,
    "ACCOUNTANT": 16,
    "BILLING_CLERK": 14,
    "HR_PARTNER": 12,
    "DATA_ENGINEER": 12,
    "ON_CALL": 10,
    "RELEASE_MANAGER": 6,
    "HELP_DESK": 5,
    "FAX_OPERATOR": 4,
    "AUDITOR": 2,
    "LEGAL_COUNSEL": 1,
}
FOR_PEOPLE = tuple(key for key, shares in _SHARES.items() for _ in range(shares))
FOR_SERVICES = ("API_CLIENT", "API_CLIENT", "API_CLIENT", "CI_RUNNER")


def sample_roles(admin: Role, founded: int, now: int) -> Mapping[str, Role]:
    """Every role by its key. ADMIN is dated back to when all began, or its history would be older than itself."""
    beginning = as_datetime(founded)
    roles = {
        key: _role(key, name, description, labels.split(), founded, now)
        for key, name, description, labels in _ROLES
    }
    roles[ADMIN] = replace(
        admin, min_holders=1, version=admin.version + 1, created_at=beginning, updated_at=beginning
    )
    return roles


def _role(  # noqa: PLR0913, PLR0917 -- one line of the table, and when
    key: str, name: str, description: str | None, permissions: list[str], founded: int, now: int
) -> Role:
    created = as_datetime(founded)
    archived = as_datetime(now - ARCHIVED[key] * DAY) if key in ARCHIVED else None
    return Role(
        id=id_at(founded, Dice(f"role {key}").noise),
        key=key,
        name=name,
        description=description,
        permissions=tuple(permissions),
        is_default=key == DEFAULT,
        min_holders=int(key == PROTECTED),
        archived_at=archived,
        version=2 if archived else 1,
        created_at=created,
        updated_at=archived or created,
    )
