"""Which autonomous system an address belongs to; the address is used at once and kept nowhere."""

import ipaddress
from pathlib import Path

import maxminddb

from client_sdk.messages import tr
from collector.errors import SettingsError


class NetworkDatabase:
    """A file in MaxMind's format whose records have ``autonomous_system_number``."""

    def __init__(self, file: Path) -> None:
        try:
            self._reader = maxminddb.open_database(file)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            raise SettingsError(
                tr(
                    f"MAILLE_ASN_DATABASE: {file} cannot be read ({error})",
                    f"MAILLE_ASN_DATABASE : {file} n’est pas lisible ({error})",
                )
            ) from error

    def asn_of(self, address: str | None) -> int | None:
        """The autonomous system; None where the file does not know."""
        try:
            found = ipaddress.ip_address((address or "").partition("%")[0])
        except ValueError:
            return None
        mapped = found.ipv4_mapped if found.version == 6 else None
        try:
            record = self._reader.get(mapped or found)
        except ValueError:  # an IPv6 address in a file of IPv4
            return None
        asn = record.get("autonomous_system_number") if isinstance(record, dict) else None
        return asn if isinstance(asn, int) else None

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
