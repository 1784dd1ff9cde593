"""What the diagnostics of prompts, probes and routes mean."""

from __future__ import annotations

from collections.abc import Mapping

SUMMARIES: Mapping[str, str] = {
    "LLM001": "a template that its engine cannot read",
    "LLM002": "an undeclared variable",
    "LLM003": "a variable that is not used",
    "LLM004": "a variable in the system message",
    "LLM005": "a variable that is not given",
    "LLM006": "a value that the template does not take",
    "LLM007": "no usable JSON Schema",
    "LLM008": "an unknown detector",
    "LLM009": "a missing price",
    "LLM010": "a selector that finds nothing",
    "LLM011": "expectations that contradict each other",
    "LLM012": "two routes at one path",
    "LLM013": "a route that anybody may call",
    "LLM014": "the router's own path",
    "LLM015": "a deadline that is too short",
    "LLM016": "a fallback circle",
    "LLM017": "a route on several gateways",
    "LLM018": "a history path that cannot be filled",
    "LLM019": "another currency",
    "LLM020": "a field that the channel has no use for",
    "LLM021": "an answer that nothing is said of",
    "LLM022": "JSON without a schema",
}

CODES: Mapping[str, str] = {
    "LLM001": (
        "A message of the PromptTemplate cannot be parsed. `engine` says how holes are written: `jinja2` is Jinja2 "
        "with conditions, tests and bounded filters, without loops, calls, sums, attributes or other templates; "
        "`braces` is `{{name}}`; `dollar` is `$name` or `${name}`, with `$$` for a dollar sign before a name."
    ),
    "LLM002": (
        "A message has a hole that `variables` does not declare. An undeclared variable is never an empty hole: "
        "declare it, with a default if it may be left out."
    ),
    "LLM003": "`variables` declares a name that neither message has. Most often it was spelled differently there.",
    "LLM004": (
        "The system message is constant: it has no variables at all. Most variables hold what a customer wrote or "
        "could choose, and whoever writes into the system message gives orders to the model. Put the variable into "
        "`user`, and say in `system` what it means. Earlier turns come as messages of their own and need no variable."
    ),
    "LLM005": (
        "A template needs a variable that its Probe does not give, or that no event of its Route has. Events of "
        "`cxone` give `bot_id`, `last_message` and `session_id`; those of `cognigy` `confidence`, `conversation_id`, "
        "`detected_intent`, `last_message` and `user_id`. Anything else needs a default in the template."
    ),
    "LLM006": (
        "A Probe gives a variable that its template does not have, or a value longer than `maxLength`; or a template's "
        "own default is longer than that."
    ),
    "LLM007": (
        "The schema is refused by the meta-schema of its dialect (`$schema`, else the newest), refers to another "
        "document (none is ever fetched), never ends, is larger than the bounds, or holds a pattern that cannot be "
        "searched in linear time: lookarounds and backreferences are not taken (the syntax is RE2's). It is "
        "looked at before it ships, since a wrong one holds a model to nothing, or to what it cannot give."
    ),
    "LLM008": "There is no detector of this name. `reconciler explain SafetyPolicy.spec.pii` lists them.",
    "LLM009": (
        "A probe with a bound on cost, or a route with pricing, may ask a model whose price is not known: add it to "
        "the Pricing. An unknown price would count as nothing, and a bound on nothing bounds nothing."
    ),
    "LLM010": (
        "The labels of a probe's selector fit no Endpoint on its gateways. Labels are those of the endpoint together "
        "with those of its gateway. A probe that asks nobody would always be content."
    ),
    "LLM011": (
        "The first token comes before the last one: its bound cannot be the larger one. Nor can one answer cost more "
        "than the run that it is part of."
    ),
    "LLM012": "Two routes answer at the same path, so that one of them would never be asked. Change one `path`.",
    "LLM013": (
        "A Route needs `signature`: without a secret, whoever finds its address spends money and reads answers. Either "
        "`scheme: hmac`, hex HMAC-SHA256 of the body in one header, or `scheme: standard`, Standard Webhooks, which "
        "also keeps a call from being sent again."
    ),
    "LLM014": "The router answers at `/healthz`, `/readyz` and `/metrics` for itself. Choose another path.",
    "LLM015": (
        "What must happen within the deadline may take as long as the deadline or longer: reading the history, the "
        "endpoint's own time-out, or the latency that a probe allows. Nothing would be left for an answer or for the "
        "fallback models."
    ),
    "LLM016": (
        "A model comes twice in the order of a route's endpoint and `fallbackModels`. Each is asked once, or a failing "
        "turn would go in circles. Circles of endpoints are POLICY004."
    ),
    "LLM017": "A Route belongs to exactly one gateway, since one endpoint answers it. Name one in `metadata.gateways`.",
    "LLM018": (
        "The history's path has braces around what the channel's event does not have. Events of `cxone` have `botId` "
        "and `sessionId`, those of `cognigy` `conversationId` and `userId`."
    ),
    "LLM019": "`maxCostUsd` is in US dollars, and the probe's Pricing is in another currency; nothing is converted.",
    "LLM021": (
        "`response.speak` is a JSON pointer to the text in a structured answer that the bot says. Without a schema an "
        "answer has no members; and where the schema has no such member, or one that is never a text, every turn "
        "would end in the fallback. The empty pointer says the whole document."
    ),
    "LLM022": (
        "`response.mode` says how JSON is asked for. `json_schema` and `prompt` send a schema, so that there has to be "
        "one; `json_object` alone would leave a route with a document of which nobody knows what to say. Cognigy "
        "routes have the schema of their channel."
    ),
    "LLM020": (
        "Only events of `cognigy` say how sure the bot was, so that only its routes have a `threshold`. A field that "
        "does nothing is refused, since whoever wrote it expects something of it."
    ),
}
