"""What goes out in each dialect to the letter, and what each frame that comes back means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from reconciler.inference.chat import Message, Role, Usage
from reconciler.inference.dialects import DIALECTS
from reconciler.inference.events import Delta, Event, Failed, Finished, Frame, Kind, Question, Restarted
from reconciler.inference.formats import Form
from reconciler.model.inference import Sampling

SCHEMA = {"type": "object", "properties": {"intent": {"type": "string"}}, "required": ["intent"]}
TALK = (
    Message(Role.SYSTEM, "Be kind."),
    Message(Role.USER, "Where is it?"),
    Message(Role.ASSISTANT, "What?"),
    Message(Role.USER, "My {{order}} for $5"),
)
QUESTION = Question("gpt-4.1-mini", TALK, Sampling(0.2, 500, 0.9), SCHEMA, "session-7", ("pii",))
OPENAI_MESSAGES = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Where is it?"},
    {"role": "assistant", "content": "What?"},
    {"role": "user", "content": "My {{order}} for $5"},
]
CHUNKED = ["openai", "openai-websocket", "genesys"]


def chunk(delta: Any = None, reason: str | None = None, **more: Any) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta or {}, "finish_reason": reason}], **more})


def heard(dialect: str, frames: Sequence[str], name: str = "message") -> list[Event]:
    """Events of these frames and of the end behind them."""
    reader = DIALECTS[dialect].reader()
    events: list[Event] = []
    for frame in frames:
        events += reader.read(Frame(frame, name))
        if events and isinstance(events[-1], Finished | Failed):
            return events
    return [*events, reader.end()]


def kinds(events: Sequence[Event]) -> list[Kind]:
    return [event.kind for event in events if isinstance(event, Failed)]


def test_openai_is_asked_with_every_field_that_was_declared() -> None:
    """Settings that never reach the wire are settings that lie."""
    assert DIALECTS["openai"].request(QUESTION) == {
        "model": "gpt-4.1-mini",
        "messages": OPENAI_MESSAGES,
        "temperature": 0.2,
        "max_tokens": 500,
        "top_p": 0.9,
        "stream": True,
        "stream_options": {"include_usage": True},
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
    }


def test_openai_leaves_to_the_provider_what_nobody_declared() -> None:
    """A null where a number is expected is refused by half of the servers."""
    body = DIALECTS["openai"].request(Question("m", TALK))
    assert set(body) == {"model", "messages", "stream", "stream_options"}


def test_older_gateways_are_asked_for_any_json() -> None:
    """Those of the fallback webhook know `json_object` only."""
    asked = DIALECTS["openai"].request(replace(QUESTION, form=Form.OBJECT))
    assert asked["response_format"] == {"type": "json_object"}
    assert asked["messages"] == OPENAI_MESSAGES


def test_the_bot_gateway_gets_the_five_fields_of_its_contract() -> None:
    """Its WebSocket is given to the letter, and a field more could be refused."""
    question = Question("gpt-4o-mini", TALK, Sampling(0.7, 1024))
    assert DIALECTS["openai-websocket"].request(question) == {
        "model": "gpt-4o-mini",
        "messages": OPENAI_MESSAGES,
        "temperature": 0.7,
        "max_tokens": 1024,
        "stream": True,
    }


def test_genesys_gets_its_system_message_apart() -> None:
    """The invoke call has a member of its own for it, and defaults to a temperature of 0.7."""
    assert DIALECTS["genesys"].request(Question("gpt-35-turbo", TALK)) == {
        "modelId": "gpt-35-turbo",
        "messages": OPENAI_MESSAGES[1:],
        "stream": True,
        "temperature": 0.7,
        "systemInstruction": "Be kind.",
    }
    assert DIALECTS["genesys"].request(QUESTION)["temperature"] == 0.2
    assert "systemInstruction" not in DIALECTS["genesys"].request(Question("m", TALK[1:]))


def test_cognigy_gets_texts_as_values_of_a_template_that_holds_none() -> None:
    """A customer who writes two braces must not reach the gateway's own substitution."""
    assert DIALECTS["cognigy"].request(QUESTION) == {
        "sessionId": "session-7",
        "template": "system: {{system_0}}\n\nuser: {{user_1}}\n\nassistant: {{assistant_2}}\n\nuser: {{user_3}}",
        "variables": {
            "system_0": "Be kind.",
            "user_1": "Where is it?",
            "assistant_2": "What?",
            "user_3": "My {{order}} for $5",
        },
        "modelId": "gpt-4.1-mini",
        "streaming": True,
        "fallbackModels": [],
        "safetyFilters": ["pii"],
        "responseFormat": {"type": "json_schema", "schema": SCHEMA},
    }
    assert "responseFormat" not in DIALECTS["cognigy"].request(Question("m", TALK))


