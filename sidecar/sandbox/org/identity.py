"""The identity address that every token answer names: who signed in."""

from collections.abc import Mapping
from typing import Any

OF_ORG = ("enterprise", "metadata", "partner")
OF_REST = ("rest", "sobjects", "search", "query", "recent", "feeds", "groups", "users", "feed_items")


def identity_of(user: Mapping[str, Any], org_id: str, base_url: str) -> dict[str, Any]:
    """Return what the identity address of a user answers."""
    photos = {"picture": f"{base_url}/profilephoto/005/F", "thumbnail": f"{base_url}/profilephoto/005/T"}
    address = dict.fromkeys(("addr_street", "addr_city", "addr_state", "addr_country", "addr_zip"))
    return {
        "id": f"{base_url}/id/{org_id}/{user['Id']}",
        "asserted_user": True,
        "user_id": user["Id"],
        "organization_id": org_id,
        "username": user["Username"],
        "nick_name": user["Alias"],
        "display_name": user["Name"],
        "email": user["Email"],
        "email_verified": True,
        "first_name": user["FirstName"],
        "last_name": user["LastName"],
        "timezone": user["TimeZoneSidKey"],
        "photos": photos,
        **address,
        "mobile_phone": None,
        "mobile_phone_verified": False,
        "status": {"created_date": None, "body": None},
        "urls": urls_of(base_url, org_id, user["Id"]),
        "active": bool(user["IsActive"]),
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": 3600000,
        "last_modified_date": user["LastModifiedDate"],
        "is_app_installed": True,
    }


def urls_of(base_url: str, org_id: str, user_id: str) -> dict[str, str]:
    """Return the addresses of the org's APIs."""
    letters = {"enterprise": "c", "metadata": "m", "partner": "u"}
    found = {name: f"{base_url}/services/Soap/{letters[name]}/{{version}}/{org_id[:15]}" for name in OF_ORG}
    below = {"rest": "", "feeds": "chatter/feeds", "groups": "chatter/groups", "users": "chatter/users"}
    below["feed_items"] = "chatter/feed-items"
    found |= {name: f"{base_url}/services/data/v{{version}}/{below.get(name, name + '/')}" for name in OF_REST}
    return found | {"profile": f"{base_url}/{user_id}"}


def resources_of(base: str, org_id: str, user_id: str) -> dict[str, str]:
    """Return the list of resources below an API version, which also names the identity address of whoever asks."""
    names = ("composite", "jobs", "limits", "metadata", "query", "queryAll", "sobjects", "tooling")
    found = {name: f"{base}/{name}" for name in names}
    return found | {"identity": f"https://login.salesforce.com/id/{org_id}/{user_id}"}
