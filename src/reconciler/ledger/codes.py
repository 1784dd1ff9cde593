"""What the ledger's refusals mean. The code stands at the end of the message."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "LEDGER001": (
        "The file, or the ref of a git ledger, is no ledger, or it is damaged. For a ref, `git log` on it shows its "
        "older commits: push one that is whole back over it. Put back a copy of a file if there is one. Without one, "
        "move the file away: the next run begins an empty ledger, shows everything on the gateways as unmanaged, and "
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
    "LEDGER005": (
        "A ledger in git was asked for (`--ledger git:…`), and there is no git, no such repository or no such remote, "
        "or the ref named behind `#` is a branch or a tag. `git:` alone means the remote `origin` of the repository "
        "that the settings or manifests are in, `git:NAME` or `git:URL` another remote, `git:.` that repository itself."
    ),
    "LEDGER006": (
        "The remote of a git ledger could not be read, or refused the push; the message ends with git's own words. "
        "In a job, look for the permission to write (`contents: write` on GitHub) and for a checkout that keeps its "
        "credentials. Nothing is sent to a gateway that was not pushed first. Run the command again: what had been "
        "sent is found by looking at the gateway."
    ),
    "LEDGER007": (
        "The ref of a git ledger went back behind what this very run has read or written: someone reset, replaced or "
        "removed it meanwhile. The run writes nothing more. Look at the ref's commits, put the newest back if that "
        "was an accident, and run the command again."
    ),
    "AUDIT001": (
        "The audit file cannot be opened or written. Free the disk or correct path and permissions; a run that "
        "cannot leave a record is stopped."
    ),
    "AUDIT002": (
        "The last line of the audit file is unreadable or was changed after it was written, so the chain cannot "
        "go on from it. Keep the file as evidence under another name; the next run begins a new file, which goes on "
        "from the last line that the ledger knows. "
        "`reconciler audit verify` says where the old one breaks."
    ),
}