@pytest.mark.parametrize("dialect", CHUNKED)
def test_an_answer_in_chunks_is_read_from_its_role_to_its_marker(dialect: str) -> None:
    """Role-only deltas, null contents and usage without choices are what real servers send around the text."""
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    frames = [
        chunk({"role": "assistant", "content": None}, model="gpt-4o-2024"),
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Good "}),
        chunk({"content": "day"}),
        chunk({}, "length"),
        json.dumps({"choices": [], "usage": usage}),
        " [DONE] ",
    ]
    expected: list[Event] = [Delta("Good "), Delta("day"), Usage(3, 2), Finished("length", "gpt-4o-2024")]
    assert heard(dialect, frames) == expected


@pytest.mark.parametrize("dialect", CHUNKED)
@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([chunk({"content": "x"}), chunk({}, "stop")], "stop"),
        ([chunk({"content": "x"}), "[DONE]"], "stop"),
        ([chunk({"content": "x"}, "content_filter"), "[DONE]"], "content_filter"),
    ],
)
def test_a_reason_or_the_marker_ends_an_answer(dialect: str, frames: list[str], reason: str) -> None:
    """Gateways leave out the one or the other, and neither makes the answer less whole."""
    assert heard(dialect, frames) == [Delta("x"), Finished(reason)]


@pytest.mark.parametrize("dialect", CHUNKED)
@pytest.mark.parametrize(
    ("frames", "kind"),
    [
        ([chunk({"content": "x"})], Kind.INCOMPLETE),
        ([], Kind.INCOMPLETE),
        (["[DONE]"], Kind.INCOMPLETE),
        (['{"choices": [], "usage": {}}', "[DONE]"], Kind.INCOMPLETE),
        (['{"error": "overloaded"}'], Kind.PROVIDER),
        (['{"error": {"code": 429, "message": "slow"}}'], Kind.THROTTLED),
        (['{"error": {"code": null, "type": "rate_limit_error"}}'], Kind.THROTTLED),
        (['{"error": {"code": "insufficient_quota", "message": "pay"}}'], Kind.QUOTA),
        (['{"error": {"code": "context_length_exceeded"}}'], Kind.REJECTED),
        (['{"error": {}, "object": "error", "code": 401}'], Kind.UNAUTHORIZED),
        (['{"error": ["odd"]}'], Kind.PROVIDER),
        (["{"], Kind.PROTOCOL),
        (["[" * 100_000], Kind.PROTOCOL),
        (["[1]"], Kind.PROTOCOL),
        ([chunk({"content": {"text": "x"}})], Kind.PROTOCOL),
        ([chunk({"content": None, "tool_calls": [{"index": 0}]})], Kind.TOOL_CALL),
        ([chunk({"function_call": {"name": "pay"}})], Kind.TOOL_CALL),
        ([chunk({}, "tool_calls")], Kind.TOOL_CALL),
        ([chunk({"refusal": "I cannot help with that"})], Kind.REFUSAL),
    ],
)
def test_what_is_no_answer_is_a_failure_of_its_kind(dialect: str, frames: list[str], kind: Kind) -> None:
    """Each of these ended as a stack trace, or as a short answer, in clients that trust the wire."""
    assert kinds(heard(dialect, frames)) == [kind]


