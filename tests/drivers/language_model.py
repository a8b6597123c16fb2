"""A server that speaks OpenAI's chat completions as told: well, slowly, nonsense, cut, or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

LIMIT_S: Final = 30.0
POEM: Final = "An old silent pond\nA frog jumps into the pond\nSplash and silence now"


@dataclass
class Answer:
    """One answer. `ends` is the reason that the model gives; None cuts the connection in the middle of `text`."""

    text: str = POEM
    ends: str | None = "stop"
    status: int = 200
    tokens: int | None = 100
    refuses: bool = False
    # The words after the first line come when this is set.
    rest: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def at_once(cls, text: str = POEM, **said: Any) -> Answer:
        """One that waits for nobody."""
        answer = cls(text, **said)
        answer.rest.set()
        return answer


class Model:
    """What the server answers, one after another, the last again and again; `asked` has what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [Answer.at_once()]
        self.asked: list[dict[str, Any]] = []
        self.url = ""

    def next(self, body: dict[str, Any]) -> Answer:
        """The answer to a request."""
        self.asked.append(body)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serving() -> Iterator[Model]:
    """A model on a port of its own."""
    model = Model()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = model.next(body)
            self.close_connection = True
            self.send_response(answer.status)
            if answer.status != 200:
                self.send_header("retry-after-ms", "1")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")
                return
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in _chunks(answer):
                self._write(f"data: {json.dumps(chunk)}\n\n")
            if answer.ends is not None:
                self._write("data: [DONE]\n\n")
                self.wfile.write(b"0\r\n\r\n")

        def _write(self, text: str) -> None:
            self.wfile.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())
            self.wfile.flush()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield model
    finally:
        for answer in model.answers:
            answer.rest.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _chunks(answer: Answer) -> Iterator[dict[str, Any]]:
    if answer.refuses:
        yield _chunk({"refusal": "I cannot."})
    first, newline, rest = answer.text.partition("\n")
    yield _chunk({"role": "assistant", "content": first + newline})
    if rest[:1]:
        yield _chunk({"content": rest[:1]})
    answer.rest.wait(LIMIT_S)
    if rest[1:] and answer.ends is not None:
        yield _chunk({"content": rest[1:]})
    if answer.ends is not None:
        yield _chunk({}, finish_reason=answer.ends)
        if answer.tokens is not None:
            yield _chunk(None) | {
                "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": answer.tokens}
            }


def _chunk(delta: dict[str, str] | None, **choice: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": None} | choice]
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": choices}
