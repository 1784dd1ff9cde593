"""What the diagnostics of this room mean."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "PLAN001": (
        "An object with this identity already lives on the gateway, and the ledger does not know it: somebody "
        "else made it, or the ledger was lost. Nothing is overwritten without a word. Set "
        "`lifecycle: {adopt: true}` to take it over, or give the new object another name."
    ),
    "PLAN002": (
        "Several objects on the gateway have the name that a manifest gives, and neither the ledger nor their "
        "content says which one is meant. Remove or rename the surplus ones on the gateway."
    ),
    "PLAN003": (
        "An object that was applied earlier is no longer declared, and stays: its last manifest said so "
        "(`lifecycle.manage`), pruning is switched off for its gateway, or the platform cannot delete it. Delete it by "
        "hand and run `reconciler ledger forget ADDRESS`, or declare it again."
    ),
    "PLAN004": "The platform has no call for the action that would be needed. Do it by hand and plan again.",
    "PLAN005": (
        "A write is guarded by what the platform offers: an ETag or version that the server checks, or a fresh "
        "read that is compared right before the write. The gateway's manifest asks for more than is on offer "
        "(`guardFloor`). Lower the floor if a lost update would be acceptable."
    ),
    "PLAN006": (
        "Secrets are compared by keyed fingerprints. In this run their values were not available, or they were never "
        "sent, because their object was adopted; they are taken as unchanged. A secret whose fingerprint was made with "
        "another key (by default it follows from the gateway's own credential) is not among them: nothing proves that "
        "it is the one that was sent, so it is sent again."
    ),
    "PLAN007": (
        "The gateway of this object takes registrations and lets nothing be read. The object was registered, or was "
        "there already when it was to be; that is all that is known. It is never reported as in step, never "
        "registered again, and never overwritten. Where the gateway can be read, say so in `paths` of its Gateway."
    ),
    "PLAN008": (
        "The manifest wants this object otherwise than it was registered, and its gateway can neither be read nor "
        "changed. Change it there by hand; `reconciler ledger forget ADDRESS` and an apply then record it as it is "
        "declared now: the gateway answers that it exists, and nothing is overwritten."
    ),
    "PLAN009": (
        "An earlier run sent a registration and lost the answer, and the gateway lets nothing be read. Sent again "
        "unseen it might make a second object. Look at the gateway, then run `reconciler ledger forget ADDRESS` and "
        "apply: what is missing is registered, what is there is recorded as it stands."
    ),
    "PLAN011": (
        "The object stands on the gateway as it was applied, and nothing has proved yet that it works, as a whole or "
        "by one of its keys: the verification after the write failed, had no answer, was interrupted, or was left out "
        "by `--no-verify`. That is no difference that a write would mend, and it is not in step either: the plan has "
        "work to do, and the next apply asks again, ending with 4 as long as it fails. A key is proved by "
        "itself, so that one which does not work cannot hide behind another that does."
    ),
    "PLAN020": (
        "The run is about a part of the fleet (PATHs, or --selector), and removes only what was applied from within "
        "it. This object stands in a ledger that did not keep yet from where it was applied, so it is left alone. "
        "Apply the whole fleet once: the ledger then knows."
    ),
    "PLAN021": (
        "The run is about a part of the fleet, and an object of it is declared no more. It may have moved to another "
        "part, whose files cannot be read without errors at the moment: nothing is removed on a guess."
    ),
    "PLAN030": (
        "Two resources mean one live object: one by its `remoteId`, the other by what the ledger knows of it, or both "
        "by their manifests. Neither is written, for they would overwrite each other turn by turn."
    ),
    "PLAN031": (
        "`metadata.movedFrom` says that the object had another name, and what the ledger knows under that name is not "
        "the object that this manifest means. The earlier object would be left to be deleted, so nothing is done."
    ),
    "PLAN032": (
        "The `remoteId` of a manifest was changed, added or removed, so that it means another object than the one that "
        "was applied. The earlier one is left on the gateway as it is, and the ledger knows it no more. It is never "
        "deleted for that: whoever wants it gone deletes it there."
    ),
    "PLAN033": (
        "Where the name in a manifest is the object's id on the gateway, a resource that moved keeps its earlier id. "
        "`movedFrom` and the ledger say so; if both are gone, the name is taken for the id. `remoteId` says it "
        "once and for all."
    ),
    "PLAN034": (
        "`lifecycle.ignore` names a credential that somebody added at the gateway and that the manifest does not have. "
        "An object's credentials are replaced together, and keys are never read back, so that it could not be kept."
    ),
    "SAFETY001": (
        "The plan updates or deletes an unusually large share of the objects that this tool owns on the gateway. "
        "A wrong branch or a broken patch looks like this. `--allow-mass-change` lets it pass once."
    ),
    "SAFETY002": (
        "The manifests want nothing of what this tool owns on a gateway; what is still to be made does not count, for "
        "making it may fail. A wrong path or an empty checkout looks like this. `--allow-empty` lets it pass once."
    ),
    "SAFETY003": (
        "The plan deletes or replaces the last endpoint of a gateway, after which nothing answers there. One that is "
        "to take its place does not count before it works. `--allow-last-endpoint` lets it pass once; the deletion "
        "still waits for the new endpoint, and is skipped where that fails."
    ),
    "SAFETY004": (
        "The object is protected (`lifecycle.protect`), now or when it was last applied: removing its manifest "
        "does not lift the protection. `--allow-protected ADDRESS` lets it pass once."
    ),
    "SAFETY005": (
        "The tenant holds a limited number of endpoints (`limits.endpoints` of the Gateway) and the plan would "
        "exceed it, at its end or on the way: new endpoints are made before old ones are deleted. The gateway would "
        "refuse in the middle of the apply, so nothing is begun."
    ),
    "SAFETY007": (
        "A secret has another value than the one that was applied, behind a reference that stayed the same, and the "
        "settings say `rotations: forbid`. Nothing is applied until the earlier value stands there again, the manifest "
        "names another reference, or the setting is changed to `ask` or `allow`."
    ),
    "SAFETY010": (
        "The ledger has objects of a gateway that no manifest declares, so that nothing looks after what is live "
        "there. Declare it again; or, where it has another name now, give the Gateway of that name "
        "`metadata.movedFrom`; or leave what is there as it is by `reconciler ledger forget 'GATEWAY/*'`."
    ),
    "SAFETY011": (
        "The credential of a gateway would go where it has not gone before, and nobody approved that: nothing was "
        "sent, not even a connection opened, and nothing behind it was looked at. Approve the plan that shows it, or "
        "say `--allow-destination GATEWAY` to `plan` and `apply`. The other commands, the router among them, send it "
        "once an apply has recorded the place. A new Gateway is held as well when it would be sent a secret that the "
        "ledger knows to go to another host."
    ),
    "SAFETY012": (
        "A gateway leads elsewhere than it did, and what was applied is not there as it was. It looks like another "
        "tenant: all would be made anew on it, and the earlier one left to itself. `--allow-destination GATEWAY` lets "
        "it pass once; a Gateway of another name keeps both."
    ),
    "SAFETY006": (
        "The gateway has this once only (a display name within a provider, a worker's address), and a live object has "
        "it already. The write would be refused in the middle of the apply, so nothing is begun. One that the plan "
        "deletes counts as well: it goes only once the new one works. Objects that pass a name on are written one "
        "after the other; those that exchange names need one apply in between, in which one of them has a third name."
    ),
    "POLICY001": "Two endpoints of one gateway and provider have the same display name, which gateways refuse.",
    "POLICY002": "A protected endpoint whose matrix has one key stops when that key is limited or revoked.",
    "POLICY003": "One secret reference stands under two key ids, so a failover between them changes nothing.",
    "POLICY004": "Fallbacks name each other in a circle.",
    "POLICY005": "The model id does not have the form that the provider's ids have. Often a typing error.",
    "POLICY006": "Two references of one endpoint lead to the same value, found by equal fingerprints.",
    "POLICY007": "A key of production is used in another environment as well, found by equal fingerprints.",
    "POLICY008": (
        "A reference to a secret notes the day from which the secret no longer works (`expiresOn`), and that day is "
        "within 30 days, or past. Renew the secret where it comes from, and note the new day. The note is for people: "
        "it is never sent, compared or stored, and nothing is blocked by it."
    ),
    "POLICY009": (
        "A Pricing notes the day from which a provider no longer has a model (`retiresOn`), an endpoint or route uses "
        "the model, and that day is within 30 days, or past. The days are the team's own, from the provider's notices; "
        "none are built in, for they would be out of date. Choose another model."
    ),
    "POLICY012": (
        "A route would fall back to a model that, by its name, belongs to none of the providers whose endpoints are "
        "declared on the route's gateway. A gateway asks a provider that it knows, or nobody. Declare an Endpoint of "
        "the model's provider there, or choose another model. Where a provider names models freely, as Azure does, or "
        "an endpoint is only observed, nothing can be said and nothing is."
    ),
    "POLICY013": (
        "The value behind a key's reference bears the mark of another provider than the endpoint's: the beginning of "
        "its keys, by which secret scanners know them too. Most often two variables were mixed up. The value is not "
        "shown. A key without a mark is taken as it is, whoever made it."
    ),
    "POLICY014": (
        "Two documents stand for one object on the gateway: by the same `remoteId`, by a `remoteId` that is the name "
        "of the other, or by the members of the spec that the platform tells objects apart by (a webhook's name and "
        "URL, a worker's address). Each would overwrite what the other wrote."
    ),
    "POLICY015": (
        "A Route asks a model whose context is neither in the table of docs/reference/context-windows.md nor said by "
        "`contextTokens` in the Route's Pricing. Its prompts are cut at 8000 tokens: too early for most models, and "
        "too late for small ones. Say the figure; prompts then take that, less what an answer may take."
    ),
    "POLICY016": (
        "The value that a reference leads to is shorter than any key of the endpoint's provider, or has the form of "
        "another provider's keys (docs/reference/provider-keys.md). It may be cut off, a sample, or in the wrong "
        "variable. A warning only, since providers change their keys; never for an endpoint with an `apiBase` of its "
        "own, whose keys are whatever is there gives out. No character of the value is shown."
    ),
    "POLICY010": "A Policy's rule (a JSON Schema over the effective resource) is not satisfied.",
    "POLICY011": "A Policy forbids the action that would be needed.",
}
