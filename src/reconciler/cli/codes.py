"""What the diagnostics of the command line mean."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "CLI001": (
        "The file is not a plan that `reconciler plan --out FILE` wrote, or a later version wrote it, or it was "
        "edited: its changes no longer have the digest that stands in it. Make the plan again."
    ),
    "CLI002": (
        "Something outside the manifests ended the command: the ledger, a lease that another run holds, a file, the "
        "network. The detail says what. Nothing is lost: what was begun is in the ledger, and the next run looks at "
        "the gateway."
    ),
    "CLI003": (
        "The command was interrupted. Writes whose answer was not waited for are in the ledger as intents; the next "
        "plan or apply looks at the gateway and completes the ledger. Run the command again."
    ),
    "CLI004": (
        "The manifests declare no Gateway, so there is nothing to compare with: a wrong path or an empty checkout "
        "looks like this, and must not look like success. Check PATH and the working folder."
    ),
    "CLI005": (
        "The plan has changes and nobody approved them. On a terminal the command asks; elsewhere give "
        "`--auto-approve`, or the approved plan as PLANFILE or by `--expect DIGEST`."
    ),
    "CLI006": (
        "The command was not done within its time limit (`--timeout`, or `timeout` in the settings) and was ended. "
        "What was begun is in the ledger; run the command again, with more time or fewer gateways."
    ),
    "CLI012": (
        "`reconciler approved` counts pull requests that were merged into one branch: in a job the one that it runs "
        "for, elsewhere the one that is checked out. A checkout of a commit alone is on none; name it with "
        "`--base BRANCH`."
    ),
    "CLI011": (
        "`reconciler approved` looks for the pull requests behind the last commits, and there are none: the settings' "
        "folder is no checkout of git, or git is not installed."
    ),
    "CLI009": (
        "The file given with --against is no snapshot that `reconciler snapshot` wrote, or a later version wrote it. "
        "Take it again."
    ),
    "CLI010": (
        "The plan was made against a snapshot: gateways, ledger and secrets were not looked at. It shows the changes "
        "that the manifests ask for, as of the moment the snapshot was taken; rotations of secrets cannot be seen. "
        "From a day on this is a warning: take a new snapshot."
    ),
    "CLI008": (
        "Secrets have other values than those that were applied, behind references that stayed the same, and the "
        "settings say `rotations: ask`. An approval of what stands in Git does not cover them: confirm on a terminal, "
        "apply a plan file that lists them, or give --allow-rotations."
    ),
    "ADOPT002": (
        "The object lives on the gateway and was not imported: the language cannot say all that it is, or its platform "
        "would refuse to take it back as it is. It stays unmanaged. Change it on the gateway, or write its manifest by "
        "hand."
    ),
    "ADOPT003": (
        "Importing would overwrite files. They are kept unless `--force` allows it, and even then only while "
        "everything that they declare is declared afterwards as well."
    ),
    "ADOPT004": (
        "The imported object and its manifest differ already, by a default that the platform adds. The next plan shows "
        "the change; apply it, or mend the object on the gateway."
    ),
    "ADOPT005": (
        "The manifests were written outside of the configured `manifests`, or `--manifests-only` was given. The ledger "
        "was left alone, since it would otherwise own objects that no plan finds declared, and removes them. Move the "
        "files in, then `reconciler adopt` their addresses."
    ),
    "ADOPT006": (
        "The object cannot be adopted: it is not on the gateway, several objects have its name, or an interrupted run "
        "is still open on it."
    ),
    "ADOPT008": (
        "The live value cannot be written into the manifests without changing what others want: it stands in a part, "
        "a patch or a document that is shared. Give the object its own part first, or apply."
    ),
    "CLI007": (
        "A defect of reconciler. Please report it together with the named file: it holds places in the source code, "
        "no value of yours. What was begun is in the ledger."
    ),
}
