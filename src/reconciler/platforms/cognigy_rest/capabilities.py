"""What Cognigy's REST API offers, as data. It is published; no live tenant has confirmed this reading of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.resource import Guard

NAME = "cognigy-rest"
ENDPOINT = "Endpoint"
EXTENSION = "@cognigy/generative-ai-provider"

CAPABILITIES = Capabilities(
    kinds={
        ENDPOINT: KindCapability(
            guard=Guard.COMPARE,
            preflight=True,
            verify=True,
            write_only=("/spec/credentials/*/apiKey",),
            identity=("displayName",),
            unique=("displayName",),
        )
    },
    permissions=("a user who may edit the project's large language models, connections and settings",),
    domains=("cognigy.ai", "cognigy.cloud", "nicecxone.com"),
)

PATHS: Mapping[str, str] = {"root": "/v2.0", "project": ""}
"""A Gateway's `paths`: the prefix of all calls, and the project (``/projects/<id>``), which has no default."""

SEPARATOR = "--"
"""Stands between the name of an endpoint and the name of a part of it, and nowhere in a name."""

FALLBACK, DRAFT, REMNANT = (f"{SEPARATOR}{word}" for word in ("fallback", "new", "gone"))
"""Ends of the names of models that are parts: the fallback, an endpoint half made, an endpoint half deleted."""

PARTS = (FALLBACK, DRAFT, REMNANT)

FIELDS = frozenset({"displayName", "provider", "model", "credentials", "fallbackModels", "options"})
CREDENTIAL_FIELDS = frozenset({"priority"})

USE_CASES = frozenset(
    {
        *("aiAgent", "aiEnhancedOutputs", "answerExtraction", "conversationAnalyzer", "designTimeGeneration"),
        *("flowGeneration", "generateNodeOutput", "gptConversation", "gptPromptNode", "intentSentenceGeneration"),
        *("knowledgeSearch", "lexiconGeneration", "nlu", "sentimentAnalysis"),
    }
)

CUSTOM_MODEL = "custom-model"


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider on the wire: its name, its connections' type and fields, and its options.

    Of the sets in `needs` one must be given in full. A key with two fields holds both, joined by a colon.
    """

    wire: str
    connection: str
    fields: tuple[str, ...] = ("apiKey",)
    options: tuple[str, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()


AZURE = ("resourceName", "deploymentName", "apiVersion")

PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider("openAI", "OpenAIProvider"),
    "anthropic": Provider("anthropic", "AnthropicProvider"),
    "mistral": Provider("mistral", "MistralProvider"),
    "azure": Provider(
        "azureOpenAI",
        "AzureOpenAIProviderV2",
        options=(*AZURE, "baseCustomUrl"),
        needs=(AZURE, ("baseCustomUrl",)),
    ),
    "bedrock": Provider(
        "awsBedrock", "AwsBedrockProvider", ("accessKeyId", "secretAccessKey"), ("region",), (("region",),)
    ),
    "openai-compatible": Provider(
        "openAICompatible",
        "OpenAICompatibleProvider",
        options=("baseCustomUrl", "customAuthHeader", "apiType"),
        needs=(("baseCustomUrl",),),
    ),
}

BY_WIRE: Mapping[str, str] = {provider.wire: name for name, provider in PROVIDERS.items()}

ALWAYS_CUSTOM = "openai-compatible"
"""Its models are custom models without being told so."""

API_TYPES = ("chatCompletion", "responses")
