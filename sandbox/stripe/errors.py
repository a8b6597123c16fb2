"""Stripe's errors: one exception that knows its status and its JSON.

Source: https://docs.stripe.com/api/errors
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Final

# How a missing object is named when its id stood in the path. The older resources all say `id`.
NAMES_IN_PATH: Final = {
    "checkout.session": "session",
    "dispute": "dispute",
    "invoice": "invoice",
    "payment_intent": "intent",
    "price": "price",
    "promotion code": "promotion_code",
    "refund": "refund",
}


@dataclass(eq=False)
class ApiError(Exception):
    """A refusal. `replayed` says whether an idempotency key remembers it.

    Stripe remembers what an endpoint decided, not that the parameters were malformed.
    """

    message: str
    _: KW_ONLY
    status: int = 400
    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    replayed: bool = True

    def as_json(self, *, log_url: str | None = None) -> dict[str, Any]:
        """The body of the answer; what is not known is left out, as Stripe does.

        `log_url` is where the owner of the account finds the request. It is left out for a caller without its key.
        """
        error: dict[str, Any] = {"type": self.kind, "message": self.message}
        if self.code is not None:
            error |= {"code": self.code, "doc_url": doc_url(self.code)}
        if self.param is not None:
            error["param"] = self.param
        if log_url is not None and self.status != 401:
            error["request_log_url"] = log_url
        return {"error": error}


def doc_url(code: str) -> str:
    """Where Stripe explains an error code."""
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def malformed(message: str, *, param: str | None, code: str | None = None) -> ApiError:
    """A parameter of the wrong form."""
    return ApiError(message, param=param, code=code, replayed=False)


def missing(param: str) -> ApiError:
    """A required parameter that was not given."""
    return malformed(f"Missing required param: {param}.", param=param, code="parameter_missing")


def no_such(kind: str, object_id: str, *, param: str | None = None) -> ApiError:
    """An id of no object: 404 when it is in the path, 400 when it is in the parameter `param`."""
    return ApiError(
        f"No such {kind}: '{object_id}'",
        status=404 if param is None else 400,
        code="resource_missing",
        param=param or NAMES_IN_PATH.get(kind, "id"),
    )


def either_or(*params: str) -> ApiError:
    """Two parameters that exclude each other."""
    return malformed(f"You may only specify one of these parameters: {', '.join(params)}.", param=None)


def not_modelled(param: str, value: str | None = None) -> ApiError:
    """A parameter that Stripe accepts and this stand-in does not. It is refused, not ignored."""
    said = param if value is None else f"{param}={value}"
    return malformed(f"The sandbox does not model `{said}`; Stripe itself does.", param=param)
