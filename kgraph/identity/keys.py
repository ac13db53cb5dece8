"""How keys are spelled, so that equal ones can be compared; placeholders of vendors are none."""

from __future__ import annotations

import re

from kgraph.schema import Key

_UUIDS = frozenset({"vmUuid", "smbiosUuid", "networkUuid", "poolUuid", "podUid"})
# Firmware and hypervisors disagree on the byte order of the first three fields.
_SWAPPABLE = frozenset({"vmUuid", "smbiosUuid"})
_FOLDED = frozenset({"mac", "hostname", "wwn", "machineId"})
_SERIALS = frozenset({"serial", "vendorSerial", "chassisId"})
# One thing may be reached at several addresses, so two of these contradict nothing.
PLURAL = frozenset({"libvirtUri"})
_32_DIGITS = re.compile("[0-9a-f]{32}")
_PLACEHOLDER_UUIDS = frozenset(
    {
        "03000200040005000006000700080009",  # a common board vendor's default
        "12345678123456781234567812345678",
        "123456781234567890abcddeefaabbcc",
        "4c4c4544000020108020" + "80c04f202020",  # Dell with an empty service tag
        "4c4c4544002020108020" + "80c04f202020",
    }
)
_PLACEHOLDER_SERIALS = frozenset(
    {
        "to be filled by o.e.m.", "to be filled by o.e.m", "system serial number", "oem", "o.e.m.",
        "default string", "not specified", "not available", "not applicable", "none", "n/a", "na",
        "unknown", "empty", "invalid", "serial", "chassis serial number", "1234567", "12345678",
        "123456789", "1234567890", "0123456789",
    }
)  # fmt: skip


def canonical(key: Key) -> Key | None:
    """Return the one spelling of a key that is compared, or None for a placeholder.

    A UUID and its byte-swapped form have the same spelling.
    """
    value = key.value.strip()
    if key.namespace in _UUIDS:
        value = _plain_uuid(value, swappable=key.namespace in _SWAPPABLE)
    elif key.namespace in _FOLDED:
        value = value.lower().rstrip(".")
    if not value or (key.namespace in _SERIALS and _blank_serial(value)):
        return None
    return key if value == key.value else Key(key.namespace, value, key.site)


def _plain_uuid(text: str, *, swappable: bool) -> str:
    """Return a UUID in lower case with dashes; "" for a placeholder; other text in lower case."""
    digits = text.lower().strip("{}").removeprefix("urn:uuid:").replace("-", "")
    if not _32_DIGITS.fullmatch(digits):
        return text.lower()
    raw = bytes.fromhex(digits)
    other = (raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]).hex()
    if digits == digits[0] * 32 or digits in _PLACEHOLDER_UUIDS or other in _PLACEHOLDER_UUIDS:
        return ""
    if swappable and other < digits:
        digits = other
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _blank_serial(value: str) -> bool:
    """Tell whether a serial number is what vendors leave in the field; the vendor may lead it."""
    bare = value.lower().replace("|", "/").replace(":", "/").rsplit("/", maxsplit=1)[-1].strip()
    # `n/a` is cut by the split above, so look at the whole, too.
    texts = {bare, value.lower()}
    return bool(texts & _PLACEHOLDER_SERIALS) or len(set(bare.replace("-", ""))) <= 1
