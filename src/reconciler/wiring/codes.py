"""What the diagnostics of wiring mean."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "WIRING001": "No platform of this name is built in, and no plug-in provides it.",
    "WIRING002": (
        "The settings list the hosts that credentials may go to (`allowedHosts`), and this one is not among them: the "
        "URL, token URL, WebSocket or path of a Gateway, or a URL in an object that has secrets, such as `apiBase` or "
        "that of a Webhook. A pull request cannot send credentials elsewhere. Whoever runs the tool adds the host."
    ),
    "WIRING004": (
        "A URL that a credential goes to is not https and not this machine, so that it, and every key that is written, "
        "could be read on the way. Names that begin like a loopback address are none. Write https; inside a "
        "trusted network, this warning is all that happens."
    ),
    "WIRING005": (
        "The credential of a gateway goes into a header of every request, and its value has characters that a header "
        "cannot carry. It is not shown. Look at the variable, file or command that it comes from."
    ),
    "WIRING006": (
        "The manifests declare a gateway that was not there when the snapshot was taken, so nothing is known of what "
        "lives on it and the plan is incomplete. Plan with credentials, or take a new snapshot after the merge."
    ),
    "WIRING009": (
        "A Route reads the earlier turns of a conversation at a gateway whose platform has no call for that: a gateway "
        "for models answers questions, and the conversation lies with the bot platform. Declare that as a Gateway with "
        "its own credential, and name it in `history.gateway` of the Route."
    ),
    "WIRING007": (
        "A PromptTemplate, ResponseSchema or SafetyPolicy is well-formed, and yet no question could be put with it, or "
        "no answer be judged: a schema that is too long or too deep, for instance. The detail says what to change."
    ),
    "WIRING008": (
        "A Gateway of one platform has a host, for its API or for its tokens, that lies in the domain of another "
        "vendor, so that a credential of the one would go to the other. Tutorials mix them up. A private host is fine. "
        "Whoever means it names the host, or a pattern within that domain, in `allowedHosts` of the settings; a "
        "pattern for everything does not count."
    ),
    "WIRING010": (
        "`webSocketUrl` of a Gateway with a credential leads to another host than the gateway's own, so that whoever "
        "is there would get the credential. A model on another host is a Gateway of its own, with a key of its own; "
        "a Route that asks it reads the conversation by `history.gateway`. Another port of the same host is fine, "
        "except on this machine, and so is another host of the platform's vendor. Whoever knows that both hosts "
        "are one service names the second, or a pattern within its domain, in `allowedHosts` of the settings; a "
        "pattern for everything does not count."
    ),
    "WIRING011": (
        "A Probe or a Route says how answers are asked for (`response.mode`, `response.stream`) in a way that the "
        "contract of its gateway has no field for. Over NICE CXone's WebSocket and Genesys Cloud's invoke call a "
        "schema travels in the system message (`prompt`, the default there); answers over a WebSocket always come in "
        "pieces."
    ),
    "WIRING003": "The file with faults for the gateway in a box is no fault plan.",
}
