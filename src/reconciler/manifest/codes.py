"""What the diagnostics of this room mean."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.manifest import inference_codes

SUMMARIES: Mapping[str, str] = {
    "FILE001": "no such file or folder",
    "FILE002": "outside of the project",
    "FILE003": "the file cannot be read",
    "FILE004": "the file is too large",
    "FILE005": "the file is not UTF-8 text",
    "FILE006": "too many findings",
    "YAML001": "the YAML is broken",
    "YAML002": "a duplicate key",
    "YAML003": "an ambiguous plain value",
    "YAML004": "a merge key",
    "YAML005": "a tag",
    "YAML006": "a key that is not text",
    "YAML007": "nested too deep",
    "YAML008": "aliases expand too far",
    "KIND001": "not a document of this tool",
    "KIND002": "an unknown kind",
    "KIND003": "an unknown field",
    "KIND004": "a missing field",
    "KIND005": "a wrong value",
    "KIND006": "a secret written in clear",
    "KIND007": "another version of the language",
    "KIND008": "no usable rule",
    "REF001": "an unknown reference",
    "REF002": "declared twice",
    "REF003": "no gateway is named",
    "REF004": "an unknown gateway",
    "REF005": "a patch matches nothing",
    "REF006": "a patch makes a document invalid",
    "REF007": "an unknown dependency",
    "REF008": "a dependency cycle",
    "REF009": "declared but not used",
    "REF010": "an unknown prompt, policy, schema or price list",
    "REF011": "an unknown endpoint",
    "REF012": "moved from what is still declared",
    "REF013": "moved from one name twice",
    **inference_codes.SUMMARIES,
}

CODES: Mapping[str, str] = {
    "FILE001": "A path that was given does not exist. Paths are relative to the folder of the settings file.",
    "FILE002": (
        "A file, or a link to one, leads out of the project's root. Manifests are read below it only, so that a pull "
        "request cannot make the tool read other files of the runner."
    ),
    "FILE003": "The operating system refuses to read the file; its own words say why.",
    "FILE004": "The file is larger than a manifest may be. Split it.",
    "FILE005": "Manifests are UTF-8 text. Save the file in that encoding, without a byte order mark.",
    "FILE006": (
        "There are more mistakes than anybody reads: a thousand are shown of all manifests, a hundred of one document. "
        "Mend those, and validate again for the others; often one mistake stands behind them all."
    ),
    "YAML001": "The text is not YAML: the parser's own words say what it did not expect at this place.",
    "YAML002": "A mapping has the same key twice. Most readers keep the last one in silence; here it is an error.",
    "YAML003": (
        "A value without quotes that YAML versions read differently: `no` may be false, `1.10` may be 1.1, `12:30` "
        "may be 750, `007` may be 7. Put it in quotes if it is text, or write the number in its plain form."
    ),
    "YAML004": "Merge keys (`<<`) are not part of YAML 1.2. Write the members out, or use a Patch.",
    "YAML005": "Tags (`!!python/…`, `!include`) are not allowed: manifests are data.",
    "YAML006": "Keys of mappings must be plain text, not lists or mappings.",
    "YAML007": "The document is nested deeper than any kind needs.",
    "YAML008": "Aliases repeat so much that the document would grow beyond all measure.",
    "KIND001": "A document must be a mapping with apiVersion, kind, metadata and spec.",
    "KIND002": "There is no such kind. `reconciler schema` lists them.",
    "KIND003": "The kind has no field of this name, at this place. `reconciler explain KIND.path` shows what it has.",
    "KIND004": "The kind needs a field that is not given.",
    "KIND005": "The value is not one that the field takes: of another type, outside of its range, or of another form.",
    "KIND006": (
        "A secret stands here in clear. Take it out, rotate it, since it is in the history, and refer to where it is: "
        "`{env: NAME}`, `{file: path}` or `{command: [...]}`."
    ),
    "KIND007": "This tool reads `apiVersion: reconciler/v1`.",
    "KIND008": (
        "The `rule` of a Policy is refused by the meta-schema of its dialect, refers to another document (none is ever "
        "fetched), never ends, is larger than the bounds, or holds a pattern that cannot be searched in linear time: "
        "lookarounds and backreferences are not taken (the syntax is RE2's)."
    ),
    "REF001": "A matrix or limit is referred to by a name that nothing has, on that gateway.",
    "REF002": "Two documents have the same kind, name and gateway. Rename or remove one.",
    "REF003": "More than one Gateway is loaded, so every document must say where it belongs: `metadata.gateways`.",
    "REF004": "`metadata.gateways` names a gateway that is not declared, or labels that none has.",
    "REF005": "A patch must match something, or it has silently stopped working: check its target.",
    "REF006": "With the patch applied, the document is no longer valid.",
    "REF007": "`lifecycle.dependsOn` names an object that is not declared on that gateway.",
    "REF008": "Objects wait for each other in a circle. Take one `dependsOn` out.",
    "REF009": (
        "No endpoint refers to this matrix or limit, or no probe or route to this template, policy, schema or price "
        "list. Remove it, or refer to it."
    ),
    "REF010": (
        "A probe or route refers to a PromptTemplate, SafetyPolicy, ResponseSchema or Pricing by a name that nothing "
        "has. These are fleet-wide: one of a name, whatever the gateway."
    ),
    "REF011": "A probe or route names an Endpoint that is not declared on its gateway.",
    "REF012": (
        "`metadata.movedFrom` says what the object was called before, and a document of that name is still there. Two "
        "documents cannot be one object: remove the earlier one, or take `movedFrom` out. Objects that exchange their "
        "names are told apart by `remoteId`."
    ),
    "REF013": "Two documents say by `metadata.movedFrom` that they were the same object. Keep it in one of them.",
    **inference_codes.CODES,
}
