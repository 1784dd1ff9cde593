"""How an answer is asked for, and what of it is said: members that Probe and Route share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from reconciler.kinds.base import Name, Strict

SPOKEN = r"^(/[^/]*)*$"


class AskingModel(Strict):
    """How an answer is asked for."""

    schema_: Name | None = Field(default=None, alias="schema", description="A ResponseSchema by name.")
    mode: Literal["json_schema", "json_object", "prompt"] | None = Field(
        default=None,
        description=(
            "How JSON is asked for: by the schema in `response_format`, as any object, or by words in the system "
            "message; left out, as well as the gateway can. One that refuses the first is asked by the second."
        ),
    )
    stream: bool = Field(default=True, description="False: the answer is asked for in one piece.")


class ResponseModel(AskingModel):
    """How an answer is asked for, and what of it is said."""

    speak: Annotated[str, StringConstraints(pattern=SPOKEN)] | None = Field(
        default=None,
        description=(
            "A JSON pointer to the text in the answer that is said, such as /suggested_response; `''` for the whole "
            "document, which is the default where the schema has neither /text nor /suggested_response."
        ),
    )


def _written(value: Any) -> str:
    return "<name>" if isinstance(value, str) else "<response>"


Asking = Annotated[Annotated[Name, Tag("<name>")] | Annotated[AskingModel, Tag("<response>")], Discriminator(_written)]
Answering = Annotated[
    Annotated[Name, Tag("<name>")] | Annotated[ResponseModel, Tag("<response>")], Discriminator(_written)
]
