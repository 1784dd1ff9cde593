"""What the ledger's refusals mean. The code stands at the end of the message."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "LEDGER001": (
        "The file is no ledger, or it is damaged. Put back a copy of it if there is one. Without one, move the "
        "file away: the next run begins an empty ledger, shows everything on the gateways as unmanaged, and "
        "objects whose manifests say `lifecycle: {adopt: true}` are taken over again without being written. "
        "Do not edit the file by hand."
    ),
    "LEDGER002": (
        "The ledger was written by a later version of reconciler, whose notes this version might misread. "
        "Use that version or a later one for every run on this ledger; going back is not supported."
    ),
    "LEDGER003": (
        "The ledger cannot be opened or written: a directory is missing or read-only, the disk is full, or "
        "another program keeps the file locked. Nothing is sent to a gateway that cannot be written down first. "
        "Free the disk or correct path and permissions, then run the same command again: what had been sent is "
        "found by looking at the gateway."
    ),
    "LEDGER004": (
        "The run no longer holds the lease of its gateway: someone broke it with `reconciler ledger unlock`, or "
        "the machine slept for longer than a lease lasts. It writes nothing more, so that two runs never work on "
        "one gateway. Run the command again."
    ),
    "AUDIT001": (
        "The audit file cannot be opened or written. Free the disk or correct path and permissions; a run that "
        "cannot leave a record is stopped."
    ),
    "AUDIT002": (
        "The last line of the audit file is unreadable or was changed after it was written, so the chain cannot "
        "go on from it. Keep the file as evidence under another name; the next run begins a new chain. "
        "`reconciler audit verify` says where the old one breaks."
    ),
}
