"""Auth backends of installed packages: entry points in the group `leveret.auth_backends`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from importlib.metadata import entry_points

from broker.amqp.erlang import Atom
from broker.auth.backends import (
    Answer,
    Done,
    NewSecret,
    Question,
    ResourceAccess,
    TopicAccess,
    VhostAccess,
)
from broker.auth.custom import AuthBackend
from broker.auth.mechanisms import Credentials
from broker.server.asking import Asking

ENTRY_POINT_GROUP = "leveret.auth_backends"


class PluginError(Exception):
    """There is no such backend, or it cannot be loaded; the text is one line for the user."""


def load_plugin(name: str) -> AuthBackend:
    """Raises: PluginError."""
    for entry in entry_points(group=ENTRY_POINT_GROUP, name=name):
        try:
            made = entry.load()()
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            raise PluginError(f"auth backend '{name}' cannot be loaded: {problem}") from error
        if not isinstance(made, AuthBackend):
            raise PluginError(f"auth backend '{name}': {entry.value} is no AuthBackend")
        return made
    raise PluginError(f"there is no auth backend '{name}': internal, http, cache or a package's")


class PluginBackend(Asking):
    """Seam `Backend`, over somebody's `AuthBackend`."""

    def __init__(self, name: str, plugin: AuthBackend, timeout_s: float):
        super().__init__(name, timeout_s)
        self._plugin = plugin
        self.takes_secrets = type(plugin).new_secret is not AuthBackend.new_secret

    def ask(self, question: Question, done: Done) -> None:
        verdict = self._put(question)
        if inspect.isawaitable(verdict):
            self.answer_by(self._await(verdict, question), done)
        else:
            done(self._answer_of(verdict, question))

    def _put(self, question: Question) -> object:
        plugin = self._plugin
        match question:
            case Credentials(username, password):
                text = None if password is None else password.decode("utf-8", "surrogateescape")
                return plugin.login(username, text)
            case VhostAccess():
                return plugin.vhost(*question)
            case ResourceAccess():
                return plugin.resource(*question)
            case TopicAccess():
                return plugin.topic(*question)
            case NewSecret(username, tags, secret):
                return plugin.new_secret(username, tags, secret.decode("utf-8", "surrogateescape"))

    async def _await(self, verdict: Awaitable[object], question: Question) -> Answer:
        return self._answer_of(await verdict, question)

    def _answer_of(self, verdict: object, question: Question) -> Answer:
        if not isinstance(question, Credentials):
            if isinstance(verdict, bool):
                return Answer(verdict)
        elif verdict is None:
            return Answer(False, reason=f"user '{question.username}' - refused by {self.name}")
        elif isinstance(verdict, (list, tuple)) and all(isinstance(tag, str) for tag in verdict):
            return Answer(True, tuple(verdict))
        return Answer(False, error=(Atom("bad_response"), Atom(type(verdict).__name__)))
