"""Write docs/reference/context-windows.md from the table: `make reference`."""

from pathlib import Path

from reconciler.inference.defaults import ANSWER_TOKENS, CONTEXT_WINDOW_TOKENS
from reconciler.model.windows import WINDOWS

PAGE = Path(__file__).parent / "reference" / "context-windows.md"

HEAD = f"""# How much of a conversation a model is sent

Generated from the code by `make reference`; a test compares. A prompt of a Route takes at most what the context of its
model takes, less what the answer may take (`maxTokens`, else {ANSWER_TOKENS} tokens, and never more than half); the
smallest counts where other models may answer too, and `maxTokensPerRequest` of the Endpoint bounds it besides. Older
turns of a conversation are left out first, as a whole; the log says how many, and what bounds it (`conversation_cut`).

`contextTokens` of a model in the Route's Pricing goes before this table. For a model that neither knows,
{CONTEXT_WINDOW_TOKENS} tokens are taken, which `validate` says (POLICY015). A dated name (`gpt-4o-2024-08-06`) and one
with its provider before it (`anthropic.claude-3-haiku-20240307-v1:0`) are those of the table.

| model | context, tokens | published at |
|---|--:|---|
"""


def text() -> str:
    """The whole page."""
    return HEAD + "".join(f"| `{model}` | {tokens:,} | {source} |\n" for model, (tokens, source) in WINDOWS.items())


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
