"""The caller's account and the public one."""

from typing import Final

from . import catalogue
from .codec import write
from .listing import list_response, show
from .store import Row
from .wire import Response, refuse
from .world import OK, PUBLIC, Call

_OPENED: Final = catalogue.SINCE


def list_all(call: Call) -> Response:
    """`GET /v1/accounts`: the one account that the key belongs to; no `orderBy`."""
    if call.request.query.get("orderBy", call.request.query.get("order_by")):
        raise refuse("INVALID_ARGUMENT", "order_by is not supported")
    row = _row(call, call.world.config.account)
    json_row = write("Account", {**row.fields, "name": row.name})
    return list_response("Account", "accounts", [json_row], call.request.query)


def get(call: Call) -> Response:
    """`GET /v1/accounts/{a}`."""
    return show(call, "Account", _row(call, call.ids[0]))


def _row(call: Call, account: str) -> Row:
    fields = {
        "displayName": account,
        "createTime": _OPENED,
        "updateTime": _OPENED,
        "email": f"{account}@emulator.invalid",
        "accountType": "ENTERPRISE" if account == PUBLIC else "ACCOUNT_TYPE_UNSPECIFIED",
        "state": "READY",
        "status": dict(OK),
        "suspendState": call.world.settings.get("suspendState", "UNSUSPENDED"),
    }
    return Row(f"accounts/{account}", "accounts", fields)
