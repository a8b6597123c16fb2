"""The staff's pages that move credits: a form, what it would do in words, and then the thing itself."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override
from django.views.decorators.http import require_http_methods

from accounts.staff.passwords import fresh_password_required
from billing.errors import RequestIdReused, UnknownMember
from billing.forms import GiveBackForm, GrantManyForm, MoveForm, ResetForm
from billing.models import Member
from billing.staff.bulk import State, grant_to_many
from billing.staff.credits import (
    Action,
    done_text,
    entry_under,
    foresee,
    give_back,
    move_credits,
    recorded,
    spend_at,
)
from billing.staff.members import member_page
from billing.staff.pages import MemberPages
from credits_site.outages import OUTAGES
from instant_admin.ledger.movements import undo_of
from instant_admin.ledger.rules import BalanceMoved, Entry, NoSpend, OutOfCredits

_TITLES: Final = {
    Action.GRANT: gettext_noop("Give credits"),
    Action.TAKE: gettext_noop("Take credits"),
    Action.RESET: gettext_noop("Reset credits"),
}


class CreditPages(MemberPages):
    """Nothing is written by a POST without `confirm`: it shows the balance before and after."""

    def credit_urls(self) -> list[URLPattern]:
        """The pages, one for each action, and one for a spend."""
        get_and_post = require_http_methods(["GET", "HEAD", "POST"])
        view = self.admin_site.admin_view
        return [
            *(
                path(
                    f"<uuid:member_id>/{action}/",
                    view(get_and_post(self.move)),
                    {"action": action},
                    name=f"billing_member_{action}",
                )
                for action in Action
            ),
            path("grant/", view(get_and_post(self.grant_many)), name="billing_member_grant_many"),
            path(
                "<uuid:member_id>/give-back/",
                view(get_and_post(self.give_back)),
                name="billing_member_give_back",
            ),
        ]

    def move(self, request: HttpRequest, member_id: UUID, action: Action) -> HttpResponse:
        """Give, take, or set a number."""
        self.check_may(request, f"{action}_credits")
        if request.method == "POST":
            return fresh_password_required(self._move)(request, member_id, action)
        form = _form_of(action)(initial=MoveForm.fresh())
        return self._move_page(request, member_id, action, form)

    def _move(self, request: HttpRequest, member_id: UUID, action: Action) -> HttpResponse:
        form = _form_of(action)(request.POST)
        if not form.is_valid():
            return self._move_page(request, member_id, action, form)
        try:
            entry = recorded(action, member_id, form.cleaned_data["request_id"])
            if entry is None and not form.is_confirmed:
                return self._move_page(request, member_id, action, form, is_preview=True)
            entry = move_credits(
                action, member_id=member_id, staff_name=request.user.get_username(), **form.decided
            )
            email = member_page(member_id).email
        except UnknownMember as exc:
            raise Http404("no such member") from exc
        except BalanceMoved:
            self.message_user(
                request, _("The balance has moved meanwhile. Is this still right?"), messages.WARNING
            )
            return self._move_page(
                request, member_id, action, form, is_preview=True, status=HTTPStatus.CONFLICT
            )
        except (OutOfCredits, RequestIdReused) as exc:
            form.refuse(exc)
            return self._move_page(request, member_id, action, form)
        except OUTAGES as exc:
            return self.outage(request, exc, "move.html", _context(member_id, action, form))
        return self._done(request, Member(id=member_id, email=email), entry)

    def _move_page(
        self,
        request: HttpRequest,
        member_id: UUID,
        action: Action,
        form: MoveForm,
        *,
        is_preview: bool = False,
        status: int = HTTPStatus.OK,
    ) -> HttpResponse:
        context = _context(member_id, action, form)
        try:
            member = member_page(member_id)
            context["member"] = member
            if is_preview:
                context["after"] = foresee(action, member.credits, form.cleaned_data["credits"])
                context["is_large"] = form.is_large_on(member.credits)
        except UnknownMember as exc:
            raise Http404("no such member") from exc
        except OutOfCredits as exc:
            form.refuse(exc)
        except OUTAGES as exc:
            return self.outage(request, exc, "move.html", context)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else status
        return self.page(request, "move.html", context, status=status)

    def grant_many(self, request: HttpRequest) -> HttpResponse:
        """Give the same to many: those of a pasted list, or those who were chosen in the list of members."""
        self.check_may(request, "grant_credits")
        if request.method == "POST":
            return fresh_password_required(self._grant_many)(request)
        chosen = "\n".join(request.GET.getlist("member"))
        form = GrantManyForm(initial=MoveForm.fresh() | {"members": chosen})
        return self.page(request, "grant_many.html", {"title": _("Give credits to many"), "form": form})

    def _grant_many(self, request: HttpRequest) -> HttpResponse:
        form = GrantManyForm(request.POST)
        context: dict[str, Any] = {"title": _("Give credits to many"), "form": form}
        if not form.is_valid():
            return self.page(request, "grant_many.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        data, is_confirmed = form.cleaned_data, form.is_confirmed
        try:
            lines = grant_to_many(
                data["members"],
                credits=data["credits"],
                reason=data["reason"],
                staff_name=request.user.get_username(),
                cause=data["request_id"],
                dry_run=not is_confirmed,
            )
        except OUTAGES as exc:
            return self.outage(request, exc, "grant_many.html", context)
        for line in lines:
            if is_confirmed and line.member is not None and line.entry is not None:
                self.log_entry(request, Member(id=line.member.id, email=line.member.email), line.entry)
        counts = Counter(line.state for line in lines)
        context |= {"lines": lines, "counts": {state.value: counts[state] for state in State}}
        context["to_give"] = counts[State.DONE] + counts[State.WAITS]
        context["is_large"] = form.is_large_on(0)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
        return self.page(request, "grant_many.html", context, status=status)

    def give_back(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        """Give the credits of one spend back; what they bought stays."""
        self.check_may(request, "grant_credits")
        if request.method == "POST":
            return fresh_password_required(self._give_back)(request, member_id)
        form = GiveBackForm(initial={"spend": request.GET.get("spend", "")})
        return self._give_back_page(request, member_id, form, spend_key=request.GET.get("spend", ""))

    def _give_back(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        form, spend_key = GiveBackForm(request.POST), request.POST.get("spend", "")
        if not form.is_valid():
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            return self._give_back_page(request, member_id, form, spend_key=spend_key, status=status)
        try:
            email = member_page(member_id).email
            entry = give_back(
                member_id=member_id,
                spend_key=spend_key,
                reason=form.cleaned_data["reason"],
                staff_name=request.user.get_username(),
            )
        except (UnknownMember, NoSpend) as exc:
            raise Http404("no such spend") from exc
        except OUTAGES as exc:
            context = {"title": _("Give this back"), "form": form, "member_id": member_id}
            return self.outage(request, exc, "give_back.html", context)
        return self._done(request, Member(id=member_id, email=email), entry)

    def _give_back_page(
        self,
        request: HttpRequest,
        member_id: UUID,
        form: GiveBackForm,
        *,
        spend_key: str,
        status: int = HTTPStatus.OK,
    ) -> HttpResponse:
        context: dict[str, Any] = {"title": _("Give this back"), "form": form, "member_id": member_id}
        try:
            spend, member = spend_at(member_id, spend_key), member_page(member_id)
            undo = undo_of(spend, note="", actor="")
            undone = entry_under(undo.key)
        except (UnknownMember, NoSpend) as exc:
            raise Http404("no such spend") from exc
        except OUTAGES as exc:
            return self.outage(request, exc, "give_back.html", context)
        context |= {"spend": spend, "member": member, "credits": undo.credits, "undone": undone}
        if undone is None:
            context["after"] = member.credits + undo.credits
        return self.page(request, "give_back.html", context, status=status)

    def log_entry(self, request: HttpRequest, member: Member, entry: Entry) -> None:
        """Log what an entry did: the log has each entry once, and one language."""
        with override(settings.LANGUAGE_CODE):
            said = f"{done_text(entry)}. Reason: {entry.note} ({entry.key})"
        self.log_once(request, member, said)

    def _done(self, request: HttpRequest, member: Member, entry: Entry) -> HttpResponse:
        self.log_entry(request, member, entry)
        said = _("%(done)s, for %(name)s.") % {"done": done_text(entry), "name": member.email or _("a guest")}
        self.message_user(request, said, messages.SUCCESS)
        return self.back_to(member.id)


def _form_of(action: Action) -> type[MoveForm]:
    return ResetForm if action is Action.RESET else MoveForm


def _context(member_id: UUID, action: Action, form: MoveForm) -> dict[str, Any]:
    return {"title": _(_TITLES[action]), "action": action, "form": form, "member_id": member_id}