@pytest.mark.parametrize("dialect", CHUNKED)
@pytest.mark.parametrize(
    "frame",
    [
        '{"choices": null}',
        '{"choices": [null]}',
        '{"choices": [{}]}',
        '{"choices": [{"delta": null}]}',
        '{"usage": {"prompt_tokens": -1, "completion_tokens": true}}',
        '{"usage": null, "model": 7}',
        "{}",
    ],
)
def test_an_odd_frame_without_content_says_nothing(dialect: str, frame: str) -> None:
    """Providers add members and leave out others; only what is wrong fails."""
    assert heard(dialect, [frame, chunk({"content": "x"}, "stop")]) == [Delta("x"), Finished("stop")]


def test_an_event_named_error_is_an_error_whatever_it_holds() -> None:
    """Some servers say it in the event's name only."""
    assert kinds(heard("openai", ['{"message": "slow down", "code": 429}'], "error")) == [Kind.THROTTLED]


def test_frames_of_cognigy_are_read_by_their_type() -> None:
    """Pieces, then one frame with the usage and the model that answered; unknown types are for later versions."""
    frames = [
        '{"type": "content", "delta": "Good "}',
        '{"type": "heartbeat"}',
        '{"type": "content", "delta": null}',
        '{"type": "content", "delta": "day"}',
        '{"type": "complete", "usage": {"prompt_tokens": 3, "completion_tokens": 2}, "model": "claude-3-haiku"}',
    ]
    expected: list[Event] = [Delta("Good "), Delta("day"), Usage(3, 2), Finished("stop", "claude-3-haiku")]
    assert heard("cognigy", frames) == expected


@pytest.mark.parametrize("member", ["model", "attempt"])
def test_a_gateway_that_falls_back_in_the_middle_resets_the_answer(member: str) -> None:
    """The beginning of one model's answer and the end of another's make no sentence."""
    frames = [
        '{"type": "content", "delta": "no label yet "}',
        json.dumps({"type": "content", "delta": "The old", member: "a"}),
        json.dumps({"type": "content", "delta": "A new answer", member: "b"}),
        '{"type": "complete"}',
    ]
    model = "b" if member == "model" else ""
    expected = [
        Delta("no label yet "),
        Delta("The old"),
        Restarted(model),
        Delta("A new answer"),
        Finished("stop"),
    ]
    assert heard("cognigy", frames) == expected


@pytest.mark.parametrize(
    ("frames", "kind"),
    [
        (['{"type": "error", "message": "provider failure"}'], Kind.PROVIDER),
        (['{"type": "error", "message": "slow", "code": 429}'], Kind.THROTTLED),
        (['{"type": "content", "delta": "x"}'], Kind.INCOMPLETE),
        (['{"type": "content", "delta": 7}'], Kind.PROTOCOL),
        (['{"delta": "x"}'], Kind.PROTOCOL),
        (["oops"], Kind.PROTOCOL),
    ],
)
def test_cognigy_frames_that_are_no_answer_fail(frames: list[str], kind: Kind) -> None:
    """A closed socket without its complete frame is not the end of an answer."""
    assert kinds(heard("cognigy", frames)) == [kind]


@pytest.mark.parametrize(
    "event", [Delta("x"), Finished("stop"), Failed(Kind.PROVIDER, "x"), Restarted("m"), Usage(1, 2)]
)
def test_an_event_that_was_told_does_not_change(event: Event) -> None:
    """One object that is filled anew for each piece makes every piece that was kept the last one."""
    (name, *_) = event.__slots__
    with pytest.raises(FrozenInstanceError):
        setattr(event, name, "other")


def test_mlflow_speaks_as_openai_does_at_a_path_of_its_own() -> None:
    """What holds of one dialect before the box holds of the other, as long as only the paths differ."""
    usual, mlflow = DIALECTS["openai"], DIALECTS["mlflow"]
    assert type(usual) is type(mlflow)
    assert mlflow.request(QUESTION) == usual.request(QUESTION)
    assert (mlflow.path, mlflow.listing) == ("/gateway/mlflow/v1/chat/completions", "/gateway/mlflow/v1/models")
