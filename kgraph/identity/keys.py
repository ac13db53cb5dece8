"""How keys are spelled, so that equal ones can be compared; placeholders of vendors are none."""

from __future__ import annotations

import ipaddress
import re

from kgraph.schema import Key

_UUIDS = frozenset({"vmUuid", "smbiosUuid", "networkUuid", "poolUuid", "podUid"})
# Firmware and hypervisors disagree on the byte order of the first three fields.
_SWAPPABLE = frozenset({"vmUuid", "smbiosUuid"})
_FOLDED = frozenset({"hostname", "wwn", "machineId"})
_SERIALS = frozenset({"serial", "vendorSerial", "chassisId"})
# One thing may be reached at several addresses, so two of these contradict nothing.
PLURAL = frozenset({"libvirtUri"})
_32_DIGITS = re.compile("[0-9a-f]{32}")
_12_DIGITS = re.compile("[0-9a-f]{12}")
_NO_ADDRESS = frozenset({"0" * 12, "f" * 12})  # a tunnel's, and everybody's
# What a machine calls itself until somebody has given it a name.
_NAMELESS = re.compile(r"localhost[46]?(\.local(domain|host)?[46]?)?|\(none\)")
_PLACEHOLDER_UUIDS = frozenset(
    {
        "03000200040005000006000700080009",  # a common board vendor's default
        "12345678123456781234567812345678",
        "123456781234567890abcddeefaabbcc",
        "00112233445566778899aabbccddeeff",
        "4c4c4544000020108020" + "80c04f202020",  # Dell with an empty service tag
        "4c4c4544002020108020" + "80c04f202020",
    }
)
_PLACEHOLDER_SERIALS = frozenset(
    {
        "to be filled by o.e.m.", "to be filled by o.e.m", "system serial number", "oem", "o.e.m.",
        "default string", "not specified", "not available", "not applicable", "none", "n/a", "na",
        "unknown", "empty", "invalid", "serial", "chassis serial number", "1234567", "12345678",
        "123456789", "1234567890", "0123456789", "not settable", "not present", "not provided",
        "not set", "unspecified", "undefined", "null", "base board serial number", "uninitialized",
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
    elif key.namespace == "mac":
        value = _plain_mac(value)
    elif key.namespace == "ip" and ":" in value:
        value = _plain_address(value)
    if not value or _says_nothing(key.namespace, value):
        return None
    return key if value == key.value else Key(key.namespace, value, key.site)


def _plain_uuid(text: str, *, swappable: bool) -> str:
    """Return a UUID in lower case with dashes; "" for a placeholder; other text in lower case."""
    digits = text.lower().strip("{}").removeprefix("urn:uuid:").replace("-", "")
    if not _32_DIGITS.fullmatch(digits):
        # Firmware without one says so in words.
        return "" if text.lower() in _PLACEHOLDER_SERIALS else text.lower()
    raw = bytes.fromhex(digits)
    other = (raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]).hex()
    if (
        len(set(raw)) == 1
        or digits == digits[0] * 32
        or digits in _PLACEHOLDER_UUIDS
        or other in _PLACEHOLDER_UUIDS
    ):
        return ""
    if swappable and other < digits:
        digits = other
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _plain_mac(text: str) -> str:
    """Return a MAC address with colons; "" for one that many have; other text in lower case."""
    digits = re.sub("[-:.]", "", text.lower())
    if not _12_DIGITS.fullmatch(digits):
        return text.lower()
    pairs = (digits[at : at + 2] for at in range(0, 12, 2))
    return "" if digits in _NO_ADDRESS else ":".join(pairs)


def _plain_address(text: str) -> str:
    """Return an IPv6 address in its short form, RFC 5952; other text as it is."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text


def _says_nothing(namespace: str, value: str) -> bool:
    """Tell what stands in the field of a key where there is none, and so in many fields."""
    if namespace in _SERIALS:
        return _blank_serial(value)
    if namespace == "hostname":
        return bool(_NAMELESS.fullmatch(value))
    if namespace == "wwn":
        return not value.removeprefix("0x").rpartition(".")[2].strip("0")
    # A golden image has it until its first boot.
    return namespace == "machineId" and value in _PLACEHOLDER_SERIALS


def _blank_serial(value: str) -> bool:
    """Tell whether a serial number is what vendors leave in the field; the vendor may lead it."""
    bare = value.lower().replace("|", "/").replace(":", "/").rsplit("/", maxsplit=1)[-1].strip()
    # `n/a` is cut by the split above, so look at the whole, too.
    texts = {bare, value.lower()}
    return bool(texts & _PLACEHOLDER_SERIALS) or len(set(bare.replace("-", ""))) <= 1
